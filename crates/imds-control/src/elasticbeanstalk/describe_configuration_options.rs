//! `DescribeConfigurationOptions`: what options there are, and what they can be.

use super::configuration;
use super::environment::write_platform;
use super::option::{self, Listed};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let (configuration, platform) = configuration::named(call, params)?;
    let settings = configuration.settings();
    let all = option::listed(&platform, &settings, configuration.tier());
    let asked = params.each("Options.member");
    let mut options = Vec::new();
    for one in &asked {
        let (namespace, name) = (one.text("Namespace"), one.text("OptionName"));
        let is_asked = |listed: &&Listed<'_>| {
            namespace.is_none_or(|namespace| namespace == listed.namespace)
                && name.is_none_or(|name| name == listed.name)
        };
        let before = options.len();
        options.extend(all.iter().filter(is_asked).cloned());
        // One of which there are any.
        if let (Some(namespace), Some(name)) = (namespace, name)
            && options.len() == before
        {
            options.extend(option::named(&platform, namespace, name));
        }
    }
    let options = if asked.is_empty() { all.clone() } else { options };
    let mut xml = Xml::query();
    write_platform(&mut xml, call.region, &platform.stack());
    xml.list("Options", &options, |xml, listed| listed.describe(xml, &platform, &settings));
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    const DESCRIBE: &str = "Action=DescribeConfigurationOptions";
    const AL2: &str = "&SolutionStackName=64bit+Amazon+Linux+2+v3.7.5+running+Python+3.8";
    const IMDS: &str = "&Options.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration\
                        &Options.member.1.OptionName=DisableIMDSv1";

    #[tokio::test]
    async fn an_option_as_the_aws_cli_asks_for_it() {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=app1").await;
        beanstalk(&door, "Action=CreateEnvironment&ApplicationName=app1&EnvironmentName=env1").await;
        let form = format!("{DESCRIBE}&ApplicationName=app1&EnvironmentName=env1{IMDS}");
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!(status, StatusCode::OK);
        let item = text(&document, "Options").unwrap().replace("><", ">\n<");
        insta::assert_snapshot!(item, @r"
        <member>
        <Namespace>aws:autoscaling:launchconfiguration</Namespace>
        <Name>DisableIMDSv1</Name>
        <DefaultValue>true</DefaultValue>
        <ChangeSeverity>RestartEnvironment</ChangeSeverity>
        <UserDefined>false</UserDefined>
        <ValueType>Scalar</ValueType>
        <ValueOptions>
        <member>true</member>
        <member>false</member>
        </ValueOptions>
        </member>
        ");
        let (_, document) = beanstalk(&door, &format!("{DESCRIBE}{AL2}{IMDS}")).await;
        assert_eq!(text(&document, "DefaultValue"), Some("false"));
        assert_eq!(
            text(&document, "SolutionStackName"),
            Some("64bit Amazon Linux 2 v3.7.5 running Python 3.8")
        );
    }

    #[tokio::test]
    async fn each_kind_of_value_is_described() {
        let door = door();
        for (option, expected) in [
            (
                "aws%3Aautoscaling%3Aasg&Options.member.1.OptionName=MinSize",
                "<MinValue>1</MinValue><MaxValue>10000</MaxValue>",
            ),
            (
                "aws%3Aec2%3Ainstances&Options.member.1.OptionName=InstanceTypes",
                "<ValueType>List</ValueType><ValueOptions><member>",
            ),
            (
                "aws%3Aautoscaling%3Alaunchconfiguration&Options.member.1.OptionName=EC2KeyName",
                "<MaxLength>200</MaxLength>",
            ),
            (
                "aws%3Aelasticbeanstalk%3Amanagedactions&Options.member.1.OptionName=PreferredStartTime",
                "<Regex><Pattern>^(Mon|Tue",
            ),
            (
                "aws%3Aelasticbeanstalk%3Aapplication%3Aenvironment&Options.member.1.OptionName=ANY",
                "<UserDefined>true</UserDefined>",
            ),
            ("aws%3Aec2%3Avpc", "<Name>VPCId</Name>"),
        ] {
            let form = format!("{DESCRIBE}{AL2}&Options.member.1.Namespace={option}");
            let (status, document) = beanstalk(&door, &form).await;
            assert_eq!(status, StatusCode::OK);
            assert!(document.contains(expected), "{option} {document}");
        }
        let (_, document) = beanstalk(&door, &format!("{DESCRIBE}&Options.member.1.Namespace=none")).await;
        assert!(document.contains("<Options></Options>"), "{document}");
        let (_, document) = beanstalk(&door, DESCRIBE).await;
        let options = document.matches("<ChangeSeverity>").count();
        assert!(options > 100, "{options}");
        for (form, code) in [
            ("&SolutionStackName=x", "InvalidParameterValue"),
            ("&PlatformArn=x", "InvalidParameterValue"),
            ("&ApplicationName=none", "InvalidParameterValue"),
            ("&EnvironmentName=none", "InvalidParameterValue"),
            ("&TemplateName=t", "MissingParameter"),
            ("&TemplateName=t&EnvironmentName=e", "InvalidParameterCombination"),
            ("&PlatformArn=x&SolutionStackName=y", "InvalidParameterCombination"),
        ] {
            let (status, document) = beanstalk(&door, &format!("{DESCRIBE}{form}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
