//! Listening sockets: one a worker on the same port, each with accepts deferred until the client speaks.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use anyhow::Context as _;
use imds_core::id::InstanceId;
use imds_server::{Scope, Source};
use rustix::net::sockopt;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use super::connection::{Lodger, Reach};

/// Connections that may wait to be accepted.
pub(super) const BACKLOG: i32 = 4096;

/// A listening socket, and what it says about those who connect to it.
pub struct Listener {
    pub(super) socket: OwnedFd,
    address: SocketAddr,
    scope: Scope,
    /// How far the packets of its connections travel, unless they are limited.
    pub(super) reach: Reach,
    /// The lodger that it is of, if it is.
    pub(super) lodger: Option<Lodger>,
}

impl Listener {
    /// A listener that lives in a namespace made for the default instance.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn in_namespace(socket: TcpListener) -> io::Result<Self> {
        Self::new(socket, Scope::Namespace)
    }

    /// A listener that lives in the namespace of a lodger, where everybody is `id`.
    ///
    /// # Errors
    /// When the socket has no address, or cannot be had without blocking.
    pub(super) fn of_lodger(socket: TcpListener, lodger: Lodger, id: Arc<InstanceId>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { lodger: Some(lodger), ..Self::new(socket, Scope::Instance(id))? })
    }

    fn new(socket: TcpListener, scope: Scope) -> io::Result<Self> {
        tune(&socket);
        Ok(Self {
            address: socket.local_addr()?,
            reach: Reach::of(socket.as_fd())?,
            socket: socket.into(),
            scope,
            lodger: None,
        })
    }

    /// The same, for the one whose address it is bound to.
    pub(crate) fn own(mut self) -> Self {
        self.scope = Scope::Own(self.address);
        self
    }

    /// The address it is bound to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who is at the other end of a connection that was accepted here.
    pub(super) fn source(&self, connection: &OwnedFd, peer: IpAddr) -> Source {
        // Bound to one address, there is no need to ask which one it was.
        let local = if self.address.ip().is_unspecified() {
            let name = rustix::net::getsockname(connection).ok();
            name.and_then(|name| SocketAddr::try_from(name).ok()).unwrap_or(self.address)
        } else {
            self.address
        };
        Source { peer, local, scope: self.scope.clone() }
    }
}

/// Listens on `address` for `scope`, with `count` sockets among which the kernel shares connections out.
///
/// # Errors
/// When the address is not this machine's or in use, by another service of ours too.
pub fn bind(address: SocketAddr, scope: Scope, count: usize) -> anyhow::Result<Vec<Listener>> {
    group(address, &scope, count).with_context(|| {
        format!("cannot listen on {address}: is it an address of this machine, free, and may this user use the port?")
    })
}

fn group(address: SocketAddr, scope: &Scope, count: usize) -> io::Result<Vec<Listener>> {
    // Sockets of a group may always join it; this one may not, and so finds out whether a group is there already.
    let first = open(address, false)?;
    if count == 1 {
        return Ok(vec![Listener::new(first.into(), scope.clone())?]);
    }
    let bound = first.local_addr()?.as_socket().unwrap_or(address);
    drop(first);
    (0..count).map(|_| Listener::new(open(bound, true)?.into(), scope.clone())).collect()
}

fn open(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Lets the kernel finish handshakes by itself and report a connection once it has something to read: measured at a
/// fifth to a third of a connection's cost. A client that says nothing is reported after a second, and timed out.
fn tune(socket: &TcpListener) {
    // What a kernel cannot do costs time and nothing else.
    let _ = imds_netns::defer_accept(socket.as_fd(), 1);
    let _ = sockopt::set_tcp_nodelay(socket, true);
}

/// Asks for as many descriptors as the system permits, and says how many connections that is good for.
pub fn raise_descriptor_limit() -> u32 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let current = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    u32::try_from(current.saturating_sub(RESERVE)).unwrap_or(u32::MAX)
}

/// How many connections take a share of this process' descriptors, which are not ours alone: it may have several services,
/// and clients of theirs.
pub fn descriptor_share() -> u32 {
    let current = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    u32::try_from(current / SHARE).unwrap_or(u32::MAX)
}

/// One of so many descriptors.
const SHARE: u64 = 4;

/// Descriptors for everything but guests' connections: listeners, the door, the reactors.
const RESERVE: u64 = 160;
