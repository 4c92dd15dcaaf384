//! What is taken back leaves something that answers, or what answers as soon as it can be had.

use imds_core::options::HttpTokens::{Optional, Required};

use super::world::{APP, DISABLE, World, option};

const NAME: &str = "EnvironmentName=shop-dev";
const REVERTED: &str = "INFO The environment was reverted to the previous configuration setting.";

fn enforce(world: &mut World, switch: &str) {
    world.ok("ModifyInstanceMetadataDefaults", &format!("HttpTokensEnforced={switch}"));
}

/// Terminates what is deployed.
fn lose(world: &mut World) {
    for id in world.environment("shop-dev").instances {
        world.ok("TerminateInstances", &format!("InstanceId.1={id}"));
    }
}

/// An environment with IMDSv1, of which an update to IMDSv2 alone has launched what is to take over.
fn prepared() -> World {
    let mut world = World::new();
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}&{DISABLE}=false"));
    world.settle();
    world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=true"));
    world.advance();
    assert_eq!(world.running(), [Optional, Required]);
    world
}

#[test]
fn what_was_deployed_and_is_lost_is_launched_before_the_new_goes() {
    let mut world = prepared();
    lose(&mut world);
    assert_eq!(world.running(), [Required]);
    world.ok("AbortEnvironmentUpdate", NAME);
    world.advance();
    assert_eq!(world.running(), [Required], "its time has not come");
    assert_eq!(world.pass(), Some(world.later()), "what came again gets its time");
    assert_eq!(
        (world.told("shop-dev"), world.running()),
        (("Aborting", "Grey", 1), vec![Optional, Required])
    );
    assert_eq!(world.pass(), None);
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Optional]));
    assert_eq!(world.events("UpdateEnvironment")[0], REVERTED);
    world.addresses_are_those_that_run();
}

#[test]
fn the_same_when_an_update_fails() {
    let mut world = World::ready();
    let size = option(2, "aws:autoscaling:asg", "MinSize", "2");
    world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=false&{size}"));
    world.advance();
    let launched = world.environment("shop-dev").work.unwrap().launched;
    world.ok("TerminateInstances", &format!("InstanceId.1={}", launched[0]));
    lose(&mut world);
    enforce(&mut world, "enabled");
    let mut seen = Vec::new();
    while world.told("shop-dev").0 != "Ready" {
        world.pass();
        seen.push(world.running());
    }
    assert_eq!(seen, [vec![Optional], vec![Required, Optional], vec![Required]]);
    assert_eq!(world.told("shop-dev"), ("Ready", "Green", 1));
    world.addresses_are_those_that_run();
}

#[test]
fn what_cannot_be_had_is_told_once_and_comes_as_soon_as_it_can() {
    let mut world = prepared();
    lose(&mut world);
    enforce(&mut world, "enabled");
    world.ok("AbortEnvironmentUpdate", NAME);
    let next = world.pass().unwrap();
    assert!(next > world.later(), "it is not tried all the time");
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Red", 0), vec![]));
    let told = world.events("UpdateEnvironment");
    assert_eq!(told[0], REVERTED);
    assert!(told[1].starts_with("ERROR Launching a replacement instance failed. Reason: "), "{told:?}");
    world.now = next;
    world.advance();
    let errors = world.events("").iter().filter(|event| event.starts_with("ERROR")).count();
    assert_eq!(errors, 1, "it is told once");
    enforce(&mut world, "disabled");
    world.settle();
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Optional]));
}

#[test]
fn one_whose_template_was_deleted_is_no_other_than_before() {
    let mut world = World::new();
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}&{DISABLE}=false"));
    world.settle();
    let deleted = world.environment("shop-dev").template.unwrap();
    world.ok("DeleteLaunchTemplate", &format!("LaunchTemplateId={deleted}"));
    world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=true"));
    world.advance();
    world.ok("AbortEnvironmentUpdate", NAME);
    world.settle();
    assert_eq!((world.running(), world.count("launch-template")), (vec![Optional], 0));
    // An update that changes nothing replaces nothing.
    let before = world.environment("shop-dev").instances;
    world.ok("UpdateEnvironment", NAME);
    world.settle();
    assert_eq!(world.environment("shop-dev").instances, before);
    // A failure is one of an update.
    let lost = option(1, "aws:autoscaling:launchconfiguration", "EC2KeyName", "lost");
    world.follow("UpdateEnvironment", &format!("{NAME}&{lost}"), "failing");
    world.settle();
    let told = world.events("failing");
    assert!(told[2].starts_with("ERROR Updating Auto Scaling group named: "), "{told:?}");
    // What is lost while it cannot be launched comes when it can.
    enforce(&mut world, "enabled");
    lose(&mut world);
    world.advance();
    world.pass();
    assert_eq!(world.told("shop-dev"), ("Ready", "Red", 0));
    enforce(&mut world, "disabled");
    world.settle();
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Optional]));
    // And it can be rebuilt.
    let template = world.environment("shop-dev").template.unwrap();
    world.ok("DeleteLaunchTemplate", &format!("LaunchTemplateId={template}"));
    world.ok("RebuildEnvironment", NAME);
    world.advance();
    assert_eq!(world.running(), [], "everything goes first");
    world.settle();
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Optional]));
}

#[test]
fn what_is_restored_has_what_is_deployed_though_its_template_is_another() {
    let mut world = World::new();
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}&{DISABLE}=false"));
    world.settle();
    let deleted = world.environment("shop-dev").template.unwrap();
    world.ok("DeleteLaunchTemplate", &format!("LaunchTemplateId={deleted}"));
    world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=true"));
    world.advance();
    // The first version of the new template is not that of the old one.
    lose(&mut world);
    world.ok("AbortEnvironmentUpdate", NAME);
    world.settle();
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Optional]));
    lose(&mut world);
    world.settle();
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Optional]));
    assert_eq!(world.count("launch-template/"), 1);
}

#[test]
fn one_that_lacks_some_is_told_so_once_whatever_is_done_to_it() {
    let mut world = World::new();
    let size = option(2, "aws:autoscaling:asg", "MinSize", "2");
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}&{DISABLE}=false&{size}"));
    world.settle();
    enforce(&mut world, "enabled");
    let id = world.environment("shop-dev").instances[0].clone();
    world.ok("TerminateInstances", &format!("InstanceId.1={id}"));
    world.advance();
    world.pass();
    assert_eq!(world.told("shop-dev"), ("Ready", "Yellow", 1));
    let errors =
        |world: &World| world.events("").iter().filter(|event| event.starts_with("ERROR Launching")).count();
    assert_eq!(errors(&world), 1);
    for (action, form) in
        [("RestartAppServer", NAME.to_owned()), ("UpdateEnvironment", format!("{NAME}&Description=x"))]
    {
        world.ok(action, &form);
        for _ in 0..4 {
            world.pass();
        }
        assert_eq!(world.told("shop-dev"), ("Ready", "Yellow", 1), "{action}");
        assert_eq!(errors(&world), 1, "{action}");
    }
    assert_eq!(
        (&*world.events("UpdateEnvironment")[0], &*world.environment("shop-dev").description),
        (REVERTED, "")
    );
    enforce(&mut world, "disabled");
    world.settle();
    assert_eq!(world.told("shop-dev"), ("Ready", "Green", 2));
}
