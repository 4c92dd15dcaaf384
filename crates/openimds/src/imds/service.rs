//! The composition root of a service in somebody's own process: one worker, the journal, and a keeper that lives with
//! them. Nothing here catches a signal, shuts the process in, or ends it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use imds_core::clock::Pace;
use imds_core::id::InstanceId;
use imds_core::keyring::Keyring;
use imds_server::journal::Journal;
use imds_server::{Scope, Service as Guests, Shared};
use imds_store::Registry;

use super::Error;
use crate::config::{Bundle, Config};
use crate::keeper::Resident;
use crate::listen::{FREE, Gate, Listener, Workers, bind, descriptor_share};
use crate::witness::{self, Witness};

/// A running service, which ends when it is dropped.
pub(super) struct Service {
    resident: Option<Resident>,
    workers: Option<Workers>,
    remembering: Option<JoinHandle<()>>,
    /// Where the door is.
    pub(super) admin: SocketAddr,
    /// What guests see.
    pub(super) registry: Arc<Registry>,
    /// Where metadata is served, for everybody and for single instances.
    pub(super) places: Places,
}

/// Where metadata is served.
pub(super) struct Places {
    /// The address of those who are told apart by where they come from.
    pub(super) shared: SocketAddr,
    /// Where each instance of the configuration is.
    pub(super) configured: Vec<(InstanceId, SocketAddr)>,
}

impl Service {
    /// Starts one, of a configuration that came from `bundle`.
    ///
    /// # Errors
    /// When the configuration cannot be applied, an address cannot be bound, or there are no threads to be had.
    pub(super) fn start(mut config: Config, bundle: &Bundle, pace: Option<Pace>) -> anyhow::Result<Self> {
        let (listeners, places) = listen(&mut config)?;
        let registry = Arc::new(Registry::new(Keyring::new(&imds_server::random::secret()?)));
        let shared = Arc::new(Shared {
            registry: Arc::clone(&registry),
            faults: imds_server::Faults::default(),
            error_pages: config.service.error_pages,
            hosts: config.service.hosts.clone(),
            strangers: Arc::default(),
            traffic: Arc::default(),
        });
        let (sink, reader, remembering) = witness::remember()?;
        let limits = &mut config.service.limits;
        limits.max_connections = limits.max_connections.min(descriptor_share());
        let gate = Arc::new(Gate::new(*limits));
        let for_worker = Arc::clone(&shared);
        let workers = Workers::prepare(vec![listeners], &gate, move || {
            Guests::new(Arc::clone(&for_worker), None, Some(Journal::new(sink.clone())))
        })?;
        let witness = Witness::new(Arc::clone(&shared), workers.callers(), Some(reader));
        let resident = Resident::move_in(&config, bundle, pace, &shared, witness);
        // Whether it goes on or ends: who waits can do neither.
        workers.release();
        let (workers, remembering) = (Some(workers), Some(remembering));
        let mut service = Self { resident: None, workers, remembering, admin: FREE, registry, places };
        let resident = resident?;
        service.admin = resident.address();
        service.resident = Some(resident);
        Ok(service)
    }
}

impl Service {
    /// Is there an instance of this id, or was there one of which it still knows?
    pub(super) fn knows(&self, id: &str) -> Result<bool, Error> {
        let Ok(id) = id.parse::<InstanceId>() else { return Ok(false) };
        self.resident.as_ref().map_or(Ok(false), |resident| resident.knows(&id).map_err(Error::new))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.resident.take());
        if let Some(workers) = self.workers.take() {
            // Who drops it waits for nobody.
            workers.stop(Duration::ZERO);
        }
        // It ends with those who tell it something and those who ask, of whom there are none any longer.
        if self.remembering.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that remembers calls had ended by a panic");
        }
    }
}

/// Opens an address for everybody, and where there are several instances one for each. Where the configuration would have
/// them is for `imds serve`: services of one configuration are to run side by side.
fn listen(config: &mut Config) -> anyhow::Result<(Vec<Listener>, Places)> {
    let mut listeners = bind(FREE, Scope::Addresses, 1)?;
    let shared = listeners.first().map_or(FREE, Listener::address);
    let are_several = config.instances.len() > 1;
    let mut configured = Vec::new();
    for entry in &mut config.instances {
        if are_several {
            let group: Vec<_> = bind(FREE, Scope::Addresses, 1)?.into_iter().map(Listener::own).collect();
            entry.place.listen.extend(group.iter().map(Listener::address));
            listeners.extend(group);
        }
        // The only one is whoever asks.
        let address = entry.place.listen.first().copied().unwrap_or(shared);
        configured.push((entry.instance.id.clone(), address));
    }
    Ok((listeners, Places { shared, configured }))
}
