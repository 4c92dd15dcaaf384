//! `CreateLaunchTemplate`: a template with its first version (docs/control-api.md).

use imds_store::record::{self, Batch, LaunchTemplate, TemplateName, TemplateVersion};

use super::{claim, tags, template};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const ACTION: &str = "CreateLaunchTemplate";

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = params.need("LaunchTemplateName")?;
    check_name(name)?;
    let data = params.under("LaunchTemplateData");
    if data.is_empty() {
        return Err(Error::missing("LaunchTemplateData"));
    }
    if let Some(made) = claim::made(call, params, ACTION)? {
        let earlier = template::by_id(call, made.first().map_or("", String::as_str))?;
        return Ok(Outcome::told(told(call, &earlier.record)));
    }
    let name_key = template::name_key(call, name);
    if record::get::<TemplateName>(call.store, &name_key)?.is_some() {
        return Err(Error::new(
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "Launch template name already in use.",
        ));
    }
    let first = TemplateVersion {
        description: params.get("VersionDescription").unwrap_or_default().to_owned(),
        created: call.now,
        data: template::new(&data)?,
    };
    let new = LaunchTemplate {
        id: call.new_id("lt")?,
        name: name.to_owned(),
        region: call.region.to_owned(),
        created: call.now,
        default_version: 1,
        latest_version: 1,
        versions: [(1, first)].into(),
        tags: tags::specified(params, "launch-template")?,
    };
    let mut batch = Batch::default();
    batch.create(&name_key, &TemplateName { id: new.id.clone() });
    batch.create(&new.id, &new);
    claim::keep(call, params, ACTION, vec![new.id.clone()], &mut batch)?;
    Ok(Outcome { batch, body: told(call, &new) })
}

fn told(call: &Call<'_>, template: &LaunchTemplate) -> Xml {
    let mut xml = Xml::ec2();
    xml.within("launchTemplate", |xml| template::write(xml, call, template));
    xml
}

/// 3 to 128 characters: letters, digits and `( ) . - / _` (EC2 API Reference, `CreateLaunchTemplate`).
fn check_name(name: &str) -> Result<(), Error> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "().-/_".contains(c);
    if (3..=128).contains(&name.len()) && name.chars().all(is_fit) {
        return Ok(());
    }
    // The words are [assumed].
    Err(Error::new(
        "InvalidLaunchTemplateName.MalformedException",
        "A launch template name must have 3 to 128 characters: letters, digits and ( ) . - / _",
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, signed, text};

    const CREATE: &str =
        "Action=CreateLaunchTemplate&LaunchTemplateName=lt1&LaunchTemplateData.ImageId=ami-03cf127a";

    #[tokio::test]
    async fn terraforms_and_the_clis_bodies_are_taken_once() {
        let door = door();
        for form in [
            "Action=CreateLaunchTemplate&LaunchTemplateName=lt1&LaunchTemplateData.ImageId=ami-03cf127a&LaunchTemplateData\
             .InstanceType=t3.micro&LaunchTemplateData.MetadataOptions.HttpTokens=required&LaunchTemplateData\
             .MetadataOptions.HttpPutResponseHopLimit=2&LaunchTemplateData.MetadataOptions.HttpEndpoint=enabled\
             &ClientToken=0c177122-713e-4437-a2f9-8a48f3061f15",
            "Action=CreateLaunchTemplate&ClientToken=terraform-20261124145538819700000001&LaunchTemplateData.ImageId=\
             ami-12c6146b&LaunchTemplateData.InstanceType=t3.micro&LaunchTemplateData.MetadataOptions\
             .HttpPutResponseHopLimit=2&LaunchTemplateData.MetadataOptions.HttpTokens=required&LaunchTemplateData\
             .UserData=&LaunchTemplateName=lt-tf",
        ] {
            let (status, first) = ec2(&door, form).await;
            assert_eq!((status, text(&first, "latestVersionNumber")), (StatusCode::OK, Some("1")), "{first}");
            let (status, again) = ec2(&door, form).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(text(&again, "launchTemplateId"), text(&first, "launchTemplateId"));
            let other = form.replace("t3.micro", "t3.nano");
            let (_, document) = ec2(&door, &other).await;
            assert_eq!(text(&document, "Code"), Some("IdempotentParameterMismatch"));
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        let tagged = format!(
            "{CREATE}&TagSpecification.1.ResourceType=launch-template&TagSpecification.1.Tag.1.Key=a"
        );
        let (_, document) = ec2(&door, &tagged).await;
        assert_eq!(text(&document, "tagSet"), Some("<item><key>a</key><value></value></item>"));
        let other = CREATE.replace("lt1", "lt2");
        for (form, code) in [
            (CREATE, "InvalidLaunchTemplateName.AlreadyExistsException"),
            ("Action=CreateLaunchTemplate&LaunchTemplateData.ImageId=a", "MissingParameter"),
            ("Action=CreateLaunchTemplate&LaunchTemplateName=lt2", "MissingParameter"),
            (&CREATE.replace("lt1", "l"), "InvalidLaunchTemplateName.MalformedException"),
            (&CREATE.replace("lt1", "a+b"), "InvalidLaunchTemplateName.MalformedException"),
            (&format!("{other}&LaunchTemplateData.UserData=%21"), "InvalidUserData.Malformed"),
            (
                &format!("{other}&LaunchTemplateData.UserData={}", "A".repeat(21_852)),
                "InvalidUserData.Malformed",
            ),
            (
                "Action=CreateLaunchTemplate&LaunchTemplateName=lt2&LaunchTemplateData.MetadataOptions.HttpTokens=x",
                "InvalidParameterValue",
            ),
        ] {
            let (status, document) = ec2(&door, form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
        let (_, document) = ec2(&door, CREATE).await;
        assert_eq!(text(&document, "Message"), Some("Launch template name already in use."));
        let (status, _) = signed(&door, "eu-west-1", "ec2", &format!("{CREATE}&Version=2016-11-15")).await;
        assert_eq!(status, StatusCode::OK, "a name is taken in one region only");
    }
}
