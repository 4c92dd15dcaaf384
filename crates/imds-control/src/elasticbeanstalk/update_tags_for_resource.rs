//! `UpdateTagsForResource`: tags of what has an ARN. An environment's go to its instances too.

use std::collections::BTreeMap;

use imds_core::environment::Severity;
use imds_store::record::{Application, ApplicationVersion, Batch, ConfigurationTemplate, Environment};

use super::arn::{self, Resource};
use super::{application, environment, event, tags, template, version};
use crate::call::{Call, Outcome};
use crate::environments;
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let arn = params.need("ResourceArn")?;
    let resource = Resource::read(call, arn)?;
    let change = Change::read(params)?;
    let unknown = || arn::unknown(arn);
    let mut batch = Batch::default();
    match resource {
        Resource::Application(name) => {
            let found = application::get(call, name)?.ok_or_else(unknown)?;
            let tags = change.apply(&found.record.tags, tags::MOST)?;
            let changed = Application { tags, ..found.record.clone() };
            batch.replace(&Application::record_name(call.region, name), &found, &changed);
        }
        Resource::Version(application, label) => {
            let found = version::get(call, application, label)?.ok_or_else(unknown)?;
            let tags = change.apply(&found.record.tags, tags::MOST)?;
            let changed = ApplicationVersion { tags, ..found.record.clone() };
            batch.replace(
                &ApplicationVersion::record_name(call.region, application, label),
                &found,
                &changed,
            );
        }
        Resource::Template(application, name) => {
            let found = template::get(call, application, name)?.ok_or_else(unknown)?;
            let tags = change.apply(&found.record.tags, tags::MOST)?;
            let changed = ConfigurationTemplate { tags, ..found.record.clone() };
            let name = ConfigurationTemplate::record_name(call.region, application, name);
            batch.replace(&name, &found, &changed);
        }
        Resource::Environment(application, name) => {
            let found = environment::by_name(call, name)?
                .filter(|found| found.record.application == application)
                .ok_or_else(unknown)?;
            environment::ready(&found.record)?;
            let tags = change.apply(&found.record.tags, tags::MOST_OF_ENVIRONMENT)?;
            let mut changed = Environment { tags, updated: call.now, ..found.record.clone() };
            environments::retag(call, &found.record, &changed, &mut batch)?;
            // `eb` waits for the second.
            for message in
                ["Environment tag update is starting.", "Environment tag update completed successfully."]
            {
                event::tell(call, &mut changed, &mut batch, Severity::Info, message);
            }
            batch.replace(&Environment::record_name(call.region, &changed.id), &found, &changed);
        }
        Resource::Platform => {
            return Err(Error::new(
                "ResourceTypeNotSupportedException",
                format!("The tags of '{arn}' cannot be changed."),
            ));
        }
    }
    Ok(Outcome { batch, body: Xml::query() })
}

/// `TagsToAdd` and `TagsToRemove`
struct Change {
    added: BTreeMap<String, String>,
    removed: Vec<String>,
}

impl Change {
    fn read(params: &Params) -> Result<Self, Error> {
        let added = tags::read(params, "TagsToAdd")?;
        let removed: Vec<_> = params.list("TagsToRemove.member").into_iter().map(str::to_owned).collect();
        if added.is_empty() && removed.is_empty() {
            // The words are [assumed].
            return Err(Error::invalid_value("You must specify at least one of TagsToAdd and TagsToRemove."));
        }
        removed.iter().try_for_each(|key| tags::own(key))?;
        if let Some(key) = removed.iter().find(|key| added.contains_key(*key)) {
            // The words are [assumed].
            let why = format!("Tag key '{key}' is specified in both TagsToAdd and TagsToRemove.");
            return Err(Error::invalid_value(why));
        }
        Ok(Self { added, removed })
    }

    fn apply(&self, tags: &BTreeMap<String, String>, most: usize) -> Result<BTreeMap<String, String>, Error> {
        let mut changed = tags.clone();
        changed.retain(|key, _| !self.removed.contains(key));
        changed.extend(self.added.clone());
        tags::limit(&changed, most)?;
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::door::Door;
    use crate::testing::{beanstalk, door, make_ready, text};

    const ARN: &str = "arn%3Aaws%3Aelasticbeanstalk%3Aus-east-1%3A123456789012%3A";

    async fn tags(door: &Door, resource: &str) -> Vec<String> {
        let form = format!("Action=ListTagsForResource&ResourceArn={ARN}{resource}");
        let (status, document) = beanstalk(door, &form).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        let tags = document.split("<member><Key>").skip(1);
        tags.map(|tag| {
            let (key, rest) = tag.split_once("</Key><Value>").unwrap();
            format!("{key}={}", rest.split('<').next().unwrap())
        })
        .collect()
    }

    async fn filled() -> Door {
        let door = door();
        for form in [
            "CreateApplication&ApplicationName=app&Tags.member.1.Key=a&Tags.member.1.Value=1",
            "CreateApplicationVersion&ApplicationName=app&VersionLabel=v%2F1&Tags.member.1.Key=a&Tags.member.1.Value=1",
            "CreateConfigurationTemplate&ApplicationName=app&TemplateName=t&Tags.member.1.Key=a&Tags.member.1.Value=1\
             &SolutionStackName=64bit+Amazon+Linux+2023+v4.7.0+running+Docker",
            "CreateEnvironment&ApplicationName=app&EnvironmentName=env1&Tags.member.1.Key=a&Tags.member.1.Value=1",
        ] {
            let (status, document) = beanstalk(&door, &format!("Action={form}")).await;
            assert_eq!(status, StatusCode::OK, "{document}");
        }
        make_ready(&door);
        door
    }

    #[tokio::test]
    async fn tags_are_added_changed_and_removed() {
        let door = filled().await;
        for resource in [
            "application%2Fapp",
            "applicationversion%2Fapp%2Fv%2F1",
            "configurationtemplate%2Fapp%2Ft",
            "environment%2Fapp%2Fenv1",
        ] {
            // As `eb tags` sends them: what it does not use is empty.
            for (form, expected) in [
                ("TagsToAdd.member.1.Key=b&TagsToAdd.member.1.Value=2&TagsToRemove=", vec!["a=1", "b=2"]),
                ("TagsToAdd.member.1.Key=a&TagsToAdd.member.1.Value=3&TagsToRemove.member.1=b", vec!["a=3"]),
                ("TagsToAdd=&TagsToRemove.member.1=a&TagsToRemove.member.2=none", vec![]),
            ] {
                let form = format!("Action=UpdateTagsForResource&ResourceArn={ARN}{resource}&{form}");
                let (status, document) = beanstalk(&door, &form).await;
                assert_eq!(status, StatusCode::OK, "{document}");
                let mut told = tags(&door, resource).await;
                told.retain(|tag| !tag.starts_with("elasticbeanstalk:") && tag != "Name=env1");
                assert_eq!(told, expected, "{resource}");
            }
        }
        let tags = tags(&door, "environment%2Fapp%2Fenv1").await;
        assert!(tags.contains(&"elasticbeanstalk:environment-name=env1".to_owned()), "{tags:?}");
    }

    #[tokio::test]
    async fn the_event_of_an_environment_carries_the_request() {
        let door = filled().await;
        let form = format!(
            "Action=UpdateTagsForResource&ResourceArn={ARN}environment%2Fapp%2Fenv1&TagsToAdd.member.1.Key=b"
        );
        let (_, document) = beanstalk(&door, &form).await;
        let id = text(&document, "RequestId").unwrap();
        let (_, document) = beanstalk(&door, &format!("Action=DescribeEvents&RequestId={id}")).await;
        let messages: Vec<_> =
            document.split("<Message>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        assert_eq!(
            messages,
            ["Environment tag update completed successfully.", "Environment tag update is starting."]
        );
        assert_eq!(text(&document, "EnvironmentName"), Some("env1"));
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = filled().await;
        let many: String = (1..=50).map(|n| format!("&TagsToAdd.member.{n}.Key=k{n}")).collect();
        let more: String = (1..=47).map(|n| format!("&TagsToAdd.member.{n}.Key=k{n}")).collect();
        let app = format!("{ARN}application%2Fapp");
        for (arn, form, code) in [
            (app.clone(), "", "InvalidParameterValue"),
            (app.clone(), "&TagsToAdd=&TagsToRemove=", "InvalidParameterValue"),
            (app.clone(), "&TagsToAdd.member.1.Key=aws%3Ax", "InvalidParameterValue"),
            (app.clone(), "&TagsToRemove.member.1=elasticbeanstalk%3Ax", "InvalidParameterValue"),
            (app.clone(), "&TagsToAdd.member.1.Key=x&TagsToRemove.member.1=x", "InvalidParameterValue"),
            (app.clone(), "&TagsToAdd.member.1.Value=x", "MissingParameter"),
            (app.clone(), &*many, "TooManyTagsException"),
            (format!("{ARN}environment%2Fapp%2Fenv1"), &*more, "TooManyTagsException"),
            (String::new(), "&TagsToAdd.member.1.Key=x", "MissingParameter"),
            ("x".to_owned(), "&TagsToAdd.member.1.Key=x", "InvalidParameterValue"),
            (format!("{app}x"), "&TagsToAdd.member.1.Key=x", "ResourceNotFoundException"),
            (format!("{ARN}application%2Fapp%2Fx"), "&TagsToAdd.member.1.Key=x", "ResourceNotFoundException"),
            (
                format!("{ARN}environment%2Fother%2Fenv1"),
                "&TagsToAdd.member.1.Key=x",
                "ResourceNotFoundException",
            ),
            (app.replace("us-east-1", "eu-west-1"), "&TagsToAdd.member.1.Key=x", "ResourceNotFoundException"),
            (
                app.replace("123456789012", "210987654321"),
                "&TagsToAdd.member.1.Key=x",
                "ResourceNotFoundException",
            ),
            (
                format!("{ARN}solutionstack%2Fx"),
                "&TagsToAdd.member.1.Key=x",
                "ResourceTypeNotSupportedException",
            ),
            (format!("{ARN}platform%2Fx"), "&TagsToAdd.member.1.Key=x", "ResourceTypeNotSupportedException"),
        ] {
            let form = format!("Action=UpdateTagsForResource&ResourceArn={arn}{form}");
            let (status, document) = beanstalk(&door, &form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
        assert_eq!(tags(&door, "application%2Fapp").await, ["a=1"]);
    }
}
