//! Does what says where real keys come from lie where the keeper may write? Whoever had taken the keeper over could then
//! have his own commands run.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::beneath::is_beneath;
use super::profile::Files;
use super::{Origin, Owner, Place, Source};

/// What is wrong with such a file.
pub const EXPOSED: &str = "this says what is executed, or who is called with your keys, and lies in the state folder, where the service \
                           itself may write";

/// A file that lies in `state`, or is reached through it, and that one of these sources follows: the configuration, a
/// program and the files that its command names, wherever in a word, or the AWS files. What those name in turn is not
/// looked at.
///
/// # Errors
/// When a path cannot be followed.
pub fn exposed<'s>(
    sources: impl Iterator<Item = &'s Source>,
    file: Option<&Path>,
    state: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> io::Result<Option<PathBuf>> {
    let names = names(state)?;
    for source in sources.filter(|source| source.is_real()) {
        let mut paths: Vec<PathBuf> = file.map(Path::to_owned).into_iter().collect();
        match &source.origin {
            Origin::Process(words) => {
                if let Some(path) = words.iter().find_map(|word| within(word, &names)) {
                    return Ok(Some(path));
                }
                paths.extend(named(words, variable));
            }
            Origin::Profile(_) => paths.extend(Files::places(variable).into_iter().flatten()),
            Origin::AssumeRole(assume) => match &assume.place {
                Place::There { owner: Owner::Profile(_), .. } => {
                    paths.extend(Files::places(variable).into_iter().flatten());
                }
                Place::There { owner: Owner::Environment, .. } | Place::Here => {}
            },
        }
        for path in paths {
            if is_beneath(&path, state)? {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

/// The files that a command names: its program, wherever it is looked for, and whatever else is a path.
fn named(words: &[String], variable: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let Some((program, arguments)) = words.split_first() else { return Vec::new() };
    let mut paths = Vec::new();
    if program.contains('/') {
        paths.push(program.into());
    } else {
        for folder in std::env::split_paths(&variable("PATH").unwrap_or_default()) {
            let path = folder.join(program);
            // As execvp(3), which goes on where it may not execute what it finds.
            let is_it = path.is_file() && access(&path, Access::EXEC_OK).is_ok();
            paths.push(path);
            if is_it {
                break;
            }
        }
    }
    // What is no file and looks like none may be any word.
    let is_path = |word: &&str| word.contains('/') || Path::new(word).exists();
    // `--file=PATH`, too.
    let values = arguments.iter().filter_map(|word| Some(word.split_once('=')?.1));
    paths.extend(arguments.iter().map(String::as_str).chain(values).filter(is_path).map(PathBuf::from));
    paths
}

/// How a word may call the folder: as it was given, from the root, and without links.
fn names(state: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for path in [state.to_owned(), std::path::absolute(state)?, state.canonicalize()?] {
        // One whose name is no text cannot be written in the configuration file.
        names.extend(path.to_str().map(|name| name.trim_end_matches('/').to_owned()));
    }
    names.retain(|name| !name.is_empty());
    Ok(names)
}

/// What a word says that begins with one of these names of a folder, wherever in it that is: a shell's script, and what an
/// option has behind it, are words as well. Of the word no more is told than that.
fn within(word: &str, names: &[String]) -> Option<PathBuf> {
    let is_of_name = |sign: char| sign.is_alphanumeric() || "_-.".contains(sign);
    let begins = |name: &String| {
        let found = word.match_indices(name.as_str()).map(|(at, _)| at).find(|at| {
            let (before, after) = (&word[..*at], &word[at + name.len()..]);
            // A name from the root may stand behind anything, and any other is a word of its own, and names a file.
            let begins = name.starts_with('/')
                || !before.ends_with(|sign| is_of_name(sign) || sign == '/') && after.starts_with('/');
            begins && !after.starts_with(is_of_name)
        })?;
        let rest = &word[found..];
        let end = rest.find(|sign: char| sign.is_whitespace() || "'\"`;|&<>(){}".contains(sign));
        Some(PathBuf::from(&rest[..end.unwrap_or(rest.len())]))
    };
    names.iter().find_map(begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Assume, Timekeeper};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_word_is_told_from_what_it_says_of_the_folder_and_no_more() {
        let names = ["/var/lib/imds".to_owned(), "data".to_owned()];
        for (word, expected) in [
            ("/var/lib/imds/k.sh", Some("/var/lib/imds/k.sh")),
            ("hunter2 /var/lib/imds/k.sh hunter2", Some("/var/lib/imds/k.sh")),
            ("-S/var/lib/imds/k.sh", Some("/var/lib/imds/k.sh")),
            ("a=(/var/lib/imds)", Some("/var/lib/imds")),
            ("/var/lib/imds-tools /var/lib/imds.d /var/lib/imds2", None),
            ("/var/lib/imds-tools /var/lib/imds", Some("/var/lib/imds")),
            (". data/k.sh", Some("data/k.sh")),
            ("--file=data/k.sh", Some("data/k.sh")),
            ("data", None),
            ("metadata/x /srv/data/x --data x", None),
            ("", None),
        ] {
            assert_eq!(within(word, &names), expected.map(PathBuf::from), "{word}");
        }
    }

    /// A folder with programs, of which one cannot be executed, beside a state folder and in it.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["state/bin", "bin", "state-tools"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let programs =
            ["state/bin/keys", "bin/keys", "bin/first", "bin/second", "state/bin/second", "state-tools/x"];
        for name in programs {
            fs::write(at(name), "").unwrap();
            let mode = if name == "bin/second" { 0o644 } else { 0o755 };
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink(at("state"), at("link")).unwrap();
        folder
    }

    #[test]
    fn whatever_is_followed_is_looked_at() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        let text = |name: &str| at(name).to_str().unwrap().to_owned();
        let process = |words: &[String]| Origin::Process(words.to_vec());
        let script = |word: String| process(&["/bin/sh".to_owned(), "-c".to_owned(), word]);
        let profile = Origin::Profile("dev".to_owned());
        let assume = |place: Place| {
            Origin::AssumeRole(Assume {
                role_arn: "arn".to_owned(),
                session_name: "s".to_owned(),
                seconds: 900,
                external_id: None,
                place,
            })
        };
        let there = |owner: Owner| {
            let endpoint = "http://127.0.0.1:1".parse().unwrap();
            assume(Place::There { endpoint, region: "us-east-1".to_owned(), owner })
        };
        let word = |word: &str| word.to_owned();
        let (inside, outside) = (Some("state/imds.toml"), Some("imds.toml"));
        for (number, (origin, file, aws, expected)) in [
            (process(&[text("bin/keys")]), outside, "aws", None),
            (process(&[text("bin/keys")]), None, "aws", None),
            (process(&[text("bin/keys")]), inside, "aws", Some("state/imds.toml")),
            (process(&[text("state/bin/keys")]), outside, "aws", Some("state/bin/keys")),
            (process(&[word("/bin/sh"), text("state/bin/keys")]), outside, "aws", Some("state/bin/keys")),
            (process(&[word("/bin/sh"), word("-x"), word("state")]), outside, "aws", None),
            (process(&[word("keys")]), outside, "aws", Some("state/bin/keys")),
            (process(&[word("none")]), outside, "aws", Some("state/bin/none")),
            (process(&[word("first")]), outside, "aws", None),
            // A file that cannot be executed is gone past.
            (process(&[word("second")]), outside, "aws", Some("state/bin/second")),
            (script(format!(". {}", text("state/k.sh"))), outside, "aws", Some("state/k.sh")),
            (script(format!("x='{}';cat", text("state/k.sh"))), outside, "aws", Some("state/k.sh")),
            (script(format!("cd {} && ./k", text("state"))), outside, "aws", Some("state")),
            (script(format!("-S{}", text("state/k.sh"))), outside, "aws", Some("state/k.sh")),
            (script(format!("--opt={}", text("state/x"))), outside, "aws", Some("state/x")),
            (script(format!("--opt={}", text("link/x"))), outside, "aws", Some("link/x")),
            (script(text("state-tools/x")), outside, "aws", None),
            (script(format!(". {}", text("state-tools/x"))), outside, "aws", None),
            (process(&[]), outside, "aws", None),
            (profile.clone(), outside, "aws", None),
            (profile.clone(), outside, "state/aws", Some("state/aws")),
            (profile, inside, "aws", Some("state/imds.toml")),
            (there(Owner::Profile(word("dev"))), outside, "state/aws", Some("state/aws")),
            (there(Owner::Environment), outside, "state/aws", None),
            (there(Owner::Environment), inside, "aws", Some("state/imds.toml")),
            // Nothing is executed, and nobody is called.
            (assume(Place::Here), inside, "state/aws", None),
        ]
        .into_iter()
        .enumerate()
        {
            let source = Source { origin, timekeeper: Timekeeper::Machine };
            let variable = |name: &str| match name {
                "PATH" if matches!(&source.origin, Origin::Process(words) if words.first().is_some_and(|word| ["first", "second"].contains(&&**word))) => {
                    Some(format!("{}:{}", text("bin"), text("state/bin")))
                }
                "PATH" => Some(format!("{}:{}", text("state/bin"), text("bin"))),
                "AWS_CONFIG_FILE" => Some(text(aws)),
                _ => None,
            };
            let file = file.map(at);
            let found = exposed(std::iter::once(&source), file.as_deref(), &at("state"), &variable).unwrap();
            assert_eq!(found, expected.map(at), "{number} {source:?}");
        }
    }
}
