//! Options of the environment itself and of what watches over it.

use super::super::spec::{Balancer, Spec, Values, flag, number, option, word};

const LOGS: &str = "aws:elasticbeanstalk:cloudwatch:logs";
const HEALTH_LOGS: &str = "aws:elasticbeanstalk:cloudwatch:logs:health";
const COMMAND: &str = "aws:elasticbeanstalk:command";
const CONTROL: &str = "aws:elasticbeanstalk:control";
const ENVIRONMENT: &str = "aws:elasticbeanstalk:environment";
const HEALTH: &str = "aws:elasticbeanstalk:healthreporting:system";
const MANAGED: &str = "aws:elasticbeanstalk:managedactions";
const MANAGED_UPDATE: &str = "aws:elasticbeanstalk:managedactions:platformupdate";
const TOPICS: &str = "aws:elasticbeanstalk:sns:topics";
const QUEUE: &str = "aws:elasticbeanstalk:sqsd";
const SPLITTING: &str = "aws:elasticbeanstalk:trafficsplitting";
const DATABASE: &str = "aws:rds:dbinstance";

const DAYS: &[&str] = &[
    "1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731", "1827",
    "3653",
];
const POLICIES: &[&str] =
    &["AllAtOnce", "Rolling", "RollingWithAdditionalBatch", "Immutable", "TrafficSplitting"];

pub(super) const OPTIONS: &[Spec] = &[
    flag(LOGS, "DeleteOnTerminate").is("false"),
    word(LOGS, "RetentionInDays", DAYS).is("7"),
    flag(LOGS, "StreamLogs").is("false"),
    flag(HEALTH_LOGS, "DeleteOnTerminate").is("false"),
    flag(HEALTH_LOGS, "HealthStreamingEnabled").is("false"),
    word(HEALTH_LOGS, "RetentionInDays", DAYS).is("7"),
    number(COMMAND, "BatchSize", 1, 10_000).is("100"),
    word(COMMAND, "BatchSizeType", &["Percentage", "Fixed"]).is("Percentage"),
    word(COMMAND, "DeploymentPolicy", POLICIES).is("AllAtOnce"),
    flag(COMMAND, "IgnoreHealthCheck").is("false"),
    number(COMMAND, "Timeout", 1, 3_600).is("600"),
    word(ENVIRONMENT, "EnvironmentType", &["SingleInstance", "LoadBalanced"]).is("LoadBalanced").replaces(),
    option(ENVIRONMENT, "ExternalExtensionsS3Bucket"),
    option(ENVIRONMENT, "ExternalExtensionsS3Key"),
    flag(ENVIRONMENT, "LoadBalancerIsShared").is("false").replaces().behind(Balancer::Some),
    word(ENVIRONMENT, "LoadBalancerType", &["classic", "application", "network"])
        .is("classic")
        .replaces()
        .behind(Balancer::Some),
    option(ENVIRONMENT, "ServiceRole").replaces(),
    option(HEALTH, "ConfigDocument"),
    flag(HEALTH, "EnhancedHealthAuthEnabled").is("true"),
    word(HEALTH, "HealthCheckSuccessThreshold", &["Ok", "Warning", "Degraded", "Severe"]).is("Ok"),
    word(HEALTH, "SystemType", &["basic", "enhanced"]).is("basic"),
    flag("aws:elasticbeanstalk:hostmanager", "LogPublicationControl").is("false"),
    flag("aws:elasticbeanstalk:monitoring", "Automatically Terminate Unhealthy Instances").is("true"),
    flag(MANAGED, "ManagedActionsEnabled").is("false"),
    option(MANAGED, "PreferredStartTime").of(Values::Pattern(
        "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun):([01][0-9]|2[0-3]):[0-5][0-9]$",
        "day:hour:minute",
        is_start,
    )),
    option(MANAGED, "ServiceRoleForManagedUpdates"),
    flag(MANAGED_UPDATE, "InstanceRefreshEnabled").is("false"),
    word(MANAGED_UPDATE, "UpdateLevel", &["patch", "minor"]),
    option(TOPICS, "Notification Endpoint"),
    word(TOPICS, "Notification Protocol", &["http", "https", "email", "email-json", "sqs"]).is("email"),
    option(TOPICS, "Notification Topic ARN"),
    option(TOPICS, "Notification Topic Name"),
    number(QUEUE, "ConnectTimeout", 1, 60).is("5").of_workers(),
    number(QUEUE, "ErrorVisibilityTimeout", 0, 43_200).is("2").of_workers(),
    number(QUEUE, "HttpConnections", 1, 100).is("50").of_workers(),
    option(QUEUE, "HttpPath").is("/").of_workers(),
    number(QUEUE, "InactivityTimeout", 1, 36_000).is("299").of_workers(),
    number(QUEUE, "MaxRetries", 1, 100).is("10").of_workers(),
    option(QUEUE, "MimeType").is("application/json").of_workers(),
    number(QUEUE, "RetentionPeriod", 60, 1_209_600).is("345600").of_workers(),
    number(QUEUE, "VisibilityTimeout", 0, 43_200).is("300").of_workers(),
    option(QUEUE, "WorkerQueueURL").of_workers(),
    number(SPLITTING, "EvaluationTime", 3, 600).is("5").behind(Balancer::Second),
    number(SPLITTING, "NewVersionPercent", 1, 100).is("10").behind(Balancer::Second),
    number(CONTROL, "DefaultSSHPort", 1, 65_535).is("22"),
    number(CONTROL, "LaunchTimeout", 0, 86_400).is("0"),
    option(CONTROL, "LaunchType").is("Migration"),
    flag(CONTROL, "RollbackLaunchOnFailure").is("false"),
    // A database is taken as it is named; there is none.
    number(DATABASE, "DBAllocatedStorage", 5, 65_536),
    word(DATABASE, "DBDeletionPolicy", &["Delete", "Retain", "Snapshot"]),
    option(DATABASE, "DBEngine"),
    option(DATABASE, "DBEngineVersion"),
    option(DATABASE, "DBInstanceClass"),
    option(DATABASE, "DBPassword"),
    option(DATABASE, "DBSnapshotIdentifier"),
    option(DATABASE, "DBUser"),
    flag(DATABASE, "HasCoupledDatabase"),
    flag(DATABASE, "MultiAZDatabase"),
];

fn is_start(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let [day, hour, minute] = parts[..] else { return false };
    let is_below = |text: &str, most: u8| text.len() == 2 && text.parse::<u8>().is_ok_and(|n| n < most);
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&day)
        && is_below(hour, 24)
        && is_below(minute, 60)
}
