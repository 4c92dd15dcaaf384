//! From a metadata service to a configuration that answers as it does (docs/record.md): every path is asked for, what the
//! model knows becomes a key, and all else a path by hand.

mod compare;
mod crawl;
mod keys;
mod source;
mod told;

use imds_core::id::InstanceId;
use imds_core::{Instance, Timestamp};
use serde_json::Value as Json;
use toml::{Table, Value};
use zeroize::Zeroizing;

use crate::config::{Bundle, Config, Flags};

use compare::Over;
use imds_core::tree::by_hand::Set;
use keys::{Group, Leaves, groups};
use told::Told;

pub(crate) use crawl::{Crawl, Wish, crawl};
pub(crate) use source::Source;

/// Where the role's keys are.
const KEYS: &str = "/latest/meta-data/iam/security-credentials/";

/// Bytes of the keys of an entry, which is read anew with each that comes; what is more is written as paths.
const ENTRY: usize = 256 * 1_024;

/// A configuration, with the files beside it.
pub(crate) struct Recording {
    /// The text of the file.
    pub(crate) text: String,
    /// Files that it names: their names, and what is in them.
    pub(crate) files: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// What is not as it was found, as sentences.
    pub(crate) told: Vec<String>,
    /// Whose metadata it is.
    pub(crate) id: InstanceId,
}

/// Makes a configuration of what was found. Files beside it are called `stem` and what they are for.
///
/// # Errors
/// When nothing of an instance was found.
pub(crate) fn recording(crawl: &Crawl, wish: Wish, stem: &str, now: Timestamp) -> anyhow::Result<Recording> {
    if crawl.found.get("/latest/").is_none_or(|reply| reply.status != 200) {
        let why = crawl.told.first().map_or("it has no /latest/", String::as_str);
        anyhow::bail!("no metadata was found: {why}");
    }
    let mut draft = Draft { entry: Table::new(), files: Vec::new(), stem, now, size: 0 };
    let leaves = Leaves(crawl);
    for group in groups(&leaves) {
        draft.try_set(&group, &[]);
    }
    draft.set_key(&leaves);
    draft.set_user_data(crawl);
    draft.set_role(&leaves);
    draft.ask_for_tokens(crawl);
    let mut told = Told::default();
    told.extend(&crawl.told);
    let over = Over::new(draft.instance()?, crawl, wish, now);
    told.extend(&over.told);
    draft.set_paths(over.paths);
    let served = draft.instance()?;
    for path in Over::wrong(&served, crawl, wish, now) {
        told.push(format!("{path} is not as it was found"));
    }
    Ok(Recording { text: draft.text(), files: draft.files, told: told.into_lines(), id: served.id })
}

/// An entry that the configuration takes, as far as it is written.
struct Draft<'s> {
    entry: Table,
    files: Vec<(String, Zeroizing<Vec<u8>>)>,
    stem: &'s str,
    now: Timestamp,
    /// Bytes of the entry, about.
    size: usize,
}

impl Draft<'_> {
    fn text(&self) -> String {
        let entries = Value::Array(vec![Value::Table(self.entry.clone())]);
        Table::from_iter([("instance".to_owned(), entries)]).to_string()
    }

    fn instance(&self) -> anyhow::Result<Instance> {
        let files = self.files.iter().map(|(name, content)| (name.into(), content.to_vec())).collect();
        let bundle = Bundle::new("imds.toml".into(), self.text(), files);
        let mut config = Config::new(&bundle, &Flags::default(), self.now)?;
        Ok(config.instances.swap_remove(0).instance)
    }

    /// Sets keys, and the files that they name, unless the configuration refuses them.
    fn try_set(&mut self, group: &Group, files: &[(&str, &[u8])]) {
        let size = self.size + group.iter().map(|(_, value)| size(value)).sum::<usize>();
        if size > ENTRY {
            return;
        }
        let before = (self.entry.clone(), self.files.len());
        for (place, value) in group {
            let Some((last, above)) = place.split_last() else { continue };
            let mut table = &mut self.entry;
            for name in above {
                let inner = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
                let Value::Table(inner) = inner else { return };
                table = inner;
            }
            table.insert(last.clone(), value.clone());
        }
        self.files.extend(files.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec().into())));
        if self.instance().is_err() {
            self.entry = before.0;
            self.files.truncate(before.1);
        } else {
            self.size = size;
        }
    }

    /// Keys that may open something elsewhere are not for whoever can have a plain GET made.
    fn ask_for_tokens(&mut self, crawl: &Crawl) {
        let is_key = |(path, reply): (&String, &crawl::Reply)| {
            crawl::holds_keys(path) && !path.ends_with('/') && reply.status == 200
        };
        if crawl.found.iter().any(is_key) {
            let place = ["metadata-options", "http-tokens"].map(str::to_owned).into();
            self.try_set(&vec![(place, "required".into())], &[]);
        }
    }

    fn file(&self, of: &str) -> String {
        format!("{}.{of}", self.stem)
    }

    /// The key pair, if there is one alone.
    fn set_key(&mut self, leaves: &Leaves<'_>) {
        let directory = "/latest/meta-data/public-keys/";
        let Some((number, name)) = leaves.text(directory).and_then(|line| line.split_once('=')) else {
            return;
        };
        let Some(key) = leaves.text(&format!("{directory}{number}/openssh-key")) else { return };
        let file = self.file("pub");
        let group = vec![
            (vec!["ssh-key-file".to_owned()], file.clone().into()),
            (vec!["ssh-key-name".to_owned()], name.into()),
        ];
        self.try_set(&group, &[(&file, key.as_bytes())]);
    }

    fn set_user_data(&mut self, crawl: &Crawl) {
        let found = crawl.found.get("/latest/user-data").filter(|reply| reply.status == 200);
        if let Some(reply) = found {
            let file = self.file("user-data");
            self.try_set(
                &vec![(vec!["user-data-file".to_owned()], file.clone().into())],
                &[(&file, &reply.body)],
            );
        }
    }

    /// The role and its keys, if they were asked for.
    fn set_role(&mut self, leaves: &Leaves<'_>) {
        let [name] = &leaves.names(KEYS)[..] else { return };
        let read = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Json>(text).ok());
        let Some(keys) = read(leaves.text(&format!("{KEYS}{name}"))) else { return };
        let member = |json: &Json, member: &str| json.get(member).and_then(Json::as_str).map(str::to_owned);
        let (secret, token) = (self.file("secret-access-key"), self.file("session-token"));
        let Some(content) = member(&keys, "SecretAccessKey").map(Zeroizing::new) else { return };
        let mut group: Group = Vec::new();
        let mut set = |place: &[&str], value: Option<String>| {
            let place = ["role"].iter().chain(place).map(ToString::to_string).collect();
            group.extend(value.map(|value| (place, value.into())));
        };
        set(&["name"], Some(name.clone()));
        if let Some(info) = read(leaves.text("/latest/meta-data/iam/info")) {
            set(&["instance-profile-arn"], member(&info, "InstanceProfileArn"));
            set(&["instance-profile-id"], member(&info, "InstanceProfileId"));
        }
        set(&["credentials", "kind"], Some("static".to_owned()));
        set(&["credentials", "access-key-id"], member(&keys, "AccessKeyId"));
        set(&["credentials", "secret-access-key-file"], Some(secret.clone()));
        set(&["credentials", "expiration"], member(&keys, "Expiration"));
        let session = member(&keys, "Token").map(Zeroizing::new).filter(|text| !text.is_empty());
        set(&["credentials", "session-token-file"], session.as_ref().map(|_| token.clone()));
        let mut files = vec![(&*secret, content.as_bytes())];
        files.extend(session.as_ref().map(|session| (&*token, session.as_bytes())));
        self.try_set(&group, &files);
    }

    /// The paths by hand. What is no text, or may be somebody's secret, has a file of its own.
    fn set_paths(&mut self, paths: impl IntoIterator<Item = (String, Set)>) {
        let mut tables = Vec::new();
        for (path, set) in paths {
            let is_secret = crawl::holds_keys(&path) || path.ends_with("/user-data");
            let (key, value) = match set {
                Set::Absent | Set::Withheld(_) => ("absent", Value::from(true)),
                Set::Status(status) => ("status", i64::from(status).into()),
                Set::Body(body) => match std::str::from_utf8(&body) {
                    Ok(text) if !is_secret => ("body", text.into()),
                    Ok(_) | Err(_) => {
                        let name = self.file(&format!("path-{}", tables.len() + 1));
                        self.files.push((name.clone(), body.to_vec().into()));
                        ("file", name.into())
                    }
                },
            };
            let table = [("path".to_owned(), Value::from(path)), (key.to_owned(), value)];
            tables.push(Value::Table(table.into_iter().collect()));
        }
        if !tables.is_empty() {
            self.entry.insert("path".to_owned(), Value::Array(tables));
        }
    }
}

/// Bytes that a value has in a file, about.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 8,
        Value::Array(values) => values.iter().map(size).sum::<usize>() + 8,
        Value::Table(table) => table.iter().map(|(key, value)| key.len() + size(value)).sum::<usize>() + 8,
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => 8,
    }
}

#[cfg(test)]
mod tests;
