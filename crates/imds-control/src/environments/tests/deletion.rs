//! An application that is deleted with its environments goes with the last of them, and whoever asked for it is told.

use imds_store::record::{Application, ApplicationVersion, EnvironmentEvent};

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
