//! `imds record`: a metadata service as a configuration.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use imds_core::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::usage;
use crate::admin::printable;
use crate::app::fail;
use crate::args::record::Record;
use crate::record::{Crawl, Recording, Source, Wish, crawl, recording};

pub(super) fn run(args: &Record) -> anyhow::Result<ExitCode> {
    let stem = args.output.file_stem().and_then(|stem| stem.to_str());
    let Some(stem) = stem.filter(|stem| stem.chars().all(|character| !character.is_control())) else {
        return Ok(usage("--output needs the name of a file, such as imds.toml"));
    };
    if args.output.exists() {
        bail!("{} is there already; remove it, or write to another file", args.output.display());
    }
    let folder = args.output.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        bail!("there is no folder {}; make it first, or write to another one", folder.display());
    }
    let wish = Wish { credentials: args.with_credentials, user_data: args.with_user_data };
    let mut source = Source::new(args.endpoint.as_deref())?;
    if let Some(why) = &source.no_token {
        fail(format_args!("no token was given ({}); IMDSv1 is used", printable(why)));
    }
    let found = crawl(wish, &mut |path| source.ask(path));
    let now = Timestamp::now();
    let recording = recording(&found, wish, stem, now)?;
    let is_there = |name: &&String| folder.join(name).exists();
    if let Some(name) = recording.files.iter().map(|(name, _)| name).find(is_there) {
        bail!("{} is there already; remove it, or write to another file", folder.join(name).display());
    }
    let partly = if recording.told.is_empty() {
        ""
    } else {
        "# Not everything is as it was found: what was left out was told when this was written.\n"
    };
    let text = format!("# Recorded from {} at {now:.0}.\n{partly}\n{}", source.host(), recording.text);
    let mut files: Vec<(PathBuf, &[u8])> = Vec::new();
    files.extend(recording.files.iter().map(|(name, content)| (folder.join(name), &***content)));
    files.push((args.output.clone(), text.as_bytes()));
    write(&files)?;
    for told in found.noted.iter().chain(&recording.told) {
        fail(printable(told));
    }
    fail(summary(&found, &recording));
    let is_whole = recording.told.is_empty();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was done, in a line: how much it is, of which instance, and which flags would have had more in.
fn summary(found: &Crawl, recording: &Recording) -> String {
    let count = found.found.len();
    let paths = if count == 1 { "path" } else { "paths" };
    let left_out = [
        (found.unwanted.credentials, "keys below security-credentials/ (--with-credentials)"),
        (found.unwanted.user_data, "user data (--with-user-data)"),
    ];
    let left_out: Vec<_> = left_out.iter().filter(|(is_so, _)| *is_so).map(|(_, what)| *what).collect();
    let left_out =
        if left_out.is_empty() { String::new() } else { format!("; left out: {}", left_out.join(", ")) };
    format!("recorded {count} {paths} of the instance {}{left_out}", recording.id)
}

/// New files that nobody else can read, all of them or none: each is written under another name first, and what was there
/// meanwhile is not overwritten.
fn write(files: &[(PathBuf, &[u8])]) -> anyhow::Result<()> {
    let mut made = Vec::new();
    let written = write_into(files, &mut made);
    if written.is_err() {
        for path in made {
            if let Err(error) = std::fs::remove_file(&path) {
                fail(format_args!("{} is left over, and can be removed: {error}", path.display()));
            }
        }
    }
    written
}

/// Says in `made` what there is to be removed when it fails.
fn write_into(files: &[(PathBuf, &[u8])], made: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let beside = |path: &Path| {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}", std::process::id()));
        path.with_file_name(name)
    };
    for (path, content) in files {
        let beside = beside(path);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
        let written = file.and_then(|mut file| {
            made.push(beside);
            file.write_all(content)?;
            file.sync_all()
        });
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    for (index, (path, _)) in files.iter().enumerate() {
        move_to(made, index, path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Moves one of the files to a place where nothing is, and says so in `made`.
fn move_to(made: &mut Vec<PathBuf>, index: usize, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, &made[index], CWD, to, RenameFlags::NOREPLACE) {
        // Network file systems know links alone that replace nothing.
        Err(Errno::INVAL | Errno::NOSYS) => link_to(made, index, to, |from| std::fs::remove_file(from)),
        moved => {
            moved?;
            made[index] = to.to_owned();
            Ok(())
        }
    }
}

/// The same with a link. When the first name cannot be removed there are two of them.
fn link_to(
    made: &mut Vec<PathBuf>,
    index: usize,
    to: &Path,
    remove: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    std::fs::hard_link(&made[index], to)?;
    let from = std::mem::replace(&mut made[index], to.to_owned());
    let removed = remove(&from);
    if removed.is_err() {
        made.push(from);
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_are_only_links_what_is_left_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let [hidden, one, two] = [".one", "one", "two"].map(|name| folder.path().join(name));
        std::fs::write(&hidden, "1").unwrap();
        let mut made = vec![hidden.clone()];
        link_to(&mut made, 0, &one, |_| Err(io::ErrorKind::PermissionDenied.into())).unwrap_err();
        assert_eq!(made, [one.clone(), hidden.clone()]);
        let mut made = vec![hidden.clone()];
        assert!(link_to(&mut made, 0, &one, |_| unreachable!()).is_err(), "it is taken");
        assert_eq!(made, std::slice::from_ref(&hidden));
        link_to(&mut made, 0, &two, |from| std::fs::remove_file(from)).unwrap();
        assert_eq!((made, hidden.exists()), (vec![two], false));
    }

    #[test]
    fn files_are_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let entries = std::fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        // The second came to be meanwhile, or cannot be.
        std::fs::write(&two, "mine").unwrap();
        for bad in [two.clone(), folder.path().join("none/two"), folder.path().join("x".repeat(300))] {
            assert!(write(&[(one.clone(), b"1"), (bad, b"2")]).is_err());
            assert_eq!(names(), ["two"]);
            assert_eq!(std::fs::read(&two).unwrap(), b"mine");
        }
        std::fs::remove_file(&two).unwrap();
        write(&[(one, b"1"), (two.clone(), b"2")]).unwrap();
        assert_eq!(names(), ["one", "two"]);
        assert_eq!(std::fs::read(&two).unwrap(), b"2");
    }
}
