//! An update replaces the instances, and metadata is answered throughout: those that go refuse IMDSv1 to the end, those that
//! come answer it from the first call, and at every moment there is one that answers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::{Api, Guest, text};
use super::{DELAY, check, settings, size, start};
use crate::serve::{Watched, until};

/// How often metadata is called.
const TICK: Duration = Duration::from_millis(20);

/// What an address answers a call without a token, and one with a token that it was given just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Met {
    v1: u16,
    v2: u16,
}

impl Met {
    fn at(guest: Guest) -> Self {
        let v1 = guest.status(None);
        let put = "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";
        let token = guest.ask(put);
        let token = token.split_once("\r\n\r\n").map_or("", |(_, token)| token);
        Self { v1, v2: guest.status(Some(token)) }
    }

    /// Does an instance answer there?
    fn is_answer(self) -> bool {
        [200, 401].contains(&self.v1) && self.v2 == 200
    }
}

/// What one who calls all the time has seen.
#[derive(Default)]
struct Seen {
    /// The addresses that the environment was ever told to have, and what was met there, in turn.
    met: BTreeMap<Ipv4Addr, Vec<Met>>,
    ticks: u32,
    /// Ticks in which instances of both kinds answered.
    of_both: u32,
}

/// Calls metadata from all addresses that an environment is told to have or had, until it is over.
fn watch(service: &Watched, name: &str, is_over: &AtomicBool) -> Seen {
    let mut api = Api::of(service);
    let mut seen = Seen::default();
    let mut next = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        let mut now = tick(&mut api, service, name, &mut seen);
        if !now.iter().any(|met| met.is_answer()) {
            // All that was known may have been replaced since it was asked for: who asks again must find one.
            now = tick(&mut api, service, name, &mut seen);
        }
        assert!(
            now.iter().any(|met| met.is_answer()),
            "nobody answers at tick {}: {:?}",
            seen.ticks,
            seen.met
        );
        seen.ticks += 1;
        let answers = |v1| now.contains(&Met { v1, v2: 200 });
        seen.of_both += u32::from(answers(401) && answers(200));
        next = (next + TICK).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    seen
}

fn tick(api: &mut Api, service: &Watched, name: &str, seen: &mut Seen) -> Vec<Met> {
    for member in api.members(name) {
        seen.met.entry(member.address).or_default();
    }
    let calls = seen.met.iter_mut().map(|(address, met)| {
        met.push(Met::at(Guest::at(service, *address)));
        *met.last().unwrap()
    });
    calls.collect()
}

/// Makes an update while metadata is called, and gives what was seen and the addresses that there were before.
fn watched(service: &Watched, name: &str, update: impl FnOnce(&mut Api)) -> (Seen, Vec<Ipv4Addr>) {
    let mut api = Api::of(service);
    let before = api.members(name).iter().map(|member| member.address).collect();
    let is_over = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(service, name, &is_over));
        thread::sleep(10 * TICK);
        update(&mut api);
        api.until(name, "Ready");
        thread::sleep(10 * TICK);
        is_over.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    (seen, before)
}

/// Has each address met one kind of answer alone, as long as an instance had it?
fn check_sides(seen: &Seen, before: &[Ipv4Addr], old: u16, new: u16) {
    for (address, met) in &seen.met {
        let v1 = if before.contains(address) { old } else { new };
        for met in met {
            // One that is gone, or not there yet, is nobody's address.
            let is_nobodys = met.v1 == 404;
            assert!(is_nobodys || met.v1 == v1, "{address} met {met:?}, and not {v1}");
        }
        assert!(met.contains(&Met { v1, v2: 200 }), "{address} never answered: {met:?}");
    }
}

#[test]
fn metadata_is_answered_throughout() {
    for (name, options, count) in [
        ("load-balanced", size(3), 3),
        (
            "rolling",
            settings(&[
                ("aws:autoscaling:asg", "MinSize", "2"),
                ("aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateEnabled", "true"),
                ("aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateType", "Health"),
            ]),
            2,
        ),
        ("single", settings(&[("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance")]), 1),
    ] {
        let service = start("500ms");
        let mut api = Api::of(&service);
        api.application("shop");
        api.create(name, &options);
        api.until(name, "Ready");
        assert!(check(&mut api, &service, name, count));
        for (value, old, new) in [(false, 401, 200), (true, 200, 401)] {
            let (seen, before) = watched(&service, name, |api| {
                api.disable_v1(name, value);
            });
            check_sides(&seen, &before, old, new);
            assert_eq!((before.len(), seen.met.len()), (count, 2 * count), "{name}: {:?}", seen.met.keys());
            // On a machine that has other work a tick comes late.
            assert!(seen.ticks > 5 && seen.of_both > 0, "{name}: {} ticks, {}", seen.ticks, seen.of_both);
            assert_eq!(check(&mut api, &service, name, count), value);
        }
    }
}

#[test]
fn an_update_of_what_no_instance_needs_replaces_none() {
    let service = start(DELAY);
    let mut api = Api::of(&service);
    api.application("shop");
    api.create("shop-dev", "");
    api.until("shop-dev", "Ready");
    let before = api.members("shop-dev");
    for options in [
        String::new(),
        settings(&[("aws:elasticbeanstalk:application:environment", "COLOUR", "blue")]),
        super::boxed(true),
    ] {
        api.bean(&super::update("shop-dev", &options));
        api.until("shop-dev", "Ready");
        assert_eq!(api.members("shop-dev"), before, "{options}");
    }
    check(&mut api, &service, "shop-dev", 1);
}

#[test]
fn a_group_grows_and_shrinks_and_metadata_is_answered() {
    let service = start("200ms");
    let mut api = Api::of(&service);
    api.application("shop");
    api.create("shop-dev", "");
    api.until("shop-dev", "Ready");
    let single = settings(&[("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance")]);
    for (options, count, stay, addresses) in
        [(size(4), 4, 1, 4), (size(2), 2, 2, 4), (single, 1, 0, 3), (super::boxed(true), 1, 1, 1)]
    {
        let before = api.members("shop-dev");
        let (seen, _) = watched(&service, "shop-dev", |api| {
            api.bean(&super::update("shop-dev", &options));
        });
        assert!(check(&mut api, &service, "shop-dev", count), "{options}");
        let after = api.members("shop-dev");
        assert_eq!(after.iter().filter(|member| before.contains(member)).count(), stay, "{options}");
        assert_eq!(seen.met.len(), addresses, "{options}");
        assert!(seen.met.values().flatten().all(|met| [401, 404].contains(&met.v1)), "{:?}", seen.met);
    }
}

#[test]
fn where_none_may_be_launched_the_others_stay_and_it_is_told() {
    let service = start(DELAY);
    let mut api = Api::of(&service);
    api.application("shop");
    let made = api.create("shop-dev", &size(2));
    api.until("shop-dev", "Ready");
    api.disable_v1("shop-dev", false);
    api.until("shop-dev", "Ready");
    api.well("Action=ModifyInstanceMetadataDefaults&HttpTokensEnforced=enabled");
    let before = api.members("shop-dev");
    api.send("TerminateInstances", &before[0].id);
    let errors = |api: &mut Api| api.events(&format!("&EnvironmentId={}&Severity=ERROR", made.id));
    until("it is told", || Some(errors(&mut api)).filter(|errors| !errors.is_empty()));
    assert_eq!(api.members("shop-dev"), before[1..]);
    assert_eq!(Guest::at(&service, before[1].address).status(None), 200);
    let environment = api.environment("shop-dev").unwrap();
    assert_eq!((text(&environment, "Status"), text(&environment, "Health")), (Some("Ready"), Some("Yellow")));
    // It is told once, however often it is tried, and changes of the environment heal it.
    api.send("RebootInstances", &before[1].id);
    api.disable_v1("shop-dev", true);
    api.until("shop-dev", "Ready");
    assert!(check(&mut api, &service, "shop-dev", 2));
    assert_eq!(errors(&mut api).len(), 1);
}

#[test]
fn an_instance_that_is_terminated_is_replaced() {
    let service = start(DELAY);
    let mut api = Api::of(&service);
    api.application("shop");
    api.create("shop-dev", &size(2));
    api.until("shop-dev", "Ready");
    let before = api.members("shop-dev");
    api.send("TerminateInstances", &before[0].id);
    let after = until("there are two again", || {
        let members = api.members("shop-dev");
        (members.len() == 2 && !members.contains(&before[0])).then_some(members)
    });
    assert!(after.contains(&before[1]), "the other one stays");
    api.until("shop-dev", "Ready");
    check(&mut api, &service, "shop-dev", 2);
    // And as the environment is, not as the one before was.
    api.disable_v1("shop-dev", false);
    api.until("shop-dev", "Ready");
    let before = api.members("shop-dev");
    api.modify(&before[0].id, "HttpTokens=required");
    api.send("TerminateInstances", &before[0].id);
    until("there are two again", || {
        let members = api.members("shop-dev");
        (members.len() == 2 && members.iter().all(|member| member.id != before[0].id)).then_some(())
    });
    api.until("shop-dev", "Ready");
    assert!(!check(&mut api, &service, "shop-dev", 2));
}
