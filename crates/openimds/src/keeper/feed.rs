//! Following the store: what guests see goes to the service, commit by commit, and with it the roles of instances, which
//! are told and never kept.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use imds_control::Authority;
use imds_core::Machine;
use imds_core::clock::Clock;
use imds_core::credentials::Role;
use imds_core::id::InstanceId;
use imds_core::session::NONCE_LEN;
use imds_store::provider::file::Entry;
use imds_store::provider::profile::{Given, Mint, Profiles};
use imds_store::record::{self, InstanceProfile, Place, Record as _, Withheld};
use imds_store::store::Event;
use imds_store::{Error, Revision, ServiceClock, Store};
use zeroize::Zeroizing;

use super::clock;
use super::report::{Reporter, RoleForm, Told, Wire};

/// Records of one report: it must not grow without a bound.
const PIECE: usize = 512;
/// How long it waits at most when keys are to be renewed: a clock may be set, or a machine sleep.
const LONGEST: Duration = Duration::from_secs(60);

/// Tells the service what guests see.
pub(super) struct Feed {
    reporter: Reporter,
    authority: Arc<Authority>,
    clock: Arc<ServiceClock>,
    /// Held while roles are told, so that the last one decided is the last one told.
    roles: Mutex<Roles>,
}

/// Where the roles of instances come from.
#[derive(Default)]
struct Roles {
    /// The configuration file. Such a role gives way while its instance is associated with a profile through the API.
    file: HashMap<InstanceId, Role>,
    profiles: Profiles,
    /// Keys that the file sets by hand.
    by_hand: Withheld,
}

impl Feed {
    pub(super) fn new(reporter: Reporter, authority: Arc<Authority>, clock: Arc<ServiceClock>) -> Self {
        Self { reporter, authority, clock, roles: Mutex::default() }
    }

    /// Tells all that there is.
    pub(super) fn everything(&self, store: &dyn Store) -> Result<(), Error> {
        let mut roles = self.roles();
        for kind in [Clock::KIND, record::Role::KIND, InstanceProfile::KIND] {
            for piece in store.list(&format!("{kind}/"))?.chunks(PIECE) {
                let changes: Vec<_> =
                    piece.iter().map(|(key, kept)| (key.as_str(), Some(&*kept.value))).collect();
                self.tell(&mut roles, 0, &changes)?;
            }
        }
        // Places first: who has a listener or is the default must not be missed by what is told after.
        for kind in [Place::KIND, Machine::KIND] {
            for beginning in record::pieces() {
                for piece in store.list(&format!("{kind}/{beginning}"))?.chunks(PIECE) {
                    let changes: Vec<_> =
                        piece.iter().map(|(key, kept)| (key.as_str(), Some(&*kept.value))).collect();
                    self.tell(&mut roles, 0, &changes)?;
                }
            }
        }
        Ok(())
    }

    /// Tells every commit, and keys before others end, until nobody listens. `told` is the last commit, and `changed` is
    /// called when the clock was changed, or a role, before guests know.
    pub(super) fn follow(
        &self,
        events: &Receiver<Event>,
        told: &AtomicU64,
        changed: impl Fn() -> io::Result<()>,
    ) {
        loop {
            let due = self.roles().profiles.due();
            let wait = due.map(|due| self.clock.until(due));
            let done = match wait.map_or_else(
                || events.recv().map_err(|_| RecvTimeoutError::Disconnected),
                |wait| events.recv_timeout(wait.min(LONGEST)),
            ) {
                Ok(Event { revision, changes }) => {
                    let changes: Vec<_> =
                        changes.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
                    told.store(revision, Ordering::Release);
                    let is_changed =
                        clock::follow(&self.clock, &changes) | changes.iter().any(|(key, _)| is_role(key));
                    // Keys first: when it is later all at once, nobody finds those that have ended meanwhile.
                    self.renew()
                        .and_then(|()| if is_changed { changed() } else { Ok(()) })
                        .and_then(|()| self.tell(&mut self.roles(), revision, &changes))
                }
                Err(RecvTimeoutError::Timeout) => self.renew(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Err(error) = done {
                // If it is the service that has gone, that needs no word.
                if is_gone(&error) {
                    tracing::debug!(%error, "nobody listens to changes any longer");
                } else {
                    tracing::error!(%error, "changes cannot be told any longer; the service ends");
                }
                return;
            }
        }
    }

    /// Keys that these set by hand, which come with their instances and are not in the store. To be said before they are
    /// committed. The hashes of what is new.
    pub(super) fn by_hand(&self, entries: &[Entry]) -> Vec<Box<str>> {
        let all = Withheld::of(entries.iter().map(|entry| &entry.instance));
        self.roles().by_hand.extend(all)
    }

    /// They are not committed: those that were new.
    pub(super) fn not_by_hand(&self, new: &[Box<str>]) {
        self.roles().by_hand.forget(new);
    }

    /// The roles of the file's instances: tells those that are not as they were told before.
    ///
    /// `lent` are those of which the keys come from elsewhere.
    pub(super) fn file(
        &self,
        entries: &[Entry],
        lent: impl Iterator<Item = (InstanceId, Role)>,
    ) -> io::Result<()> {
        let mut roles = self.roles();
        let now: HashMap<_, _> = entries
            .iter()
            .filter_map(|entry| Some((entry.instance.id.clone(), entry.instance.role.clone()?)))
            .chain(lent)
            .collect();
        let gone = roles.file.keys().filter(|id| !now.contains_key(id)).map(|id| (id, None));
        let new = now
            .iter()
            .filter(|(id, role)| roles.file.get(id) != Some(role))
            .map(|(id, role)| (id, Some(role.clone())));
        let changes: Vec<_> = gone
            .chain(new)
            .filter(|(id, _)| !roles.profiles.has(id))
            .map(|(id, role)| told(id, role))
            .collect();
        if !changes.is_empty() {
            self.reporter.tell(&Wire::Changed { revision: 0, changes })?;
        }
        roles.file = now;
        roles.by_hand = Withheld::of(entries.iter().map(|entry| &entry.instance));
        Ok(())
    }

    /// Other keys for instances of the file, or none any longer.
    pub(super) fn lend(&self, lent: Vec<(InstanceId, Role)>) -> io::Result<()> {
        let mut roles = self.roles();
        let mut changes = Vec::new();
        for (id, role) in lent {
            if !roles.profiles.has(&id) {
                changes.push(told(&id, Some(role.clone())));
            }
            roles.file.insert(id, role);
        }
        while !changes.is_empty() {
            let rest = changes.split_off(changes.len().min(PIECE));
            self.reporter.tell(&Wire::Changed { revision: 0, changes })?;
            changes = rest;
        }
        Ok(())
    }

    /// Gives all keys anew: those before have ended.
    pub(super) fn anew(&self) -> io::Result<()> {
        let mut roles = self.roles();
        roles.profiles.outdate();
        self.renew_among(&mut roles)
    }

    /// Gives keys anew that are due. That follows from no commit.
    fn renew(&self) -> io::Result<()> {
        self.renew_among(&mut self.roles())
    }

    fn renew_among(&self, roles: &mut Roles) -> io::Result<()> {
        let given = self.minted(|mint| roles.profiles.renew(mint))?;
        for piece in given.chunks(PIECE) {
            let changes = piece.iter().map(|(id, role)| told(id, role.clone())).collect();
            self.reporter.tell(&Wire::Changed { revision: 0, changes })?;
        }
        Ok(())
    }

    /// Tells the changes of a commit, and the roles that follow from them. A role that comes is there before its instance
    /// is, and one that goes is there until its instance has changed.
    fn tell(
        &self,
        roles: &mut Roles,
        revision: Revision,
        changes: &[(&str, Option<&[u8]>)],
    ) -> io::Result<()> {
        let given = self.minted(|mint| roles.profiles.follow(changes.iter().copied(), mint))?;
        for error in roles.profiles.damaged() {
            tracing::error!(%error, "what is damaged counts as deleted");
        }
        let (come, gone): (Vec<Given>, Vec<Given>) = given.into_iter().partition(|(_, role)| role.is_some());
        let mut reported: Vec<_> = come.into_iter().map(|(id, role)| told(&id, role)).collect();
        while reported.len() > PIECE {
            let rest = reported.split_off(PIECE);
            self.reporter.tell(&Wire::Changed { revision: 0, changes: reported })?;
            reported = rest;
        }
        let is_machine = |key: &str| key.split_once('/').is_some_and(|(kind, _)| kind == Machine::KIND);
        let fill = |(key, value): &(&str, Option<&[u8]>)| {
            value.filter(|_| is_machine(key)).and_then(|kept| roles.by_hand.fill(kept))
        };
        let filled: Vec<Option<Zeroizing<Vec<u8>>>> = changes.iter().map(fill).collect();
        for ((key, value), filled) in changes.iter().zip(&filled) {
            reported.extend(Told::kept(key, filled.as_ref().map(|filled| &***filled).or(*value)));
        }
        reported.extend(gone.iter().map(|(id, _)| told(id, roles.file.get(id).cloned())));
        // Every commit is told, and of what was there at the start only what concerns guests.
        if revision == 0 && reported.is_empty() {
            return Ok(());
        }
        self.reporter.tell(&Wire::Changed { revision, changes: reported })
    }

    fn minted<T>(&self, work: impl FnOnce(&mut Mint<'_>) -> io::Result<T>) -> io::Result<T> {
        let mut nonce = || {
            let mut nonce = [0; NONCE_LEN];
            imds_server::random::fill(&mut nonce)?;
            Ok(nonce)
        };
        work(&mut Mint { issuer: &self.authority.issuer(), now: self.clock.now(), nonce: &mut nonce })
    }

    fn roles(&self) -> MutexGuard<'_, Roles> {
        self.roles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// May keys be had of this that could not be had before?
fn is_role(key: &str) -> bool {
    key.split_once('/').is_some_and(|(kind, _)| kind == record::Role::KIND)
}

/// Is this what it is like to tell somebody who has gone?
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn told(id: &InstanceId, role: Option<Role>) -> Told<'static> {
    Told::Role { id: id.to_string(), role: role.map(RoleForm::from) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_service_that_has_gone_is_known_from_what_else_goes_wrong() {
        let (here, there) = UnixStream::pair().unwrap();
        let feed = Feed::new(Reporter::new(here), Arc::new(Authority::open(&[1; 32])), Arc::default());
        feed.reporter.tell(&Wire::Started).unwrap();
        drop(there);
        let gone = feed.reporter.tell(&Wire::Started).unwrap_err();
        let (here, _there) = UnixStream::pair().unwrap();
        here.set_nonblocking(true).unwrap();
        let full = Reporter::new(here).tell(&Wire::Keyring("x".repeat(16 << 20).into())).unwrap_err();
        for (error, expected) in [
            (gone, true),
            (io::ErrorKind::ConnectionReset.into(), true),
            (full, false),
            (io::Error::other("no random bytes"), false),
            (io::ErrorKind::InvalidData.into(), false),
        ] {
            assert_eq!(is_gone(&error), expected, "{error}");
        }
    }
}
