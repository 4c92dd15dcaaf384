//! `imds calls`: the last calls that a running service answered.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use imds_core::audit::Whose;
use serde::{Deserialize, Serialize};

use super::table::{cell, table};
use super::{json, usage};
use crate::admin::Admin;
use crate::app::{fail, print};
use crate::args::calls::{Caller, Calls, CallsVerb, Failing, List};

/// Where they are.
const WAY: &str = "/api/v1/calls";
/// How many a service remembers of each instance.
const REMEMBERED: usize = 100;

/// One of them, as the service tells it.
#[derive(Serialize, Deserialize)]
struct Call {
    number: u64,
    at: String,
    instance: Option<String>,
    source: String,
    method: String,
    path: String,
    status: u16,
    version: String,
    user_agent: String,
    micros: u64,
    /// The fault on request that it met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

pub(super) fn run(args: &Calls) -> anyhow::Result<ExitCode> {
    let admin = Admin::new(&args.door.admin, args.door.region.as_deref())?;
    let list = &args.list;
    match args.verb {
        Some(CallsVerb::Reset) => {
            let is_plain = list.instance.is_none() && list.since.is_none() && list.fail_on.is_none();
            if !is_plain {
                return Ok(usage(
                    "`imds calls reset` forgets all calls; it takes no --instance, --since and --fail-on",
                ));
            }
            admin.delete(WAY)?;
            Ok(ExitCode::SUCCESS)
        }
        None => tell(&admin, list),
    }
}

fn tell(admin: &Admin, list: &List) -> anyhow::Result<ExitCode> {
    let mut told = admin.get(&way(list))?;
    let calls = told.get_mut("calls").map(serde_json::Value::take).unwrap_or_default();
    let calls: Vec<Call> =
        serde_json::from_value(calls).context("what came is not what a service tells of its calls")?;
    print(if list.output.is_json() { json(&calls)? } else { shown(&calls) }.as_bytes());
    let wrong = match list.fail_on {
        Some(Failing::V1) => wrong(&calls),
        None => None,
    };
    Ok(wrong.map_or(ExitCode::SUCCESS, fail))
}

fn way(list: &List) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    match &list.instance {
        Some(Caller(Whose::Instance(id))) => drop(query.append_pair("instance", id.as_str())),
        Some(Caller(Whose::Strangers)) => drop(query.append_pair("instance", "none")),
        Some(Caller(Whose::All)) | None => {}
    }
    if let Some(since) = list.since {
        query.append_pair("since", &since.to_string());
    }
    let query = query.finish();
    if query.is_empty() { WAY.to_owned() } else { format!("{WAY}?{query}") }
}

fn shown(calls: &[Call]) -> String {
    let rows = calls.iter().map(|call| {
        [
            call.number.to_string(),
            call.at.clone(),
            cell(call.instance.as_ref()),
            call.source.clone(),
            call.version.clone(),
            call.method.clone(),
            call.path.clone(),
            call.fault
                .as_ref()
                .map_or(call.status.to_string(), |fault| format!("{} fault:{fault}", call.status)),
            call.user_agent.clone(),
        ]
    });
    table(["NUMBER", "TIME", "INSTANCE", "SOURCE", "VERSION", "METHOD", "PATH", "STATUS", "USER AGENT"], rows)
}

/// Why these do not show that nothing used IMDSv1.
fn wrong(calls: &[Call]) -> Option<String> {
    let v1: Vec<&Call> = calls.iter().filter(|call| call.version == "v1").collect();
    if let Some(first) = v1.first() {
        return Some(format!(
            "calls that were IMDSv1: {}, of {} in all; the first is number {}, {} {}",
            v1.len(),
            calls.len(),
            first.number,
            crate::admin::printable(&first.method),
            crate::admin::printable(&first.path)
        ));
    }
    let mut of: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for call in calls {
        *of.entry(call.instance.as_deref()).or_default() += 1;
    }
    let (most, _) = of.into_iter().find(|(_, count)| *count >= REMEMBERED)?;
    Some(format!(
        "{} may have made more calls than the {REMEMBERED} that are remembered, of which none was IMDSv1; use `imds calls \
         reset` before, or more often",
        most.map_or_else(|| "who is no instance".to_owned(), crate::admin::printable)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: u64, instance: Option<&str>, version: &str) -> Call {
        Call {
            number,
            at: "2026-11-24T12:00:00Z".into(),
            instance: instance.map(str::to_owned),
            source: "10.0.0.1".into(),
            method: "GET".into(),
            path: "/latest/\u{1b}[2J".into(),
            status: 200,
            version: version.into(),
            user_agent: "curl/8".into(),
            micros: 12,
            fault: None,
        }
    }

    #[test]
    fn calls_are_shown_and_move_no_cursor() {
        let calls = [call(7, Some("i-0000000a"), "v2"), call(8, None, "v1")];
        insta::assert_snapshot!(shown(&calls), @r"
        NUMBER  TIME                  INSTANCE    SOURCE    VERSION  METHOD  PATH          STATUS  USER AGENT
        7       2026-11-24T12:00:00Z  i-0000000a  10.0.0.1  v2       GET     /latest/�[2J  200     curl/8
        8       2026-11-24T12:00:00Z  -           10.0.0.1  v1       GET     /latest/�[2J  200     curl/8
        ");
        assert_eq!(shown(&[]).lines().count(), 1);
    }

    #[test]
    fn what_is_not_known_to_be_right_is_wrong() {
        let made = |count: u64, instance| (0..count).map(move |number| call(number, instance, "v2"));
        assert_eq!(wrong(&[]), None);
        assert_eq!(wrong(&made(99, None).chain(made(99, Some("i-0000000a"))).collect::<Vec<_>>()), None);
        let told = wrong(&made(100, Some("i-0000000a")).collect::<Vec<_>>()).unwrap();
        assert!(told.starts_with("i-0000000a may have made more calls"), "{told}");
        let told =
            wrong(&made(3, None).chain([call(9, None, "v1"), call(10, None, "v1")]).collect::<Vec<_>>());
        assert_eq!(
            told.unwrap(),
            "calls that were IMDSv1: 2, of 5 in all; the first is number 9, GET /latest/\u{fffd}[2J"
        );
    }
}
