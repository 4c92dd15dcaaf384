//! Notices: maintenance events, rebalance recommendations, Spot interruptions, Auto Scaling states.

use super::{shown, value};
use crate::check::{Check, Group, Outcome, Stop};
use crate::session::Session;
use crate::{date, expect, json};
use serde_json::Value;

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Tree, name, source, run }
}

/// The group's checks of notices.
pub(crate) const CHECKS: &[Check] = &[
    check("events/maintenance/history: [] or events in their style", "wire 3.1 [O], 3.3 [D] [O]", |s| {
        maintenance(s, "history")
    }),
    check("events/maintenance/scheduled: [] or events in their style", "wire 3.1 [O], 3.3 [D] [O]", |s| {
        maintenance(s, "scheduled")
    }),
    check("events/recommendations/rebalance on one line", "wire 3.1, 3.3 [D]", rebalance),
    check("spot/instance-action on one line", "wire 3.1, 3.3 [D]", spot_action),
    check("spot/termination-time", "wire 3.1 [D]", termination),
    check("autoscaling/target-lifecycle-state", "wire 3.1 [D], user guide [D]", lifecycle),
];

fn maintenance(session: &Session, leaf: &str) -> Outcome {
    let path = format!("meta-data/events/maintenance/{leaf}");
    let text = value(session, &path)?;
    let events = json::house_array(&text).map_err(|what| {
        Stop::Fail(format!("/latest/{path}: expected EC2's style; {what}; got {}", shown(&text)))
    })?;
    for event in events {
        let keys = json::keys(&event);
        let needed = ["NotBefore", "Code", "Description", "EventId", "State"];
        let right = needed.iter().all(|key| keys.contains(key))
            && keys.iter().all(|key| needed.contains(key) || *key == "NotAfter")
            && json::text(&event, "EventId").is_some_and(|id| id.starts_with("instance-event-"))
            && json::text(&event, "State")
                .is_some_and(|state| ["active", "canceled", "completed"].contains(&state))
            && json::text(&event, "NotBefore").is_some_and(event_time);
        expect::that(right, || {
            format!(
                "/latest/{path}: expected NotBefore, Code, Description, EventId, State, got {}",
                shown(&text)
            )
        })?;
    }
    Ok(())
}

/// `21 Aug 2020 10:00:00 GMT`, also with a day of one digit.
fn event_time(text: &str) -> bool {
    let padded = if text.find(' ') == Some(1) { format!("0{text}") } else { text.to_owned() };
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        .iter()
        .any(|day| date::http(&format!("{day}, {padded}")).is_some())
}

/// `{"key": "value", …}` on one line, with these keys.
fn one_line(session: &Session, path: &str, keys: &[&str]) -> Result<Vec<String>, Stop> {
    let text = value(session, path)?;
    let object: Value = serde_json::from_str(&text).unwrap_or_default();
    let values: Vec<String> =
        keys.iter().filter_map(|key| object.get(key).and_then(Value::as_str).map(str::to_owned)).collect();
    let members: Vec<String> = keys
        .iter()
        .zip(&values)
        .map(|(key, value)| format!("\"{key}\": {}", Value::from(value.as_str())))
        .collect();
    let written = format!("{{{}}}", members.join(", "));
    expect::that(values.len() == keys.len() && text == written, || {
        format!(
            "/latest/{path}: expected {{\"key\": \"value\"}} on one line with {keys:?}, got {}",
            shown(&text)
        )
    })?;
    Ok(values)
}

fn time(path: &str, text: &str) -> Outcome {
    expect::that(date::iso(text).is_some(), || {
        format!("/latest/{path}: expected a time such as 2017-09-18T08:22:00Z, got {}", shown(text))
    })
}

fn rebalance(session: &Session) -> Outcome {
    let path = "meta-data/events/recommendations/rebalance";
    one_line(session, path, &["noticeTime"])?.iter().try_for_each(|text| time(path, text))
}

fn spot_action(session: &Session) -> Outcome {
    let path = "meta-data/spot/instance-action";
    let values = one_line(session, path, &["action", "time"])?;
    let action = values.first().map(String::as_str).unwrap_or_default();
    expect::that(["terminate", "stop", "hibernate"].contains(&action), || {
        format!("/latest/{path}: expected terminate, stop or hibernate, got {}", shown(action))
    })?;
    time(path, values.last().map(String::as_str).unwrap_or_default())
}

fn termination(session: &Session) -> Outcome {
    let path = "meta-data/spot/termination-time";
    time(path, &value(session, path)?)
}

fn lifecycle(session: &Session) -> Outcome {
    let state = value(session, "meta-data/autoscaling/target-lifecycle-state")?;
    let warmed = ["Hibernated", "Running", "Stopped", "Terminated"];
    let right = ["Detached", "InService", "Standby", "Terminated"].contains(&state.as_str())
        || state.strip_prefix("Warmed:").is_some_and(|rest| warmed.contains(&rest));
    expect::that(right, || {
        format!(
            "autoscaling/target-lifecycle-state: expected InService, Warmed:Running, …, got {}",
            shown(&state)
        )
    })
}
