//! The conformance suite and the real clients: those of the metadata inside `imds run`, those of the control API beside
//! a service of their own on loopback, a browser for the console; and the pytest plugin.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Count, cargo, command, succeeds, watched};
use crate::workspace::root;

const MODES: [&str; 2] = ["optional", "required"];
const CONFIG: &str = "clients/imds.toml";

/// The folders of `clients/control/` that have a check.
const CONTROL: [&str; 6] = ["aws-cli", "boto3", "eb", "renewal", "scenarios", "terraform"];

/// The folder of `clients/` that has the console's check, which is none of a client of the metadata.
const CONSOLE: &str = "console";

/// The built binary `name`.
fn built(package: &str, name: &str) -> Result<PathBuf> {
    ensure!(succeeds(cargo().args(["build", "--quiet", "--package", package]))?, "{package} does not build");
    let folder = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |folder| root().join(folder));
    let path = folder.join("debug").join(name);
    ensure!(path.is_file(), "{} was not built", path.display());
    Ok(path)
}

/// Every check, in both modes and with both kinds of error pages.
pub(super) fn conformance() -> Result<Count> {
    let (imds, suite) = (built("openimds", "imds")?, built("conformance", "conformance")?);
    // With a key to sign with, so that there are signatures to look at.
    let state = root().join("target/conformance-state");
    let imds = imds.to_str().context("the target folder's path is not text")?;
    if !state.join("ca").is_dir() {
        let made = succeeds(command(imds).args(["ca", "init", "--state"]).arg(&state))?;
        ensure!(made, "there is no key to sign with");
    }
    let mut count = Count::default();
    for mode in MODES {
        for pages in ["xhtml", "empty"] {
            let mut command = command(imds);
            command.args(["run", "--http-tokens", mode, "--error-pages", pages, "--state"]).arg(&state);
            command.args(["--config", "conformance/imds.toml", "--"]);
            command.arg(&suite).args(["--endpoint", "http://169.254.169.254", "--error-pages", pages]);
            count.add(summarised(&mut command)?);
        }
    }
    Ok(count)
}

/// Runs a command that says how many of its own checks passed and failed, in one line or several. One that ran none of
/// them has failed.
fn summarised(command: &mut Command) -> Result<Count> {
    let mut own = Count::default();
    let mut last = String::new();
    let has_passed = watched(command, |line| {
        own.add(summary(line).unwrap_or_default());
        line.clone_into(&mut last);
    })?;
    ensure!(own.passed + own.failed > 0, "{:?} ran no check: {last}", command.get_program());
    if !has_passed && own.failed == 0 {
        own.add(Count::one(false));
    }
    Ok(own)
}

/// Reads `187 passed, 3 failed, …`.
fn summary(line: &str) -> Option<Count> {
    let mut parts = line.split(", ");
    let passed = parts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = parts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some(Count { passed, failed })
}

/// Installs the real clients where that has not been done, and says where they are.
fn installed() -> Result<PathBuf> {
    let folder = root().join("target/clients");
    ensure!(succeeds(command("clients/install").arg(&folder))?, "the clients could not be installed");
    Ok(folder)
}

/// Every client of the metadata, in both modes.
pub(super) fn clients() -> Result<Count> {
    let (imds, folder) = (built("openimds", "imds")?, installed()?);
    let mut names = Vec::new();
    for entry in root().join("clients").read_dir()? {
        let entry = entry?;
        if entry.path().join("check").is_file() && entry.file_name() != CONSOLE {
            names.push(entry.file_name());
        }
    }
    names.sort();
    ensure!(!names.is_empty(), "there are no clients");
    let mut count = Count::default();
    for name in names {
        let check = root().join("clients").join(&name).join("check");
        for mode in MODES {
            let mut command = command(imds.to_str().context("the target folder's path is not text")?);
            command.env("IMDS_CLIENTS", &folder).args([
                "run",
                "--http-tokens",
                mode,
                "--config",
                CONFIG,
                "--",
            ]);
            count.add(Count::one(succeeds(command.arg(&check).arg(mode))?));
        }
    }
    Ok(count)
}

/// Every client of the control API. A check that is missing cannot be run, and so fails.
pub(super) fn control() -> Result<Count> {
    let mut count = Count::default();
    for name in CONTROL {
        println!("-- {name}");
        count.add(beside_a_service(&PathBuf::from("clients/control").join(name))?);
    }
    Ok(count)
}

/// The story and every page of the console, in a browser.
pub(super) fn console() -> Result<Count> {
    beside_a_service(&PathBuf::from("clients").join(CONSOLE))
}

/// The pytest plugin: its wheel, which carries the binary, is built and installed, and its tests run from there.
pub(super) fn plugin() -> Result<Count> {
    summarised(&mut command("python/check"))
}

/// The check in this folder, which starts the services that it needs.
fn beside_a_service(folder: &Path) -> Result<Count> {
    let (imds, clients) = (built("openimds", "imds")?, installed()?);
    let check = root().join(folder).join("check");
    let mut command = command(check.to_str().context("the workspace's path is not text")?);
    summarised(command.env("IMDS", &imds).env("IMDS_CLIENTS", &clients))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suites_summary_is_counted() {
        let line =
            "187 passed, 3 failed, 2 not in this mode, 21 absent, 33 not checkable here (--list says why)";
        assert_eq!(summary(line), Some(Count { passed: 187, failed: 3 }));
        assert_eq!(summary("pass  token"), None);
    }
}
