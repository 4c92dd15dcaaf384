//! `imds keys`: the access keys that calls of the control API are signed with.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use imds_core::Timestamp;
use imds_core::credentials::Secret;
use imds_store::access_key::{self, AccessKey, AccessKeys, RANDOM_LEN};
use serde::Serialize;
use zeroize::Zeroizing;

use super::json;
use super::table::{cell, table};
use crate::app::print;
use crate::args::keys::{Add, Keys, List, Remove, Rotate};

/// Bytes of a file with a secret that are read: a secret has far fewer.
const LIMIT: u64 = 4096;

pub(super) fn run(args: &Keys) -> anyhow::Result<ExitCode> {
    match args {
        Keys::Add(args) => add(args)?,
        Keys::List(args) => list(args)?,
        Keys::Remove(args) => remove(args)?,
        Keys::Rotate(args) => rotate(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A key as it is shown, under IAM's names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told<'k> {
    access_key_id: &'k str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'k str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'k str>,
    create_date: String,
}

impl<'k> Told<'k> {
    fn of(key: &'k AccessKey) -> Self {
        Self {
            access_key_id: key.id(),
            secret_access_key: None,
            user_name: key.user(),
            create_date: key.created().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }

    /// With its secret, which is shown once.
    fn whole(key: &'k AccessKey) -> Self {
        Self { secret_access_key: Some(key.secret().expose()), ..Self::of(key) }
    }
}

fn add(args: &Add) -> anyhow::Result<()> {
    let (user, now) = (args.user.as_deref(), Timestamp::now());
    let key = match (&args.access_key_id, &args.secret_access_key_file) {
        (Some(id), Some(file)) => AccessKey::new(id, secret(file)?, user, now)?,
        _ => {
            let mut random = Zeroizing::new([0; RANDOM_LEN]);
            imds_server::random::fill(&mut *random)?;
            AccessKey::generate(&random, user, now)?
        }
    };
    let folder = &args.state.folder;
    access_key::change(folder, &imds_server::random::secret()?, |keys| {
        if !keys.add(key.clone()) {
            let (id, folder) = (key.id(), folder.display());
            bail!("there is a key {id} already: `imds keys remove --state {folder} {id}` removes it");
        }
        Ok(())
    })?;
    // Who brought a secret has it.
    let told = if args.access_key_id.is_some() { Told::of(&key) } else { Told::whole(&key) };
    let text = if args.output.is_json() {
        json(&told)?
    } else {
        let rows = [
            ("Access key ID", Some(told.access_key_id)),
            ("Secret access key", told.secret_access_key),
            ("User", told.user_name),
        ];
        let rows = rows.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?.to_owned()]));
        table(["", ""], rows)
    };
    print(Zeroizing::new(text).as_bytes());
    Ok(())
}

fn list(args: &List) -> anyhow::Result<()> {
    let folder = existing(&args.state.folder)?;
    let keys = access_key::load(folder)?;
    let told: Vec<_> = keys.iter().flat_map(AccessKeys::iter).map(Told::of).collect();
    let text = if args.output.is_json() {
        json(&told)?
    } else {
        let rows = told.into_iter();
        let rows = rows.map(|key| [key.access_key_id.to_owned(), cell(key.user_name), key.create_date]);
        table(["ACCESS KEY ID", "USER", "CREATED"], rows)
    };
    print(text.as_bytes());
    Ok(())
}

fn remove(args: &Remove) -> anyhow::Result<()> {
    let folder = existing(&args.state.folder)?;
    access_key::change(folder, &imds_server::random::secret()?, |keys| {
        if keys.remove(&args.id).is_none() {
            let (id, folder) = (args.id.escape_default(), folder.display());
            bail!("there is no key {id}: `imds keys list --state {folder}` shows those that there are");
        }
        Ok(())
    })?;
    Ok(())
}

fn rotate(args: &Rotate) -> anyhow::Result<()> {
    let (folder, secret) = (existing(&args.state.folder)?, Zeroizing::new(imds_server::random::secret()?));
    access_key::change::<_, access_key::Error>(folder, &secret, |keys| {
        keys.rotate(&secret);
        Ok(())
    })?;
    print(b"temporary keys that were issued before are refused from now on; access keys are as they were\n");
    Ok(())
}

/// A folder that is there: one that is mistyped is not to be made.
fn existing(folder: &Path) -> anyhow::Result<&Path> {
    if !folder.is_dir() {
        bail!(
            "there is no state folder {}: name the one that `imds serve --state` is given",
            folder.display()
        );
    }
    Ok(folder)
}

/// The secret in a file, or on standard input, without the end of its line.
fn secret(file: &Path) -> anyhow::Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    let mut read = |source: &mut dyn Read| source.take(LIMIT).read_to_string(&mut text);
    if file == Path::new("-") {
        read(&mut io::stdin().lock()).context("cannot read the secret from standard input")?;
    } else {
        let opened = File::open(file).and_then(|mut file| read(&mut file));
        opened.with_context(|| format!("cannot read the secret from {}", file.display()))?;
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Verb};
    use clap::Parser as _;

    fn typed(words: &str) -> Result<Keys, clap::Error> {
        let words = ["imds", "keys"].into_iter().chain(words.split_whitespace());
        let Verb::Keys(keys) = Cli::try_parse_from(words)?.verb else { panic!("another verb") };
        Ok(keys)
    }

    fn carried_out(words: &str) -> Result<ExitCode, String> {
        let keys = typed(words).map_err(|error| error.to_string())?;
        run(&keys).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_key_comes_whole_or_not_at_all() {
        for words in [
            "add",
            "add --state x --access-key-id A",
            "add --state x --secret-access-key-file -",
            "add --state x --secret-access-key S",
            "list",
            "remove --state x",
            "remove --state x a b",
            "rotate",
            "rotate --state x a",
        ] {
            assert!(typed(words).is_err(), "{words}");
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let (state, secret) = (folder.path().join("state"), folder.path().join("secret"));
        std::fs::write(&secret, "SECRET\r\n").unwrap();
        let (state, secret) = (state.display(), secret.display());
        let add = format!("add --state {state} --access-key-id MINE --secret-access-key-file {secret}");
        let refused = |words: &str, cure: &str| {
            let why = carried_out(words).unwrap_err();
            assert!(why.contains(cure) && !why.contains("SECRET"), "{why}");
        };
        refused(&format!("list --state {state}"), "imds serve --state");
        refused(&format!("rotate --state {state}"), "imds serve --state");
        refused(&format!("remove --state {state} MINE"), "imds serve --state");
        refused(&format!("{add}/none"), "cannot read the secret from");
        refused(&format!("{add} --user a/b"), "1 to 64 letters");
        assert!(!Path::new(&state.to_string()).exists());
        carried_out(&add).unwrap();
        let kept = access_key::load(Path::new(&state.to_string())).unwrap().unwrap();
        assert_eq!(kept.get("MINE").unwrap().secret().expose(), "SECRET");
        refused(&add, &format!("imds keys remove --state {state} MINE"));
        refused(&format!("remove --state {state} OTHER"), &format!("imds keys list --state {state}"));
        carried_out(&format!("remove --state {state} MINE")).unwrap();
    }

    #[test]
    fn what_is_listed_has_no_secret() {
        let key =
            AccessKey::new("MINE", Secret::new("SECRET".into()), Some("ann"), Timestamp::UNIX_EPOCH).unwrap();
        let told = |told: Told<'_>| serde_json::to_string(&told).unwrap();
        assert_eq!(
            told(Told::of(&key)),
            r#"{"AccessKeyId":"MINE","UserName":"ann","CreateDate":"1970-01-01T00:00:00Z"}"#
        );
        assert!(told(Told::whole(&key)).contains(r#""SecretAccessKey":"SECRET""#));
    }
}
