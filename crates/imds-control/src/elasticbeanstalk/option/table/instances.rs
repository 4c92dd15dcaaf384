//! Options of the instances, of their group and of where they are.

use super::super::spec::{Balancer, Spec, Values, flag, list, number, option, word};

const GROUP: &str = "aws:autoscaling:asg";
const LAUNCH: &str = "aws:autoscaling:launchconfiguration";
const ACTION: &str = "aws:autoscaling:scheduledaction";
const TRIGGER: &str = "aws:autoscaling:trigger";
const UPDATE: &str = "aws:autoscaling:updatepolicy:rollingupdate";
const INSTANCES: &str = "aws:ec2:instances";
const VPC: &str = "aws:ec2:vpc";

const AUTO_SCALING_GROUP: &str = "AWSEBAutoScalingGroup";
const LAUNCH_TEMPLATE: &str = "AWSEBAutoScalingLaunchConfiguration";
const ALARM: &str = "AWSEBCloudwatchAlarmLow";

const MEASURES: &[&str] = &[
    "CPUUtilization",
    "NetworkIn",
    "NetworkOut",
    "DiskWriteOps",
    "DiskReadBytes",
    "DiskReadOps",
    "DiskWriteBytes",
    "Latency",
    "RequestCount",
    "HealthyHostCount",
    "UnhealthyHostCount",
    "TargetResponseTime",
];

const UNITS: &[&str] =
    &["Seconds", "Percent", "Bytes", "Bits", "Count", "Bytes/Second", "Bits/Second", "Count/Second", "None"];

pub(super) const OPTIONS: &[Spec] = &[
    word(GROUP, "Availability Zones", &["Any", "Any 1", "Any 2", "Any 3"])
        .is("Any")
        .part_of(AUTO_SCALING_GROUP),
    number(GROUP, "Cooldown", 0, 10_000).is("360").part_of(AUTO_SCALING_GROUP),
    list(GROUP, "Custom Availability Zones").replaces().part_of(AUTO_SCALING_GROUP),
    flag(GROUP, "EnableCapacityRebalancing").is("false").part_of(AUTO_SCALING_GROUP),
    number(GROUP, "MaxSize", 1, 10_000).by_type("1", "4").part_of(AUTO_SCALING_GROUP),
    number(GROUP, "MinSize", 1, 10_000).is("1").part_of(AUTO_SCALING_GROUP),
    option(LAUNCH, "BlockDeviceMappings").replaces().part_of(LAUNCH_TEMPLATE),
    flag(LAUNCH, "DisableDefaultEC2SecurityGroup").is("false").replaces().part_of(LAUNCH_TEMPLATE),
    // The box of the console. V2 alone is the default of Amazon Linux 2023.
    flag(LAUNCH, "DisableIMDSv1").by_system("true", "false").replaces().part_of(LAUNCH_TEMPLATE),
    option(LAUNCH, "EC2KeyName").of(Values::Text(Some(200))).replaces().part_of(LAUNCH_TEMPLATE),
    option(LAUNCH, "IamInstanceProfile").replaces().part_of(LAUNCH_TEMPLATE),
    option(LAUNCH, "ImageId")
        .of(Values::Pattern("^ami-[0-9a-f]{8,17}$", "image id", is_image))
        .replaces()
        .part_of(LAUNCH_TEMPLATE),
    option(LAUNCH, "InstanceType")
        .of(Values::InstanceType)
        .is("t3.micro")
        .replaces()
        .part_of(LAUNCH_TEMPLATE),
    flag(LAUNCH, "LaunchTemplateTagPropagationEnabled").is("false").replaces().part_of(LAUNCH_TEMPLATE),
    word(LAUNCH, "MonitoringInterval", &["1 minute", "5 minute"])
        .is("5 minute")
        .replaces()
        .part_of(LAUNCH_TEMPLATE),
    number(LAUNCH, "RootVolumeIOPS", 100, 20_000).replaces().part_of(LAUNCH_TEMPLATE),
    number(LAUNCH, "RootVolumeSize", 8, 16_384).replaces().part_of(LAUNCH_TEMPLATE),
    number(LAUNCH, "RootVolumeThroughput", 125, 1_000).replaces().part_of(LAUNCH_TEMPLATE),
    word(LAUNCH, "RootVolumeType", &["standard", "gp2", "gp3", "io1"]).replaces().part_of(LAUNCH_TEMPLATE),
    option(LAUNCH, "SSHSourceRestriction").is("tcp,22,22,0.0.0.0/0"),
    list(LAUNCH, "SecurityGroups").is("elasticbeanstalk-default").replaces().part_of(LAUNCH_TEMPLATE),
    // Each action has a resource name of its own.
    number(ACTION, "DesiredCapacity", 0, 10_000),
    option(ACTION, "EndTime"),
    number(ACTION, "MaxSize", 0, 10_000),
    number(ACTION, "MinSize", 0, 10_000),
    option(ACTION, "Recurrence"),
    option(ACTION, "StartTime"),
    flag(ACTION, "Suspend"),
    number(TRIGGER, "BreachDuration", 1, 600).is("5").behind(Balancer::Some).part_of(ALARM),
    number(TRIGGER, "EvaluationPeriods", 1, 600).is("1").behind(Balancer::Some).part_of(ALARM),
    option(TRIGGER, "LowerBreachScaleIncrement")
        .is("-1")
        .behind(Balancer::Some)
        .part_of("AWSEBAutoScalingScaleDownPolicy"),
    number(TRIGGER, "LowerThreshold", 0, 20_000_000).is("2000000").behind(Balancer::Some).part_of(ALARM),
    word(TRIGGER, "MeasureName", MEASURES).is("NetworkOut").behind(Balancer::Some).part_of(ALARM),
    number(TRIGGER, "Period", 1, 600).is("5").behind(Balancer::Some).part_of(ALARM),
    word(TRIGGER, "Statistic", &["Minimum", "Maximum", "Sum", "Average"])
        .is("Average")
        .behind(Balancer::Some)
        .part_of(ALARM),
    word(TRIGGER, "Unit", UNITS).is("Bytes").behind(Balancer::Some).part_of(ALARM),
    option(TRIGGER, "UpperBreachScaleIncrement")
        .is("1")
        .behind(Balancer::Some)
        .part_of("AWSEBAutoScalingScaleUpPolicy"),
    number(TRIGGER, "UpperThreshold", 0, 20_000_000)
        .is("6000000")
        .behind(Balancer::Some)
        .part_of("AWSEBCloudwatchAlarmHigh"),
    number(UPDATE, "MaxBatchSize", 1, 10_000).part_of(AUTO_SCALING_GROUP),
    number(UPDATE, "MinInstancesInService", 0, 9_999).part_of(AUTO_SCALING_GROUP),
    option(UPDATE, "PauseTime").part_of(AUTO_SCALING_GROUP),
    flag(UPDATE, "RollingUpdateEnabled").is("false").part_of(AUTO_SCALING_GROUP),
    word(UPDATE, "RollingUpdateType", &["Time", "Health", "Immutable"])
        .is("Time")
        .part_of(AUTO_SCALING_GROUP),
    option(UPDATE, "Timeout").is("PT30M").part_of(AUTO_SCALING_GROUP),
    flag(INSTANCES, "EnableSpot").is("false").replaces(),
    option(INSTANCES, "InstanceTypes").of(Values::InstanceTypes).is("t3.micro, t3.small").replaces(),
    word(
        INSTANCES,
        "SpotAllocationStrategy",
        &["capacity-optimized", "lowest-price", "price-capacity-optimized", "capacity-optimized-prioritized"],
    )
    .is("capacity-optimized"),
    number(INSTANCES, "SpotFleetOnDemandAboveBasePercentage", 0, 100).by_type("0", "70"),
    number(INSTANCES, "SpotFleetOnDemandBase", 0, 10_000).is("0"),
    option(INSTANCES, "SpotMaxPrice"),
    word(INSTANCES, "SupportedArchitectures", &["x86_64", "arm64"]).is("x86_64").replaces(),
    option(VPC, "AssociatePublicIpAddress").replaces().part_of(LAUNCH_TEMPLATE),
    list(VPC, "DBSubnets").replaces(),
    option(VPC, "ELBScheme").is("public").replaces(),
    list(VPC, "ELBSubnets").replaces(),
    list(VPC, "Subnets").replaces().part_of(AUTO_SCALING_GROUP),
    option(VPC, "VPCId").replaces(),
];

fn is_image(id: &str) -> bool {
    let digits = id.strip_prefix("ami-").unwrap_or_default();
    (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
