//! Tests that fork and make namespaces: a harness of their own, because libtest's has threads.
//!
//! It runs and prints as libtest does. Every test runs as the user who runs it; as root, every test runs
//! once more as an ordinary user, in a process of setpriv(1).
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::panic::catch_unwind;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use std::{env, fs};

mod attach;
mod enter;
mod forbidden;
mod fork;
mod outside;
mod role;
mod routers;
mod spawn;

/// A test's name and body.
type Test = (&'static str, fn());

/// uid and gid of the ordinary user: `nobody`.
const NOBODY: &str = "65534";

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    filtered: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--role", role, rest @ ..] => role::play(role, rest),
        ["--as", user, filter @ ..] => {
            let tally = run(user, filter.first().copied());
            ExitCode::from(u8::from(tally.failed > 0))
        }
        ["--list", ..] => {
            for (name, _) in tests() {
                println!("{name}: test");
            }
            ExitCode::SUCCESS
        }
        others => run_all(others.iter().copied().find(|argument| !argument.starts_with('-'))),
    }
}

fn tests() -> impl Iterator<Item = Test> {
    [spawn::TESTS, enter::TESTS, routers::TESTS, attach::TESTS, outside::TESTS, fork::TESTS, forbidden::TESTS]
        .into_iter()
        .flatten()
        .copied()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn run_all(filter: Option<&str>) -> ExitCode {
    let start = Instant::now();
    println!("\nrunning {} tests", tests().count() * if is_root() { 2 } else { 1 });
    let mut tally = run(if is_root() { "as_root" } else { "as_user" }, filter);
    if is_root() {
        let ordinary = run_as_nobody(filter);
        tally.passed += ordinary.passed;
        tally.failed += ordinary.failed;
        tally.filtered += ordinary.filtered;
    }
    let Tally { passed, failed, filtered } = tally;
    println!(
        "\ntest result: {}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out; \
         finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        start.elapsed().as_secs_f64()
    );
    ExitCode::from(if failed == 0 { 0 } else { 101 })
}

fn run(user: &str, filter: Option<&str>) -> Tally {
    let mut tally = Tally::default();
    for (name, test) in tests() {
        let name = format!("{user}::{name}");
        if filter.is_some_and(|filter| !name.contains(filter)) {
            tally.filtered += 1;
            continue;
        }
        let passed = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        if passed {
            tally.passed += 1;
        } else {
            tally.failed += 1;
        }
    }
    tally
}

/// Runs the tests in a copy of this binary: the ordinary user may not be able to reach the original.
fn run_as_nobody(filter: Option<&str>) -> Tally {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("namespace");
    fs::copy(env::current_exe().unwrap(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
        .arg(&copy)
        .args(["--as", "as_user"])
        .args(filter)
        .current_dir("/")
        .stderr(Stdio::inherit())
        .output()
        .expect("setpriv, of util-linux");
    let text = String::from_utf8(output.stdout).unwrap();
    print!("{text}");
    let (passed, failed) = (text.matches(" ... ok\n").count(), text.matches(" ... FAILED\n").count());
    // A process that ended early counts as a failure of its own.
    let failed = failed.max(usize::from(!output.status.success()));
    Tally { passed, failed, filtered: tests().count().saturating_sub(passed + failed) }
}
