//! `DeleteLaunchTemplate`: a template with all its versions. What was launched from it stays.

use imds_store::record::{Batch, TemplateName};

use super::template;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = template::find(call, params)?;
    let mut batch = Batch::default();
    // As long as the template is there, the name is its own.
    batch.remove(&found.record.id, &found);
    batch.delete::<TemplateName>(&template::name_key(call, &found.record.name));
    let mut xml = Xml::ec2();
    xml.within("launchTemplate", |xml| template::write(xml, call, &found.record));
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    #[tokio::test]
    async fn it_is_gone_and_its_name_is_free() {
        let door = door();
        let create = "Action=CreateLaunchTemplate&LaunchTemplateName=web&LaunchTemplateData.KeyName=k";
        for _ in 0..2 {
            let (status, document) = ec2(&door, create).await;
            assert_eq!(status, StatusCode::OK, "{document}");
            let id = text(&document, "launchTemplateId").unwrap();
            let delete = format!("Action=DeleteLaunchTemplate&LaunchTemplateId={id}");
            let (status, document) = ec2(&door, &format!("{delete}&DryRun=true")).await;
            assert_eq!((status.as_u16(), text(&document, "Code")), (412, Some("DryRunOperation")));
            assert_eq!(text(&ec2(&door, &delete).await.1, "launchTemplateId"), Some(id));
            let (status, document) = ec2(&door, &delete).await;
            let code = text(&document, "Code");
            assert_eq!((status, code), (StatusCode::BAD_REQUEST, Some("InvalidLaunchTemplateId.NotFound")));
        }
    }
}
