//! What has to be set by hand, so that an instance is answered as was found.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use imds_core::access::Refusal;
use imds_core::tree::by_hand::{BODIES, ByHand, PATHS, Place, Set};
use imds_core::tree::find;
use imds_core::{Instance, Timestamp};
use serde_json::Value as Json;

use super::crawl::{Crawl, Reply, Wish, holds_keys, is_wanted, names};
use super::told::Told;

/// Signatures, which say nothing without the document that they are over.
const SIGNED: [&str; 3] = ["pkcs7", "rsa2048", "signature"];
/// Contradictions of one version that are settled one by one.
const CLASHES: usize = 20;
/// Where they are.
const IDENTITY: &str = "/latest/dynamic/instance-identity/";

/// An instance, with what is set over it.
pub(super) struct Over<'c> {
    instance: Instance,
    crawl: &'c Crawl,
    wish: Wish,
    now: Timestamp,
    /// By path, as it is written.
    pub(super) paths: BTreeMap<String, Set>,
    /// What cannot be set, as sentences.
    pub(super) told: Told,
}

impl<'c> Over<'c> {
    /// Sets what is needed.
    pub(super) fn new(instance: Instance, crawl: &'c Crawl, wish: Wish, now: Timestamp) -> Self {
        let (paths, told) = (BTreeMap::new(), Told::default());
        let mut over = Self { instance, crawl, wish, now, paths, told };
        let versions = over.versions();
        for version in &versions {
            over.differences(version);
            if *version == "latest" {
                over.keep_document();
                over.keep_unsigned();
            }
            over.build(version);
            over.listings(version);
            over.build(version);
        }
        over
    }

    /// The paths at which the instance is not answered as was found.
    pub(super) fn wrong(instance: &Instance, crawl: &Crawl, wish: Wish, now: Timestamp) -> Vec<String> {
        let is_wrong = |(path, reply): (&String, &Reply)| {
            let Some(expected) = expected(path, reply, wish) else { return false };
            !is_same(path, &served(instance, path, now), &expected)
        };
        let found = crawl.found.iter().filter(|(path, _)| *path != "/");
        found.filter(|entry| is_wrong(*entry)).map(|(path, _)| path.clone()).collect()
    }

    fn versions(&self) -> Vec<&'c str> {
        let of =
            |path: &'c String| path.strip_prefix('/')?.strip_suffix('/').filter(|name| !name.contains('/'));
        let mut versions: Vec<&str> =
            self.crawl.found.keys().filter_map(of).filter(|name| !name.is_empty()).collect();
        versions.sort_by_key(|version| *version != "latest");
        versions
    }

    /// What was found under a version, directories before what is in them.
    fn found(&self, version: &str) -> impl Iterator<Item = (&'c String, &'c Reply)> + use<'c> {
        let start = format!("/{version}/");
        let from = self.crawl.found.range(start.clone()..);
        from.take_while(move |(path, _)| path.starts_with(&start))
    }

    fn differences(&mut self, version: &str) {
        for (path, reply) in self.found(version) {
            let Some(expected) = expected(path, reply, self.wish) else { continue };
            let served = served(&self.instance, path, self.now);
            if is_same(path, &served, &expected) {
                continue;
            }
            match (path.strip_suffix('/'), expected.status) {
                (Some(_), 200) => self.take_away(path, &served, &expected),
                (Some(directory), _) => self.set(directory, &expected),
                (None, _) => self.set(path, &expected),
            }
        }
    }

    /// What the model lists and the service did not is not there.
    fn take_away(&mut self, directory: &str, served: &Result<Bytes, u16>, expected: &Reply) {
        let Ok(served) = served else { return };
        let there = names(directory, &expected.body);
        for name in names(directory, served).into_iter().filter(|name| !there.contains(name)) {
            let path = format!("{directory}{name}");
            if is_wanted(&path, self.wish) {
                self.paths.insert(path, Set::Absent);
            }
        }
    }

    /// Listings that still differ are set as they are.
    fn listings(&mut self, version: &str) {
        for (path, reply) in self.found(version) {
            // That of a version itself has no path that can be set.
            let is_listing = path.ends_with('/') && path.matches('/').count() > 2 && reply.status == 200;
            let Some(expected) = expected(path, reply, self.wish).filter(|_| is_listing) else { continue };
            if !is_same(path, &served(&self.instance, path, self.now), &expected) {
                self.set(path, &expected);
            }
        }
    }

    fn set(&mut self, path: &str, reply: &Reply) {
        let set = match reply.status {
            200 => Set::body(Bytes::copy_from_slice(&reply.body)),
            status => Set::status(status.into()),
        };
        match set {
            Ok(set) => drop(self.paths.insert(path.to_owned(), set)),
            Err(error) => self.told.push(format!("{path}: {error}")),
        }
    }

    /// Where a signature is set, its document is.
    fn keep_document(&mut self) {
        let path = format!("{IDENTITY}document");
        let is_signed = SIGNED.iter().any(|name| self.paths.contains_key(&format!("{IDENTITY}{name}")));
        if let Some(document) = self.crawl.found.get(&path).filter(|_| is_signed) {
            self.set(&path, document);
        }
    }

    /// Where nothing was signed nothing will be, whoever serves the recording: he may have a key.
    fn keep_unsigned(&mut self) {
        let Some(listing) = self.crawl.found.get(IDENTITY).filter(|reply| reply.status == 200) else {
            return;
        };
        let there = names(IDENTITY, &listing.body);
        for name in SIGNED.iter().filter(|name| !there.iter().any(|known| known == *name)) {
            self.paths.entry(format!("{IDENTITY}{name}")).or_insert(Set::Absent);
        }
    }

    /// What is more than an instance can have is left out, of the version that came last.
    fn fit(&mut self, version: &str) {
        let size = |set: &Set| match set {
            Set::Body(body) => body.len(),
            Set::Status(_) | Set::Absent | Set::Withheld(_) => 0,
        };
        let (mut bytes, mut left_out) = (self.paths.values().map(size).sum::<usize>(), 0);
        let (start, end) = (format!("/{version}/"), format!("/{version}0"));
        while self.paths.len() > PATHS || bytes > BODIES {
            let last = self.paths.range(start.clone()..end.clone()).next_back().map(|(path, _)| path.clone());
            let Some(set) = last.and_then(|path| self.paths.remove(&path)) else { break };
            bytes -= size(&set);
            left_out += 1;
        }
        if left_out > 0 {
            self.told.push(format!(
                "{start}: {left_out} paths were left out, as an instance can have {PATHS} by hand, of {BODIES} bytes together"
            ));
        }
    }

    /// Puts what is set over the instance. What contradicts the rest is left out.
    fn build(&mut self, version: &str) {
        self.paths.retain(|path, _| {
            let place = path.parse::<Place>();
            if let Err(error) = &place {
                self.told.push(format!("{path}: {error}"));
            }
            place.is_ok()
        });
        self.fit(version);
        let mut clashes = 0;
        loop {
            let places = self.paths.iter().filter_map(|(path, set)| Some((path.parse().ok()?, set.clone())));
            match ByHand::new(places) {
                Ok(table) => {
                    self.instance.by_hand = table.map(Arc::new);
                    return;
                }
                Err(clash) => {
                    let Some(path) = self.paths.keys().nth(clash.index).cloned() else { return };
                    self.paths.remove(&path);
                    self.told.push(format!("{path}: {}", clash.what));
                    clashes += 1;
                    if clashes == CLASHES {
                        let start = format!("/{version}/");
                        self.paths.retain(|path, _| !path.starts_with(&start));
                        self.told
                            .push(format!("{start}: its paths contradict each other; none was set by hand"));
                    }
                }
            }
        }
    }
}

/// What is to be served where this was found: without the names that are not to be. `None` when nothing is left.
fn expected(path: &str, reply: &Reply, wish: Wish) -> Option<Reply> {
    if !is_wanted(path, wish) {
        return None;
    }
    if !path.ends_with('/') || reply.status != 200 {
        return Some(reply.clone());
    }
    let Ok(text) = std::str::from_utf8(&reply.body) else { return Some(reply.clone()) };
    let is_kept = |line: &&str| is_wanted(&format!("{path}{line}"), wish);
    if text.lines().all(|line| is_kept(&line)) {
        return Some(reply.clone());
    }
    let lines: Vec<&str> = text.lines().filter(is_kept).collect();
    (!lines.is_empty()).then(|| Reply { status: 200, body: lines.join("\n").into_bytes() })
}

fn served(instance: &Instance, path: &str, now: Timestamp) -> Result<Bytes, u16> {
    find(instance, path.as_bytes(), now).map(|value| value.body).map_err(Refusal::status)
}

fn is_same(path: &str, served: &Result<Bytes, u16>, found: &Reply) -> bool {
    match served {
        Err(status) => *status == found.status,
        Ok(_) if found.status != 200 => false,
        Ok(body) if *body == found.body => true,
        // Keys are renewed, and so is the time at which they were.
        Ok(body) if path.ends_with("/iam/info") => {
            untimed(body).zip(untimed(&found.body)).is_some_and(|(one, other)| one == other)
        }
        Ok(_) => path.contains("/iam/") && holds_keys(path) && !path.ends_with('/'),
    }
}

fn untimed(body: &[u8]) -> Option<Json> {
    let mut json: Json = serde_json::from_slice(body).ok()?;
    json.as_object_mut()?.remove("LastUpdated");
    Some(json)
}
