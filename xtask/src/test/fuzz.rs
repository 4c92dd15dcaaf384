//! Hostile input for the core, for 30 seconds a target, by libFuzzer on stable Rust.

use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::{Count, cargo, command, succeeds};
use crate::workspace::root;

const TARGETS: [&str; 3] = ["path", "request", "token"];
const SECONDS: u32 = 30;

/// What `cargo fuzz` sets, less what needs a nightly compiler.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

pub(super) fn run() -> Result<Count> {
    let folder = build()?;
    // All at once: each uses one core for its time.
    let running: Vec<_> = TARGETS.iter().map(|target| start(&folder, target)).collect::<Result<_>>()?;
    let mut count = Count::default();
    for (target, child) in TARGETS.iter().zip(running) {
        let output = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        let runs = text.lines().find(|line| line.starts_with("Done ")).unwrap_or("no run was finished");
        println!("{target}: {runs}");
        let has_passed = output.status.success() && runs.starts_with("Done ");
        if !has_passed {
            eprintln!("{text}");
        }
        count.add(Count::one(has_passed));
    }
    Ok(count)
}

fn build() -> Result<PathBuf> {
    let version = cargo().args(["version", "--verbose"]).output()?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    // Named, so that build scripts and macros, which run here, are built without the flags.
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("cargo names no host")?;
    let folder = root().join("target/fuzz");
    let mut build = cargo();
    build.env("RUSTFLAGS", FLAGS).args([
        "build",
        "--quiet",
        "--release",
        "--manifest-path",
        "fuzz/Cargo.toml",
    ]);
    build.args(["--target", host, "--target-dir"]).arg(&folder);
    ensure!(succeeds(&mut build)?, "the targets do not build");
    Ok(folder.join(host).join("release"))
}

fn start(folder: &std::path::Path, target: &str) -> Result<Child> {
    let program = folder.join(target);
    let mut command = command(program.to_str().context("the target folder's path is not text")?);
    command
        .current_dir(folder)
        .arg(format!("-max_total_time={SECONDS}"))
        .args(["-timeout=5", "-rss_limit_mb=1024"]);
    Ok(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?)
}
