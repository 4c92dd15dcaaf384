//! `DeleteLaunchTemplateVersions`: some versions of a template, never its default one.

use imds_store::record::{Batch, LaunchTemplate};

use super::template;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

/// A version that was not deleted: what the call named, a `LaunchTemplateErrorCode`, a message.
type Refused<'p> = (&'p str, &'static str, String);

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = template::find(call, params)?;
    let names = params.list("LaunchTemplateVersion");
    if names.is_empty() {
        return Err(Error::missing("LaunchTemplateVersion"));
    }
    let mut changed = found.record.clone();
    let (mut deleted, mut refused) = (Vec::new(), Vec::<Refused<'_>>::new());
    for name in names {
        match template::version(&changed, name).map(|(number, _)| number) {
            Ok(number) if number == changed.default_version => {
                // The code and the words are [assumed].
                let why = format!("Version {number} is the default version and cannot be deleted");
                refused.push((name, "unexpectedError", why));
            }
            Ok(number) => {
                changed.versions.remove(&number);
                deleted.push(number);
            }
            Err(error) => refused.push((name, "launchTemplateVersionDoesNotExist", error.message)),
        }
    }
    let mut batch = Batch::default();
    if !deleted.is_empty() {
        batch.replace(&changed.id, &found, &changed);
    }
    Ok(Outcome { batch, body: told(&changed, &deleted, refused) })
}

fn told(template: &LaunchTemplate, deleted: &[u64], refused: Vec<Refused<'_>>) -> Xml {
    let write = |xml: &mut Xml, number: &str| {
        xml.text("launchTemplateId", &template.id)
            .text("launchTemplateName", &template.name)
            .option("versionNumber", number.parse::<u64>().ok());
    };
    let mut xml = Xml::ec2();
    xml.list("successfullyDeletedLaunchTemplateVersionSet", deleted, |xml, number| {
        write(xml, &number.to_string());
    });
    xml.list("unsuccessfullyDeletedLaunchTemplateVersionSet", refused, |xml, (name, code, why)| {
        write(xml, name);
        xml.within("responseError", |xml| {
            xml.text("code", code).text("message", why);
        });
    });
    xml
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    #[tokio::test]
    async fn all_but_the_default_one_go() {
        let door = door();
        let template = "LaunchTemplateName=web&LaunchTemplateData.KeyName=k";
        ec2(&door, &format!("Action=CreateLaunchTemplate&{template}")).await;
        for _ in 0..2 {
            ec2(&door, &format!("Action=CreateLaunchTemplateVersion&{template}")).await;
        }
        let versions = "LaunchTemplateVersion.1=1&LaunchTemplateVersion.2=3&LaunchTemplateVersion.3=9";
        let delete = format!("Action=DeleteLaunchTemplateVersions&LaunchTemplateName=web&{versions}");
        let (status, document) = ec2(&door, &delete).await;
        assert_eq!(status, StatusCode::OK);
        let gone = text(&document, "successfullyDeletedLaunchTemplateVersionSet").unwrap();
        assert!(gone.contains("<versionNumber>3<") && !gone.contains("<versionNumber>1<"), "{gone}");
        let kept = text(&document, "unsuccessfullyDeletedLaunchTemplateVersionSet").unwrap();
        assert!(kept.contains("<versionNumber>1</versionNumber><responseError><code>unexpectedError<"));
        assert!(
            kept.contains(
                "<versionNumber>9</versionNumber><responseError><code>launchTemplateVersionDoesNot"
            )
        );
        let describe = "LaunchTemplateName=web&LaunchTemplateVersion.1=%24Latest";
        let (_, document) = ec2(&door, &format!("Action=DescribeLaunchTemplateVersions&{describe}")).await;
        assert_eq!(text(&document, "versionNumber"), Some("2"));
        // A number is not used again.
        let (_, document) = ec2(&door, &format!("Action=CreateLaunchTemplateVersion&{template}")).await;
        assert_eq!(text(&document, "versionNumber"), Some("4"));
    }
}
