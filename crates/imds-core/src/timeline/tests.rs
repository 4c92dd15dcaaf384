//! Every kind of event by a table of times and paths: what a guest gets then, and what the directories list.

use std::time::Duration;

use super::*;
use crate::testing::{launch, noon};
use crate::tree::lookup;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(noon().as_second() + seconds).unwrap()
}

fn planned(plan: Plan, happens: i64, notice: i64) -> Planned {
    let id = "event-0123456789abcdef0".to_owned();
    Planned { id, plan, at: at(happens), notice: at(notice), canceled: None, is_from_file: false }
}

fn with(all: impl IntoIterator<Item = Planned>) -> Instance {
    let mut instance = launch().instance();
    all.into_iter().for_each(|planned| instance.plan(planned));
    instance
}

fn get(instance: &Instance, path: &str, now: Timestamp) -> Option<String> {
    let value = lookup(instance, format!("/latest/meta-data/{path}").as_bytes(), now)?;
    Some(String::from_utf8(value.body.to_vec()).unwrap())
}

/// Does the directory that it is in list it?
fn is_listed(instance: &Instance, path: &str, now: Timestamp) -> bool {
    let path = path.trim_end_matches('/');
    let (directory, name) = path.rsplit_once('/').map_or(("", path), |(directory, name)| (directory, name));
    let listing = get(instance, directory, now).unwrap_or_default();
    listing.lines().any(|line| line.trim_end_matches('/') == name)
}

/// Paths, and what is at each.
type There<'a> = &'a [(&'a str, Option<&'a str>)];

/// At each time, what is at each path; whatever answers is listed all the way up, and nothing else is.
#[track_caller]
fn check(instance: &Instance, table: &[(i64, There<'_>)]) {
    for (seconds, paths) in table {
        for (path, expected) in *paths {
            let now = at(*seconds);
            assert_eq!(get(instance, path, now).as_deref(), *expected, "{path} at {seconds}");
            let mut above = *path;
            loop {
                assert!(
                    is_listed(instance, above, now) == get(instance, above, now).is_some(),
                    "{above} at {seconds}"
                );
                let Some((parent, _)) = above.rsplit_once('/') else { break };
                above = parent;
            }
        }
    }
}

const ACTION: &str = "spot/instance-action";
const TERMINATION: &str = "spot/termination-time";
const REBALANCE: &str = "events/recommendations/rebalance";
const SCHEDULED: &str = "events/maintenance/scheduled";
const HISTORY: &str = "events/maintenance/history";
const STATE: &str = "autoscaling/target-lifecycle-state";

#[test]
fn an_interruption_is_told_two_minutes_before_its_time() {
    for action in ["stop", "hibernate", "terminate"] {
        let instance = with([planned(Plan::SpotInterruption(action.parse().unwrap()), 600, 480)]);
        let told = format!(r#"{{"action": "{action}", "time": "2026-11-24T12:10:00Z"}}"#);
        let time = (action == "terminate").then_some("2026-11-24T12:10:00Z");
        let after: &[_] = &[(ACTION, Some(told.as_str())), (TERMINATION, time)];
        let before: &[_] = &[(ACTION, None), (TERMINATION, None), ("spot", None), ("spot/", None)];
        check(
            &instance,
            &[(-1, before), (0, before), (479, before), (480, after), (600, after), (9_999, after)],
        );
    }
    let mut instance = with([planned(Plan::SpotInterruption(Action::Stop), 600, 480)]);
    instance.pending_time = at(601);
    check(&instance, &[(700, &[(ACTION, None), ("spot", None)])]);
}

#[test]
fn a_rebalance_recommendation_comes_at_its_second() {
    let mut instance = with([planned(Plan::Rebalance, 60, 60)]);
    let (before, after): (&[_], &[_]) = (
        &[(REBALANCE, None), ("events/recommendations", None)],
        &[
            (REBALANCE, Some(r#"{"noticeTime": "2026-11-24T12:01:00Z"}"#)),
            ("events/recommendations", Some("rebalance")),
        ],
    );
    check(&instance, &[(0, before), (59, before), (60, after), (61, after)]);
    // Launched in the same second, and started again in the next.
    instance.pending_time = at(60) + Duration::from_millis(999);
    check(&instance, &[(60, after)]);
    instance.pending_time = at(61);
    check(&instance, &[(61, before)]);
}

#[test]
fn every_state_of_auto_scaling_comes_at_its_second() {
    let all = [
        "Detached",
        "InService",
        "Standby",
        "Terminated",
        "Warmed:Hibernated",
        "Warmed:Running",
        "Warmed:Stopped",
        "Warmed:Terminated",
    ];
    let plan = |state: &str| Plan::Lifecycle(state.parse().unwrap());
    let seconds = (1..).map(|number| number * 10);
    let planned: Vec<_> =
        all.iter().zip(seconds.clone()).map(|(state, second)| planned(plan(state), second, second)).collect();
    // Whatever the order in which they were planned.
    let mut instance = with(planned.into_iter().rev());
    check(&instance, &[(9, &[(STATE, None), ("autoscaling", None)])]);
    for (state, second) in all.iter().zip(seconds) {
        let there: &[_] = &[(STATE, Some(*state)), ("autoscaling", Some("target-lifecycle-state"))];
        check(&instance, &[(second, there), (second + 9, there)]);
    }
    instance.autoscaling_target_lifecycle_state = Some("InService".into());
    check(&instance, &[(9, &[(STATE, Some("InService"))]), (10, &[(STATE, Some("Detached"))])]);
    for bad in ["", "inservice", "Pending", "Pending:Wait", "Warmed:", "InService\n"] {
        assert!(bad.parse::<Lifecycle>().is_err(), "{bad:?}");
    }
}

fn maintenance(code: Code, not_after: Option<i64>, happens: i64, notice: i64) -> Planned {
    let description = "The \"host\" is worked on".to_owned();
    planned(Plan::Maintenance { code, description, not_after: not_after.map(at) }, happens, notice)
}

fn entry(state: &str, prefix: &str, code: &str, end: Option<&str>) -> String {
    let end = end.map(|end| format!("  \"NotAfter\" : \"24 Nov 2026 {end} GMT\",\n")).unwrap_or_default();
    format!(
        "[ {{\n  \"NotBefore\" : \"24 Nov 2026 12:10:00 GMT\",\n{end}  \"Code\" : \"{code}\",\n  \"Description\" : \
         \"{prefix}The \\\"host\\\" is worked on\",\n  \"EventId\" : \"instance-event-0123456789abcdef0\",\n  \"State\" : \
         \"{state}\"\n}} ]"
    )
}

#[test]
fn maintenance_is_scheduled_and_then_history() {
    for code in
        ["instance-stop", "instance-reboot", "system-reboot", "system-maintenance", "instance-retirement"]
    {
        for (not_after, end, over) in [(Some(1_200), Some("12:20:00"), 1_200), (None, None, 600)] {
            let instance = with([maintenance(code.parse().unwrap(), not_after, 600, 480)]);
            let active = entry("active", "", code, end);
            let completed = entry("completed", "[Completed] ", code, end);
            let none: &[_] = &[(SCHEDULED, Some("[]")), (HISTORY, Some("[]"))];
            let active: &[_] = &[(SCHEDULED, Some(active.as_str())), (HISTORY, Some("[]"))];
            let completed: &[_] = &[(SCHEDULED, Some("[]")), (HISTORY, Some(completed.as_str()))];
            check(&instance, &[(0, none), (479, none), (480, active), (over - 1, active), (over, completed)]);
        }
    }
}

#[test]
fn several_stand_in_the_order_of_their_notice_beside_what_the_record_says() {
    let mut instance = with([
        maintenance(Code::SystemReboot, None, 900, 700),
        maintenance(Code::InstanceStop, None, 600, 0),
    ]);
    instance.events.maintenance.push(Maintenance {
        code: "instance-reboot".into(),
        description: "d".into(),
        event_id: "instance-event-1".into(),
        not_before: noon(),
        not_after: None,
        state: "active".into(),
    });
    let codes = |path: &str, seconds: i64| -> Vec<String> {
        let told = get(&instance, path, at(seconds)).unwrap();
        told.lines()
            .filter_map(|line| Some(line.strip_prefix("  \"Code\" : \"")?.trim_end_matches("\",").into()))
            .collect()
    };
    for (seconds, scheduled, history) in [
        (-1, &["instance-reboot"][..], &[][..]),
        (0, &["instance-reboot", "instance-stop"], &[]),
        (650, &["instance-reboot"], &["instance-stop"]),
        (700, &["instance-reboot", "system-reboot"], &["instance-stop"]),
        (900, &["instance-reboot"], &["instance-stop", "system-reboot"]),
    ] {
        assert_eq!(
            (codes(SCHEDULED, seconds), codes(HISTORY, seconds)),
            (scheduled.iter().map(|c| (*c).into()).collect(), history.iter().map(|c| (*c).into()).collect()),
            "{seconds}"
        );
    }
}

/// Cancels everything at a time, as the API does.
fn canceled(mut instance: Instance, seconds: i64) -> Instance {
    instance.timeline.retain_mut(|planned| planned.cancel(at(seconds)));
    instance
}

#[test]
fn what_is_canceled_goes_and_maintenance_that_was_told_stays_in_the_history() {
    let all = || {
        with([
            planned(Plan::SpotInterruption(Action::Terminate), 600, 480),
            planned(Plan::Rebalance, 480, 480),
            planned(Plan::Lifecycle(Lifecycle::Terminated), 480, 480),
            maintenance(Code::SystemReboot, None, 600, 480),
        ])
    };
    let gone: &[_] =
        &[(ACTION, None), (TERMINATION, None), (REBALANCE, None), (STATE, None), (SCHEDULED, Some("[]"))];
    let before = canceled(all(), 479);
    assert_eq!(before.timeline, []);
    check(&before, &[(480, gone), (480, &[(HISTORY, Some("[]"))])]);
    let told = entry("canceled", "[Canceled] ", "system-reboot", None);
    let after = canceled(all(), 500);
    check(&after, &[(500, gone), (500, &[(HISTORY, Some(&told))]), (9_999, &[(HISTORY, Some(&told))])]);
    // The file's stay known, so that they do not come back with it.
    let mut file = all();
    file.timeline.iter_mut().for_each(|planned| planned.is_from_file = true);
    let file = canceled(file, 479);
    assert_eq!(file.timeline.len(), 4);
    check(&file, &[(480, gone), (700, gone), (700, &[(HISTORY, Some("[]"))])]);
    assert!(file.timeline.iter().all(|planned| planned.progress(at(700)) == Progress::Canceled));
}

#[test]
fn the_last_change_is_when_something_appeared_or_moved() {
    let instance = with([
        planned(Plan::SpotInterruption(Action::Stop), 600, 480),
        maintenance(Code::InstanceStop, Some(1_200), 700, 580),
    ]);
    for (seconds, changed) in
        [(0, 0), (479, 0), (480, 480), (579, 480), (580, 580), (1_199, 580), (1_200, 1_200)]
    {
        assert_eq!(instance.changed_at(at(seconds)), at(changed), "{seconds}");
    }
    assert_eq!(launch().instance().changed_at(at(9)), noon());
    assert_eq!(NOTICE.length(), Duration::from_secs(120));
}
