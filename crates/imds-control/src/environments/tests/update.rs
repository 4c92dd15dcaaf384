//! What an update replaces and what it leaves, aborting, rebuilding, restarting, swapping.

use imds_core::options::HttpTokens::{Optional, Required};
use imds_store::record::LaunchTemplate;

use super::world::{APP, DISABLE, NOT_PENDING, RESTORE, World, option};

const NAME: &str = "EnvironmentName=shop-dev";

#[test]
fn what_is_changed_decides_what_is_replaced() {
    let asg = "aws:autoscaling:asg";
    let launch = "aws:autoscaling:launchconfiguration";
    let application = "aws:elasticbeanstalk:application:environment";
    let stack = |version: &str, runtime: &str| {
        format!("SolutionStackName=64bit Amazon Linux 2023 v{version} running Python {runtime}")
    };
    // What is sent, whether the instances are others after it, and the events at its end but for the last.
    let configured = &["INFO Successfully deployed new configuration to environment."][..];
    let deployed = &["INFO New application version was deployed to running EC2 instances."][..];
    for (form, is_replaced, events) in [
        (String::new(), false, &[][..]),
        ("Description=other".to_owned(), false, &[]),
        ("VersionLabel=v1".to_owned(), false, &[]),
        ("VersionLabel=v2".to_owned(), false, deployed),
        (option(1, application, "COLOUR", "blue"), false, configured),
        (
            option(1, "aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"),
            false,
            configured,
        ),
        (option(1, launch, "DisableIMDSv1", "true"), false, configured),
        (option(1, launch, "DisableIMDSv1", "false"), true, configured),
        (option(1, launch, "InstanceType", "t3.small"), true, configured),
        (option(1, launch, "SecurityGroups", "sg-00000001,web"), true, configured),
        (
            option(1, "aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance"),
            true,
            configured,
        ),
        (option(1, asg, "MaxSize", "3"), false, configured),
        (stack("4.7.0", "3.11"), false, &[]),
        (stack("4.3.0", "3.11"), true, configured),
        (stack("4.7.0", "3.13"), true, configured),
    ] {
        let mut world = World::ready();
        let before = world.environment("shop-dev");
        world.ok("UpdateEnvironment", &format!("{NAME}&{form}"));
        assert_eq!(world.told("shop-dev"), ("Updating", "Grey", 1), "{form}");
        world.advance();
        assert_eq!(world.told("shop-dev"), ("Updating", "Grey", 1), "it can be seen: {form}");
        assert_eq!(world.pass(), None, "{form}");
        assert_eq!(world.told("shop-dev"), ("Ready", "Green", 1), "{form}");
        let after = world.environment("shop-dev");
        assert_eq!(after.instances != before.instances, is_replaced, "{form}");
        assert_eq!(after.template_version, 1 + u64::from(is_replaced), "{form}");
        let told = world.events("UpdateEnvironment");
        assert_eq!(told[0], "INFO Environment update completed successfully.", "{form}");
        assert_eq!(told[1..=events.len()], *events, "{form}");
        assert_eq!(told.last().unwrap(), "INFO Environment update is starting.", "{form}");
        world.addresses_are_those_that_run();
    }
}

#[test]
fn what_is_chosen_is_what_is_launched() {
    let launch = "aws:autoscaling:launchconfiguration";
    let mut world = World::ready();
    let key = "KeyName=k&PublicKeyMaterial=c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFBSUFBQUFBQUFBQUFBQUFBQUFB\
        QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUEgaw==";
    world.ok("ImportKeyPair", key);
    let form = [
        option(1, launch, "EC2KeyName", "k"),
        option(2, launch, "SecurityGroups", "sg-00000001, web"),
        option(3, launch, "MonitoringInterval", "1 minute"),
        option(4, launch, "RootVolumeSize", "20"),
        option(5, "aws:ec2:instances", "InstanceTypes", "t4g.nano, t4g.micro"),
        option(6, "aws:ec2:vpc", "Subnets", "subnet-00000001&ImageId=ami-1,subnet-00000002"),
    ];
    world.ok("UpdateEnvironment", &format!("{NAME}&{}", form.join("&")));
    world.settle();
    let told = world.events("UpdateEnvironment");
    assert!(
        told.iter()
            .any(|event| event.starts_with("ERROR ") && event.contains("subnet-00000001&ImageId=ami-1")),
        "{told:?}"
    );
    let form = form.join("&").replace("%26ImageId%3Dami-1", "");
    world.ok("UpdateEnvironment", &format!("{NAME}&{form}"));
    world.settle();
    let environment = world.environment("shop-dev");
    let instance = world.machine(&environment.instances[0]).instance;
    assert_eq!((&*instance.instance_type, &*instance.ami_id), ("t4g.nano", "ami-0abcdef1234562024"));
    assert_eq!(instance.public_keys[0].0, "k");
    let primary = instance.primary();
    assert_eq!(primary.security_groups[..2], ["sg-00000001", "web"]);
    assert!(
        primary.security_groups[2]
            .starts_with(&format!("awseb-{}-stack-AWSEBSecurityGroup-", environment.id))
    );
    assert_eq!(primary.subnet_id, "subnet-00000001");
    assert_eq!(instance.monitoring.to_string(), "enabled");
    let template = world.only::<LaunchTemplate>();
    let data = &template.versions[&environment.template_version].data;
    assert_eq!(data.block_devices[0]["Ebs.VolumeSize"], "20");
    world.ok(
        "UpdateEnvironment",
        &format!("{NAME}&{}", option(1, launch, "DisableDefaultEC2SecurityGroup", "true")),
    );
    world.settle();
    let instance = world.machine(&world.environment("shop-dev").instances[0]).instance;
    assert_eq!(instance.primary().security_groups, ["sg-00000001", "web"]);
}

#[test]
fn amazon_linux_2_has_both_versions_by_default() {
    let mut world = World::new();
    let al2 = "SolutionStackName=64bit Amazon Linux 2 v3.9.0 running Corretto 11";
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=old-dev&{al2}"));
    world.settle();
    assert_eq!(world.running(), [Optional]);
    assert_eq!(
        world
            .machine(&world.environment("old-dev").instances[0])
            .instance
            .options
            .http_put_response_hop_limit
            .hops(),
        1
    );
    world.ok("UpdateEnvironment", &format!("EnvironmentName=old-dev&{DISABLE}=TRUE"));
    world.settle();
    assert_eq!(world.running(), [Required]);
    // What was not chosen goes with the platform.
    let al2023 = "64bit Amazon Linux 2023 v4.6.0 running Corretto 17";
    world.ok("UpdateEnvironment", &format!("EnvironmentName=old-dev&{RESTORE}&SolutionStackName={al2023}"));
    world.settle();
    assert_eq!(world.running(), [Required]);
    assert_eq!(
        world.environment("old-dev").solution_stack,
        "64bit Amazon Linux 2023 v4.6.0 running Corretto 17"
    );
}

#[test]
fn the_number_of_instances_follows_the_least_size() {
    let mut world = World::ready();
    let size = |size: &str| format!("{NAME}&{}", option(1, "aws:autoscaling:asg", "MinSize", size));
    let first = world.environment("shop-dev").instances[0].clone();
    world.ok("UpdateEnvironment", &size("3"));
    world.settle();
    let three = world.environment("shop-dev").instances;
    assert_eq!((three.len(), &three[0]), (3, &first));
    assert!(
        world
            .events("UpdateEnvironment")
            .contains(&"INFO Added instances [i, i] to your environment.".to_owned())
    );
    world.ok("UpdateEnvironment", &size("2"));
    world.settle();
    assert_eq!(world.environment("shop-dev").instances, three[1..], "the oldest goes");
    assert_eq!(world.running().len(), 2);
    let both = format!(
        "{}&{}",
        size("4"),
        option(2, "aws:autoscaling:launchconfiguration", "DisableIMDSv1", "false")
    );
    world.ok("UpdateEnvironment", &both);
    world.advance();
    assert_eq!(world.running(), [Required, Required, Optional, Optional, Optional, Optional]);
    world.settle();
    assert_eq!(world.running(), [Optional; 4]);
    // One instance has no size.
    let single = option(1, "aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance");
    world.ok("UpdateEnvironment", &format!("{NAME}&{single}"));
    world.settle();
    assert_eq!(world.running(), [Optional]);
    world.addresses_are_those_that_run();
}

#[test]
fn what_is_lost_in_an_update_is_launched_again() {
    let mut world = World::ready();
    world.ok(
        "UpdateEnvironment",
        &format!("{NAME}&{DISABLE}=false&{}", option(2, "aws:autoscaling:asg", "MinSize", "2")),
    );
    world.advance();
    let launched = world.environment("shop-dev").work.unwrap().launched;
    world.ok("TerminateInstances", &format!("InstanceId.1={}", launched[0]));
    world.ok("StopInstances", &format!("InstanceId.1={}", launched[1]));
    assert_eq!(world.advance(), Some(world.later()), "it is left to the next step");
    assert_eq!(world.pass(), Some(world.later()), "what came anew gets its time");
    assert_eq!(world.told("shop-dev").0, "Updating");
    assert_eq!(world.running(), [Required, Optional, Optional], "the old one still answers");
    assert_eq!(world.pass(), None);
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 2), vec![Optional, Optional]));
    assert!(world.environment("shop-dev").instances.iter().all(|id| !launched.contains(id)));
    // The same of what is not replaced, and of a template that its owner deleted.
    let template = world.environment("shop-dev").template.unwrap();
    world.ok(
        "UpdateEnvironment",
        &format!("{NAME}&{}", option(1, "aws:elasticbeanstalk:application:environment", "A", "b")),
    );
    world.ok("TerminateInstances", &format!("InstanceId.1={}", world.environment("shop-dev").instances[0]));
    world.ok("DeleteLaunchTemplate", &format!("LaunchTemplateId={template}"));
    world.settle();
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 2), vec![Optional, Optional]));
    assert_ne!(world.environment("shop-dev").template, Some(template));
    world.addresses_are_those_that_run();
}

#[test]
fn an_update_that_is_aborted_leaves_nothing() {
    for steps in 0..2 {
        let mut world = World::ready();
        let before = world.environment("shop-dev");
        world.refused("AbortEnvironmentUpdate", NAME, NOT_PENDING);
        world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=false&VersionLabel="));
        for _ in 0..steps {
            world.advance();
        }
        assert!(world.ok("DescribeEnvironments", "").contains("<AbortableOperationInProgress>true<"));
        world.ok("AbortEnvironmentUpdate", NAME);
        assert_eq!(world.told("shop-dev"), ("Aborting", "Grey", 1));
        world.refused("AbortEnvironmentUpdate", NAME, NOT_PENDING);
        world.refused(
            "UpdateEnvironment",
            NAME,
            "Environment named shop-dev is in an invalid state for this operation. Must be Ready.",
        );
        world.settle();
        let after = world.environment("shop-dev");
        assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Required]));
        assert_eq!(
            (&after.instances, &after.settings, after.template_version),
            (&before.instances, &before.settings, 1)
        );
        assert_eq!(world.only::<LaunchTemplate>().versions.len(), 1);
        let told = world.events("UpdateEnvironment");
        assert_eq!(told[0], "INFO The environment was reverted to the previous configuration setting.");
        assert_eq!(world.events("AbortEnvironmentUpdate"), ["INFO Environment update is being aborted."]);
        world.addresses_are_those_that_run();
        // The number of a version is not used again, and what was aborted can be done.
        world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=false"));
        world.settle();
        assert_eq!(world.running(), [Optional]);
    }
}

#[test]
fn a_rebuilt_environment_has_nothing_of_the_old_but_its_names() {
    let mut world = World::ready();
    let before = world.environment("shop-dev");
    world.ok("RebuildEnvironment", NAME);
    assert_eq!(world.told("shop-dev"), ("Updating", "Grey", 1));
    assert_eq!(world.advance(), Some(world.later()));
    assert_eq!((world.told("shop-dev").2, world.running().len(), world.count("launch-template/")), (0, 0, 0));
    assert_eq!(world.pass(), Some(world.later()));
    assert_eq!(world.running().len(), 1);
    assert_eq!(world.pass(), None);
    let after = world.environment("shop-dev");
    assert_eq!(world.told("shop-dev"), ("Ready", "Green", 1));
    assert!(after.instances != before.instances && after.template != before.template);
    assert_eq!((after.id, after.cname_prefix, after.template_version), (before.id, before.cname_prefix, 1));
    let told = world.events("RebuildEnvironment");
    assert_eq!(told[0], "INFO Successfully launched environment: shop-dev");
    assert_eq!(told[1], "INFO rebuildEnvironment completed successfully.");
    world.addresses_are_those_that_run();
}

#[test]
fn a_restart_leaves_the_instances_alone() {
    let mut world = World::ready();
    let before = world.environment("shop-dev").instances;
    world.ok("RestartAppServer", NAME);
    assert_eq!(world.advance(), Some(world.later()));
    assert_eq!(world.told("shop-dev"), ("Updating", "Grey", 1));
    assert_eq!(world.pass(), None);
    assert_eq!(
        (world.told("shop-dev"), world.environment("shop-dev").instances),
        (("Ready", "Green", 1), before)
    );
    assert_eq!(
        world.events("RestartAppServer"),
        ["INFO restartAppServer completed successfully.", "INFO restartAppServer is starting."]
    );
}

#[test]
fn two_environments_swap_their_host_names() {
    let mut world = World::ready();
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=shop-new&CNAMEPrefix=fresh"));
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=jobs&Tier.Name=Worker&Tier.Type=SQS/HTTP"));
    let swap = "SourceEnvironmentName=shop-new&DestinationEnvironmentName=shop-dev";
    world.refused(
        "SwapEnvironmentCNAMEs",
        swap,
        "Environment named shop-new is in an invalid state for this operation. Must be Ready.",
    );
    world.settle();
    let old = world.environment("shop-dev").cname_prefix;
    world.ok("SwapEnvironmentCNAMEs", swap);
    assert_eq!(
        (world.environment("shop-dev").cname_prefix, world.environment("shop-new").cname_prefix),
        ("fresh".to_owned(), old)
    );
    let told = world.events("SwapEnvironmentCNAMEs");
    assert_eq!(told[0], "INFO Completed swapping CNAMEs for environments 'shop-new' and 'shop-dev'.");
    assert_eq!(told.len(), 4);
    for (form, message) in [
        (
            "SourceEnvironmentName=jobs&DestinationEnvironmentName=shop-dev",
            "Environment jobs has no CNAME to swap.",
        ),
        (
            "SourceEnvironmentName=shop-dev&DestinationEnvironmentName=shop-dev",
            "The source and destination environments must be different.",
        ),
        (
            "SourceEnvironmentName=shop-dev&DestinationEnvironmentName=no-such",
            "No Environment found for EnvironmentName = 'no-such'.",
        ),
        ("SourceEnvironmentName=shop-dev", "You must specify either EnvironmentId or EnvironmentName."),
    ] {
        world.refused("SwapEnvironmentCNAMEs", form, message);
    }
    // Each frees the name that it has, and no other.
    world.ok("TerminateEnvironment", "EnvironmentName=shop-new");
    world.settle();
    world.refused(
        "CreateEnvironment",
        &format!("{APP}&EnvironmentName=more&CNAMEPrefix=FRESH"),
        "DNS name (FRESH) is not available.",
    );
    world.ok("TerminateEnvironment", NAME);
    world.settle();
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=more&CNAMEPrefix=FRESH"));
}

#[test]
fn instances_can_outlive_their_environment() {
    let mut world = World::ready();
    let instances = world.environment("shop-dev").instances;
    world.ok("TerminateEnvironment", &format!("{NAME}&TerminateResources=false"));
    world.settle();
    assert_eq!(world.running(), [Required]);
    assert!(world.machine(&instances[0]).state.is_running());
    assert_eq!((world.count("environment-name/"), world.count("launch-template/")), (0, 1));
    assert_eq!(world.events("TerminateEnvironment")[0], "INFO terminateEnvironment completed successfully.");
    world.ok("TerminateInstances", &format!("InstanceId.1={}", instances[0]));
    assert_eq!(world.advance(), None, "nobody replaces it any more");
}

#[test]
fn a_launch_that_is_under_way_can_be_terminated() {
    for steps in 0..2 {
        let mut world = World::new();
        world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=shop-dev"));
        for _ in 0..steps {
            world.advance();
        }
        world.ok("TerminateEnvironment", NAME);
        world.settle();
        assert_eq!(world.running(), []);
        assert_eq!(
            world.count("launch-template") + world.count("environment-name/") + world.count("address/"),
            0
        );
    }
    let mut world = World::ready();
    world.ok("UpdateEnvironment", NAME);
    world.refused(
        "TerminateEnvironment",
        NAME,
        "Cannot terminate environment named shop-dev. It is currently pending deployment.",
    );
}

#[test]
fn a_configuration_template_brings_platform_and_settings() {
    let mut world = World::new();
    let key = "ApplicationName=shop&TemplateName=both";
    let form =
        format!("{key}&SolutionStackName=64bit Amazon Linux 2 v3.9.0 running Corretto 11&{DISABLE}=true");
    world.ok("CreateConfigurationTemplate", &form);
    let size = option(1, "aws:autoscaling:asg", "MinSize", "2");
    let document = world.ok("CreateEnvironment", &format!("{key}&{NAME}&{size}"));
    assert!(document.contains("<TemplateName>both</TemplateName>"), "{document}");
    world.settle();
    assert_eq!(world.running(), [Required; 2]);
    assert_eq!(
        world.environment("shop-dev").solution_stack,
        "64bit Amazon Linux 2 v3.9.0 running Corretto 11"
    );
    // Of an update it replaces what was chosen before.
    world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=false"));
    world.settle();
    assert_eq!(world.running(), [Optional; 2]);
    world.ok("UpdateEnvironment", &format!("{NAME}&TemplateName=both"));
    world.settle();
    assert_eq!(world.running(), [Required]);
}

#[test]
fn a_clone_has_the_settings_of_its_original() {
    let mut world = World::ready();
    let size = option(2, "aws:autoscaling:asg", "MinSize", "2");
    world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=false&{size}"));
    world.settle();
    let of = "TemplateSpecification.TemplateSource.EnvironmentName";
    let size = option(1, "aws:autoscaling:asg", "MinSize", "1");
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=shop-copy&{of}=shop-dev&{size}"));
    world.settle();
    assert_eq!(world.told("shop-copy"), ("Ready", "Green", 1));
    assert_eq!(world.running(), [Optional; 3]);
    let unknown = "No Environment found for EnvironmentName = 'no-such'.";
    world.refused("CreateEnvironment", &format!("{APP}&EnvironmentName=more&{of}=no-such"), unknown);
}

#[test]
fn of_the_versions_that_are_replaced_the_last_few_are_kept() {
    let mut world = World::ready();
    let template = world.environment("shop-dev").template.unwrap();
    let of_owner = format!("LaunchTemplateId={template}&SourceVersion=1&LaunchTemplateData.KeyName=k");
    world.ok("CreateLaunchTemplateVersion", &of_owner);
    for number in 0..8 {
        let value = number % 2 == 1;
        world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}={value}"));
        world.settle();
        assert_eq!(world.running(), [if value { Required } else { Optional }]);
    }
    let versions: Vec<_> = world.only::<LaunchTemplate>().versions.into_keys().collect();
    // The default, its owner's, three that were replaced, and the one that is deployed.
    assert_eq!(versions, [1, 2, 7, 8, 9, 10]);
    world.ok("TerminateInstances", &format!("InstanceId.1={}", world.environment("shop-dev").instances[0]));
    world.settle();
    assert_eq!(world.running(), [Required]);
}
