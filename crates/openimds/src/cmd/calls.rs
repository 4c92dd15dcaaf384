//! `imds calls`: the last calls that a running service answered.

use std::process::ExitCode;

use anyhow::Context as _;
use imds_core::audit::Whose;

use super::table::{cell, table};
use super::{json, usage};
use crate::admin::Admin;
use crate::app::{fail, print};
use crate::args::calls::{Caller, Calls, CallsVerb, Failing, List};
use crate::imds::call::{Call, WAY, wrong};

pub(super) fn run(args: &Calls) -> anyhow::Result<ExitCode> {
    let admin = Admin::new(&args.door.admin, args.door.region.as_deref())?;
    let list = &args.list;
    match args.verb {
        Some(CallsVerb::Reset) => {
            let is_plain = list.instance.is_none() && list.since.is_none() && list.fail_on.is_none();
            let is_plain = is_plain && !list.allow_none;
            if !is_plain {
                return Ok(usage(
                    "`imds calls reset` forgets all calls; it takes no --instance, --since, --fail-on and --allow-none",
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
        Some(Failing::V1) => wrong(&calls, "`imds calls reset`", list.allow_none),
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
            call.source.to_string(),
            call.version.as_str().to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imds::call::tests::call;
    use imds_core::audit::Version;

    #[test]
    fn calls_are_shown_and_move_no_cursor() {
        let calls = [call(7, Some("i-0000000a"), Version::V2), call(8, None, Version::V1)];
        insta::assert_snapshot!(shown(&calls), @r"
        NUMBER  TIME                  INSTANCE    SOURCE    VERSION  METHOD  PATH          STATUS  USER AGENT
        7       2026-11-24T12:00:00Z  i-0000000a  10.0.0.1  v2       GET     /latest/�[2J  200     curl/8
        8       2026-11-24T12:00:00Z  -           10.0.0.1  v1       GET     /latest/�[2J  200     curl/8
        ");
        assert_eq!(shown(&[]).lines().count(), 1);
    }
}
