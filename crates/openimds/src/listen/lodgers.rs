//! Lodgers: network namespaces that were handed over, and in which everybody is one instance (`imds exec`).

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use imds_core::id::InstanceId;
use imds_core::options::Switch;
use imds_server::IPV6_ENDPOINT;
use imds_store::Registry;
use rustix::net::{Shutdown, listen, shutdown};
use tokio::sync::mpsc::UnboundedSender;

use super::connection::Lodger;
use super::socket::{BACKLOG, Listener};

/// What a worker is told: of lodgers, each always the same one; and of questions, all of them.
pub(super) enum Told {
    /// To accept there, too.
    Listen(Lodger, Listener),
    /// To accept there no longer; those who came stay.
    Stop(Lodger, SocketAddr),
    /// To accept nowhere of a lodger's, and to end whatever came from there.
    Leave(Lodger),
    /// To hand its calls on for this question to the journal.
    HandOn(u64),
}

/// Those that there are.
pub struct Lodgers {
    workers: Vec<UnboundedSender<Told>>,
    all: HashMap<Lodger, Lodging>,
}

struct Lodging {
    id: Arc<InstanceId>,
    worker: UnboundedSender<Told>,
    /// The IPv6 endpoint, which refuses connections while it is disabled.
    ipv6: Option<Endpoint>,
}

/// A socket that listens at times.
struct Endpoint {
    socket: OwnedFd,
    address: SocketAddr,
    listens: bool,
}

impl Lodgers {
    pub(super) fn new(workers: Vec<UnboundedSender<Told>>) -> Self {
        Self { workers, all: HashMap::new() }
    }

    /// Takes one in: whoever connects to these sockets, which listen, is this instance.
    ///
    /// # Errors
    /// When the sockets are none that can be accepted from. Nothing is kept of them then.
    pub fn admit(
        &mut self,
        lodger: Lodger,
        id: InstanceId,
        sockets: Vec<OwnedFd>,
        registry: &Registry,
    ) -> io::Result<()> {
        let at = usize::try_from(lodger.0).unwrap_or(0) % self.workers.len().max(1);
        let worker = self.workers.get(at).cloned().ok_or(io::ErrorKind::NotConnected)?;
        let lodging = Lodging { id: Arc::new(id), worker, ipv6: None };
        let lodging = self.all.entry(lodger).insert_entry(lodging).into_mut();
        let taken = sockets.into_iter().try_for_each(|socket| lodging.take(lodger, socket));
        let settled = taken.and_then(|()| lodging.follow(lodger, registry));
        settled.inspect_err(|_| self.leave(lodger))
    }

    /// One is gone: nothing of it is served any longer.
    pub fn leave(&mut self, lodger: Lodger) {
        if let Some(lodging) = self.all.remove(&lodger) {
            // The worker has a hold of its own on the socket. Without this it would still complete handshakes.
            let _ = lodging.ipv6.map(|endpoint| shutdown(endpoint.socket, Shutdown::Both));
            // Without its worker there is nothing that could be left.
            let _ = lodging.worker.send(Told::Leave(lodger));
        }
    }

    /// Instances have changed: opens and closes the IPv6 endpoints that are not as they are to be.
    pub fn follow(&mut self, registry: &Registry) {
        for (lodger, lodging) in &mut self.all {
            if let Err(error) = lodging.follow(*lodger, registry) {
                tracing::warn!(instance = %lodging.id, %error, "an IPv6 endpoint cannot be opened");
            }
        }
    }
}

impl Lodging {
    fn take(&mut self, lodger: Lodger, socket: OwnedFd) -> io::Result<()> {
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        if address.ip() == IPV6_ENDPOINT {
            // Closed until it is known whether it is to be open.
            shutdown(&socket, Shutdown::Both)?;
            self.ipv6 = Some(Endpoint { socket: socket.into(), address, listens: false });
            return Ok(());
        }
        self.accept(lodger, socket)
    }

    fn accept(&self, lodger: Lodger, socket: TcpListener) -> io::Result<()> {
        let listener = Listener::of_lodger(socket, lodger, Arc::clone(&self.id))?;
        self.tell(Told::Listen(lodger, listener))
    }

    fn tell(&self, told: Told) -> io::Result<()> {
        self.worker.send(told).map_err(|_| io::ErrorKind::NotConnected.into())
    }

    fn follow(&mut self, lodger: Lodger, registry: &Registry) -> io::Result<()> {
        let Some(endpoint) = &mut self.ipv6 else { return Ok(()) };
        // Who is gone has nothing that could be enabled, and is told 404 wherever it is asked.
        let Some(snapshot) = registry.by_id(&self.id) else { return Ok(()) };
        let is_enabled = snapshot.instance.options.http_protocol_ipv6 == Switch::Enabled;
        match (endpoint.listens, is_enabled) {
            (false, true) => {
                let again = endpoint.socket.try_clone()?;
                listen(&endpoint.socket, BACKLOG)?;
                endpoint.listens = true;
                self.accept(lodger, again.into())
            }
            (true, false) => {
                endpoint.listens = false;
                let address = endpoint.address;
                shutdown(&endpoint.socket, Shutdown::Both)?;
                self.tell(Told::Stop(lodger, address))
            }
            (true, true) | (false, false) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::Machine;
    use imds_core::testing::{keyring, launch};
    use imds_store::registry::Change;
    use std::net::TcpStream;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    fn lodgers(count: usize) -> (Lodgers, Vec<UnboundedReceiver<Told>>) {
        let (workers, told) = (0..count).map(|_| unbounded_channel()).unzip();
        (Lodgers::new(workers), told)
    }

    fn socket() -> (OwnedFd, SocketAddr) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        (socket.into(), address)
    }

    fn registry(ipv6: Switch) -> (Registry, InstanceId) {
        let registry = Registry::new(keyring());
        let mut launch = launch();
        launch.options.http_protocol_ipv6 = ipv6;
        let id = launch.id.clone();
        let machine = Machine::launched(launch.instance());
        registry.apply([Change::Machine(id.clone(), Some(Box::new(machine)))]);
        (registry, id)
    }

    #[test]
    fn all_of_a_lodger_goes_to_one_worker_and_lodgers_to_all() {
        let (mut lodgers, mut told) = lodgers(2);
        let (registry, id) = registry(Switch::Disabled);
        for number in 0..4 {
            lodgers.admit(Lodger(number), id.clone(), vec![socket().0], &registry).unwrap();
            lodgers.leave(Lodger(number));
        }
        for worker in &mut told {
            for _ in 0..2 {
                assert!(matches!(worker.try_recv(), Ok(Told::Listen(..))));
                assert!(matches!(worker.try_recv(), Ok(Told::Leave(_))));
            }
            assert!(worker.try_recv().is_err());
        }
    }

    #[test]
    fn what_cannot_be_accepted_from_is_refused_whole() {
        let (mut lodgers, mut told) = lodgers(1);
        let (registry, id) = registry(Switch::Disabled);
        let file = tempfile::tempfile().unwrap();
        assert!(lodgers.admit(Lodger(1), id, vec![socket().0, file.into()], &registry).is_err());
        assert!(lodgers.all.is_empty());
        assert!(matches!(told[0].try_recv(), Ok(Told::Listen(..))));
        assert!(matches!(told[0].try_recv(), Ok(Told::Leave(Lodger(1)))));
    }

    #[test]
    fn the_ipv6_endpoint_listens_while_it_is_enabled() {
        // An address of loopback stands in for it.
        let (mut lodgers, mut told) = lodgers(1);
        let (disabled, id) = registry(Switch::Disabled);
        let (enabled, _) = registry(Switch::Enabled);
        let fixed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let held = TcpListener::bind(fixed).unwrap();
        let endpoint = Endpoint { socket: held.into(), address: fixed, listens: true };
        let lodging = Lodging { id: Arc::new(id), worker: lodgers.workers[0].clone(), ipv6: Some(endpoint) };
        lodgers.all.insert(Lodger(1), lodging);
        lodgers.follow(&enabled);
        assert!(told[0].try_recv().is_err(), "as it was");
        for _ in 0..3 {
            lodgers.follow(&disabled);
            assert!(matches!(told[0].try_recv(), Ok(Told::Stop(Lodger(1), address)) if address == fixed));
            assert!(TcpStream::connect(fixed).is_err());
            lodgers.follow(&enabled);
            assert!(matches!(told[0].try_recv(), Ok(Told::Listen(..))));
            TcpStream::connect(fixed).unwrap();
        }
        lodgers.leave(Lodger(1));
        assert!(TcpStream::connect(fixed).is_err());
    }
}
