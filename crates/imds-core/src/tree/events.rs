//! `events/` and `spot/`: what is about to happen (wire.md 3.1 and 3.3).

use super::{Entry, Value};
use crate::events::Maintenance;
use crate::json::{Json, objects};
use crate::{Instance, Timestamp};

pub(super) const ENTRIES: &[Entry<Instance>] = &[
    Entry::directory("maintenance", "2018-08-17", MAINTENANCE),
    Entry::directory("recommendations", "2020-10-27", RECOMMENDATIONS),
];

const MAINTENANCE: &[Entry<Instance>] = &[
    Entry::timed("history", "2018-08-17", |i, now| Some(maintenance(i, now, |state| state != "active"))),
    Entry::timed("scheduled", "2018-08-17", |i, now| Some(maintenance(i, now, |state| state == "active"))),
];

const RECOMMENDATIONS: &[Entry<Instance>] = &[Entry::timed("rebalance", "2020-10-27", |i, now| {
    i.events_at(now).rebalance.map(|at| Value::text(format!(r#"{{"noticeTime": "{at:.0}"}}"#)))
})];

pub(super) const SPOT: &[Entry<Instance>] = &[
    Entry::timed("instance-action", "2016-11-15", |i, now| {
        i.events_at(now).spot.as_ref().map(|spot| {
            Value::text(format!(r#"{{"action": "{}", "time": "{:.0}"}}"#, spot.action, spot.time))
        })
    }),
    Entry::timed("termination-time", "2014-11-05", |i, now| {
        let events = i.events_at(now);
        let spot = events.spot.as_ref().filter(|spot| spot.action == "terminate");
        spot.map(|spot| Value::text(format!("{:.0}", spot.time)))
    }),
];

fn maintenance(instance: &Instance, now: Timestamp, wanted: impl Fn(&str) -> bool) -> Value {
    let events = instance.events_at(now);
    let events: Vec<_> =
        events.maintenance.iter().filter(|event| wanted(&event.state)).map(Shown::of).collect();
    Value::text(objects(events.iter().map(Shown::members)))
}

/// A maintenance event with its times and description as they are written.
struct Shown<'a> {
    event: &'a Maintenance,
    not_before: String,
    not_after: Option<String>,
    description: String,
}

impl<'a> Shown<'a> {
    fn of(event: &'a Maintenance) -> Self {
        let prefix = match event.state.as_str() {
            "completed" => "[Completed] ",
            "canceled" => "[Canceled] ",
            _ => "",
        };
        Self {
            event,
            not_before: written(event.not_before),
            not_after: event.not_after.map(written),
            description: format!("{prefix}{}", event.description),
        }
    }

    fn members(&self) -> Vec<(&str, Json<'_>)> {
        let mut members = vec![("NotBefore", Json::Text(&self.not_before))];
        members.extend(self.not_after.as_deref().map(|at| ("NotAfter", Json::Text(at))));
        members.extend([
            ("Code", Json::Text(&self.event.code)),
            ("Description", Json::Text(&self.description)),
            ("EventId", Json::Text(&self.event.event_id)),
            ("State", Json::Text(&self.event.state)),
        ]);
        members
    }
}

/// `21 Aug 2020 10:00:00 GMT`
fn written(at: Timestamp) -> String {
    at.strftime("%d %b %Y %H:%M:%S GMT").to_string()
}
