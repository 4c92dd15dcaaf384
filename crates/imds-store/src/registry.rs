//! The read side: who is behind an address, with no lock and no await.
//!
//! A [`Directory`] is built whole and put in the place of the one before, so that a request sees all of a change or
//! nothing of it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use imds_core::audit::Tally;
use imds_core::date::http_date;
use imds_core::id::InstanceId;
use imds_core::keyring::Keyring;
use imds_core::{Instance, Timestamp};

/// An instance as requests see it.
#[derive(Debug)]
pub struct Snapshot {
    /// The record.
    pub instance: Instance,
    /// `Last-Modified`, as it is written.
    pub last_modified: String,
    /// Its counters, which live on when the record changes.
    pub tally: Arc<Tally>,
}

/// What the owner wrote about one instance's place in the service.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The record.
    pub instance: Instance,
    /// Was its launch time given? Else that of the instance that is there already stays.
    pub is_dated: bool,
    /// Local addresses that belong to it alone.
    pub listen: Vec<SocketAddr>,
    /// Does it get the requests on loopback that no address claims?
    pub is_default: bool,
}

/// All instances, found by what a connection shows.
#[derive(Debug, Default)]
pub struct Directory {
    all: HashMap<InstanceId, Arc<Snapshot>>,
    by_address: HashMap<IpAddr, Arc<Snapshot>>,
    by_listen: HashMap<SocketAddr, Arc<Snapshot>>,
    default: Option<Arc<Snapshot>>,
}

impl Directory {
    /// The directory of these entries at `now`. What is the same as in `before` keeps its times and counters.
    #[must_use]
    pub fn new(entries: Vec<Entry>, before: &Self, now: Timestamp) -> Self {
        let mut directory = Self::default();
        for entry in entries {
            let snapshot = snapshot(entry.instance, entry.is_dated, before, now);
            for interface in &snapshot.instance.interfaces {
                let v4 = interface.local_ipv4s.iter().copied().map(IpAddr::from);
                let v6 = interface.ipv6s.iter().copied().map(IpAddr::from);
                directory.by_address.extend(v4.chain(v6).map(|address| (address, Arc::clone(&snapshot))));
            }
            directory
                .by_listen
                .extend(entry.listen.into_iter().map(|listen| (listen, Arc::clone(&snapshot))));
            if entry.is_default {
                directory.default = Some(Arc::clone(&snapshot));
            }
            directory.all.insert(snapshot.instance.id.clone(), snapshot);
        }
        directory
    }

    /// The instance that owns a local address.
    #[must_use]
    pub fn by_listen(&self, local: SocketAddr) -> Option<&Arc<Snapshot>> {
        self.by_listen.get(&local)
    }

    /// The instance that has a private address.
    #[must_use]
    pub fn by_address(&self, peer: IpAddr) -> Option<&Arc<Snapshot>> {
        self.by_address.get(&peer.to_canonical())
    }

    /// The instance that gets what no address claims.
    #[must_use]
    pub fn default_instance(&self) -> Option<&Arc<Snapshot>> {
        self.default.as_ref()
    }

    /// Every instance.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Snapshot>> {
        self.all.values()
    }
}

fn snapshot(mut instance: Instance, is_dated: bool, before: &Directory, now: Timestamp) -> Arc<Snapshot> {
    let Some(old) = before.all.get(&instance.id) else {
        instance.changed = now;
        return Arc::new(Snapshot { last_modified: http_date(now), instance, tally: Arc::default() });
    };
    if !is_dated {
        instance.pending_time = old.instance.pending_time;
    }
    instance.changed = old.instance.changed;
    if instance == old.instance {
        return Arc::clone(old);
    }
    instance.changed = now;
    Arc::new(Snapshot { last_modified: http_date(now), instance, tally: Arc::clone(&old.tally) })
}

/// What requests read and the owner replaces.
#[derive(Debug)]
pub struct Registry {
    directory: ArcSwap<Directory>,
    keyring: ArcSwap<Keyring>,
}

impl Registry {
    /// A registry that knows no instance yet.
    #[must_use]
    pub fn new(keyring: Keyring) -> Self {
        Self { directory: ArcSwap::default(), keyring: ArcSwap::from_pointee(keyring) }
    }

    /// The directory now.
    #[must_use]
    pub fn directory(&self) -> Guard<Arc<Directory>> {
        self.directory.load()
    }

    /// The keys now.
    #[must_use]
    pub fn keyring(&self) -> Guard<Arc<Keyring>> {
        self.keyring.load()
    }

    /// From now on, these are the instances.
    pub fn set_instances(&self, entries: Vec<Entry>, now: Timestamp) {
        self.directory.store(Arc::new(Directory::new(entries, &self.directory.load(), now)));
    }

    /// From now on, these are the keys.
    pub fn set_keyring(&self, keyring: Keyring) {
        self.keyring.store(Arc::new(keyring));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::testing::{keyring, launch, noon};
    use std::time::Duration;

    fn entry() -> Entry {
        let listen = vec!["127.0.0.1:8080".parse().unwrap()];
        Entry { instance: launch().instance(), is_dated: false, listen, is_default: true }
    }

    #[test]
    fn an_instance_is_found_by_its_addresses_its_listen_and_as_the_default() {
        let registry = Registry::new(keyring());
        registry.set_instances(vec![entry()], noon());
        let directory = registry.directory();
        assert!(directory.by_address("172.31.16.10".parse().unwrap()).is_some());
        assert!(directory.by_address("::ffff:172.31.16.10".parse().unwrap()).is_some());
        assert!(directory.by_address("172.31.16.11".parse().unwrap()).is_none());
        assert!(directory.by_listen("127.0.0.1:8080".parse().unwrap()).is_some());
        assert!(directory.by_listen("127.0.0.1:8081".parse().unwrap()).is_none());
        assert!(directory.default_instance().is_some());
    }

    #[test]
    fn what_does_not_change_keeps_its_times_and_what_does_keeps_its_counters() {
        let registry = Registry::new(keyring());
        let later = noon() + Duration::from_secs(60);
        registry.set_instances(vec![entry()], noon());
        let first = Arc::clone(registry.directory().default_instance().unwrap());
        let mut relaunched = entry();
        relaunched.instance.pending_time = later;
        registry.set_instances(vec![relaunched], later);
        let same = Arc::clone(registry.directory().default_instance().unwrap());
        assert!(Arc::ptr_eq(&first, &same));

        let mut renamed = entry();
        renamed.instance.tags.insert("Name".into(), "web".into());
        registry.set_instances(vec![renamed], later);
        let changed = Arc::clone(registry.directory().default_instance().unwrap());
        assert_eq!(changed.instance.changed, later);
        assert_eq!(changed.last_modified, "Tue, 24 Nov 2026 12:01:00 GMT");
        assert_eq!(changed.instance.pending_time, noon());
        assert!(Arc::ptr_eq(&first.tally, &changed.tally));

        registry.set_instances(vec![], later);
        assert!(registry.directory().default_instance().is_none());
    }
}
