//! `cargo xtask tidy`: the house rules that a compiler does not check.

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::workspace;

mod arrows;
mod code;
mod rules;

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// The file, from the workspace's folder.
    path: String,
    /// The line, counted from 1.
    line: usize,
    /// What is wrong, and the cure.
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Checks every file of the project and prints what is wrong; an error if anything is.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root();
    let mut findings = arrows::check(&workspace::packages(&root.join("Cargo.toml"))?);
    // The fuzz targets need a workspace of their own, and may not be there.
    let fuzz = root.join("fuzz/Cargo.toml");
    if fuzz.is_file() {
        findings.extend(arrows::check(&workspace::packages(&fuzz)?));
    }
    let files = workspace::files()?;
    for path in &files {
        findings.extend(check_file(root, path)?);
    }
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} house rules broken: see ARCHITECTURE.md, \"Invariants\"", findings.len());
    }
    println!("{} files are tidy", files.len());
    Ok(())
}

fn check_file(root: &Path, path: &str) -> Result<Vec<Finding>> {
    let bytes = std::fs::read(root.join(path))?;
    // A file that is no text has a name to check and nothing else.
    Ok(rules::check(path, &String::from_utf8(bytes).unwrap_or_default()))
}
