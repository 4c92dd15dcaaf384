//! `imds record`: a metadata service as a configuration.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use imds_core::Timestamp;

use super::usage;
use crate::admin::printable;
use crate::app::fail;
use crate::args::record::Record;
use crate::record::{Source, Wish, crawl, recording};

pub(super) fn run(args: &Record) -> anyhow::Result<ExitCode> {
    let stem = args.output.file_stem().and_then(|stem| stem.to_str());
    let Some(stem) = stem.filter(|stem| stem.chars().all(|character| !character.is_control())) else {
        return Ok(usage("--output needs the name of a file, such as imds.toml"));
    };
    if args.output.exists() {
        bail!("{} is there already; remove it, or write to another file", args.output.display());
    }
    let wish = Wish { credentials: args.with_credentials, user_data: args.with_user_data };
    let mut source = Source::new(args.endpoint.as_deref())?;
    if let Some(why) = &source.no_token {
        fail(format_args!("no token was given ({}); IMDSv1 is used", printable(why)));
    }
    let found = crawl(wish, &mut |path| source.ask(path));
    let now = Timestamp::now();
    let recording = recording(&found, wish, stem, now)?;
    let folder = args.output.parent().unwrap_or(Path::new(""));
    let is_there = |name: &&String| folder.join(name).exists();
    if let Some(name) = recording.files.iter().map(|(name, _)| name).find(is_there) {
        bail!("{} is there already; remove it, or write to another file", folder.join(name).display());
    }
    for (name, content) in &recording.files {
        write(&folder.join(name), content)?;
    }
    let head = format!("# Recorded from {} at {now:.0}.\n\n", source.host());
    write(&args.output, (head + &recording.text).as_bytes())?;
    for told in found.noted.iter().chain(&recording.told) {
        fail(printable(told));
    }
    let is_whole = recording.told.is_empty();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A new file that nobody else can read.
fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}
