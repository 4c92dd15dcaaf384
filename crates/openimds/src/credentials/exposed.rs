//! Does what says where real keys come from lie where the keeper may write? Whoever had taken the keeper over could then
//! have his own commands run.

use std::io;
use std::path::{Path, PathBuf};

use super::beneath::is_beneath;
use super::profile::Files;
use super::{Origin, Owner, Place, Source};

/// What is wrong with such a file.
pub const EXPOSED: &str = "this says what is executed, or who is called with your keys, and lies in the state folder, where the service \
                           itself may write";

/// A file that lies in `state`, or is reached through it, and that one of these sources follows: the configuration, a
/// program and the files that its command names, or the AWS files. What those name in turn is not looked at.
///
/// # Errors
/// When a path cannot be followed.
pub fn exposed<'s>(
    sources: impl Iterator<Item = &'s Source>,
    file: Option<&Path>,
    state: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> io::Result<Option<PathBuf>> {
    for source in sources.filter(|source| source.is_real()) {
        let mut paths: Vec<PathBuf> = file.map(Path::to_owned).into_iter().collect();
        match &source.origin {
            Origin::Process(words) => paths.extend(named(words, variable)),
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
            let is_there = path.exists();
            paths.push(path);
            if is_there {
                break;
            }
        }
    }
    // What is no file and looks like none may be any word.
    let is_path = |word: &&String| word.contains('/') || Path::new(word).exists();
    paths.extend(arguments.iter().filter(is_path).map(PathBuf::from));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Assume, Timekeeper};
    use std::fs;

    #[test]
    fn whatever_is_followed_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let text = |name: &str| at(name).to_str().unwrap().to_owned();
        for name in ["state/bin", "bin"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in ["state/bin/keys", "bin/keys", "bin/first"] {
            fs::write(at(name), "").unwrap();
        }
        let process = |words: &[String]| Origin::Process(words.to_vec());
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
                "PATH" if matches!(&source.origin, Origin::Process(words) if words.first().is_some_and(|word| word == "first")) => {
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
