//! The verbs of the command line, one file each.

mod ca;
mod calls;
mod clock;
mod console;
mod defaults;
mod doctor;
mod environment;
mod event;
mod exec;
mod explain;
mod fault;
mod finding;
mod get;
mod inside;
mod instance;
mod keyring;
mod keys;
mod record;
mod run;
mod schema;
mod serve;
mod table;
mod token;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use imds_core::keyring::Keyring;
use zeroize::Zeroizing;

use crate::app::fail;
use crate::args::{Cli, Verb};
use crate::config::Service;
use crate::keeper::Report;
use crate::listen::{Limits, raise_descriptor_limit};

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Serve(args) => serve::run(args),
        Verb::Run(args) => run::run(args),
        Verb::Exec(args) => exec::run(&args),
        Verb::Get(args) => get::run(&args),
        Verb::Token(args) => token::run(&args),
        Verb::Keyring(args) => keyring::run(&args),
        Verb::Keys(args) => keys::run(&args),
        Verb::Ca(args) => ca::run(&args),
        Verb::Record(args) => record::run(&args),
        Verb::Clock(args) => clock::run(&args),
        Verb::Event(args) => event::run(&args),
        Verb::Schema => schema::run(),
        Verb::Instance(args) => instance::run(&args),
        Verb::Defaults(args) => defaults::run(&args),
        Verb::Environment(args) => environment::run(&args),
        Verb::Fault(args) => fault::run(&args),
        Verb::Calls(args) => calls::run(&args),
        Verb::Console(args) => console::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Explain(args) => explain::run(&args),
    };
    result.unwrap_or_else(|error| fail(format_args!("{error:#}")))
}

/// Takes as many descriptors as there are to be had, and no more connections than they are good for.
fn limit(service: &mut Service) {
    let most = raise_descriptor_limit();
    let limit = &mut service.limits.max_connections;
    if *limit > most {
        let wanted = *limit;
        let told =
            "there are descriptors for fewer connections (`ulimit -n`); of no effect below that number";
        if wanted == Limits::default().max_connections {
            // Nobody asked for as many.
            tracing::debug!(wanted, most, "{told}");
        } else {
            tracing::info!(wanted, most, "{told}");
        }
        *limit = most;
    }
}

/// What the keeper needs to see whether the keys of a state folder change.
fn watched(state: Option<PathBuf>, keyring: &Keyring) -> Option<(PathBuf, Zeroizing<String>)> {
    state.map(|state| (state, imds_store::keyring::text(keyring)))
}

/// The keys of a state folder, made where they are missing; without a folder, keys that live as long as the process.
fn keys(state: Option<&Path>) -> anyhow::Result<Keyring> {
    let secret = imds_server::random::secret()?;
    Ok(match state {
        Some(state) => imds_store::keyring::load_or_create(state, &secret)?,
        None => Keyring::new(&secret),
    })
}

/// The exit status when the helper could not do its part.
fn refused(report: Report) -> ExitCode {
    match report {
        Report::Failed { message, status } => {
            fail(message);
            ExitCode::from(status)
        }
        Report::Changed { .. }
        | Report::Opened { .. }
        | Report::Asked { .. }
        | Report::Faults(_)
        | Report::Keyring(_)
        | Report::Started
        | Report::Lodged { .. }
        | Report::Left { .. }
        | Report::Ended { .. } => fail("the helper process did not begin its work"),
    }
}

/// The exit status of what is typed wrong in a way that only shows when all of it is read.
fn usage(why: impl std::fmt::Display) -> ExitCode {
    fail(why);
    ExitCode::from(2)
}

/// A result for programs.
fn json(result: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(result)? + "\n")
}
