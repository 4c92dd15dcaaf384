//! What an Auto Scaling group does by itself.

use imds_core::lifecycle::State;
use imds_core::options::HttpTokens::{Optional, Required};
use imds_store::record::EnvironmentEvent;

use super::world::{APP, DISABLE, World, option};

const NAME: &str = "EnvironmentName=shop-dev";

#[test]
fn what_is_terminated_or_stopped_is_replaced_in_its_time() {
    for (action, events) in [("TerminateInstances", 2), ("StopInstances", 2)] {
        let mut world = World::ready();
        let before = world.environment("shop-dev");
        let old = before.instances[0].clone();
        world.ok(action, &format!("InstanceId.1={old}"));
        assert_eq!(world.advance(), Some(world.later()), "{action}");
        assert_eq!(world.running(), [], "{action}");
        assert_eq!(world.pass(), None, "{action}");
        let after = world.environment("shop-dev");
        assert_eq!(
            (world.told("shop-dev"), world.running()),
            (("Ready", "Green", 1), vec![Required]),
            "{action}"
        );
        assert!(after.instances[0] != old && after.endpoint != before.endpoint);
        assert_eq!(after.template_version, 1);
        assert!(world.machine(&old).state.is_terminated(), "{action}");
        let told = world.all::<EnvironmentEvent>();
        let by_itself: Vec<_> =
            told.iter().filter(|event| event.environment.is_some() && event.request_id.is_none()).collect();
        assert_eq!(by_itself.len(), events, "{action}");
        assert!(by_itself[0].message.starts_with("Added instance [i-"));
        assert_eq!(by_itself[1].message, format!("Removed instance [{old}] from your environment."));
        world.addresses_are_those_that_run();
        assert_eq!(world.pass(), None);
        assert_eq!(world.environment("shop-dev"), after, "{action}: once");
    }
}

#[test]
fn what_is_started_in_time_stays() {
    let mut world = World::ready();
    let id = world.environment("shop-dev").instances[0].clone();
    world.ok("StopInstances", &format!("InstanceId.1={id}"));
    world.advance();
    world.ok("StartInstances", &format!("InstanceId.1={id}"));
    assert_eq!(world.pass(), None);
    assert_eq!(world.environment("shop-dev").instances, [id]);
}

#[test]
fn what_is_not_kept_any_more_is_replaced_too() {
    let world = World::ready();
    let id = world.environment("shop-dev").instances[0].clone();
    let mut batch = imds_store::record::Batch::default();
    batch.delete::<imds_core::Machine>(&id);
    batch.delete::<imds_store::record::Address>(&world.environment("shop-dev").endpoint.unwrap());
    world.store.commit(batch.writes()).unwrap();
    assert_eq!(world.advance(), None);
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Required]));
    assert_ne!(world.environment("shop-dev").instances, [id]);
}

#[test]
fn of_several_only_the_lost_ones_are_replaced() {
    let mut world = World::new();
    let size = option(1, "aws:autoscaling:asg", "MinSize", "4");
    world.ok(
        "CreateEnvironment",
        &format!("{APP}&{NAME}&{size}&{}", DISABLE.replace("member.1", "member.2") + "=false"),
    );
    world.settle();
    let before = world.environment("shop-dev").instances;
    world.ok("TerminateInstances", &format!("InstanceId.1={}", before[1]));
    world.now += std::time::Duration::from_millis(100);
    world.ok("StopInstances", &format!("InstanceId.1={}&InstanceId.2={}", before[0], before[3]));
    world.settle();
    let after = world.environment("shop-dev").instances;
    assert_eq!((after.len(), &after[0]), (4, &before[2]));
    assert!(before.iter().filter(|id| after.contains(id)).eq([&before[2]]));
    assert_eq!(world.running(), [Optional; 4]);
    world.addresses_are_those_that_run();
}

#[test]
fn protection_is_against_its_owner_alone() {
    let mut world = World::ready();
    let id = world.environment("shop-dev").instances[0].clone();
    let mut machine = world.machine(&id);
    machine.is_termination_disabled = true;
    world.put(&machine);
    world.ok("StopInstances", &format!("InstanceId.1={id}"));
    world.settle();
    assert!(world.machine(&id).state.is_terminated());
}

#[test]
fn what_cannot_be_replaced_is_told_once_and_tried_again() {
    let mut world = World::new();
    let size = option(2, "aws:autoscaling:asg", "MinSize", "2");
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}&{DISABLE}=false&{size}"));
    world.settle();
    world.ok("ModifyInstanceMetadataDefaults", "HttpTokensEnforced=enabled");
    for (left, health) in [(1, "Yellow"), (0, "Red")] {
        let id = world.environment("shop-dev").instances[0].clone();
        world.ok("StopInstances", &format!("InstanceId.1={id}"));
        world.advance();
        let next = world.pass().unwrap();
        assert_eq!(next, world.now + std::time::Duration::from_secs(60), "it is not tried all the time");
        assert_eq!(world.told("shop-dev"), ("Ready", health, left));
        assert!(world.machine(&id).state == State::ShuttingDown, "it is not left half");
        let revision = world.store.revision().unwrap();
        world.now = next;
        world.advance();
        assert_eq!(world.store.revision().unwrap(), revision, "it is told once");
    }
    let told = world.events("");
    assert!(
        told[0].starts_with("ERROR Launching a replacement instance failed. Reason: You can't launch"),
        "{told:?}"
    );
    assert_eq!(told.iter().filter(|event| event.starts_with("ERROR")).count(), 2);
    world.ok("ModifyInstanceMetadataDefaults", "HttpTokensEnforced=disabled");
    assert_eq!(world.advance(), None);
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 2), vec![Optional; 2]));
    assert_eq!(world.events("")[0], "INFO Added instances [i, i] to your environment.");
}

#[test]
fn a_template_that_its_owner_deleted_is_made_anew() {
    let mut world = World::ready();
    let before = world.environment("shop-dev");
    world.ok("DeleteLaunchTemplate", &format!("LaunchTemplateId={}", before.template.as_deref().unwrap()));
    assert_eq!(world.advance(), None, "nothing needs it yet");
    world.ok("TerminateInstances", &format!("InstanceId.1={}", before.instances[0]));
    world.settle();
    let after = world.environment("shop-dev");
    assert!(after.template.is_some() && after.template != before.template);
    assert_eq!((world.running(), world.count("launch-template/")), (vec![Required], 1));
}

#[test]
fn what_is_being_changed_is_left_to_the_change() {
    let mut world = World::ready();
    let old = world.environment("shop-dev").instances[0].clone();
    world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=false"));
    world.advance();
    world.ok("TerminateInstances", &format!("InstanceId.1={old}"));
    world.advance();
    assert_eq!(world.running(), [Optional]);
    assert_eq!(world.pass(), None);
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Green", 1), vec![Optional]));
}

#[test]
fn a_clock_that_is_put_back_holds_nothing_up() {
    let mut world = World::new();
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}"));
    world.advance();
    world.now -= std::time::Duration::from_secs(86_400);
    assert_eq!(world.advance(), None);
    assert_eq!(world.told("shop-dev"), ("Ready", "Green", 1));
    world.events("");
    world.ok("StopInstances", &format!("InstanceId.1={}", world.environment("shop-dev").instances[0]));
    world.now -= std::time::Duration::from_secs(86_400);
    assert_eq!(world.advance(), None);
    assert_eq!(world.running(), [Required]);
}
