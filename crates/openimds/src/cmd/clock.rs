//! `imds clock`: what time it is for a running service, and another time.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use imds_core::clock::Pace;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::json;
use super::table::table;
use crate::admin::Admin;
use crate::app::print;
use crate::args::clock::{Clock, ClockVerb};

/// Where it is.
const PATH: &str = "/api/v1/clock";

pub(super) fn run(args: &Clock) -> anyhow::Result<ExitCode> {
    let admin = Admin::new(&args.door.admin, args.door.region.as_deref())?;
    let change = match &args.verb {
        ClockVerb::Show(_) => None,
        ClockVerb::Advance { by, far, .. } => {
            let by = by.meant(*far).map_err(|error| anyhow!("{error} with --far"))?;
            Some(json!({ "advance": format!("{}s", by.length().as_secs()), "far": far }))
        }
        ClockVerb::Pause(_) => Some(json!({ "paused": true })),
        ClockVerb::Resume(_) => Some(json!({ "paused": false })),
        ClockVerb::Pace { pace, .. } => Some(json!({ "pace": pace.to_string() })),
    };
    let told = change.map_or_else(|| admin.get(PATH), |change| admin.post_json(PATH, &change))?;
    let told: Told = serde_json::from_value(told).context("the service told a clock that does not read")?;
    let text = if args.verb.output().is_json() { json(&told)? } else { text(&told) };
    print(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// The clock of a service.
#[derive(Debug, Deserialize, Serialize)]
struct Told {
    now: String,
    machine: String,
    pace: u64,
    paused: bool,
}

fn text(told: &Told) -> String {
    let pace = Pace::new(told.pace).map_or_else(|_| told.pace.to_string(), |pace| pace.to_string());
    let pace = if told.paused { format!("paused ({pace})") } else { pace };
    table(["NOW", "PACE", "THE MACHINE'S"], [[told.now.clone(), pace, told.machine.clone()]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_and_how_fast_it_goes() {
        let told =
            r#"{"now":"2026-11-24T12:02:00Z","machine":"2026-11-24T12:00:00Z","pace":60,"paused":true}"#;
        let told: Told = serde_json::from_str(told).unwrap();
        insta::assert_snapshot!(text(&told), @r"
        NOW                   PACE          THE MACHINE'S
        2026-11-24T12:02:00Z  paused (60x)  2026-11-24T12:00:00Z
        ");
    }
}
