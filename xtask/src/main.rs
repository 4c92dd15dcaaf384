//! The project's own chores, run as `cargo xtask CHORE`.

#![allow(clippy::print_stdout, reason = "a chore talks to the person who runs it")]

use std::process::ExitCode;

use clap::Parser as _;

mod bench;
mod test;
mod tidy;
mod workspace;

/// The project's own chores.
#[derive(clap::Parser)]
#[command(bin_name = "cargo xtask")]
enum Chore {
    /// Check the house rules that a compiler does not: crate arrows, unsafe, names, file sizes
    Tidy,
    /// Run every test, from the house rules to real clients, and say how many there are
    Test,
    /// Measure `imds serve` beside nginx, and with 100,000 instances, and write bench/results.md (takes minutes; never in CI)
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let result = match Chore::parse() {
        Chore::Tidy => tidy::run(),
        Chore::Test => test::run(),
        Chore::Bench(options) => bench::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
