//! Whatever a parameter holds: an answer is a document, no fault of ours, and what is refused changes nothing.

use axum::http::StatusCode;

use crate::action;
use crate::query::Service;
use crate::testing::{beanstalk, door, make_ready};

/// Parameters of all actions, each of which is to hold what it should not.
const NAMES: &[&str] = &[
    "ApplicationName",
    "ApplicationNames.member.1",
    "AttributeNames.member.1",
    "AutoCreateApplication",
    "CNAMEPrefix",
    "Description",
    "DestinationEnvironmentName",
    "EndTime",
    "EnvironmentId",
    "EnvironmentIds.member.1",
    "EnvironmentName",
    "EnvironmentNames.member.1",
    "Filters.member.1.Attribute",
    "Filters.member.1.Operator",
    "Filters.member.1.Type",
    "Filters.member.1.Values.member.1",
    "ForceTerminate",
    "IncludeDeleted",
    "IncludedDeletedBackTo",
    "MaxRecords",
    "NextToken",
    "OperationsRole",
    "Options.member.1.Namespace",
    "Options.member.1.OptionName",
    "OptionSettings",
    "OptionSettings.member.1.Namespace",
    "OptionSettings.member.1.OptionName",
    "OptionSettings.member.1.ResourceName",
    "OptionSettings.member.1.Value",
    "OptionsToRemove.member.1.OptionName",
    "PlatformArn",
    "Process",
    "RequestId",
    "ResourceArn",
    "ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule.MaxCount",
    "Severity",
    "SolutionStackName",
    "SourceBundle.S3Key",
    "SourceConfiguration.TemplateName",
    "SourceEnvironmentName",
    "StartTime",
    "TagsToAdd.member.1.Key",
    "TagsToRemove.member.1",
    "Tags.member.1.Key",
    "TemplateName",
    "TerminateEnvByForce",
    "TerminateResources",
    "Tier.Name",
    "VersionLabel",
    "VersionLabels.member.1",
];

/// What each action would do with.
const USUAL: &str = "ApplicationName=app&EnvironmentName=env1&TemplateName=t&VersionLabel=v1\
    &OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration\
    &OptionSettings.member.1.OptionName=DisableIMDSv1&OptionSettings.member.1.Value=false\
    &ResourceArn=arn%3Aaws%3Aelasticbeanstalk%3Aus-east-1%3A123456789012%3Aapplication%2Fapp&TagsToAdd.member.1.Key=a";

#[tokio::test]
async fn every_parameter_of_every_action() {
    let long = "x".repeat(2_000);
    let slashes = "%2F".repeat(500);
    let hostile = [
        "",
        "-1",
        "99999999999999999999",
        "%00",
        "%ff%fe",
        "..%2F..",
        "%F0%9F%92%A3",
        "%3C!%5BCDATA%5B",
        "9999-12-31T23%3A59%3A59.999999999Z",
        &long,
        &slashes,
    ];
    let actions = action::names().filter(|(service, _)| *service == Service::ElasticBeanstalk);
    let actions: Vec<_> = actions.map(|(_, action)| action).collect();
    assert!(actions.len() > 30);
    for (index, value) in hostile.iter().enumerate() {
        let door = door();
        for form in [
            "CreateApplication&ApplicationName=app",
            "CreateApplicationVersion&ApplicationName=app&VersionLabel=v1",
            "CreateEnvironment&ApplicationName=app&EnvironmentName=env1",
        ] {
            let (status, document) = beanstalk(&door, &format!("Action={form}")).await;
            assert_eq!(status, StatusCode::OK, "{document}");
        }
        make_ready(&door);
        for action in &actions {
            let all: String = NAMES.iter().map(|name| format!("&{name}={value}")).collect();
            // Each value in some of them, and all of them in turn.
            let some = NAMES.iter().skip(index % 3).step_by(3);
            let forms = some.map(|name| format!("Action={action}&{USUAL}&{name}={value}"));
            for form in forms.chain([format!("Action={action}{all}")]) {
                let before = door.store.revision().unwrap();
                let (status, document) = beanstalk(&door, &form).await;
                assert!(!status.is_server_error(), "{form:.600} {document:.400}");
                assert!(document.starts_with("<?xml") && document.contains("<RequestId>"), "{document:.400}");
                if !status.is_success() {
                    assert_eq!(door.store.revision().unwrap(), before, "{form:.600}");
                }
            }
        }
    }
}
