//! The runtime socket: who runs a command as an instance (`imds exec`) hands the sockets over that listen in the
//! command's network namespace, and is served there as that instance for as long as the connection lasts.
//!
//! Only this user is heard, and only from the network namespace of the service: within `imds run` and `imds exec` the
//! socket can be seen, and must not make another instance of whoever is there.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use imds_core::Machine;
use imds_core::id::InstanceId;
use imds_netns::peer::{self, Home, Place};
use imds_server::{IPV4_ENDPOINT, IPV6_ENDPOINT};
use imds_store::{Store, record};
use rustix::net::{SocketType, getsockname, sockopt};
use rustix::process::geteuid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::inbox;
use super::report::{Reporter, Wire, encode};
use crate::listen::raise_descriptor_limit;
use crate::runtime::{self, Answer, Wish};

/// Connections that there are at once.
const PLACES: usize = 512;
/// Bytes of a wish.
const LIMIT: usize = 1024;
/// How long a wish may take, and the service to take it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long nothing is accepted after that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// Threads that wait until the service reads.
const THREADS: usize = 4;

/// Who waits to hear whether a lodger is served.
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<bool>>>>;

/// A runtime socket that is to be served.
pub(super) struct Lodging {
    listener: std::os::unix::net::UnixListener,
    path: PathBuf,
    home: Home,
}

impl Lodging {
    /// Binds the one of the service whose door has this port. Without one there is a service all the same.
    pub(super) fn bind(port: u16) -> Option<Self> {
        // One for each who is here.
        raise_descriptor_limit();
        let bound = runtime::bind(port);
        let (listener, path) = bound
            .inspect_err(|error| tracing::warn!(%error, "`imds exec` does not find this service"))
            .ok()?;
        Some(Self { listener, path, home: Home::now() })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// What all connections share.
struct Desk {
    home: Home,
    store: Arc<dyn Store>,
    reporter: Reporter,
    waiting: Waiting,
    last: AtomicU64,
}

/// Serves it, on a thread of its own.
pub(super) fn open(
    lodging: Lodging,
    store: Arc<dyn Store>,
    reporter: Reporter,
    waiting: Waiting,
) -> io::Result<()> {
    let Lodging { listener, home, .. } = lodging;
    listener.set_nonblocking(true)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(THREADS).build()?;
    let desk = Arc::new(Desk { home, store, reporter, waiting, last: AtomicU64::new(0) });
    let body = move || {
        let served: io::Result<()> = runtime.block_on(async move {
            accept(&UnixListener::from_std(listener)?, &desk).await;
            Ok(())
        });
        tracing::error!(?served, "`imds exec` does not find this service any longer");
    };
    std::thread::Builder::new().name("imds-exec".to_owned()).spawn(body)?;
    Ok(())
}

async fn accept(listener: &UnixListener, desk: &Arc<Desk>) {
    let places = Arc::new(Semaphore::new(PLACES));
    loop {
        let connection = match listener.accept().await {
            Ok((connection, _)) => connection,
            Err(error) => {
                tracing::warn!(%error, "`imds exec` could not be heard");
                sleep(PAUSE).await;
                continue;
            }
        };
        let desk = Arc::clone(desk);
        let place = Arc::clone(&places).try_acquire_owned();
        tokio::spawn(async move {
            if place.is_err() {
                refuse(connection, format!("{PLACES} commands run as instances already; end some")).await;
            } else {
                desk.receive(connection).await;
            }
            drop(place);
        });
    }
}

/// Tells why not. Who does not read it needs no answer.
async fn refuse(mut connection: UnixStream, why: String) {
    let _ = timeout(PATIENCE, say(&mut connection, &Answer::Refused(why))).await;
}

async fn say(connection: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    connection.write_all(&encode(answer)?).await
}

impl Desk {
    /// From the first word to the end of a connection.
    async fn receive(&self, mut connection: UnixStream) {
        if let Err(why) = self.examine(&connection) {
            return refuse(connection, why.to_owned()).await;
        }
        // Who says nothing that is a wish is not worth an answer.
        let Ok(Some((wish, sockets))) = timeout(PATIENCE, inbox::message(&connection, LIMIT)).await else {
            return;
        };
        let id = match self.check(&wish, &sockets) {
            Ok(id) => id,
            Err(why) => return refuse(connection, why).await,
        };
        let lodger = self.last.fetch_add(1, Relaxed);
        let is_served = self.lodge(lodger, &id, sockets).await;
        let answer = if is_served {
            Answer::Served
        } else {
            Answer::Refused("the service could not take the sockets over; see its log".to_owned())
        };
        let answered = timeout(PATIENCE, say(&mut connection, &answer)).await;
        if is_served && matches!(answered, Ok(Ok(()))) {
            // There is nothing more to say: whatever comes is an end.
            let _ = connection.read(&mut [0]).await;
        }
        self.tell(Wire::Left { lodger }, Vec::new()).await;
    }

    /// Is it this user, outside of every run and exec?
    fn examine(&self, connection: &UnixStream) -> Result<(), &'static str> {
        let connection = connection.as_fd();
        if !peer::uid(connection).is_ok_and(|uid| uid == geteuid().as_raw()) {
            return Err("this service is another user's; run `imds exec` as that user");
        }
        match self.home.place_of(connection) {
            Place::Home => Ok(()),
            Place::Elsewhere => {
                Err("this is another network namespace than the service's, as it is inside `imds run` \
                 and `imds exec`; run `imds exec` where `imds serve` runs")
            }
            Place::Untold => {
                Err("this kernel does not say in which network namespace `imds exec` runs; mount /proc, \
                 or use Linux 5.14 or newer")
            }
        }
    }

    /// Which instance is it, and can its sockets be served?
    fn check(&self, wish: &[u8], sockets: &[OwnedFd]) -> Result<InstanceId, String> {
        let Wish { instance } = serde_json::from_slice(wish).map_err(|_| {
            "this service does not understand this `imds exec`; use the same version".to_owned()
        })?;
        let id: InstanceId = instance.parse().map_err(|error: imds_core::Error| error.to_string())?;
        let found = record::get::<Machine>(&*self.store, id.as_str());
        let found = found.map_err(|error| format!("instance {id} cannot be read: {error}"))?;
        match found {
            None => Err(format!("there is no instance {id}; see `imds instance list`")),
            Some(found) if found.record.state.is_terminated() => Err(format!(
                "instance {id} is terminated; launch another with `imds instance launch`; for an instance of an \
                     environment: `imds exec --environment NAME`"
            )),
            Some(_) => self.check_sockets(sockets).map(|()| id),
        }
    }

    fn check_sockets(&self, sockets: &[OwnedFd]) -> Result<(), String> {
        let mut places = sockets.iter().map(|socket| self.place(socket)).collect::<Vec<_>>();
        places.sort();
        places.dedup();
        // Each one of the endpoints, and no two the same.
        if sockets.is_empty() || places.len() != sockets.len() || places.contains(&None) {
            return Err(
                "what was handed over are no sockets that listen at the metadata addresses of another \
                        network namespace"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Where a socket listens, if it is one that can be served.
    fn place(&self, socket: &OwnedFd) -> Option<SocketAddr> {
        let is_tcp = sockopt::socket_type(socket) == Ok(SocketType::STREAM)
            && sockopt::socket_protocol(socket) == Ok(Some(rustix::net::ipproto::TCP));
        let listens = sockopt::socket_acceptconn(socket) == Ok(true);
        let is_foreign = self.home.has_socket(socket.as_fd()) != Some(true);
        let address = getsockname(socket).ok().and_then(|address| SocketAddr::try_from(address).ok())?;
        let endpoints: [SocketAddr; 2] = [(IPV4_ENDPOINT, 80).into(), (IPV6_ENDPOINT, 80).into()];
        (is_tcp && listens && is_foreign && endpoints.contains(&address)).then_some(address)
    }

    /// Hands a lodger to the service, and waits until it is served.
    async fn lodge(&self, lodger: u64, id: &InstanceId, sockets: Vec<OwnedFd>) -> bool {
        let (sender, served) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(lodger, sender);
        let lodged =
            Wire::Lodged { lodger, instance: id.to_string(), count: sockets.len(), sockets: Vec::new() };
        self.tell(lodged, sockets).await;
        let is_served = matches!(timeout(PATIENCE, served).await, Ok(Ok(true)));
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&lodger);
        is_served
    }

    /// Tells the service. It may be slow to read. This process keeps nothing of what it hands over.
    async fn tell(&self, wire: Wire<'static>, sockets: Vec<OwnedFd>) {
        let reporter = self.reporter.clone();
        let telling = tokio::task::spawn_blocking(move || {
            let sockets: Vec<_> = sockets.iter().map(|socket| socket.as_fd()).collect();
            reporter.hand_over(&wire, &sockets)
        });
        // If nobody listens, this process is about to end.
        let _ = telling.await;
    }
}
