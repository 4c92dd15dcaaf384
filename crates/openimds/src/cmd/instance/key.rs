//! `--ssh-key`: a public key, as a key pair of the service.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::admin::{Admin, Element, Form};

/// No public key is longer.
const LONGEST: usize = 16 * 1024;

/// A line of OpenSSH: `ssh-ed25519 AAAA… comment`.
#[derive(Debug, PartialEq, Eq)]
struct PublicKey<'a> {
    kind: &'a str,
    blob: &'a str,
    comment: &'a str,
}

/// What is to be done with a key.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    /// A key pair of this name has it already.
    Reuse(String),
    /// It is to be imported under this name.
    Import(String),
}

/// The name of the key pair that has the key in this file, imported if there is none.
pub(super) fn pair(admin: &Admin, file: &Path, name: Option<&str>) -> anyhow::Result<String> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let told = || format!("{} is refused", file.display());
    let line = line(&bytes).with_context(told)?;
    let key = PublicKey::parse(line).with_context(told)?;
    let there = admin.call("DescribeKeyPairs", &Form::default().with("IncludePublicKey", true))?;
    match plan(&key, name, &there).with_context(told)? {
        Plan::Reuse(name) => Ok(name),
        Plan::Import(name) => {
            let form =
                Form::default().with("KeyName", &name).with("PublicKeyMaterial", STANDARD.encode(line));
            admin.call("ImportKeyPair", &form)?;
            Ok(name)
        }
    }
}

/// The first line that holds something.
fn line(bytes: &[u8]) -> anyhow::Result<&str> {
    let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST);
    let text = text.context("it is not an OpenSSH public key")?;
    if text.contains("PRIVATE KEY") {
        bail!("it is a private key; give the public one, whose file ends in .pub");
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (Some(line), None) => Ok(line),
        (None, _) => bail!("it holds no key"),
        (Some(_), Some(_)) => bail!("it holds several keys, and an instance has one"),
    }
}

impl<'a> PublicKey<'a> {
    fn parse(line: &'a str) -> anyhow::Result<Self> {
        let mut words = line.splitn(3, ' ');
        let (kind, blob) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let is_key =
            STANDARD.decode(blob).is_ok_and(|blob| blob.get(4..4 + kind.len()) == Some(kind.as_bytes()));
        if !is_key {
            bail!("it is not an OpenSSH public key, which is like `ssh-ed25519 AAAA… name`");
        }
        Ok(Self { kind, blob, comment: words.next().unwrap_or_default().trim() })
    }

    /// Is it the same key, whatever its comment?
    fn is(&self, line: &str) -> bool {
        PublicKey::parse(line.trim()).is_ok_and(|other| (other.kind, other.blob) == (self.kind, self.blob))
    }
}

fn plan(key: &PublicKey<'_>, name: Option<&str>, there: &Element) -> anyhow::Result<Plan> {
    let pairs: Vec<_> = there
        .items("keySet")
        .filter_map(|pair| Some((pair.text("keyName")?, pair.text("publicKey").unwrap_or_default())))
        .collect();
    let same = pairs.iter().find(|(known, public)| name.is_none_or(|name| name == *known) && key.is(public));
    if let Some((name, _)) = same {
        return Ok(Plan::Reuse((*name).to_owned()));
    }
    let name = name.unwrap_or(key.comment);
    if name.is_empty() {
        bail!("the key has no comment to name it by; give --ssh-key-name");
    }
    if pairs.iter().any(|(known, _)| *known == name) {
        bail!("the key pair `{name}` is another key; give another name with --ssh-key-name");
    }
    Ok(Plan::Import(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJ0Hq5XRY4jGDyzHwCCcBoWUTJ2SWLOBUPIHRSwPWMGi";

    fn there(pairs: &[(&str, &str)]) -> Element {
        let items: String = pairs
            .iter()
            .map(|(name, key)| format!("<item><keyName>{name}</keyName><publicKey>{key}</publicKey></item>"))
            .collect();
        Element::parse(&format!("<R><keySet>{items}</keySet></R>")).unwrap()
    }

    #[test]
    fn a_key_that_is_there_is_not_imported_again() {
        let written = format!("ssh-ed25519 {BLOB} me@laptop");
        let other = format!("ssh-ed25519 {} x", BLOB.replace("wCCc", "wDDc"));
        let bare = format!("ssh-ed25519 {BLOB}");
        let key = PublicKey::parse(&written).unwrap();
        let planned = |name, pairs: &[(&str, &str)]| plan(&key, name, &there(pairs));
        let import = |name: &str| Plan::Import(name.to_owned());
        assert_eq!(planned(None, &[]).unwrap(), import("me@laptop"));
        assert_eq!(planned(Some("web"), &[("db", &other)]).unwrap(), import("web"));
        assert_eq!(planned(None, &[("a", &other), ("b", &bare)]).unwrap(), Plan::Reuse("b".into()));
        assert_eq!(planned(Some("web"), &[("b", &bare)]).unwrap(), import("web"));
        assert_eq!(planned(Some("b"), &[("b", &bare)]).unwrap(), Plan::Reuse("b".into()));
        assert!(planned(Some("a"), &[("a", &other)]).unwrap_err().to_string().contains("--ssh-key-name"));
        let unnamed = PublicKey::parse(&bare).unwrap();
        let error = plan(&unnamed, None, &there(&[])).unwrap_err();
        assert!(error.to_string().contains("--ssh-key-name"), "{error}");
    }

    #[test]
    fn what_is_no_public_key_is_told() {
        assert_eq!(line(b"\n# mine\n  ssh-ed25519 AAAA me \n").unwrap(), "ssh-ed25519 AAAA me");
        for (text, why) in [
            (&b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"[..], "ends in .pub"),
            (b"\xff", "not an OpenSSH public key"),
            (b"\n", "no key"),
            (b"ssh-rsa A\nssh-rsa B\n", "several keys"),
        ] {
            assert!(line(text).unwrap_err().to_string().contains(why), "{why}");
        }
        for bad in ["ssh-ed25519", "ssh-ed25519 AAAA", &format!("ssh-rsa {BLOB}"), "ssh-ed25519 ÿ"] {
            assert!(PublicKey::parse(bad).is_err(), "{bad}");
        }
    }
}
