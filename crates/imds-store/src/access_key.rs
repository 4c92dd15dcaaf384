//! The file that holds the access keys of the control API, and the secret of temporary ones: `DIR/keys`, readable by its
//! owner alone.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imds_core::Timestamp;
use imds_core::credentials::Secret;
use imds_core::id::unique;
use imds_core::session::SECRET_LEN;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::private_file::{PrivateFile, lock};

pub use crate::private_file::Error;

/// The name of the file in the state folder.
pub const FILE: &str = "keys";
/// Random bytes that a new key is made of.
pub const RANDOM_LEN: usize = ID_LETTERS + SECRET_BYTES;

/// Letters of an id after `AKIA`, as AWS has them.
const ID_LETTERS: usize = 16;
/// Bytes of a secret key, 40 characters as AWS has them.
const SECRET_BYTES: usize = 30;

const KEPT: PrivateFile = PrivateFile {
    name: FILE,
    kind: "a file of access keys",
    threat: "sign with them, and issue temporary keys of any role",
    exposed: "replace all that is in it: `imds keys rotate`, `imds keys add`, and `imds keys remove` for those before",
    malformed: "restore it, or remove it and add the keys anew with `imds keys add`",
};

const HEAD: &str = "# The access keys of the control API, and the secret that temporary keys come from. Whoever has them can change\n\
                    # all that is served: keep this file to yourself. `imds keys` edits it.\n\n";

/// A long-lived key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    id: String,
    secret: Secret,
    user: Option<String>,
    created: Timestamp,
}

/// What cannot be an access key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Its id.
    #[error("an access key id has 3 to 128 letters, digits and underscores")]
    Id,
    /// Its secret.
    #[error("a secret access key has 1 to 256 printable ASCII characters, and no blanks")]
    Secret,
    /// Whose it is.
    #[error("a user name has 1 to 64 letters, digits and +=,.@_-")]
    User,
}

impl AccessKey {
    /// A key from its parts; without a user it is the account's own.
    ///
    /// # Errors
    /// When a part is not of its form. The id's is IAM's; a secret is whatever clients can hold.
    pub fn new(id: &str, secret: Secret, user: Option<&str>, created: Timestamp) -> Result<Self, Invalid> {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !(3..=128).contains(&id.len()) || !id.bytes().all(is_id) {
            return Err(Invalid::Id);
        }
        let is_secret = (1..=256).contains(&secret.expose().len());
        if !is_secret || !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::Secret);
        }
        let is_user = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
        if user.is_some_and(|name| !(1..=64).contains(&name.len()) || !name.bytes().all(is_user)) {
            return Err(Invalid::User);
        }
        Ok(Self { id: id.to_owned(), secret, user: user.map(str::to_owned), created })
    }

    /// A new key, made of random bytes.
    ///
    /// # Errors
    /// When the user's name is none.
    pub fn generate(
        random: &[u8; RANDOM_LEN],
        user: Option<&str>,
        created: Timestamp,
    ) -> Result<Self, Invalid> {
        let (letters, secret) = random.split_at(ID_LETTERS);
        Self::new(&unique("AKIA", letters), Secret::new(STANDARD.encode(secret)), user, created)
    }

    /// `AKIA…`
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret key.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whose it is; `None` for the account itself.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// When it was made, or came here.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }
}

/// All that is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeys {
    keys: BTreeMap<String, AccessKey>,
    session: SessionSecret,
}

/// What temporary keys are derived from.
#[derive(Clone, PartialEq, Eq)]
struct SessionSecret(Zeroizing<[u8; SECRET_LEN]>);

impl std::fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSecret(…)")
    }
}

impl AccessKeys {
    /// No keys yet, and a secret for temporary ones.
    #[must_use]
    pub fn new(session_secret: &[u8; SECRET_LEN]) -> Self {
        Self { keys: BTreeMap::new(), session: SessionSecret(Zeroizing::new(*session_secret)) }
    }

    /// The key with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&AccessKey> {
        self.keys.get(id)
    }

    /// All keys, by their ids.
    pub fn iter(&self) -> impl Iterator<Item = &AccessKey> {
        self.keys.values()
    }

    /// Is there no key?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What temporary keys are derived from.
    #[must_use]
    pub fn session_secret(&self) -> &[u8; SECRET_LEN] {
        &self.session.0
    }

    /// Puts another secret in the place of the one that temporary keys are derived from. Those that there are end with it.
    pub fn rotate(&mut self, session_secret: &[u8; SECRET_LEN]) {
        self.session = SessionSecret(Zeroizing::new(*session_secret));
    }

    /// Adds a key. False, and nothing is changed, if there is one with its id.
    #[must_use]
    pub fn add(&mut self, key: AccessKey) -> bool {
        let is_new = !self.keys.contains_key(&key.id);
        if is_new {
            self.keys.insert(key.id.clone(), key);
        }
        is_new
    }

    /// Removes a key, and gives it.
    pub fn remove(&mut self, id: &str) -> Option<AccessKey> {
        self.keys.remove(id)
    }
}

/// The file's form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    session: StoredSession,
    #[serde(default)]
    key: Vec<StoredKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSession {
    secret: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    id: String,
    secret: Zeroizing<String>,
    #[serde(default)]
    user: Option<String>,
    created: String,
}

/// Reads the keys of a state folder; `None` if there is no file yet.
///
/// # Errors
/// When it cannot be read, others can read it, or it is not such a file.
pub fn load(state: &Path) -> Result<Option<AccessKeys>, Error> {
    KEPT.load(state, parse)
}

/// Reads the keys of a state folder, making folder and file where they are missing: without a key, and with this secret
/// for temporary ones.
///
/// # Errors
/// As [`load`], or when they cannot be made.
pub fn load_or_create(state: &Path, session_secret: &[u8; SECRET_LEN]) -> Result<AccessKeys, Error> {
    change(state, session_secret, |_| Ok(())).map(|((), keys)| keys)
}

/// Changes the keys of a state folder, making both as [`load_or_create`] does. Nobody else changes them meanwhile; what
/// is refused changes nothing.
///
/// # Errors
/// As [`load_or_create`], or why the change is refused.
pub fn change<T, E: From<Error>>(
    state: &Path,
    session_secret: &[u8; SECRET_LEN],
    change: impl FnOnce(&mut AccessKeys) -> Result<T, E>,
) -> Result<(T, AccessKeys), E> {
    let _lock = lock(state)?;
    let before = load(state)?;
    let mut keys = before.clone().unwrap_or_else(|| AccessKeys::new(session_secret));
    let told = change(&mut keys)?;
    if before.as_ref() != Some(&keys) {
        KEPT.save(state, &text(&keys))?;
    }
    Ok((told, keys))
}

/// The text of the file, which holds the secrets.
#[must_use]
pub fn text(keys: &AccessKeys) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::from(HEAD));
    let session = Zeroizing::new(STANDARD.encode(keys.session_secret()));
    *text += &format!("[session]\nsecret = \"{}\"\n", *session);
    for key in keys.iter() {
        *text += &format!("\n[[key]]\nid = \"{}\"\nsecret = {}\n", key.id, *quoted(key.secret.expose()));
        if let Some(user) = key.user() {
            *text += &format!("user = \"{user}\"\n");
        }
        *text += &format!("created = \"{}\"\n", key.created);
    }
    text
}

/// A secret may hold what TOML has a meaning for.
fn quoted(secret: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * secret.len() + 2));
    text.push('"');
    for character in secret.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
    text
}

/// Reads the text of the file.
///
/// # Errors
/// What is wrong with it, without any of its content.
pub fn parse(text: &str) -> Result<AccessKeys, &'static str> {
    let stored: Stored = toml::from_str(text).map_err(|_| "it does not read as a list of keys")?;
    let session = Zeroizing::new(STANDARD.decode(stored.session.secret.as_bytes()).unwrap_or_default());
    let session = <&[u8; SECRET_LEN]>::try_from(session.as_slice())
        .map_err(|_| "the secret of temporary keys is not 32 bytes")?;
    let mut keys = AccessKeys::new(session);
    for mut key in stored.key {
        let secret = Secret::new(std::mem::take(&mut *key.secret));
        let created = key.created.parse().map_err(|_| "a time does not read as one")?;
        let key =
            AccessKey::new(&key.id, secret, key.user.as_deref(), created).map_err(
                |invalid| match invalid {
                    Invalid::Id => "an id is not of the form of one",
                    Invalid::Secret => "a secret is not of the form of one",
                    Invalid::User => "a user's name is not of the form of one",
                },
            )?;
        if !keys.add(key) {
            return Err("two keys have the same id");
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::testing::noon;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn key(id: &str, secret: &str, user: Option<&str>) -> Result<AccessKey, Invalid> {
        AccessKey::new(id, Secret::new(secret.into()), user, noon())
    }

    fn added(state: &Path, key: AccessKey) -> Result<bool, Error> {
        change(state, &[1; 32], |keys| Ok(keys.add(key))).map(|(is_new, _)| is_new)
    }

    #[test]
    fn what_is_added_is_there_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("new/state");
        assert_eq!(load(&state).unwrap(), None);
        let generated = AccessKey::generate(&[0xa7; RANDOM_LEN], Some("ann"), noon()).unwrap();
        assert_eq!((generated.id(), generated.secret().expose().len()), ("AKIAHHHHHHHHHHHHHHHH", 40));
        let odd = key("mine_1", r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~\\n"##, None).unwrap();
        assert!(added(&state, generated.clone()).unwrap() && added(&state, odd.clone()).unwrap());
        assert!(!added(&state, key("mine_1", "another", None).unwrap()).unwrap(), "an id is there once");
        assert!(added(&state, key("AKIA2", "x", Some("ann")).unwrap()).unwrap(), "a user may have several");
        // The secret of temporary keys is that of the first time.
        let read = load_or_create(&state, &[9; 32]).unwrap();
        assert_eq!(read.session_secret(), &[1; 32]);
        assert_eq!((read.get("mine_1"), read.get(generated.id())), (Some(&odd), Some(&generated)));
        assert_eq!(read.iter().map(AccessKey::id).collect::<Vec<_>>(), ["AKIA2", generated.id(), "mine_1"]);
        change::<_, Error>(&state, &[9; 32], |keys| Ok(keys.remove("mine_1"))).unwrap();
        assert_eq!(load(&state).unwrap().unwrap().get("mine_1"), None);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&state), mode(&state.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn another_secret_of_temporary_keys_leaves_the_keys_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        added(folder.path(), key("AKIA1", "SECRET", Some("ann")).unwrap()).unwrap();
        let before = load(folder.path()).unwrap().unwrap();
        change::<_, Error>(folder.path(), &[2; 32], |keys| {
            keys.rotate(&[2; 32]);
            Ok(())
        })
        .unwrap();
        let after = load(folder.path()).unwrap().unwrap();
        assert!(before.iter().eq(after.iter()));
        assert_eq!((before.session_secret(), after.session_secret()), (&[1; 32], &[2; 32]));
        // Adding and removing keys does not: who had read the file would still issue sessions.
        change::<_, Error>(folder.path(), &[3; 32], |keys| Ok(keys.remove("AKIA1"))).unwrap();
        assert_eq!(load(folder.path()).unwrap().unwrap().session_secret(), &[2; 32]);
    }

    #[test]
    fn of_changes_at_the_same_time_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let state = folder.path();
                scope.spawn(move || {
                    for number in 0..8 {
                        assert!(
                            added(state, key(&format!("KEY{worker}{number}"), "x", None).unwrap()).unwrap()
                        );
                    }
                });
            }
        });
        assert_eq!(load(folder.path()).unwrap().unwrap().iter().count(), 64);
    }

    #[test]
    fn what_is_refused_or_the_same_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        load_or_create(folder.path(), &[1; 32]).unwrap();
        let path = folder.path().join(FILE);
        let written = || fs::metadata(&path).unwrap().modified().unwrap();
        let before = written();
        load_or_create(folder.path(), &[2; 32]).unwrap();
        let refused = change(folder.path(), &[2; 32], |keys| {
            assert!(keys.add(key("AKIA1", "x", None).unwrap()));
            Err::<(), _>(Error::Io { what: "x", path: path.clone(), cause: std::io::ErrorKind::Other.into() })
        });
        assert!(refused.is_err() && written() == before);
        assert!(load(folder.path()).unwrap().unwrap().is_empty());
    }

    #[test]
    fn keys_have_the_form_of_keys() {
        let long = "a".repeat(257);
        for (id, secret, user, expected) in [
            ("AKI", "x", None, None),
            (&long[..128], &long[..256], Some(&long[..64]), None),
            ("AKIA1", "x", Some("ann+b=c,d.e@f_g-h"), None),
            ("AK", "x", None, Some(Invalid::Id)),
            (&long[..129], "x", None, Some(Invalid::Id)),
            ("AKIA/1", "x", None, Some(Invalid::Id)),
            ("AKIA 1", "x", None, Some(Invalid::Id)),
            ("AKIÄ", "x", None, Some(Invalid::Id)),
            ("AKIA1", "", None, Some(Invalid::Secret)),
            ("AKIA1", &long, None, Some(Invalid::Secret)),
            ("AKIA1", "a b", None, Some(Invalid::Secret)),
            ("AKIA1", "a\n", None, Some(Invalid::Secret)),
            ("AKIA1", "ü", None, Some(Invalid::Secret)),
            ("AKIA1", "x", Some(""), Some(Invalid::User)),
            ("AKIA1", "x", Some("a/b"), Some(Invalid::User)),
            ("AKIA1", "x", Some(&long[..65]), Some(Invalid::User)),
        ] {
            assert_eq!(key(id, secret, user).err(), expected, "{id} {secret} {user:?}");
        }
    }

    #[test]
    fn what_others_can_read_is_refused_and_what_is_no_file_of_keys_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        added(folder.path(), key("AKIA1", "SECRET", None).unwrap()).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = load(folder.path()).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
            for cure in ["imds keys rotate", "imds keys add", "imds keys remove"] {
                assert!(error.contains(cure), "{error}");
            }
            assert!(added(folder.path(), key("AKIA2", "x", None).unwrap()).is_err());
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for bad in [
            String::new(),
            "SECRET".into(),
            "[session]\nsecret = \"SECRET\"".into(),
            good.replace("id = ", "ib = "),
            good.replace("AKIA1", "A"),
            good.replace("\"SECRET\"", "\"SECRET \""),
            good.replace("created = \"2", "created = \"x"),
            format!("{good}{}", good.split_once("\n\n[[").map(|(_, key)| format!("\n[[{key}")).unwrap()),
            format!("{good}user = \"a/b\"\n"),
        ] {
            fs::write(&path, &bad).unwrap();
            let error = load(folder.path()).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{bad}");
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
            assert!(added(folder.path(), key("AKIA2", "x", None).unwrap()).is_err());
            assert_eq!(fs::read_to_string(&path).unwrap(), bad, "what is not understood is left alone");
        }
    }

    #[test]
    fn keys_do_not_print_their_secrets() {
        let mut keys = AccessKeys::new(&[65; 32]);
        assert!(keys.add(key("AKIA1", "SECRET", Some("ann")).unwrap()));
        let printed = format!("{keys:?}");
        assert!(
            printed.contains("AKIA1") && !printed.contains("SECRET") && !printed.contains("65"),
            "{printed}"
        );
    }
}
