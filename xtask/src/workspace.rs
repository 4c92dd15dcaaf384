//! Where the workspace is, and what Cargo says about it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies in the workspace")
}

/// `cargo` itself, the one that runs this chore if it told, started in the workspace's folder.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).stderr(Stdio::inherit());
    command
}

/// The packages of `manifest`'s workspace, as `cargo metadata --no-deps` lists them.
pub(crate) fn packages(manifest: &Path) -> Result<Vec<Value>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .output()
        .context("cargo metadata cannot be started")?;
    ensure!(output.status.success(), "cargo metadata failed for {}", manifest.display());
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    Ok(metadata["packages"].as_array().cloned().unwrap_or_default())
}

/// Builds the binary `imds` as it is released, and says where it is.
pub(crate) fn build_imds() -> Result<PathBuf> {
    let output = cargo()
        .args(["build", "--release", "--package", "openimds", "--bin", "imds", "--message-format"])
        .arg("json-render-diagnostics")
        .output()
        .context("cargo build cannot be started")?;
    ensure!(output.status.success(), "imds does not build: see the errors above");
    let is_imds = |message: &Value| message["target"]["name"] == "imds" && message["executable"].is_string();
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(is_imds)
        .and_then(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo build names no executable `imds`")
}

/// Every file that is in git or could be: tracked, or untracked and not ignored; paths from the root.
pub(crate) fn files() -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .context("git cannot be started: install it")?;
    ensure!(output.status.success(), "git ls-files failed: is {} a git clone?", root().display());
    let listing = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    // A tracked file that was deleted but not yet committed is still listed.
    let present = |path: &&str| root().join(path).is_file();
    Ok(listing.split_terminator('\0').filter(present).map(str::to_owned).collect())
}
