//! `imds event`: what is planned for the instances of a running service.

use std::process::ExitCode;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::json;
use super::table::{cell, table};
use crate::admin::Admin;
use crate::app::print;
use crate::args::event::{self, Aim, EventVerb};

/// Where they are.
const PATH: &str = "/api/v1/events";

pub(super) fn run(args: &event::Event) -> anyhow::Result<ExitCode> {
    let admin = Admin::new(&args.door.admin, args.door.region.as_deref())?;
    let text = |stretch: imds_core::clock::Stretch| format!("{}s", stretch.length().as_secs());
    match &args.verb {
        EventVerb::SpotInterruption(asked) => {
            let more = json!({ "action": asked.action.as_str(), "notice": asked.notice.map(text) });
            plan(&admin, "spot-interruption", &asked.aim, more)
        }
        EventVerb::Rebalance(asked) => plan(&admin, "rebalance", &asked.aim, json!({})),
        EventVerb::Maintenance(asked) => {
            let more = json!({
                "code": asked.code.as_str(),
                "description": asked.description,
                "duration": asked.duration.map(text),
                "notice": asked.notice.map(text),
            });
            plan(&admin, "maintenance", &asked.aim, more)
        }
        EventVerb::AsgLifecycle(asked) => {
            plan(&admin, "asg-lifecycle", &asked.aim, json!({ "state": asked.state.as_str() }))
        }
        EventVerb::List(list) => {
            let query = list.instance.as_ref().map(|id| format!("?instance={id}")).unwrap_or_default();
            let told: Told = read(admin.get(&format!("{PATH}{query}"))?)?;
            show(&told.events, &told.events, list.output.is_json())
        }
        EventVerb::Cancel(cancel) => {
            let _: Event = read(admin.delete(&format!("{PATH}/{}", cancel.id))?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn plan(admin: &Admin, kind: &str, aim: &Aim, more: Value) -> anyhow::Result<ExitCode> {
    let mut asked = json!({
        "kind": kind,
        "in": aim.after.map(|after| format!("{}s", after.length().as_secs())),
        "at": aim.at.map(|at| at.to_string()),
    });
    let members = asked.as_object_mut().context("an object is one")?;
    if aim.whom.all {
        members.insert("all".to_owned(), true.into());
    } else {
        members.insert("instances".to_owned(), aim.whom.instances.iter().map(ToString::to_string).collect());
    }
    if let Value::Object(more) = more {
        members.extend(more);
    }
    let event: Event = read(admin.post_json(PATH, &asked)?)?;
    show(&event, std::slice::from_ref(&event), aim.output.is_json())
}

fn read<T: serde::de::DeserializeOwned>(told: Value) -> anyhow::Result<T> {
    serde_json::from_value(told).context("the service told of events what does not read")
}

fn show(told: &impl Serialize, events: &[Event], is_json: bool) -> anyhow::Result<ExitCode> {
    let text = if is_json { json(told)? } else { text(events) };
    print(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Deserialize)]
struct Told {
    events: Vec<Event>,
}

/// An event, as the service tells it.
#[derive(Debug, Deserialize, Serialize)]
struct Event {
    id: String,
    kind: String,
    instances: Vec<String>,
    at: String,
    notice: String,
    progress: String,
    /// What belongs to its kind.
    #[serde(flatten)]
    more: serde_json::Map<String, Value>,
}

impl Event {
    /// The word that its kind is told more closely by.
    fn what(&self) -> Option<&str> {
        ["action", "code", "state"].iter().find_map(|name| self.more.get(*name)?.as_str())
    }

    /// An instance by its id, several by their number.
    fn whose(&self) -> String {
        match &self.instances[..] {
            [only] => only.clone(),
            all => format!("{} instances", all.len()),
        }
    }
}

fn text(events: &[Event]) -> String {
    table(
        ["ID", "KIND", "WHAT", "INSTANCES", "NOTICE", "AT", "PROGRESS"],
        events.iter().map(|event| {
            [
                event.id.clone(),
                event.kind.clone(),
                cell(event.what()),
                event.whose(),
                event.notice.clone(),
                event.at.clone(),
                event.progress.clone(),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_event() {
        let told = r#"{"events":[{"id":"event-0a","kind":"spot-interruption","instances":["i-0000000a"],
            "at":"2026-11-24T12:02:00Z","notice":"2026-11-24T12:00:00Z","progress":"noticed","action":"stop"},
            {"id":"event-0b","kind":"rebalance","instances":["i-0000000a","i-0000000b"],"at":"2026-11-24T12:00:00Z",
            "notice":"2026-11-24T12:00:00Z","progress":"happened"}]}"#;
        let told: Told = serde_json::from_str(told).unwrap();
        insta::assert_snapshot!(text(&told.events), @r"
        ID        KIND               WHAT  INSTANCES    NOTICE                AT                    PROGRESS
        event-0a  spot-interruption  stop  i-0000000a   2026-11-24T12:00:00Z  2026-11-24T12:02:00Z  noticed
        event-0b  rebalance          -     2 instances  2026-11-24T12:00:00Z  2026-11-24T12:00:00Z  happened
        ");
    }
}
