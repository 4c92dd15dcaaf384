//! `imds instance history`: who changed which metadata option, and when.

use std::process::ExitCode;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::super::json;
use super::super::table::{cell, table};
use super::path;
use crate::admin::Admin;
use crate::app::print;
use crate::args::control::Show;

pub(super) fn run(admin: &Admin, args: &Show) -> anyhow::Result<ExitCode> {
    let told = admin.get(&format!("{}/history", path(&args.id)))?;
    let told: Told = serde_json::from_value(told).context("the service told a history that does not read")?;
    let text = if args.output.is_json() { json(&told.history)? } else { text(&told.history) };
    print(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Deserialize)]
struct Told {
    history: Vec<Change>,
}

/// One option that was changed.
#[derive(Debug, Deserialize, Serialize)]
struct Change {
    at: String,
    option: String,
    old: String,
    new: String,
    /// The access key that the call named, if it named one.
    #[serde(default)]
    access_key: Option<String>,
    /// Where the call came from, or `file`.
    address: String,
}

fn text(history: &[Change]) -> String {
    table(
        ["TIME", "OPTION", "OLD", "NEW", "ACCESS KEY", "ADDRESS"],
        history.iter().map(|change| {
            [
                change.at.clone(),
                change.option.clone(),
                change.old.clone(),
                change.new.clone(),
                cell(change.access_key.as_ref()),
                change.address.clone(),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_change() {
        let told = r#"{"history":[{"at":"2026-11-24T19:30:00Z","option":"HttpTokens","old":"optional","new":"required",
            "access_key":"AKIDEXAMPLE","address":"127.0.0.1"},{"at":"2026-11-24T19:31:00Z","option":"HttpPutResponseHopLimit",
            "old":"1","new":"2","address":"file"}]}"#;
        let told: Told = serde_json::from_str(told).unwrap();
        insta::assert_snapshot!(text(&told.history), @r"
        TIME                  OPTION                   OLD       NEW       ACCESS KEY   ADDRESS
        2026-11-24T19:30:00Z  HttpTokens               optional  required  AKIDEXAMPLE  127.0.0.1
        2026-11-24T19:31:00Z  HttpPutResponseHopLimit  1         2         -            file
        ");
    }
}
