//! `imds fault`: faults on request.

use std::process::ExitCode;

use anyhow::Context as _;
use imds_core::fault::Draft;
use serde::{Deserialize, Serialize};

use super::table::table;
use super::{json, usage};
use crate::admin::Admin;
use crate::app::print;
use crate::args::fault::{Fault, FaultVerb, Remove};

/// Where they are asked for.
const WAY: &str = "/api/v1/faults";

pub(super) fn run(args: &Fault) -> anyhow::Result<ExitCode> {
    let admin = Admin::new(&args.door.admin, args.door.region.as_deref())?;
    match &args.verb {
        FaultVerb::Add(add) => {
            let draft = Draft::from(&**add);
            // Said here, it is wrong usage.
            if let Err(why) = draft.rule() {
                return Ok(usage(why));
            }
            let told = admin.post_json(WAY, &serde_json::to_value(&draft)?)?;
            let id = told.get("id").and_then(serde_json::Value::as_u64);
            let id = id.with_context(|| format!("{} told no number for the fault", args.door.admin))?;
            print(format!("{id}\n").as_bytes());
        }
        FaultVerb::List(output) => {
            let told: Told = serde_json::from_value(admin.get(WAY)?)
                .context("the service told faults that do not read")?;
            let text = if output.is_json() { json(&told.faults)? } else { text(&told.faults) };
            print(text.as_bytes());
        }
        FaultVerb::Remove(Remove { all: true, .. }) => {
            admin.delete(WAY)?;
        }
        FaultVerb::Remove(Remove { ids, .. }) => {
            for id in ids {
                admin.delete(&format!("{WAY}/{id}"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Deserialize)]
struct Told {
    faults: Vec<Listed>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Listed {
    id: u64,
    #[serde(flatten)]
    draft: serde_json::Map<String, serde_json::Value>,
    origin: String,
    struck: u64,
    state: String,
}

fn text(faults: &[Listed]) -> String {
    let heads = ["ID", "KIND", "WHAT", "STRUCK", "STATE", "FROM"];
    table(
        heads,
        faults.iter().map(|fault| {
            let kind = fault.draft.get("kind").and_then(serde_json::Value::as_str).unwrap_or_default();
            let what =
                fault.draft.iter().filter(|(name, _)| *name != "kind").map(|(name, value)| word(name, value));
            [
                fault.id.to_string(),
                kind.to_owned(),
                what.collect::<Vec<_>>().join(" "),
                fault.struck.to_string(),
                fault.state.clone(),
                fault.origin.clone(),
            ]
        }),
    )
}

/// `path=/latest methods=GET,PUT`
fn word(name: &str, value: &serde_json::Value) -> String {
    let one = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = value
        .as_array()
        .map_or_else(|| one(value), |values| values.iter().map(one).collect::<Vec<_>>().join(","));
    format!("{name}={text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_fault() {
        let told = r#"{"faults":[
            {"id":1,"kind":"drop","path":"/latest/api/token","methods":["PUT","GET"],"origin":"api","struck":3,"state":"active"},
            {"id":2,"kind":"status","status":503,"count":1,"origin":"file","struck":1,"state":"spent"},
            {"id":3,"kind":"reset","origin":"file","struck":0,"state":"active"}]}"#;
        let told: Told = serde_json::from_str(told).unwrap();
        insta::assert_snapshot!(text(&told.faults), @r"
        ID  KIND    WHAT                                    STRUCK  STATE   FROM
        1   drop    methods=PUT,GET path=/latest/api/token  3       active  api
        2   status  count=1 status=503                      1       spent   file
        3   reset                                           0       active  file
        ");
    }
}
