//! Many environments at once, through the door.

use std::collections::BTreeSet;
use std::thread;

use super::super::Api;
use super::{DELAY, check, size, start};

const MANY: usize = 10;

fn name(number: usize) -> String {
    format!("crowd-{number}")
}

#[test]
fn ten_are_created_and_updated_at_once_and_each_is_as_it_was_told() {
    let service = start(DELAY);
    Api::of(&service).application("shop");
    thread::scope(|scope| {
        for number in 0..MANY {
            let service = &service;
            scope.spawn(move || {
                let (mut api, name, count) = (Api::of(service), name(number), 1 + number % 3);
                let made = api.create(&name, &size(count));
                api.until(&name, "Ready");
                check_events(&mut api, &name, &made.request_id);
                for value in [false, true, false] {
                    let value = value ^ (number % 2 == 0);
                    let request_id = api.disable_v1(&name, value);
                    api.until(&name, "Ready");
                    assert_eq!(check(&mut api, service, &name, count), value, "{name}");
                    check_events(&mut api, &name, &request_id);
                }
            });
        }
    });
    let mut api = Api::of(&service);
    let mut all = BTreeSet::new();
    for number in 0..MANY {
        let members = api.members(&name(number));
        all.extend(members.iter().map(|member| member.address));
    }
    let count = (0..MANY).map(|number| 1 + number % 3).sum::<usize>();
    assert_eq!(all.len(), count, "each instance has an address of its own");
    assert_eq!(api.templates().len(), MANY, "each environment has one launch template");
    for number in 0..MANY {
        api.bean(&format!("Action=TerminateEnvironment&EnvironmentName={}", name(number)));
    }
    for number in 0..MANY {
        api.until(&name(number), "Terminated");
    }
    assert!(super::alive(&api.well("Action=DescribeInstances")).is_empty());
    assert!(api.templates().is_empty());
}

/// All that follows from a call is of its environment, well, and at different times.
fn check_events(api: &mut Api, name: &str, request_id: &str) {
    let events = api.events(&format!("&RequestId={request_id}"));
    assert!(events.len() > 1, "{name}: {events:?}");
    let times: BTreeSet<_> = events.iter().map(|event| &event.at).collect();
    assert_eq!(times.len(), events.len(), "{events:?}");
    assert!(events.iter().all(|event| event.environment == name && event.request_id == request_id));
    assert!(events.iter().all(|event| event.severity == "INFO"), "{events:?}");
}

#[test]
fn of_those_who_create_or_update_one_at_once_one_succeeds() {
    let service = start("3s");
    Api::of(&service).application("shop");
    let at_once = |form: String| {
        thread::scope(|scope| {
            let callers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Api::of(&service).beanstalk(&form).status)).collect();
            let statuses: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
            let well = statuses.iter().filter(|status| **status == 200).count();
            let refused = statuses.iter().filter(|status| **status == 400).count();
            assert_eq!((well, refused), (1, 7), "{form}: {statuses:?}");
        });
    };
    at_once(super::creation("shop-dev", &size(2)));
    let mut api = Api::of(&service);
    api.until("shop-dev", "Ready");
    at_once(super::update("shop-dev", &super::boxed(false)));
    api.until("shop-dev", "Ready");
    assert!(!check(&mut api, &service, "shop-dev", 2));
    let all = api.bean("Action=DescribeEnvironments&ApplicationName=shop");
    assert_eq!(all.matches("<EnvironmentId>").count(), 1, "{all}");
}
