//! The tree of metadata: one table a directory, and the same table answers a GET and its listing.
//!
//! A line of a table says a name, the release that brought it and how its value follows from the record; where the
//! record has nothing, the name is absent from the listing and the path answers 404 (wire.md decisions 9 to 11).

pub mod by_hand;
pub mod versions;

mod dynamic;
mod events;
mod iam;
mod identity_credentials;
mod meta_data;
mod network;
mod placement;
mod tags;
mod user_data;

use std::borrow::Cow;

use bytes::Bytes;

use crate::access::Refusal;
use crate::{Instance, Timestamp};
use by_hand::Over;
use versions::Version;

/// What a path leads to: the bytes of a leaf, or a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The body.
    pub body: Bytes,
    /// What it is.
    pub content: Content,
}

/// The two content types of metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// `text/plain`, all but user data, JSON included.
    Text,
    /// `application/octet-stream`, user data.
    Octets,
}

impl Value {
    pub(crate) fn text(text: impl AsRef<[u8]>) -> Self {
        Self { body: Bytes::copy_from_slice(text.as_ref()), content: Content::Text }
    }
}

/// What is at a path.
pub(crate) enum Found {
    Leaf(Value),
    /// The names of a directory, in order. There is one at least.
    Listing(Vec<Cow<'static, str>>),
}

impl Found {
    fn value(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::Listing(names) => Value::text(names.join("\n")),
        }
    }
}

/// A line of a directory's table. `T` is what the directory is about: the instance, or one of its interfaces.
pub(crate) struct Entry<T: 'static> {
    name: &'static str,
    since: Version,
    node: Node<T>,
}

pub(crate) enum Node<T: 'static> {
    /// A value, where the record has one.
    Leaf(fn(&T) -> Option<Value>),
    /// A value that the moment of the request decides, too.
    Timed(fn(&T, Timestamp) -> Option<Value>),
    /// A directory with names that are always the same.
    Directory(&'static [Entry<T>]),
    /// A directory with names that the record gives: as listed, and what is behind one of them.
    Keyed { names: fn(&T) -> Vec<String>, enter: fn(&T, &str, Walk<'_>) -> Option<Found> },
}

impl<T> Entry<T> {
    /// A leaf since a release, as AWS's table of categories gives it.
    pub(crate) const fn leaf(name: &'static str, release: &str, value: fn(&T) -> Option<Value>) -> Self {
        Self { name, since: Version::since(release), node: Node::Leaf(value) }
    }

    /// A leaf whose value, or whether there is one, is another from one moment to the next.
    pub(crate) const fn timed(
        name: &'static str,
        release: &str,
        value: fn(&T, Timestamp) -> Option<Value>,
    ) -> Self {
        Self { name, since: Version::since(release), node: Node::Timed(value) }
    }

    /// A directory.
    pub(crate) const fn directory(name: &'static str, release: &str, entries: &'static [Self]) -> Self {
        Self { name, since: Version::since(release), node: Node::Directory(entries) }
    }

    /// A directory whose names come from the record.
    pub(crate) const fn keyed(
        name: &'static str,
        release: &str,
        names: fn(&T) -> Vec<String>,
        enter: fn(&T, &str, Walk<'_>) -> Option<Found>,
    ) -> Self {
        Self { name, since: Version::since(release), node: Node::Keyed { names, enter } }
    }

    fn is_present(&self, subject: &T, walk: Walk<'_>) -> bool {
        self.since <= walk.version
            && match &self.node {
                Node::Leaf(value) => value(subject).is_some(),
                Node::Timed(value) => value(subject, walk.now).is_some(),
                Node::Directory(entries) => entries.iter().any(|entry| entry.is_present(subject, walk)),
                Node::Keyed { names, .. } => !names(subject).is_empty(),
            }
    }

    fn listed(&self) -> Cow<'static, str> {
        match self.node {
            Node::Leaf(_) | Node::Timed(_) => self.name.into(),
            Node::Directory(_) | Node::Keyed { .. } => format!("{}/", self.name).into(),
        }
    }
}

/// The rest of a path under a version. Empty segments are skipped: doubled slashes fold, and one at the end is fine.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'p> {
    version: Version,
    /// The moment of the request.
    pub(crate) now: Timestamp,
    rest: &'p [u8],
}

impl<'p> Walk<'p> {
    fn step(&mut self) -> Option<&'p [u8]> {
        let start = self.rest.iter().position(|byte| *byte != b'/')?;
        let rest = &self.rest[start..];
        let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
        self.rest = &rest[end..];
        Some(&rest[..end])
    }

    fn is_at_end(mut self) -> bool {
        self.step().is_none()
    }

    /// The value, if the path ends here.
    pub(crate) fn end(self, value: impl FnOnce() -> Option<Value>) -> Option<Found> {
        if self.is_at_end() { value().map(Found::Leaf) } else { None }
    }

    /// Goes on in a table.
    pub(crate) fn into<T>(mut self, entries: &[Entry<T>], subject: &T) -> Option<Found> {
        let Some(name) = self.step() else {
            let present = entries.iter().filter(|entry| entry.is_present(subject, self));
            return listing(present.map(Entry::listed).collect());
        };
        let entry =
            entries.iter().find(|entry| entry.name.as_bytes() == name && entry.since <= self.version)?;
        match &entry.node {
            Node::Leaf(value) => self.end(|| value(subject)),
            Node::Timed(value) => self.end(|| value(subject, self.now)),
            Node::Directory(entries) => self.into(entries, subject),
            Node::Keyed { names, enter } => match self.step() {
                None => listing(names(subject).into_iter().map(Cow::from).collect()),
                Some(key) => enter(subject, std::str::from_utf8(key).ok()?, self),
            },
        }
    }
}

/// Names on lines of their own, in the order of their bytes, no LF after the last. Nothing to list is no directory.
fn listing(mut names: Vec<Cow<'static, str>>) -> Option<Found> {
    names.sort_unstable_by(|a, b| a.trim_end_matches('/').cmp(b.trim_end_matches('/')));
    (!names.is_empty()).then_some(Found::Listing(names))
}

/// A leaf that is there when the record has it.
pub(crate) fn maybe(text: Option<impl AsRef<[u8]>>) -> Option<Value> {
    text.map(Value::text)
}

/// Lines of a leaf that has several values. None is no leaf.
pub(crate) fn lines<I: std::fmt::Display>(items: impl IntoIterator<Item = I>) -> Option<Value> {
    let lines: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    (!lines.is_empty()).then(|| Value::text(lines.join("\n")))
}

/// Under a version. These names are listed without a slash (wire.md 2.1).
const ROOT: &[Entry<Instance>] = &[
    Entry::directory("dynamic", "2009-04-04", dynamic::ENTRIES),
    Entry::directory("meta-data", "1.0", meta_data::ENTRIES),
    Entry::leaf("user-data", "1.0", user_data::value),
];

/// What `path` leads to on `instance` at `now`: what was set by hand, else what the model says.
///
/// # Errors
/// 404 where nothing is, or the status that was set.
pub fn find(instance: &Instance, path: &[u8], now: Timestamp) -> Result<Value, Refusal> {
    let mut walk = Walk { version: Version::LATEST, now, rest: path };
    let Some(name) = walk.step() else {
        return Ok(Value::text(versions::listing()));
    };
    walk.version = Version::named(name).ok_or(Refusal::NotFound)?;
    if let Some(table) = &instance.by_hand {
        let (version, is_latest) = (walk.version, name == b"latest");
        return Over { instance, table, version, is_latest, now }.find(walk.rest);
    }
    model(instance, walk).map(Found::value).ok_or(Refusal::NotFound)
}

/// What `path` leads to on `instance` at `now`, or `None`: an error.
#[must_use]
pub fn lookup(instance: &Instance, path: &[u8], now: Timestamp) -> Option<Value> {
    find(instance, path, now).ok()
}

/// What the model says of a path under a version.
fn model(instance: &Instance, walk: Walk<'_>) -> Option<Found> {
    if walk.is_at_end() {
        let present = ROOT.iter().filter(|entry| entry.is_present(instance, walk));
        return listing(present.map(|entry| entry.name.into()).collect());
    }
    walk.into(ROOT, instance)
}

/// The first version that has all of these names that the model knows.
fn since<'p>(names: impl IntoIterator<Item = &'p [u8]>) -> Version {
    let (mut since, mut entries) = (Version::since("1.0"), ROOT);
    for name in names {
        let Some(entry) = entries.iter().find(|entry| entry.name.as_bytes() == name) else { break };
        since = since.max(entry.since);
        match entry.node {
            Node::Directory(inner) => entries = inner,
            Node::Leaf(_) | Node::Timed(_) | Node::Keyed { .. } => break,
        }
    }
    since
}

#[cfg(test)]
mod tests;
