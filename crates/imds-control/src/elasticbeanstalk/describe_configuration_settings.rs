//! `DescribeConfigurationSettings`: every option with its value, of a template or of an environment. While an environment
//! is updated there are two of them: what is deployed, and what is to be.

use imds_store::record::Environment;
use imds_store::record::environment::{Phase, Settings, Task};

use super::configuration::{self, Configuration};
use super::environment::{write_platform, write_tier};
use super::option;
use super::platform::Platform;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

/// One set of settings of an environment.
struct Set<'e> {
    solution_stack: &'e str,
    settings: &'e Settings,
    status: &'static str,
}

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    params.need("ApplicationName")?;
    let mut xml = Xml::query();
    match configuration::named(call, params)? {
        (Configuration::Environment(environment), _) => {
            xml.list("ConfigurationSettings", sets(&environment), |xml, set| {
                write(xml, call, &environment, &set);
            });
        }
        (Configuration::Template(template), platform) => {
            xml.list("ConfigurationSettings", [template], |xml, template| {
                write_platform(xml, call.region, &template.solution_stack);
                xml.text("ApplicationName", &template.application)
                    .text("TemplateName", &template.name)
                    .option("Description", Some(&template.description).filter(|text| !text.is_empty()))
                    .time("DateCreated", template.created)
                    .time("DateUpdated", template.updated);
                option::write(xml, &option::listed(&platform, &template.settings, "WebServer"));
            });
        }
        (Configuration::Platform, _) => {
            // The words are [assumed].
            return Err(Error::new(
                "InvalidParameterCombination",
                "You must specify either EnvironmentName or TemplateName.",
            ));
        }
    }
    Ok(Outcome::told(xml))
}

/// What is deployed, which clients read as the first, and the draft if there is another one.
fn sets(environment: &Environment) -> Vec<Set<'_>> {
    let deployed =
        |status| Set { solution_stack: &environment.solution_stack, settings: &environment.settings, status };
    let Some(work) = &environment.work else { return vec![deployed("deployed")] };
    match work.task {
        Task::Create => vec![deployed("pending")],
        Task::Update => {
            let draft = Set {
                solution_stack: &work.solution_stack,
                settings: &work.settings,
                status: match work.phase {
                    Phase::Begun | Phase::Prepared => "pending",
                    Phase::Failed => "failed",
                },
            };
            let is_draft =
                draft.settings != &environment.settings || draft.solution_stack != environment.solution_stack;
            let mut sets = vec![deployed("deployed")];
            // A new version of the application is no configuration.
            sets.extend(is_draft.then_some(draft));
            sets
        }
        Task::Abort | Task::Rebuild | Task::Restart | Task::Terminate => vec![deployed("deployed")],
    }
}

fn write(xml: &mut Xml, call: &Call<'_>, environment: &Environment, set: &Set<'_>) {
    write_platform(xml, call.region, set.solution_stack);
    xml.text("ApplicationName", &environment.application)
        .text("EnvironmentName", &environment.name)
        .option("Description", Some(&environment.description).filter(|text| !text.is_empty()))
        .text("DeploymentStatus", set.status)
        .time("DateCreated", environment.created)
        .time("DateUpdated", environment.updated);
    // `eb health` reads it, though it is in no public model.
    write_tier(xml, environment);
    if let Ok(platform) = Platform::by_stack(set.solution_stack) {
        option::write(xml, &option::listed(&platform, set.settings, &environment.tier));
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::door::Door;
    use crate::testing::{beanstalk, door, make_ready, text};

    const DESCRIBE: &str = "Action=DescribeConfigurationSettings&ApplicationName=app&EnvironmentName=env1";
    const IMDS: &str = "OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration\
                        &OptionSettings.member.1.OptionName=DisableIMDSv1&OptionSettings.member.1.Value";

    /// An environment with an option chosen by each of two calls.
    async fn filled(options: &str) -> Door {
        let door = door();
        beanstalk(&door, "Action=CreateApplication&ApplicationName=app").await;
        let form = format!("Action=CreateEnvironment&ApplicationName=app&EnvironmentName=env1&{options}");
        let (status, document) = beanstalk(&door, &form).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        door
    }

    /// `NAMESPACE NAME [RESOURCE] = VALUE`, one a line.
    fn settings(document: &str) -> String {
        let options = text(document, "OptionSettings").unwrap();
        let lines = options.split("<member>").skip(1).map(|option| {
            let of = |name| text(option, name).unwrap_or_default();
            let resource = text(option, "ResourceName").map(|name| format!(" [{name}]")).unwrap_or_default();
            let value = text(option, "Value").map(|value| format!(" = {value}")).unwrap_or_default();
            format!("{} {}{resource}{value}", of("Namespace"), of("OptionName"))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn every_option_is_told_with_its_value() {
        let door = filled(&format!("{IMDS}=false")).await;
        make_ready(&door);
        let (status, document) = beanstalk(&door, DESCRIBE).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(document.matches("<DeploymentStatus>").count(), 1);
        for (name, value) in [
            ("DeploymentStatus", "deployed"),
            ("EnvironmentName", "env1"),
            ("SolutionStackName", "64bit Amazon Linux 2023 v4.7.0 running Python 3.11"),
            ("Tier", "<Name>WebServer</Name><Type>Standard</Type><Version>1.0</Version>"),
        ] {
            assert_eq!(text(&document, name), Some(value), "{document}");
        }
        insta::assert_snapshot!(settings(&document));
    }

    #[tokio::test]
    async fn while_it_is_updated_there_is_a_draft() {
        let door = filled(&format!("{IMDS}=true")).await;
        let (_, document) = beanstalk(&door, DESCRIBE).await;
        assert_eq!(text(&document, "DeploymentStatus"), Some("pending"), "it is launched");
        make_ready(&door);
        let update = format!("Action=UpdateEnvironment&EnvironmentName=env1&{IMDS}=false");
        let (status, document) = beanstalk(&door, &update).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        let (_, document) = beanstalk(&door, DESCRIBE).await;
        let (deployed, draft) = document.split_once("<DeploymentStatus>pending<").unwrap();
        assert!(deployed.contains("<DeploymentStatus>deployed<"), "{document}");
        let option = |value| format!("<OptionName>DisableIMDSv1</OptionName><Value>{value}</Value>");
        assert!(deployed.contains(&option(true)) && draft.contains(&option(false)), "{document}");
        // What changes nothing has no draft.
        make_ready(&door);
        beanstalk(&door, "Action=UpdateEnvironment&EnvironmentName=env1").await;
        let (_, document) = beanstalk(&door, DESCRIBE).await;
        assert_eq!(document.matches("<DeploymentStatus>").count(), 1);
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = filled("Description=d").await;
        for (form, code) in [
            ("EnvironmentName=env1", "MissingParameter"),
            ("ApplicationName=app", "InvalidParameterCombination"),
            ("ApplicationName=app&EnvironmentName=env1&TemplateName=t", "InvalidParameterCombination"),
            ("ApplicationName=app&EnvironmentName=none", "InvalidParameterValue"),
            ("ApplicationName=app&TemplateName=none", "InvalidParameterValue"),
            ("ApplicationName=none&EnvironmentName=env1", "InvalidParameterValue"),
        ] {
            let form = format!("Action=DescribeConfigurationSettings&{form}");
            let (status, document) = beanstalk(&door, &form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }

    #[tokio::test]
    async fn a_password_is_told_to_nobody_and_a_property_to_its_owner() {
        let option = |number, namespace: &str, name: &str| {
            format!(
                "&OptionSettings.member.{number}.Namespace={namespace}&OptionSettings.member.{number}.OptionName={name}\
                 &OptionSettings.member.{number}.Value=secret-{number}"
            )
        };
        let password = option(1, "aws%3Ards%3Adbinstance", "DBPassword");
        let property = option(2, "aws%3Aelasticbeanstalk%3Aapplication%3Aenvironment", "KEY");
        let door = filled(&format!("{password}{property}")).await;
        let (_, document) = beanstalk(&door, DESCRIBE).await;
        assert!(!document.contains("secret-1"), "{document}");
        assert!(document.contains("<OptionName>KEY</OptionName><Value>secret-2</Value>"), "{document}");
    }
}
