//! An application that is deleted with its environments goes with the last of them, and whoever asked for it is told.

use std::time::Duration;

use imds_store::record::{Application, ApplicationVersion, EnvironmentEvent};

use super::shared::Shared;
use super::world::{APP, World};

const FORCE: &str = "ApplicationName=shop&TerminateEnvByForce=true";
const DELETED: &str = "The application has been deleted successfully.";

/// The events that follow from a request, the oldest first: when, whether of an environment, and what.
fn told(world: &World, request_id: &str) -> Vec<(i64, bool, String)> {
    let mut events = world.all::<EnvironmentEvent>();
    events.retain(|event| event.request_id.as_deref() == Some(request_id));
    let told =
        |event: EnvironmentEvent| (event.at.as_millisecond(), event.environment.is_some(), event.message);
    events.into_iter().map(told).collect()
}

#[test]
fn it_goes_with_the_last_of_its_environments() {
    let mut world = World::ready();
    world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=shop-prod&VersionLabel=v1"));
    world.settle();
    // One is being terminated already, for a call of its own.
    world.ok("TerminateEnvironment", "EnvironmentName=shop-prod");
    world.follow("DeleteApplication", FORCE, "first");
    world.follow("DeleteApplication", FORCE, "second");
    assert_eq!(world.all::<Application>().len(), 1);
    let id = world.environment("shop-dev").id;
    world.settle();
    assert_eq!(world.by_id(&id).status, "Terminated");
    assert_eq!((world.all::<Application>(), world.all::<ApplicationVersion>()), (vec![], vec![]));
    for request_id in ["first", "second"] {
        let events = told(&world, request_id);
        let (began, is_of_environment, message) = &events[0];
        assert_eq!((*is_of_environment, &**message), (false, "deleteApplication is starting."));
        let (ended, is_of_environment, message) = events.last().unwrap();
        assert_eq!((*is_of_environment, &**message), (false, DELETED));
        // `eb` asks for what is later than what it has read.
        let between = &events[1..events.len() - 1];
        assert!(between.iter().all(|(at, ..)| at > began && at < ended), "{events:?}");
        assert!(world.all::<EnvironmentEvent>().iter().all(|event| event.at.as_millisecond() <= *ended));
    }
    assert!(!told(&world, "first")[1..].is_empty() && told(&world, "TerminateEnvironment").len() > 1);
}

#[test]
fn one_that_is_not_forced_or_is_another_stays() {
    let mut world = World::ready();
    let message = "Unable to delete application shop because it has a version that is deployed to a running environment.";
    world.refused("DeleteApplication", APP, message);
    world.ok("CreateApplication", "ApplicationName=other");
    world.ok("CreateEnvironment", "ApplicationName=other&EnvironmentName=other-dev");
    world.settle();
    world.ok("DeleteApplication", FORCE);
    world.settle();
    assert_eq!(world.only::<Application>().name, "other");
    assert_eq!(world.told("other-dev"), ("Ready", "Green", 1));
    // An environment that ends does not take its application with it.
    world.ok("TerminateEnvironment", "EnvironmentName=other-dev");
    world.settle();
    assert_eq!(world.only::<Application>().name, "other");
}

#[test]
fn the_end_of_the_last_environment_and_the_call_do_not_miss_one_another() {
    // Just before the call is committed the last environment ends; or just before that is committed, the call comes.
    for is_call_first in [false, true] {
        let shared = Shared::default();
        let mut world = World::with(Box::new(shared.clone()));
        world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=shop-dev"));
        world.settle();
        world.ok("TerminateEnvironment", "EnvironmentName=shop-dev");
        world.advance();
        world.now = world.later();
        if is_call_first {
            shared.before_next_commit(&world, |other| other.follow("DeleteApplication", FORCE, "delete"));
        } else {
            shared.before_next_commit(&world, |other| assert_eq!(other.advance(), None));
            world.follow("DeleteApplication", FORCE, "delete");
        }
        world.settle();
        assert_eq!(world.all::<Application>(), [], "{is_call_first}");
        let told = told(&world, "delete");
        assert_eq!(told.iter().filter(|(.., message)| message == DELETED).count(), 1, "{told:?}");
        assert_eq!(told.last().unwrap().2, DELETED);
    }
}

#[test]
fn who_asks_once_all_is_gone_is_told_with_those_who_wait() {
    let mut world = World::new();
    let mut application = world.only::<Application>();
    application.deletions = vec!["first".to_owned()];
    let mut batch = imds_store::record::Batch::default();
    batch.put(&Application::record_name("us-east-1", "shop"), &application);
    world.store.commit(batch.writes()).unwrap();
    world.follow("DeleteApplication", APP, "second");
    for request_id in ["first", "second"] {
        assert_eq!(told(&world, request_id).last().unwrap().2, DELETED, "{request_id}");
    }
}

#[test]
fn the_end_is_later_than_each_beginning_though_the_clock_is_put_back() {
    let mut world = World::ready();
    world.follow("DeleteApplication", FORCE, "first");
    world.now += Duration::from_millis(300);
    world.follow("DeleteApplication", FORCE, "second");
    world.now -= Duration::from_secs(5);
    world.follow("DeleteApplication", FORCE, "third");
    world.settle();
    for request_id in ["first", "second", "third"] {
        let events = told(&world, request_id);
        let (last, before) = events.split_last().unwrap();
        assert_eq!(last.2, DELETED, "{events:?}");
        assert!(before.iter().all(|(at, ..)| *at < last.0), "{events:?}");
    }
}

#[test]
fn who_cannot_be_told_the_end_is_told_no_beginning() {
    let mut world = World::ready();
    for number in 0..64 {
        world.follow("DeleteApplication", FORCE, &number.to_string());
    }
    let why = "It was asked for already, by 64 other calls that wait for its end.";
    world.refused("DeleteApplication", FORCE, why);
    world.settle();
    assert_eq!(told(&world, "63").last().unwrap().2, DELETED);
}

#[test]
fn a_version_that_is_being_deployed_is_kept() {
    let mut world = World::ready();
    let rule = "ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule";
    world.ok(
        "UpdateApplicationResourceLifecycle",
        &format!(
            "{APP}&ResourceLifecycleConfig.ServiceRole=arn:aws:iam::123456789012:role/x&{rule}.Enabled=true\
             &{rule}.MaxCount=1"
        ),
    );
    world.now += Duration::from_secs(5);
    world.ok("UpdateEnvironment", "EnvironmentName=shop-dev&VersionLabel=v2");
    world.ok("CreateApplicationVersion", &format!("{APP}&VersionLabel=v3"));
    let labels = |world: &World| -> Vec<_> {
        world.all::<ApplicationVersion>().into_iter().map(|version| version.label).collect()
    };
    assert_eq!(labels(&world), ["v1", "v2", "v3"]);
    world.settle();
    assert_eq!(world.environment("shop-dev").version.as_deref(), Some("v2"));
    world.ok("CreateApplicationVersion", &format!("{APP}&VersionLabel=v4"));
    assert_eq!(labels(&world), ["v2", "v4"]);
}
