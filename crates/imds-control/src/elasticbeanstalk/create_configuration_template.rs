//! `CreateConfigurationTemplate`: settings of their own, of an environment or of another template.

use imds_store::record::environment::Settings;
use imds_store::record::{Application, Batch, ConfigurationTemplate};

use super::option::Change;
use super::platform::Platform;
use super::{application, configuration, constraint, environment, tags, template};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let application = constraint::application_name(params)?;
    let name = constraint::name_of(params, "TemplateName")?;
    let found = application::find(call, application)?;
    let description = constraint::description(params)?.unwrap_or_default().to_owned();
    let (platform, base) = base(call, params, application)?;
    let new = ConfigurationTemplate {
        application: application.to_owned(),
        name: name.to_owned(),
        description,
        solution_stack: platform.stack(),
        settings: Change::read(params)?.apply(&platform, &base)?,
        created: call.now,
        updated: call.now,
        tags: tags::read(params, "Tags")?,
    };
    if template::get(call, application, name)?.is_some() {
        return Err(Error::invalid_value(format!("Configuration Template {name} already exists.")));
    }
    let mut batch = Batch::default();
    batch.expect(&Application::record_name(call.region, application), Some(&found));
    batch.create(&ConfigurationTemplate::record_name(call.region, application, name), &new);
    Ok(Outcome { batch, body: template::told(call, &new) })
}

/// The platform and the settings that the template begins with.
fn base(call: &Call<'_>, params: &Params, application: &str) -> Result<(Platform, Settings), Error> {
    let platform = configuration::of_platform(call, params)?;
    let source = params.under("SourceConfiguration");
    // `eb config save` names the environment in the second way.
    let of =
        (params.text("EnvironmentId"), params.text("TemplateSpecification.TemplateSource.EnvironmentName"));
    let base = if let (Some(_), _) | (_, Some(_)) = of {
        let found = environment::by(call, of.0, of.1)?.record;
        Some((found.solution_stack, found.settings))
    } else if let Some(name) = source.text("TemplateName") {
        let of = source.text("ApplicationName").unwrap_or(application);
        let found = template::find(call, of, name)?.record;
        Some((found.solution_stack, found.settings))
    } else {
        None
    };
    match (platform, base) {
        (None, Some((stack, settings))) => Ok((Platform::by_stack(&stack)?, settings)),
        (Some(platform), None) => Ok((platform, Settings::default())),
        (Some(platform), Some((stack, settings))) if platform.stack() == stack => Ok((platform, settings)),
        (Some(_), Some(_)) => Err(Error::new(
            // The words are [assumed].
            "InvalidParameterCombination",
            "The solution stack must be that of the source configuration.",
        )),
        // The words are AWS's.
        (None, None) => {
            Err(Error::invalid_value("Unable to determine base for template pack (no solution stack)"))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    const CREATE: &str = "Action=CreateConfigurationTemplate&ApplicationName=a";
    const STACK: &str = "&SolutionStackName=64bit+Amazon+Linux+2+v3.7.5+running+Python+3.8";
    const IMDS: &str = "OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration\
                        &OptionSettings.member.1.OptionName=DisableIMDSv1&OptionSettings.member.1.Value";

    #[tokio::test]
    async fn of_a_platform_of_another_template_and_of_an_environment() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a").await;
        let form = format!("{CREATE}&TemplateName=t1&Description=d{STACK}&{IMDS}=true");
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!((status, text(&document, "TemplateName")), (StatusCode::OK, Some("t1")), "{document}");
        let arn =
            "arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.8 running on 64bit Amazon Linux 2/3.7.5";
        assert_eq!(text(&document, "PlatformArn"), Some(arn));
        let form = format!("{CREATE}&TemplateName=t2&SourceConfiguration.TemplateName=t1");
        assert_eq!(beanstalk(&door, &form).await.0, StatusCode::OK);
        let describe = "Action=DescribeConfigurationSettings&ApplicationName=a&TemplateName=t2";
        let (_, document) = beanstalk(&door, describe).await;
        assert!(document.contains("<OptionName>DisableIMDSv1</OptionName><Value>true</Value>"), "{document}");
        let form = format!("Action=CreateEnvironment&ApplicationName=a&EnvironmentName=env1&{IMDS}=false");
        let (_, document) = beanstalk(&door, &form).await;
        let id = text(&document, "EnvironmentId").unwrap();
        let form = format!("{CREATE}&TemplateName=t3&EnvironmentId={id}");
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        let named = "TemplateSpecification.TemplateSource.EnvironmentName";
        let (status, document) = beanstalk(&door, &format!("{CREATE}&TemplateName=t4&{named}=env1")).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        let (_, document) = beanstalk(&door, &describe.replace("t2", "t4")).await;
        assert!(
            document.contains("<OptionName>DisableIMDSv1</OptionName><Value>false</Value>"),
            "{document}"
        );
        let (_, document) = beanstalk(&door, &describe.replace("t2", "t3")).await;
        assert!(
            document.contains("<OptionName>DisableIMDSv1</OptionName><Value>false</Value>"),
            "{document}"
        );
        let (_, document) = beanstalk(&door, "Action=DescribeApplications").await;
        assert!(document.contains("<member>t1</member><member>t2</member><member>t3</member>"));
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=a").await;
        beanstalk(&door, &format!("{CREATE}&TemplateName=t1{STACK}")).await;
        for (form, message) in [
            (format!("&TemplateName=t1{STACK}"), "Configuration Template t1 already exists."),
            ("&TemplateName=t".to_owned(), "Unable to determine base for template pack (no solution stack)"),
            (
                "&TemplateName=t&SourceConfiguration.TemplateName=x".to_owned(),
                "No Configuration Template named 'a/x' found.",
            ),
            (
                "&TemplateName=t&EnvironmentId=e-x".to_owned(),
                "No Environment found for EnvironmentId = 'e-x'.",
            ),
            ("&TemplateName=t&SolutionStackName=x".to_owned(), "No Solution Stack named 'x' found."),
            (
                format!("&TemplateName=t&PlatformArn=x{STACK}"),
                "You cannot specify both SolutionStackName and PlatformArn.",
            ),
            (
                "&TemplateName=t&SourceConfiguration.TemplateName=t1\
                 &SolutionStackName=64bit+Amazon+Linux+2023+v4.7.0+running+Docker"
                    .to_owned(),
                "The solution stack must be that of the source configuration.",
            ),
            (
                format!("&TemplateName=t{STACK}&{IMDS}=bogus"),
                "Configuration validation exception: Invalid option value: 'bogus' (Namespace: \
                 'aws:autoscaling:launchconfiguration', OptionName: 'DisableIMDSv1'): Value is not one of the allowed \
                 values: [true, false]",
            ),
        ] {
            let (status, document) = beanstalk(&door, &format!("{CREATE}{form}")).await;
            assert_eq!(
                (status, text(&document, "Message")),
                (StatusCode::BAD_REQUEST, Some(message)),
                "{form}"
            );
        }
        assert_eq!(door.store.list("configuration-template/").unwrap().len(), 1);
    }
}
