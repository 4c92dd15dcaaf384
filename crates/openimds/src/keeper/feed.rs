//! Following the store: what guests see goes to the service, commit by commit.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;

use imds_core::Machine;
use imds_core::credentials::Role;
use imds_core::id::InstanceId;
use imds_store::provider::file::Entry;
use imds_store::record::{self, Place, Record as _};
use imds_store::store::Event;
use imds_store::{Error, Store};

use super::report::{Reporter, RoleForm, Told, Wire};

/// Records of one report: it must not grow without a bound.
const PIECE: usize = 512;

/// Tells all that there is.
pub(super) fn everything(store: &dyn Store, reporter: &Reporter) -> Result<(), Error> {
    // Places first: who has a listener or is the default must not be missed by what is told after.
    for kind in [Place::KIND, Machine::KIND] {
        for beginning in record::pieces() {
            for piece in store.list(&format!("{kind}/{beginning}"))?.chunks(PIECE) {
                let changes = piece.iter().filter_map(|(key, kept)| Told::kept(key, Some(&kept.value)));
                reporter.tell(&Wire::Changed { revision: 0, changes: changes.collect() })?;
            }
        }
    }
    Ok(())
}

/// Tells every commit, until nobody listens. `told` is the last one.
pub(super) fn follow(events: &Receiver<Event>, reporter: &Reporter, told: &AtomicU64) {
    for Event { revision, changes } in events {
        let changes = changes.iter().filter_map(|(key, value)| Told::kept(key, value.as_deref())).collect();
        told.store(revision, Ordering::Release);
        if reporter.tell(&Wire::Changed { revision, changes }).is_err() {
            break;
        }
    }
}

/// The roles of the file's instances, which are told and never kept.
#[derive(Default)]
pub(super) struct Roles(HashMap<InstanceId, Role>);

impl Roles {
    /// Tells those that are not as they were told before.
    pub(super) fn tell(&mut self, entries: &[Entry], reporter: &Reporter) -> io::Result<()> {
        let roles = entries
            .iter()
            .filter_map(|entry| Some((entry.instance.id.clone(), entry.instance.role.clone()?)));
        let now: HashMap<_, _> = roles.collect();
        let gone = self.0.keys().filter(|id| !now.contains_key(id)).map(|id| (id, None));
        let new =
            now.iter().filter(|(id, role)| self.0.get(id) != Some(role)).map(|(id, role)| (id, Some(role)));
        let changes: Vec<_> = gone
            .chain(new)
            .map(|(id, role)| Told::Role { id: id.to_string(), role: role.map(RoleForm::from) })
            .collect();
        if !changes.is_empty() {
            reporter.tell(&Wire::Changed { revision: 0, changes })?;
        }
        self.0 = now;
        Ok(())
    }
}
