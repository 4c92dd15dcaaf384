//! The conformance suite: speaks HTTP to any metadata endpoint and says where it differs from EC2's.

mod args;
mod check;
mod checks;
mod crawl;
mod date;
mod expect;
mod http;
mod json;
mod outcome;
#[cfg(test)]
mod proof;
mod report;
mod session;
mod shape;
mod waits;

use args::Args;
use clap::Parser;
use session::Session;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (printed, code) = match run(Args::parse()) {
        Ok((text, passed)) => (
            std::io::stdout().write_all(text.as_bytes()),
            if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE },
        ),
        Err(sentence) => (writeln!(std::io::stderr(), "conformance: {sentence}"), ExitCode::FAILURE),
    };
    // A reader that went away (a pager, head) has seen enough; the status still says what was found.
    drop(printed);
    code
}

/// The text to print, and whether no check failed.
fn run(args: Args) -> Result<(String, bool), String> {
    let chosen = checks::all(&args.groups);
    let elsewhere = checks::not_checkable(&args.groups);
    let endpoint = match (args.list, args.endpoint) {
        (false, Some(endpoint)) => endpoint,
        _ if args.json => return Ok((report::list_json(&chosen, &elsewhere), true)),
        _ => return Ok((report::list(&chosen, &elsewhere), true)),
    };
    let session = Session::start(endpoint, args.error_pages)?;
    let findings = check::run(&chosen, &session);
    let failed = findings.iter().any(|finding| matches!(finding.outcome, Err(check::Stop::Fail(_))));
    let print = if args.json { report::json } else { report::table };
    Ok((print(&session, &findings, &elsewhere), !failed))
}
