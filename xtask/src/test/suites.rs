//! The conformance suite and the real clients, each inside `imds run`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::{Count, cargo, command, succeeds, watched};
use crate::workspace::root;

const MODES: [&str; 2] = ["optional", "required"];
const CONFIG: &str = "clients/imds.toml";

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
    let mut count = Count::default();
    for mode in MODES {
        for pages in ["xhtml", "empty"] {
            let mut command = command(imds.to_str().context("the target folder's path is not text")?);
            command.args([
                "run",
                "--http-tokens",
                mode,
                "--error-pages",
                pages,
                "--config",
                "conformance/imds.toml",
                "--",
            ]);
            command.arg(&suite).args(["--endpoint", "http://169.254.169.254", "--error-pages", pages]);
            let mut own = Count::default();
            let mut last = String::new();
            let has_passed = watched(&mut command, |line| {
                own.add(summary(line).unwrap_or_default());
                line.clone_into(&mut last);
            })?;
            ensure!(own.passed > 0, "the suite ran no check: {last}");
            if !has_passed && own.failed == 0 {
                own.add(Count::one(false));
            }
            count.add(own);
        }
    }
    Ok(count)
}

/// Reads `187 passed, 3 failed, …`.
fn summary(line: &str) -> Option<Count> {
    let mut parts = line.split(", ");
    let passed = parts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = parts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some(Count { passed, failed })
}

/// Every client, in both modes.
pub(super) fn clients() -> Result<Count> {
    let imds = built("openimds", "imds")?;
    let folder = root().join("target/clients");
    ensure!(succeeds(command("clients/install").arg(&folder))?, "the clients could not be installed");
    let mut names = Vec::new();
    for entry in root().join("clients").read_dir()? {
        let entry = entry?;
        if entry.path().join("check").is_file() {
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
