//! What calls refuse, and what they tell.

use imds_store::record::{Application, Batch};

use super::world::{APP, World, option};

const NAME: &str = "EnvironmentName=shop-dev";
const READY: &str = "is in an invalid state for this operation. Must be Ready.";
const DASH: &str = "failed to satisfy constraint: Member must contain only letters, digits, and the dash character \
    and may not start or end with a dash";
const LENGTH: &str = "failed to satisfy constraint: Member must be from 4 to 40 characters long";
const ONE: &str = "Only one of SolutionStackName, PlatformArn and TemplateName can be specified.";
const NO_TIER: &str = "Environment tier definition not found for: Tier";
const PLATFORM: (&str, &str) = (
    "64bit Amazon Linux 2023 v4.7.0 running Python 3.11",
    "arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.11 running on 64bit Amazon Linux 2023/4.7.0",
);

#[test]
fn what_cannot_be_created_is_refused_in_awss_words() {
    let mut world = World::ready();
    let stack = format!("SolutionStackName={}", PLATFORM.0);
    let arn = format!("PlatformArn={}", PLATFORM.1);
    let new = "EnvironmentName=shop-new";
    let long = "a".repeat(41);
    let tags: String = (0..48).map(|n| format!("&Tags.member.{n}.Key=k{n}")).collect();
    let bogus = option(1, "aws:autoscaling:launchconfiguration", "DisableIMDSv1", "bogus");
    for (form, message) in [
        (new, "The request must contain the parameter ApplicationName"),
        (APP, "The request must contain the parameter EnvironmentName"),
        (&format!("ApplicationName=nope&{new}"), "No Application named 'nope' found."),
        (&format!("{APP}&{NAME}"), "Environment shop-dev already exists."),
        (&format!("{APP}&EnvironmentName=abc"), &format!("Value abc at 'EnvironmentName' {LENGTH}")),
        (&format!("{APP}&EnvironmentName={long}"), &format!("Value {long} at 'EnvironmentName' {LENGTH}")),
        (&format!("{APP}&EnvironmentName=my_env"), &format!("Value my_env at 'EnvironmentName' {DASH}")),
        (&format!("{APP}&EnvironmentName=-env1"), &format!("Value -env1 at 'EnvironmentName' {DASH}")),
        (&format!("{APP}&EnvironmentName=env1-"), &format!("Value env1- at 'EnvironmentName' {DASH}")),
        (&format!("{APP}&EnvironmentName=%C3%A9nv1"), &format!("Value énv1 at 'EnvironmentName' {DASH}")),
        (&format!("{APP}&{new}&CNAMEPrefix=a.bcd"), &format!("Value a.bcd at 'CNAMEPrefix' {DASH}")),
        (&format!("{APP}&{new}&VersionLabel=v9"), "No Application Version named 'v9' found."),
        (&format!("{APP}&{new}&TemplateName=t"), "No Configuration Template named 'shop/t' found."),
        (&format!("{APP}&{new}&{stack}&{arn}"), ONE),
        (&format!("{APP}&{new}&{stack}&TemplateName=t"), ONE),
        (&format!("{APP}&{new}&SolutionStackName=Plan+9"), "No Solution Stack named 'Plan 9' found."),
        (&format!("{APP}&{new}&PlatformArn=x"), "No Platform named 'x' found."),
        (&format!("{APP}&{new}&Tier.Name=Other"), &format!("{NO_TIER}(Name: Other, Type: )")),
        (
            &format!("{APP}&{new}&Tier.Name=Worker&Tier.Type=Standard"),
            &format!("{NO_TIER}(Name: Worker, Type: Standard)"),
        ),
        (
            &format!("{APP}&{new}&Tags.member.1.Key=aws:x"),
            "Tag keys starting with 'aws:' are reserved for internal use",
        ),
        (&format!("{APP}&{new}{tags}"), "A resource of this kind can have 47 tags at most."),
        (
            &format!("{APP}&{new}&{bogus}"),
            "Configuration validation exception: Invalid option value: 'bogus' (Namespace: \
             'aws:autoscaling:launchconfiguration', OptionName: 'DisableIMDSv1'): Value is not one of the allowed \
             values: [true, false]",
        ),
    ] {
        world.refused("CreateEnvironment", form, message);
    }
    // One that is being deleted gets no more environments.
    let mut application = world.only::<Application>();
    application.deletions = vec!["U".to_owned()];
    let mut batch = Batch::default();
    batch.put(&Application::record_name("us-east-1", "shop"), &application);
    world.store.commit(batch.writes()).unwrap();
    world.refused("CreateEnvironment", &format!("{APP}&{new}"), "Application shop is being deleted.");
}

#[test]
fn what_is_created_is_described_with_all_that_clients_read() {
    let mut world = World::new();
    let health = option(1, "aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced");
    let form = format!(
        "{APP}&EnvironmentName=shop%2B&GroupName=blue&CNAMEPrefix=Shop&Description=a<b&VersionLabel=v1\
         &OperationsRole=arn:aws:iam::123456789012:role/ops&{health}"
    );
    let document = world.ok("CreateEnvironment", &form);
    let environment = world.environment("shop-blue");
    let id = &environment.id;
    let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    assert!(id.len() == 12 && id.starts_with("e-") && id[2..].bytes().all(is_fit), "{id}");
    let members = [
        ("EnvironmentName", "shop-blue"),
        ("EnvironmentId", id),
        ("ApplicationName", "shop"),
        ("VersionLabel", "v1"),
        ("SolutionStackName", PLATFORM.0),
        ("PlatformArn", PLATFORM.1),
        ("Description", "a&lt;b"),
        ("CNAME", "Shop.us-east-1.elasticbeanstalk.com"),
        ("DateCreated", "2026-11-24T12:00:00.000Z"),
        ("DateUpdated", "2026-11-24T12:00:00.000Z"),
        ("Status", "Launching"),
        ("AbortableOperationInProgress", "false"),
        ("Health", "Grey"),
        ("HealthStatus", "Pending"),
        ("Tier", "<Name>WebServer</Name><Type>Standard</Type><Version>1.0</Version>"),
        ("EnvironmentLinks", ""),
        ("EnvironmentArn", "arn:aws:elasticbeanstalk:us-east-1:123456789012:environment/shop/shop-blue"),
        ("OperationsRole", "arn:aws:iam::123456789012:role/ops"),
    ];
    let expected: String = members.iter().map(|(name, text)| format!("<{name}>{text}</{name}>")).collect();
    assert_eq!(document.replace("<EnvironmentLinks/>", "<EnvironmentLinks></EnvironmentLinks>"), expected);
    world.settle();
    let document = world.ok("DescribeEnvironments", "EnvironmentNames=");
    let endpoint = world.environment("shop-blue").endpoint.unwrap();
    for part in [
        &format!("<EndpointURL>{endpoint}</EndpointURL>"),
        "<Status>Ready</Status>",
        "<Health>Green</Health><HealthStatus>Ok</HealthStatus>",
    ] {
        assert!(document.contains(part), "{document}");
    }
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=jobs&Tier.Type=SQS/HTTP&Tier.Version=1.1"));
    let document = world.ok("DescribeEnvironments", "EnvironmentNames.member.1=jobs");
    assert!(document.contains("<Tier><Name>Worker</Name><Type>SQS/HTTP</Type>"), "{document}");
    assert!(!document.contains("<CNAME>"), "{document}");
}

#[test]
fn those_that_are_asked_for_are_described() {
    let mut world = World::ready();
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=shop-new&VersionLabel=v2"));
    world.settle();
    world.now += std::time::Duration::from_secs(3_600);
    let gone = world.environment("shop-dev").id;
    world.ok("TerminateEnvironment", NAME);
    world.settle();
    let later = world.later();
    world.now += std::time::Duration::from_secs(3_600);
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}"));
    let (new, other) = (world.environment("shop-dev").id, world.environment("shop-new").id);
    for (form, expected) in [
        ("", &[&new, &other, &gone][..]),
        ("IncludeDeleted=true&EnvironmentNames=", &[&new, &other, &gone]),
        ("IncludeDeleted=false", &[&new, &other]),
        ("IncludeDeleted=true&IncludedDeletedBackTo=2026-11-24T12:30:00Z", &[&new, &other, &gone]),
        (&format!("IncludedDeletedBackTo={later}"), &[&new, &other]),
        (&NAME.replace('=', "s.member.1="), &[&new, &gone]),
        (&format!("EnvironmentIds.member.1={gone}&EnvironmentIds.member.2={other}"), &[&other, &gone]),
        ("ApplicationName=nope", &[]),
        (&format!("{APP}&VersionLabel=v2"), &[&other]),
        ("EnvironmentNames.member.1=no-such", &[]),
        ("MaxRecords=1", &[&new]),
    ] {
        let document = world.ok("DescribeEnvironments", form);
        assert_eq!(ids(&document), *expected, "{form}");
        assert!(document.starts_with("<Environments>"), "{document}");
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let document = world.ok("DescribeEnvironments", &format!("MaxRecords=1&NextToken={token}"));
        seen.extend(ids(&document).into_iter().map(str::to_owned));
        let Some((_, rest)) = document.split_once("<NextToken>") else { break };
        rest.split('<').next().unwrap().clone_into(&mut token);
    }
    assert_eq!(seen, [new, other, gone]);
    for (form, code) in
        [("MaxRecords=0", "ValidationError"), ("IncludedDeletedBackTo=yesterday", "InvalidParameterValue")]
    {
        assert_eq!(world.call("DescribeEnvironments", form).unwrap_err().code, code);
    }
}

fn ids(document: &str) -> Vec<&str> {
    document.split("<EnvironmentId>").skip(1).map(|part| &part[..12]).collect()
}

#[test]
fn what_cannot_be_changed_is_refused_in_awss_words() {
    let mut world = World::ready();
    let id = world.environment("shop-dev").id;
    let chosen = option(1, "aws:elasticbeanstalk:application:environment", "A", "b");
    let removed = chosen.replace("OptionSettings", "OptionsToRemove");
    let unknown = option(1, "aws:nowhere", "x", "y");
    let both = "The version and the configuration of an environment cannot be updated at the same time.";
    for (form, message) in [
        ("", "You must specify either EnvironmentId or EnvironmentName."),
        ("EnvironmentName=no-such", "No Environment found for EnvironmentName = 'no-such'."),
        ("EnvironmentId=e-0000000000", "No Environment found for EnvironmentId = 'e-0000000000'."),
        (
            &format!("EnvironmentId={id}&EnvironmentName=no-such"),
            "No Environment found for EnvironmentName = 'no-such'.",
        ),
        (
            &format!("{NAME}&ApplicationName=other"),
            "Environment shop-dev does not belong to application other.",
        ),
        (&format!("{NAME}&Tier.Name=Worker"), "The tier of an environment cannot be changed."),
        (&format!("{NAME}&VersionLabel=v9"), "No Application Version named 'v9' found."),
        (&format!("{NAME}&VersionLabel=v2&{chosen}"), both),
        (&format!("{NAME}&VersionLabel=v2&{removed}"), both),
        (&format!("{NAME}&VersionLabel=v2&SolutionStackName=x"), both),
        (&format!("{NAME}&TemplateName=t"), "No Configuration Template named 'shop/t' found."),
        (&format!("{NAME}&TemplateName=t&PlatformArn=x"), ONE),
        (
            &format!("{NAME}&SolutionStackName=64bit Amazon Linux 2023 v4.7.0 running Docker"),
            "The platform of environment shop-dev cannot be changed from 64bit Amazon Linux 2023 v4.7.0 running \
             Python 3.11 to 64bit Amazon Linux 2023 v4.7.0 running Docker.",
        ),
        (
            &format!("{NAME}&{unknown}"),
            "Configuration validation exception: Invalid option specification (Namespace: 'aws:nowhere', \
             OptionName: 'x'): Unknown configuration setting.",
        ),
    ] {
        world.refused("UpdateEnvironment", form, message);
    }
    let why = "Invalid value 'x' for ForceTerminate. It must be 'true' or 'false'.";
    world.refused("TerminateEnvironment", &format!("{NAME}&ForceTerminate=x"), why);
    let form = format!("{NAME}&Tier.Name=WebServer&EnvironmentId={id}&{APP}&OptionSettings=&Description=new");
    world.ok("UpdateEnvironment", &form);
    for action in ["UpdateEnvironment", "RebuildEnvironment", "RestartAppServer"] {
        world.refused(action, NAME, &format!("Environment named shop-dev {READY}"));
    }
    world.settle();
    assert_eq!(world.environment("shop-dev").description, "new");
    world.ok("UpdateEnvironment", &format!("{NAME}&Description="));
    world.settle();
    assert_eq!(world.environment("shop-dev").description, "");
}
