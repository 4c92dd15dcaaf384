//! The file that holds the keys of tokens: `DIR/keyring`, readable by its owner alone.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imds_core::Timestamp;
use imds_core::keyring::{Key, Keyring, SECRET_LEN};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::private_file::{PrivateFile, lock};

pub use crate::private_file::Error;

/// The name of the file in the state folder.
pub const FILE: &str = "keyring";

const KEPT: PrivateFile = PrivateFile {
    name: FILE,
    kind: "a keyring",
    threat: "make tokens",
    exposed: "`imds keyring rotate`",
    malformed: "restore it, or remove it to start with a new key (tokens issued before are then refused)",
};

/// The file's form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    key: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    id: u16,
    secret: Zeroizing<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaced: Option<String>,
}

/// Reads the keyring of a state folder; `None` if there is none yet.
///
/// # Errors
/// When it cannot be read, others can read it, or it is not a keyring.
pub fn load(state: &Path) -> Result<Option<Keyring>, Error> {
    KEPT.load(state, parse)
}

/// Reads the keyring of a state folder, making both where they are missing.
///
/// # Errors
/// As [`load`], or when they cannot be made.
pub fn load_or_create(state: &Path, secret: &[u8; SECRET_LEN]) -> Result<Keyring, Error> {
    let _lock = lock(state)?;
    if let Some(keyring) = load(state)? {
        return Ok(keyring);
    }
    let keyring = Keyring::new(secret);
    KEPT.save(state, &text(&keyring))?;
    Ok(keyring)
}

/// Puts a new key in the place of the current one, which still opens for six hours by the machine's clock, which shows
/// `machine`. Makes a missing keyring.
///
/// # Errors
/// As [`load_or_create`].
pub fn rotate(state: &Path, secret: &[u8; SECRET_LEN], machine: Timestamp) -> Result<Keyring, Error> {
    let _lock = lock(state)?;
    let keyring =
        load(state)?.map_or_else(|| Keyring::new(secret), |keyring| keyring.rotated(secret, machine));
    KEPT.save(state, &text(&keyring))?;
    Ok(keyring)
}

/// The text of the file, which holds the secrets.
#[must_use]
pub fn text(keyring: &Keyring) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::from(
        "# The keys that seal session tokens. Whoever has them can make tokens: keep this file to yourself.\n",
    ));
    for key in keyring.keys() {
        *text += &format!(
            "\n[[key]]\nid = {}\nsecret = \"{}\"\n",
            key.id(),
            *Zeroizing::new(STANDARD.encode(key.secret()))
        );
        if let Some(replaced) = key.replaced() {
            *text += &format!("replaced = \"{replaced}\"\n");
        }
    }
    text
}

/// Reads the text of the file.
///
/// # Errors
/// What is wrong with it, without any of its content.
pub fn parse(text: &str) -> Result<Keyring, &'static str> {
    let stored: Stored = toml::from_str(text).map_err(|_| "it does not read as a list of keys")?;
    let keys = stored.key.into_iter().map(|key| {
        let secret = Zeroizing::new(STANDARD.decode(key.secret.as_bytes()).unwrap_or_default());
        let secret =
            <&[u8; SECRET_LEN]>::try_from(secret.as_slice()).map_err(|_| "a secret is not 32 bytes")?;
        let replaced =
            key.replaced.map(|at| at.parse().map_err(|_| "a time does not read as one")).transpose()?;
        Ok(Key::new(key.id, secret, replaced))
    });
    Keyring::from_keys(keys.collect::<Result<_, _>>()?)
        .ok_or("it needs one current key, and ids of their own")
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::testing::noon;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn ids(keyring: &Keyring) -> Vec<u16> {
        keyring.keys().map(Key::id).collect()
    }

    #[test]
    fn it_is_made_once_and_rotates() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("new/state");
        assert!(load(&state).unwrap().is_none());
        assert_eq!(ids(&load_or_create(&state, &[1; 32]).unwrap()), [1]);
        assert_eq!(load_or_create(&state, &[9; 32]).unwrap().current().secret(), &[1; 32]);
        rotate(&state, &[2; 32], noon()).unwrap();
        let read = load(&state).unwrap().unwrap();
        assert_eq!(ids(&read), [2, 1]);
        assert_eq!(read.keys().nth(1).unwrap().replaced(), Some(noon()));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&state), mode(&state.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn what_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        load_or_create(folder.path(), &[1; 32]).unwrap();
        fs::set_permissions(folder.path().join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn what_is_not_a_keyring_is_refused_without_being_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for bad in [
            "SECRET",
            "key = 1",
            "[[key]]\nid = 1\nsecret = \"SECRET\"",
            "[[key]]\nid = 1\nsecret = \"SECRET\"\nreplaced = \"x\"",
        ] {
            fs::write(&path, bad).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = load(folder.path()).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{bad}");
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
            assert!(rotate(folder.path(), &[1; 32], noon()).is_err());
            assert_eq!(
                fs::read_to_string(&path).unwrap(),
                bad,
                "a file that is not understood is left alone"
            );
        }
    }
}
