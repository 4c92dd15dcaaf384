//! `ValidateConfigurationSettings`: what would be refused, without refusing it.

use super::configuration;
use super::option::Change;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    params.need("ApplicationName")?;
    let (configuration, platform) = configuration::named(call, params)?;
    let faults = Change::read(params)?.check(&platform, &configuration.settings());
    let mut xml = Xml::query();
    xml.list("Messages", &faults, |xml, fault| {
        xml.text("Message", &fault.message)
            .text("Severity", "error")
            .text("Namespace", &fault.namespace)
            .text("OptionName", &fault.name);
    });
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    const VALIDATE: &str = "Action=ValidateConfigurationSettings&ApplicationName=app";

    fn option(number: usize, name: &str, value: &str) -> String {
        format!(
            "&OptionSettings.member.{number}.Namespace=aws%3Aautoscaling%3Alaunchconfiguration\
             &OptionSettings.member.{number}.OptionName={name}&OptionSettings.member.{number}.Value={value}"
        )
    }

    #[tokio::test]
    async fn all_that_is_wrong_is_told_and_nothing_is_refused() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=app").await;
        let (status, document) =
            beanstalk(&door, &format!("{VALIDATE}{}", option(1, "DisableIMDSv1", "false"))).await;
        assert_eq!(status, StatusCode::OK);
        assert!(document.contains("<Messages></Messages>"), "{document}");
        let wrong = option(1, "DisableIMDSv1", "bogus") + &option(2, "DisableIMDSv2", "true");
        let (status, document) = beanstalk(&door, &format!("{VALIDATE}{wrong}")).await;
        assert_eq!(status, StatusCode::OK);
        for expected in [
            "<Message>Invalid option value: 'bogus' (Namespace: 'aws:autoscaling:launchconfiguration', OptionName: \
             'DisableIMDSv1'): Value is not one of the allowed values: [true, false]</Message><Severity>error</Severity>\
             <Namespace>aws:autoscaling:launchconfiguration</Namespace><OptionName>DisableIMDSv1</OptionName>",
            "<Message>Invalid option specification (Namespace: 'aws:autoscaling:launchconfiguration', OptionName: \
             'DisableIMDSv2'): Unknown configuration setting.</Message>",
        ] {
            assert!(document.contains(expected), "{document}");
        }
    }

    #[tokio::test]
    async fn what_is_not_there_cannot_be_asked_about() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=app").await;
        for (form, code) in [
            ("Action=ValidateConfigurationSettings", "MissingParameter"),
            ("Action=ValidateConfigurationSettings&ApplicationName=none", "InvalidParameterValue"),
            (
                "Action=ValidateConfigurationSettings&ApplicationName=app&EnvironmentName=none",
                "InvalidParameterValue",
            ),
            (
                "Action=ValidateConfigurationSettings&ApplicationName=app&OptionSettings.member.1.Value=x",
                "MissingParameter",
            ),
        ] {
            let (status, document) = beanstalk(&door, form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
