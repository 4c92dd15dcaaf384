//! Paths that somebody set by hand, over whatever the model says (docs/interface.md, "A path by hand").
//!
//! They are few, sorted, and found by a binary search. A path under `/latest/` is of every version that knows the
//! directories it is in, as the model's own are; one under a dated version is of that alone, and comes first there.
//! Without a slash at its end a path is a leaf, and nothing of the model is left below it; with one it is the listing of
//! a directory, and what is below stays.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use zeroize::Zeroizing;

use super::{Content, Found, Value, Walk, listing, model, since, versions::Version};
use crate::access::Refusal;
use crate::{Error, Instance, Timestamp};

/// Paths of one instance.
pub const PATHS: usize = 4_096;
/// Bytes of one body.
const BODY: usize = 64 * 1_024;
/// Bytes of all bodies of an instance.
pub const BODIES: usize = 1_024 * 1_024;
/// Bytes of a path.
const LONGEST: usize = 1_024;
/// Names of a path below its version.
const DEPTH: usize = 32;
/// What is permitted as a path.
const PERMITTED: &str = "a path that can be set: it begins with /latest/ or a dated version such as /2021-03-23/, has at most 1,024 \
                         letters, digits and signs without blanks, % ? or #, at most 32 names after the version, none of them empty, \
                         `.` or `..`, and is not below api/";

/// May keys be at this path? They are below a directory of this name, the role's as well as those for EC2's own use.
#[must_use]
pub fn holds_keys(path: &str) -> bool {
    path.contains("/security-credentials")
}

/// A path that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The dated version, or every one.
    version: Option<Version>,
    /// Below the version, without a slash at either end.
    names: Box<str>,
    is_listing: bool,
    written: Box<str>,
}

/// What is there.
#[derive(Clone, PartialEq, Eq)]
pub enum Set {
    /// These bytes.
    Body(Bytes),
    /// An error: 400 to 599. 404 is the same as nothing.
    Status(u16),
    /// Nothing.
    Absent,
    /// Bytes that may be somebody's keys, as they are kept: by the hash that they are known by. Until they are put in again,
    /// nothing is there.
    Withheld(Box<str>),
}

/// Bodies may be what nobody else should read.
impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(body) => write!(f, "Body({} bytes)", body.len()),
            Self::Status(status) => write!(f, "Status({status})"),
            Self::Absent => f.write_str("Absent"),
            Self::Withheld(_) => f.write_str("Withheld"),
        }
    }
}

/// All that was set of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// In the order of versions, every one first, and then of names.
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    place: Place,
    /// The first version that it is of, when it is of every one.
    since: Version,
    set: Set,
}

/// Why paths cannot be set together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Clash {
    /// Which of them, by its place in what was given.
    pub index: usize,
    /// What is wrong, and what is permitted.
    pub what: String,
}

impl Place {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// May what is there be somebody's keys?
    #[must_use]
    pub fn holds_keys(&self) -> bool {
        !self.is_listing && holds_keys(&self.written)
    }

    fn order(&self, other: &Self) -> Ordering {
        let names = segments(self.names.as_bytes()).cmp(segments(other.names.as_bytes()));
        self.version.cmp(&other.version).then(names)
    }

    /// Is it a leaf, and this other one below it?
    fn covers(&self, other: &Self) -> bool {
        !self.is_listing
            && is_below(other.names.as_bytes(), self.names.as_bytes())
            && self.names != other.names
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::malformed(text, PERMITTED);
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"%?#".contains(&byte);
        if text.len() > LONGEST || !text.bytes().all(is_plain) {
            return Err(malformed());
        }
        let (version, names) =
            text.strip_prefix('/').and_then(|rest| rest.split_once('/')).ok_or_else(malformed)?;
        let dated = Version::named(version.as_bytes()).ok_or_else(malformed)?;
        let (names, is_listing) = names.strip_suffix('/').map_or((names, false), |names| (names, true));
        let is_name = |name: &str| !matches!(name, "" | "." | "..");
        let is_deep = names.split('/').count() > DEPTH;
        if is_deep || !names.split('/').all(is_name) || names.split('/').next() == Some("api") {
            return Err(malformed());
        }
        Ok(Self {
            version: (version != "latest").then_some(dated),
            names: names.into(),
            is_listing,
            written: text.into(),
        })
    }
}

impl Set {
    /// An error of this status.
    ///
    /// # Errors
    /// When it is none.
    pub fn status(status: i64) -> Result<Self, Error> {
        match u16::try_from(status) {
            Ok(404) => Ok(Self::Absent),
            Ok(status @ 400..=599) => Ok(Self::Status(status)),
            _ => Err(Error::malformed(&status.to_string(), "the status of an error: 400 to 599")),
        }
    }

    /// These bytes.
    ///
    /// # Errors
    /// When there are more than 65,536.
    pub fn body(body: Bytes) -> Result<Self, Error> {
        let length = body.len();
        if length > BODY {
            return Err(Error::malformed(&format!("{length} bytes"), "a body of at most 65,536 bytes"));
        }
        // Where these bytes were, they are overwritten when the last who has them lets go of them.
        Ok(Self::Body(Bytes::from_owner(Zeroizing::new(Vec::from(body)))))
    }
}

impl ByHand {
    /// What is set at each place. `None` for nothing at all.
    ///
    /// # Errors
    /// When two contradict each other, or there are too many.
    pub fn new(all: impl IntoIterator<Item = (Place, Set)>) -> Result<Option<Self>, Clash> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for (index, (place, set)) in all.into_iter().enumerate() {
            bytes += if let Set::Body(body) = &set { body.len() } else { 0 };
            if index == PATHS || bytes > BODIES {
                let what =
                    format!("an instance can have {PATHS} paths of {BODIES} bytes together, and not more");
                return Err(Clash { index, what });
            }
            let since = since(segments(place.names.as_bytes()));
            lines.push((index, Line { place, since, set }));
        }
        lines.sort_by(|(_, a), (_, b)| a.place.order(&b.place));
        Self::check(&lines)?;
        let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
        Ok((!lines.is_empty()).then_some(Self { lines }))
    }

    fn check(lines: &[(usize, Line)]) -> Result<(), Clash> {
        for pair in lines.windows(2) {
            let [(one, a), (two, b)] = pair else { continue };
            let index = *one.max(two);
            if a.place.order(&b.place) == Ordering::Equal {
                let what = format!("{} is set twice; once is permitted", b.place.written);
                return Err(Clash { index, what });
            }
            if a.place.version == b.place.version && a.place.covers(&b.place) {
                return Err(below(index, &b.place, &a.place));
            }
        }
        let dated = lines.iter().filter(|(_, line)| line.place.version.is_some());
        for (index, line) in dated {
            let names = line.place.names.as_bytes();
            let every = lines.partition_point(|(_, line)| line.place.version.is_none());
            let before =
                lines[..every].partition_point(|(_, every)| every.place.order_to(names) == Ordering::Less);
            let above = before.checked_sub(1).map(|above| &lines[above].1.place);
            if let Some(above) = above.filter(|above| above.covers(&line.place)) {
                return Err(below(*index, &line.place, above));
            }
        }
        Ok(())
    }

    /// Each place, with what is set there.
    pub fn iter(&self) -> impl Iterator<Item = (&Place, &Set)> {
        self.lines.iter().map(|line| (&line.place, &line.set))
    }
}

impl Place {
    fn order_to(&self, names: &[u8]) -> Ordering {
        segments(self.names.as_bytes()).cmp(segments(names))
    }
}

fn below(index: usize, place: &Place, above: &Place) -> Clash {
    let what = format!(
        "{} is below {}, which is set too, as a leaf: leave one of them out, or end the other with a slash",
        place.written, above.written
    );
    Clash { index, what }
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
}

/// Is `path` this directory, or below it?
fn is_below(path: &[u8], directory: &[u8]) -> bool {
    let mut names = segments(path);
    segments(directory).all(|name| names.next() == Some(name))
}

/// A tree with what was set over it, in one version.
pub(super) struct Over<'a> {
    pub(super) instance: &'a Instance,
    pub(super) table: &'a ByHand,
    pub(super) version: Version,
    /// Did the path name `latest`?
    pub(super) is_latest: bool,
    pub(super) now: Timestamp,
}

impl<'a> Over<'a> {
    /// What a path below the version leads to.
    pub(super) fn find(&self, path: &[u8]) -> Result<Value, Refusal> {
        if let Some(number) = numbered(path).filter(|_| self.model(path).is_some()) {
            return self.find(&number);
        }
        if let Some(line) = self.set(path) {
            let is_there = line.place.order_to(path) == Ordering::Equal;
            return match &line.set {
                Set::Body(body) if is_there => {
                    Ok(Value { body: body.clone(), content: content(&line.place) })
                }
                Set::Body(_) | Set::Absent | Set::Withheld(_) => Err(Refusal::NotFound),
                Set::Status(status) => Err(Refusal::ByHand(*status)),
            };
        }
        let model = || self.model(path).filter(|found| matches!(found, Found::Leaf(_)));
        let found = if self.is_changed_below(path) {
            // That nothing is below a leaf of the model changes nothing about the leaf.
            listing(self.names(path)).or_else(model)
        } else {
            self.model(path)
        };
        found.map(Found::value).ok_or(Refusal::NotFound)
    }

    fn model(&self, path: &[u8]) -> Option<Found> {
        model(self.instance, Walk { version: self.version, now: self.now, rest: path })
    }

    /// The lines that hold here, of one version and of every one.
    fn scopes(&self) -> [&'a [Line]; 2] {
        let scope = |version: Option<Version>| {
            let lines = &self.table.lines;
            let start = lines.partition_point(|line| line.place.version < version);
            let end = lines.partition_point(|line| line.place.version <= version);
            &lines[start..end]
        };
        [if self.is_latest { &[] } else { scope(Some(self.version)) }, scope(None)]
    }

    fn holds(&self, line: &Line) -> bool {
        line.place.version.is_some() || line.since <= self.version
    }

    /// What is set at a path, or at a leaf above it. Nothing is set below a leaf, so that this one is the last before it.
    fn set(&self, path: &[u8]) -> Option<&'a Line> {
        self.scopes().into_iter().find_map(|lines| {
            let after = lines.partition_point(|line| line.place.order_to(path) != Ordering::Greater);
            let line = &lines[after.checked_sub(1)?];
            let is_there = line.place.order_to(path) == Ordering::Equal;
            let is_above = || !line.place.is_listing && is_below(path, line.place.names.as_bytes());
            (self.holds(line) && (is_there || is_above())).then_some(line)
        })
    }

    /// What is set below a path.
    fn below<'s>(&'s self, path: &'s [u8]) -> impl Iterator<Item = &'a Line> + 's {
        self.scopes().into_iter().flat_map(move |lines| {
            let after = lines.partition_point(|line| line.place.order_to(path) != Ordering::Greater);
            let below = lines[after..].iter().take_while(|line| is_below(line.place.names.as_bytes(), path));
            below.filter(|line| self.holds(line))
        })
    }

    fn is_changed_below(&self, path: &[u8]) -> bool {
        self.below(path).next().is_some()
    }

    /// What a directory lists: the model's names, those that were set, and the directories that these are in.
    fn names(&self, path: &[u8]) -> Vec<std::borrow::Cow<'static, str>> {
        let model = match self.model(path) {
            Some(Found::Listing(names)) => names,
            Some(Found::Leaf(_)) | None => Vec::new(),
        };
        let mut names: Vec<_> = model.iter().filter_map(|name| self.line(path, name, true)).collect();
        let depth = segments(path).count();
        let mut own: Vec<&str> =
            self.below(path).filter_map(|line| line.place.names.split('/').nth(depth)).collect();
        own.sort_unstable();
        own.dedup();
        // What the model answers is in its listing, whatever it is called there.
        own.retain(|name| model.is_empty() || self.model(&join(path, name)).is_none());
        names.extend(own.into_iter().filter_map(|name| self.line(path, name, false)));
        names.into_iter().map(std::borrow::Cow::from).collect()
    }

    /// The line of a name in the listing of its directory, if it has one.
    fn line(&self, directory: &[u8], listed: &str, is_model: bool) -> Option<String> {
        let is_root = segments(directory).next().is_none();
        let name = listed.trim_end_matches('/');
        // A key is listed with its number and its name, and is where its number is.
        let is_key = segments(directory).last() == Some(b"public-keys");
        let number = name.split('=').next().filter(|_| is_key && is_model).unwrap_or(name);
        let path = join(directory, number);
        let directory = || if is_root || is_key { name.to_owned() } else { format!("{name}/") };
        if let Some(line) = self.set(&path) {
            return match (&line.set, line.place.is_listing) {
                (Set::Absent | Set::Withheld(_), false) => None,
                (Set::Body(_) | Set::Status(_), false) => Some(name.to_owned()),
                (_, true) => Some(directory()),
            };
        }
        if !self.is_changed_below(&path) {
            return is_model.then(|| listed.to_owned());
        }
        if !self.names(&path).is_empty() {
            return Some(directory());
        }
        // All that is set below a leaf of the model is that nothing is there.
        matches!(self.model(&path), Some(Found::Leaf(_))).then(|| listed.to_owned())
    }
}

fn join(directory: &[u8], name: &str) -> Vec<u8> {
    [directory, b"/", name.as_bytes()].concat()
}

/// The path by its number of a key that is asked for as it is listed, `0=NAME`.
fn numbered(path: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'=', path)?;
    let mut names: Vec<&[u8]> = segments(path).collect();
    let key = names.get_mut(2)?;
    let number = memchr::memchr(b'=', key)?;
    *key = &key[..number];
    (names[1] == b"public-keys").then(|| names.join(&b'/'))
}

/// User data are bytes, all else is text.
fn content(place: &Place) -> Content {
    if &*place.names == "user-data" { Content::Octets } else { Content::Text }
}

#[cfg(test)]
mod tests;
