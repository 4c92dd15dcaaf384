//! `ModifyLaunchTemplate`: which version a launch uses that names none.

use imds_store::record::Batch;

use super::template;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = template::find(call, params)?;
    // The API's model calls it `DefaultVersion`, and sends it by the other name.
    let version = params.text("SetDefaultVersion").or_else(|| params.text("DefaultVersion"));
    let version = version.ok_or_else(|| Error::missing("SetDefaultVersion"))?;
    let (number, _) = template::version(&found.record, version)?;
    let mut changed = found.record.clone();
    changed.default_version = number;
    let mut batch = Batch::default();
    if changed != found.record {
        batch.replace(&changed.id, &found, &changed);
    }
    let mut xml = Xml::ec2();
    xml.within("launchTemplate", |xml| template::write(xml, call, &changed));
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    #[tokio::test]
    async fn the_default_version_is_set() {
        let door = door();
        let template = "LaunchTemplateName=web&LaunchTemplateData.KeyName=k";
        ec2(&door, &format!("Action=CreateLaunchTemplate&{template}")).await;
        ec2(&door, &format!("Action=CreateLaunchTemplateVersion&{template}")).await;
        let modify = "Action=ModifyLaunchTemplate&LaunchTemplateName=web";
        for (form, expected) in
            [("SetDefaultVersion=2", "2"), ("DefaultVersion=1", "1"), ("SetDefaultVersion=%24Latest", "2")]
        {
            let (status, document) = ec2(&door, &format!("{modify}&{form}")).await;
            assert_eq!((status, text(&document, "defaultVersionNumber")), (StatusCode::OK, Some(expected)));
        }
        let (_, document) = ec2(&door, &format!("{modify}&SetDefaultVersion=3")).await;
        assert_eq!(text(&document, "Code"), Some("InvalidLaunchTemplateId.VersionNotFound"));
        assert_eq!(text(&ec2(&door, modify).await.1, "Code"), Some("MissingParameter"));
    }
}
