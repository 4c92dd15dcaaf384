//! `cargo xtask test`: every test there is, unit to end to end, and how many they are.

mod fuzz;
mod packages;
mod rules;
mod suites;
mod unit;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::workspace::root;

/// Tests that ran.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    fn one(has_passed: bool) -> Self {
        Self { passed: has_passed.into(), failed: (!has_passed).into() }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Runs all of them.
///
/// # Errors
/// When one fails, or what they need cannot be installed.
pub(crate) fn run() -> Result<()> {
    packages::install()?;
    let mut all = Count::default();
    for (name, step) in [
        ("house rules", rules::run as fn() -> Result<Count>),
        ("unit and end-to-end tests", unit::run),
        ("conformance", suites::conformance),
        ("real clients", suites::clients),
        ("real clients of the control API", suites::control),
        ("the console in a browser", suites::console),
        ("pytest plugin", suites::plugin),
        ("hostile input", fuzz::run),
    ] {
        println!("== {name}");
        let start = Instant::now();
        let count = step().unwrap_or_else(|error| {
            eprintln!("{name}: {error:#}");
            Count::one(false)
        });
        println!(
            "== {name}: {} passed, {} failed, {} s\n",
            count.passed,
            count.failed,
            start.elapsed().as_secs()
        );
        all.add(count);
    }
    println!("{} passed, {} failed", all.passed, all.failed);
    ensure!(all.failed == 0, "{} tests failed; their output is above", all.failed);
    Ok(())
}

/// A command in the workspace's folder, for which no metadata service and no AWS exists: whoever needs one is started
/// in a namespace of its own, or told where on loopback it is.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(root())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    command.env_remove("AWS_EC2_METADATA_SERVICE_ENDPOINT").stdin(Stdio::null());
    command
}

fn cargo() -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
}

/// Runs a command; did it succeed?
fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !status.success() {
        eprintln!("FAILED ({status}): {command:?}");
    }
    Ok(status.success())
}

/// Runs a command, shows what it prints, and gives each line to `see`.
fn watched(command: &mut Command, mut see: impl FnMut(&str)) -> Result<bool> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {command:?}"))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            see(&line);
            println!("{line}");
        }
    }
    Ok(child.wait()?.success())
}
