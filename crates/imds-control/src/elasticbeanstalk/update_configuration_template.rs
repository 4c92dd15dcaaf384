//! `UpdateConfigurationTemplate`: other settings, or another description.

use imds_store::record::{Batch, ConfigurationTemplate};

use super::option::Change;
use super::platform::Platform;
use super::{application, constraint, template};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let application = constraint::application_name(params)?;
    let name = constraint::name_of(params, "TemplateName")?;
    let description = constraint::description(params)?;
    application::find(call, application)?;
    let found = template::find(call, application, name)?;
    let platform = Platform::by_stack(&found.record.solution_stack)?;
    let mut changed = found.record.clone();
    changed.settings = Change::read(params)?.apply(&platform, &found.record.settings)?;
    if let Some(description) = description {
        description.clone_into(&mut changed.description);
    }
    changed.updated = call.now;
    let mut batch = Batch::default();
    batch.replace(&ConfigurationTemplate::record_name(call.region, application, name), &found, &changed);
    Ok(Outcome { batch, body: template::told(call, &changed) })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn options_are_chosen_and_removed() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a").await;
        let stack = "SolutionStackName=64bit+Amazon+Linux+2023+v4.7.0+running+Python+3.11";
        let create = format!("Action=CreateConfigurationTemplate&ApplicationName=a&TemplateName=t&{stack}");
        beanstalk(&door, &create).await;
        let update = "Action=UpdateConfigurationTemplate&ApplicationName=a&TemplateName=t";
        let option = "member.1.Namespace=aws%3Aelasticbeanstalk%3Aapplication%3Aenvironment";
        for (form, is_there) in [
            (
                format!(
                    "OptionSettings.{option}&OptionSettings.member.1.OptionName=A&OptionSettings.member.1.Value=b"
                ),
                true,
            ),
            ("Description=new".to_owned(), true),
            (format!("OptionsToRemove.{option}&OptionsToRemove.member.1.OptionName=A"), false),
            // What is not there is removed without an error.
            (format!("OptionsToRemove.{option}&OptionsToRemove.member.1.OptionName=A"), false),
        ] {
            let (status, document) = beanstalk(&door, &format!("{update}&{form}")).await;
            assert_eq!(status, StatusCode::OK, "{document}");
            let describe = "Action=DescribeConfigurationSettings&ApplicationName=a&TemplateName=t";
            let (_, document) = beanstalk(&door, describe).await;
            let told = document.contains("<OptionName>A</OptionName><Value>b</Value>");
            assert_eq!(told, is_there, "{form} {document}");
        }
        for (form, code) in [
            ("&OptionSettings.member.1.Namespace=x", "MissingParameter"),
            (
                "&OptionSettings.member.1.Namespace=x&OptionSettings.member.1.OptionName=y",
                "ConfigurationValidationException",
            ),
            (
                "&OptionsToRemove.member.1.Namespace=x&OptionsToRemove.member.1.OptionName=y",
                "ConfigurationValidationException",
            ),
        ] {
            let (status, document) = beanstalk(&door, &format!("{update}{form}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
        let (_, document) = beanstalk(&door, &format!("{update}x")).await;
        assert_eq!(text(&document, "Message"), Some("No Configuration Template named 'a/tx' found."));
    }
}
