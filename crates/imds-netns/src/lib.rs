//! Network namespaces: the whole public surface of the only crate that may use `unsafe`.
//!
//! [`spawn`] starts a command in a network namespace of its own, with the metadata addresses on that
//! namespace's loopback interface, and hands the listening sockets of those addresses to the caller;
//! [`enter`] takes the caller itself there, and [`attach`] to a namespace that there is already.
//! [`fork`], [`fork_apart`] and [`fork_apart_with`] start a helper process joined to the caller by a socketpair, and [`handoff`] moves open
//! files over such a pair. [`peer`] tells in which namespace the other end of a Unix connection is,
//! [`unacknowledged`] what is still under way on a TCP socket, and [`least_hops`] has one drop what comes on its last
//! hops. The first three must be called before the process starts its first thread.
//!
//! Linux only: on another Unix the same names exist and answer [`Error::Unsupported`].
#![allow(unsafe_code)]

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::sync::Arc;

#[cfg(target_os = "linux")]
use rustix::process::Signal;

#[cfg(target_os = "linux")]
mod attach;
#[cfg(target_os = "linux")]
mod command;
mod error;
#[cfg(target_os = "linux")]
mod explain;
#[cfg(target_os = "linux")]
mod failure;
pub mod handoff;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod outside;
#[cfg(target_os = "linux")]
pub mod peer;
mod process;
#[cfg(target_os = "linux")]
mod routers;
mod socket;
#[cfg(target_os = "linux")]
mod space;
#[cfg(target_os = "linux")]
mod userns;

#[cfg(target_os = "linux")]
pub use attach::Attached;
pub use error::{Error, Obstacle};
pub use process::{Helper, Process, fork, fork_apart, fork_apart_with};
pub use socket::unacknowledged;
#[cfg(target_os = "linux")]
pub use socket::{defer_accept, least_hops};

/// What the network namespace of a command holds, besides its loopback network.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Addresses that the namespace answers for; each is put on `lo`, alone in its network (`/32`, `/128`).
    pub addresses: Vec<IpAddr>,
    /// Where to listen inside the namespace; ports below 1024 need no privilege there.
    pub listen: Vec<SocketAddr>,
    /// How many routers there are between the command and who listens: network namespaces that forward, and take one
    /// hop of every packet. The addresses are then on the far side, in a namespace that the command is not in.
    pub routers: u8,
    /// Who gives the namespace a way out, once it holds the addresses and is closed but for that: a process that was
    /// started before. It is sent one byte with two files, the network namespace and the user namespace, and answers
    /// with [`CONNECTED`], or with another byte if there is no way out; what it says after that is not read. Then the
    /// addresses are checked once more.
    pub outside: Option<Arc<UnixStream>>,
}

/// What [`Plan::outside`] answers when it has done its part.
pub const CONNECTED: u8 = 0;

/// What there is in a network namespace, and on the way there.
#[derive(Debug)]
pub struct Inside {
    /// The sockets that listen: one for each of [`Plan::listen`], in that order, non-blocking and closed on exec.
    pub listeners: Vec<TcpListener>,
    /// The namespaces of the routers, and of who listens if there are any, which would go if nobody held them.
    pub spaces: Vec<OwnedFd>,
}

/// A command that runs in a network namespace of its own.
#[derive(Debug)]
pub struct Spawned {
    /// The command. It gets SIGTERM when the thread that called [`spawn`] ends.
    pub child: Child,
    /// Where it is.
    pub inside: Inside,
}

/// Starts `command` in a network namespace of its own, as `plan` says.
///
/// The caller's uid and gid stay what they are. Who may not make a network namespace gets it inside a user
/// namespace that maps this one uid and gid; the command then has no capability, unless its uid is 0: root
/// of a user namespace keeps them over that namespace, and over nothing else. Directory, streams, environment
/// and signal mask are the command's own, as [`Command::spawn`] has them.
///
/// Before the command is executed the kernel is asked whether each address is local to the namespace and
/// whether a route leads anywhere but over `lo`; where there are routers, whether the only way to each address is over
/// them, and they are namespaces that were made here. If anything is wrong, nothing is executed.
///
/// `command` is spent: spawning it once more, by whichever call, fails.
///
/// # Errors
/// [`Error::Threads`] if this process has more than one thread, [`Error::UserNamespacesForbidden`] where the
/// machine does not let this user make namespaces, [`Error::Exec`] if all was ready but the command could not
/// be executed (not found, not permitted); the others name the step that failed.
#[cfg(target_os = "linux")]
pub fn spawn(command: &mut Command, plan: &Plan) -> Result<Spawned, Error> {
    command::spawn(command, plan)
}

/// Answers [`Error::Unsupported`]: there are no network namespaces here.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn spawn(_: &mut Command, _: &Plan) -> Result<Spawned, Error> {
    Err(Error::Unsupported)
}

/// Moves this process into a network namespace of its own, as `plan` says, and gives what there is:
/// as [`spawn`] does it for a command. What is started from here on is there, too; what is connected already stays
/// connected.
///
/// If it fails, the process may be half way there, and should do nothing more than to say so.
///
/// # Errors
/// As [`spawn`], as far as it comes to that.
#[cfg(target_os = "linux")]
pub fn enter(plan: &Plan) -> Result<Inside, Error> {
    command::enter(plan)
}

/// Moves this process into the network namespace of process `pid`, such as a container's, and leads the addresses of `plan`
/// from there to sockets that listen next to it, in a namespace of our own. [`Attached::detach`] takes that away again, and
/// so does the end of this process, once the sockets are closed everywhere.
///
/// Of IPv6 addresses there are none where the namespace has no IPv6. If it fails, the process may be half way there.
///
/// # Errors
/// [`Error::HostNetwork`] if that is the namespace of this process or of process 1, [`Error::Occupied`] if something there
/// has one of the addresses or a route to it; the others say what could not be had.
#[cfg(target_os = "linux")]
pub fn attach(pid: u32, plan: &Plan) -> Result<Attached, Error> {
    attach::attach(pid, plan)
}

/// Starts a command that gets SIGTERM when the calling thread ends.
///
/// # Errors
/// Those of [`Command::spawn`].
#[cfg(target_os = "linux")]
pub fn start(command: &mut Command) -> std::io::Result<Child> {
    command::start(command, Signal::TERM)
}

/// Starts a command that is killed when the calling thread ends, however that ends.
///
/// # Errors
/// Those of [`Command::spawn`].
#[cfg(target_os = "linux")]
pub fn start_bound(command: &mut Command) -> std::io::Result<Child> {
    command::start(command, Signal::KILL)
}
