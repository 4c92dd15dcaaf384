//! What cannot be launched is told, and taken back.

use std::net::Ipv4Addr;

use imds_core::options::HttpTokens::{Optional, Required};
use imds_store::record::{Environment, LaunchTemplate};

use super::world::{APP, DISABLE, NOT_PENDING, World, option};

const NAME: &str = "EnvironmentName=shop-dev";
const LAUNCH: &str = "aws:autoscaling:launchconfiguration";
const FAILED: &str = "ERROR Failed to deploy configuration.";
const REVERTED: &str = "INFO The environment was reverted to the previous configuration setting.";

/// The options that cannot be launched with, and a part of the reason.
fn hopeless() -> Vec<(String, &'static str)> {
    vec![
        (
            option(1, LAUNCH, "IamInstanceProfile", "nobody"),
            "The instance profile nobody associated with the environment does not exist.",
        ),
        (
            option(1, LAUNCH, "ImageId", "ami-00000000000000bad"),
            "The image id '[ami-00000000000000bad]' does not exist",
        ),
        (option(1, LAUNCH, "EC2KeyName", "lost"), "The key pair 'lost' does not exist"),
        (
            format!(
                "{}&{}",
                option(1, LAUNCH, "ImageId", "ami-0abcdef1234562024"),
                option(2, LAUNCH, "InstanceType", "t3.nano")
            ),
            "does not match the architecture",
        ),
        (
            option(1, "aws:autoscaling:asg", "MinSize", "1001")
                + "&"
                + &option(2, "aws:autoscaling:asg", "MaxSize", "2000"),
            "1000 instances at most",
        ),
    ]
}

fn enforce(world: &mut World) {
    world.ok("ModifyInstanceMetadataDefaults", "HttpTokensEnforced=enabled");
}

#[test]
fn a_launch_that_fails_leaves_an_environment_without_instances() {
    for (form, reason) in hopeless() {
        let mut world = World::new();
        world.ok("CreateEnvironment", &format!("{APP}&{NAME}&{form}"));
        world.advance();
        assert_eq!(world.told("shop-dev"), ("Launching", "Grey", 0), "{form}");
        assert_eq!(world.pass(), None, "{form}");
        assert_eq!(world.told("shop-dev"), ("Ready", "Red", 0), "{form}");
        let told = world.events("CreateEnvironment");
        assert_eq!(told[0], "ERROR Failed to launch environment.");
        assert!(told[1].starts_with("ERROR ") && told[1].contains(reason), "{told:?}");
        assert_eq!(
            world.count("machine/") + world.count("address/") + world.count("launch-template"),
            0,
            "{form}"
        );
        // It is left so, and can be mended, rebuilt and terminated.
        assert_eq!(world.pass(), None);
        let mended = form
            .split('&')
            .filter(|part| !part.contains(".Value="))
            .collect::<Vec<_>>()
            .join("&")
            .replace("OptionSettings", "OptionsToRemove");
        let mut rebuilt = world.copy();
        rebuilt.ok("RebuildEnvironment", NAME);
        rebuilt.settle();
        assert_eq!(rebuilt.told("shop-dev"), ("Ready", "Red", 0), "{form}");
        assert_eq!(rebuilt.events("RebuildEnvironment")[0], "ERROR Failed to launch environment.");
        world.ok("UpdateEnvironment", &format!("{NAME}&{mended}"));
        world.settle();
        assert_eq!(
            (world.told("shop-dev"), world.running()),
            (("Ready", "Green", 1), vec![Required]),
            "{form}"
        );
        let mut gone = rebuilt.copy();
        gone.ok("TerminateEnvironment", NAME);
        gone.settle();
        assert_eq!(gone.all::<Environment>()[0].status, "Terminated");
    }
}

#[test]
fn an_update_that_fails_leaves_everything_as_it_was() {
    for (form, reason) in hopeless() {
        let mut world = World::ready();
        let before = world.environment("shop-dev");
        let template = world.only::<LaunchTemplate>();
        world.ok("UpdateEnvironment", &format!("{NAME}&{form}&Description=other"));
        world.advance();
        assert_eq!(world.told("shop-dev"), ("Updating", "Grey", 1), "{form}");
        assert!(!world.ok("DescribeEnvironments", "").contains("<AbortableOperationInProgress>true<"));
        world.refused("AbortEnvironmentUpdate", NAME, NOT_PENDING);
        assert_eq!(world.pass(), None, "{form}");
        let after = world.environment("shop-dev");
        assert_eq!(world.told("shop-dev"), ("Ready", "Green", 1), "{form}");
        assert_eq!(
            (after.instances, after.settings, after.description, after.template_version),
            (before.instances, before.settings, before.description, 1),
            "{form}"
        );
        assert_eq!(world.only::<LaunchTemplate>(), template, "{form}");
        let told = world.events("UpdateEnvironment");
        assert_eq!(told[..2], [REVERTED, FAILED], "{form}");
        assert!(told[2].starts_with("ERROR ") && told[2].contains(reason), "{told:?}");
        assert_eq!(told.iter().filter(|event| event.starts_with("ERROR")).count(), 2);
    }
}

#[test]
fn enforcement_is_in_the_way_of_imds_v1() {
    let mut world = World::ready();
    enforce(&mut world);
    world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=false"));
    world.settle();
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Required]));
    let told = world.events("UpdateEnvironment");
    assert!(told[2].contains("httpTokensEnforced is enabled for this account"), "{told:?}");
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=shop-two&{DISABLE}=false"));
    world.settle();
    assert_eq!(world.told("shop-two"), ("Ready", "Red", 0));
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=shop-three"));
    world.settle();
    assert_eq!(world.told("shop-three"), ("Ready", "Green", 1));
}

#[test]
fn an_account_default_goes_before_the_image_for_what_the_environment_leaves_open() {
    let mut world = World::new();
    world.ok("ModifyInstanceMetadataDefaults", "HttpTokens=optional&HttpPutResponseHopLimit=5");
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}"));
    world.settle();
    let options = world.machine(&world.environment("shop-dev").instances[0]).instance.options;
    assert_eq!((options.http_tokens, options.http_put_response_hop_limit.hops()), (Required, 5));
}

#[test]
fn without_addresses_nothing_is_launched() {
    let mut world = World::new();
    world.vpc = (Ipv4Addr::new(172, 31, 0, 0), 28);
    let size = |size: u32| {
        option(1, "aws:autoscaling:asg", "MinSize", &size.to_string())
            + "&"
            + &option(2, "aws:autoscaling:asg", "MaxSize", "20")
    };
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}&{}", size(6)));
    world.settle();
    assert_eq!(world.told("shop-dev"), ("Ready", "Green", 6));
    // Eleven addresses are not twelve.
    world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=false"));
    world.settle();
    assert_eq!(world.running(), [Required; 6]);
    assert!(world.events("UpdateEnvironment")[2].contains("does not have enough free IP addresses"));
    world.ok("UpdateEnvironment", &format!("{NAME}&{}", size(5)));
    world.settle();
    world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=false"));
    world.settle();
    assert_eq!(world.running(), [Optional; 5]);
    world.addresses_are_those_that_run();
}

#[test]
fn what_was_launched_is_taken_back_when_the_rest_fails() {
    let mut world = World::ready();
    world.ok(
        "UpdateEnvironment",
        &format!("{NAME}&{DISABLE}=false&{}", option(2, "aws:autoscaling:asg", "MinSize", "2")),
    );
    world.advance();
    let launched = world.environment("shop-dev").work.unwrap().launched;
    world.ok("TerminateInstances", &format!("InstanceId.1={}", launched[0]));
    enforce(&mut world);
    assert_eq!(world.pass(), Some(world.later()));
    assert_eq!(world.running(), [Required, Optional]);
    assert_eq!(world.pass(), None);
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Required]));
    assert_eq!(world.only::<LaunchTemplate>().versions.len(), 1);
    let told = world.events("UpdateEnvironment");
    assert_eq!(told[..2], [REVERTED, FAILED]);
    world.addresses_are_those_that_run();
    // Of a launch too.
    let mut world = World::new();
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}&{DISABLE}=false"));
    world.advance();
    let launched = world.environment("shop-dev").work.unwrap().launched;
    world.ok("TerminateInstances", &format!("InstanceId.1={}", launched[0]));
    enforce(&mut world);
    world.settle();
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Red", 0), vec![]));
    assert_eq!(world.count("launch-template") + world.count("address/"), 0);
}
