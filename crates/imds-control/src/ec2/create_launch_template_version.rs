//! `CreateLaunchTemplateVersion`: a new version, of its own or made from another one (docs/control-api.md).

use imds_store::record::{Batch, LaunchTemplate, TemplateVersion};

use super::{claim, template};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const ACTION: &str = "CreateLaunchTemplateVersion";

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = template::find(call, params)?;
    let said = params.under("LaunchTemplateData");
    let source = params.text("SourceVersion");
    if said.is_empty() && source.is_none() {
        return Err(Error::missing("LaunchTemplateData"));
    }
    if let Some(made) = claim::made(call, params, ACTION)? {
        let number = made.first().map_or("", String::as_str);
        let (number, _) = template::version(&found.record, number)?;
        return Ok(Outcome::told(told(call, &found.record, number)));
    }
    let mut data = template::new(&said)?;
    if let Some(source) = source {
        data = template::over(data, &template::version(&found.record, source)?.1.data)?;
    }
    let version = TemplateVersion {
        description: params.get("VersionDescription").unwrap_or_default().to_owned(),
        created: call.now,
        data,
    };
    let mut changed = found.record.clone();
    changed.latest_version += 1;
    let number = changed.latest_version;
    changed.versions.insert(number, version);
    let mut batch = Batch::default();
    batch.replace(&changed.id, &found, &changed);
    claim::keep(call, params, ACTION, vec![number.to_string()], &mut batch)?;
    Ok(Outcome { batch, body: told(call, &changed, number) })
}

fn told(call: &Call<'_>, template: &LaunchTemplate, number: u64) -> Xml {
    let mut xml = Xml::ec2();
    if let Some(version) = template.versions.get(&number) {
        xml.within("launchTemplateVersion", |xml| {
            template::write_version(xml, call, template, number, version);
        });
    }
    xml
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    const CREATE: &str = "Action=CreateLaunchTemplateVersion&LaunchTemplateName=web";

    #[tokio::test]
    async fn a_version_is_added_and_the_default_stays() {
        let door = door();
        let first = "Action=CreateLaunchTemplate&LaunchTemplateName=web&LaunchTemplateData.ImageId=ami-1\
                     &LaunchTemplateData.KeyName=k";
        ec2(&door, first).await;
        let form =
            format!("{CREATE}&LaunchTemplateData.ImageId=ami-2&SourceVersion=%24Default&ClientToken=one");
        for _ in 0..2 {
            let (status, document) = ec2(&door, &form).await;
            assert_eq!((status, text(&document, "versionNumber")), (StatusCode::OK, Some("2")), "{document}");
            assert_eq!(text(&document, "defaultVersion"), Some("false"));
            assert_eq!(
                text(&document, "launchTemplateData"),
                Some("<imageId>ami-2</imageId><keyName>k</keyName>")
            );
        }
        for (form, code) in [
            (CREATE, "MissingParameter"),
            (&format!("{CREATE}&LaunchTemplateData.UserData=%21"), "InvalidUserData.Malformed"),
            (&format!("{CREATE}&SourceVersion=7"), "InvalidLaunchTemplateId.VersionNotFound"),
            (&format!("{CREATE}&SourceVersion=newest"), "InvalidParameterValue"),
            ("Action=CreateLaunchTemplateVersion&LaunchTemplateData.ImageId=a", "MissingParameter"),
            (
                "Action=CreateLaunchTemplateVersion&LaunchTemplateName=no&SourceVersion=1",
                "InvalidLaunchTemplateName.NotFoundException",
            ),
            (&format!("{CREATE}&LaunchTemplateId=lt-00000000000000000"), "InvalidParameterCombination"),
        ] {
            let (status, document) = ec2(&door, form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
