//! What can go wrong, in the words that the user reads.

use std::net::{IpAddr, SocketAddr};
use std::{fmt, io};

/// Why a process or a namespace could not be had. Where one step failed, nothing was executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This is not Linux.
    #[error("network namespaces exist on Linux only; run `imds serve` and {ENDPOINT}")]
    Unsupported,
    /// The process has threads, so it can neither fork safely nor be made safe to.
    #[error("this process already has {0} threads; start processes before the first thread")]
    Threads(usize),
    /// The threads of this process could not be counted.
    #[error("cannot count this process's threads in /proc/self/task: {0}; mount /proc")]
    Proc(io::Error),
    /// The kernel made no process, or the command's directory or streams could not be set up.
    #[error("cannot start a process: {0}; check the working directory and the limit on processes")]
    Start(io::Error),
    /// All was ready; the command could not be executed.
    #[error("cannot execute the command: {0}; check its name and permissions")]
    Exec(io::Error),
    /// This user may not make a user namespace, which holds the network namespace.
    #[error(
        "this user may not make a network namespace: {obstacle} ({cause}); otherwise run `imds serve` and {ENDPOINT}"
    )]
    UserNamespacesForbidden {
        /// What stands in the way.
        obstacle: Obstacle,
        /// The kernel's answer.
        cause: io::Error,
    },
    /// User namespaces are allowed, the network namespace was not made.
    #[error(
        "cannot make a network namespace: {0}; the kernel needs CONFIG_NET_NS and sysctl user.max_net_namespaces above the number in use"
    )]
    NetworkNamespace(io::Error),
    /// The user's uid and gid could not be mapped into the new user namespace.
    #[error("cannot map uid and gid in /proc/self: {0}; /proc must be mounted and writable")]
    IdentityMap(io::Error),
    /// The loopback interface of the new namespace could not be brought up or looked at.
    #[error("cannot set up `lo` in the new network namespace: {0}; check that no sandbox forbids netlink")]
    Loopback(io::Error),
    /// The kernel has no IPv6, or it is disabled for new namespaces.
    #[error(
        "cannot add {address}: IPv6 is not available ({cause}); disable the IPv6 endpoint, or boot without ipv6.disable and with sysctl net.ipv6.conf.default.disable_ipv6 = 0"
    )]
    Ipv6Unavailable {
        /// The address that was to be added.
        address: IpAddr,
        /// The kernel's answer.
        cause: io::Error,
    },
    /// The kernel did not take an address.
    #[error("cannot add {address} to `lo` in the new network namespace: {cause}; use a unicast address")]
    Address {
        /// The address that was to be added.
        address: IpAddr,
        /// The kernel's answer.
        cause: io::Error,
    },
    /// The check found that an address would not stay inside.
    #[error("{0} is not local to the new network namespace, so nothing was run; please report this")]
    NotLocal(IpAddr),
    /// The check found `lo` down or a route that leaves over another interface.
    #[error("the new network namespace does not end at `lo`, so nothing was run; please report this")]
    NotClosed,
    /// A router could not be made, or joined to what is behind it.
    #[error(
        "cannot make router {number}: {cause}; the kernel needs CONFIG_VETH, and /proc/sys/net must be writable in a new network namespace"
    )]
    Router {
        /// Which one, from the service on; the last is the command's own namespace.
        number: u8,
        /// The kernel's answer.
        cause: io::Error,
    },
    /// The check found that what is sent to an address would not go over the routers, and only there.
    #[error("{0} does not lead over the routers to the service, so nothing was run; please report this")]
    Astray(IpAddr),
    /// Whoever was to make a way out of the namespace did not, and may have said why.
    #[error("there is no way out of the new network namespace: {0}, so nothing was run; leave --network out")]
    Outside(io::Error),
    /// No process has this number.
    #[error("there is no process {0}; see `ps`, or `docker inspect --format '{{{{.State.Pid}}}}' CONTAINER`")]
    NoProcess(u32),
    /// This user may not enter the process's network namespace.
    #[error(
        "cannot enter the network namespace of process {pid}: {cause}; run this as the user whose container it is, or as root"
    )]
    MayNotEnter {
        /// The process.
        pid: u32,
        /// The kernel's answer.
        cause: io::Error,
    },
    /// The process is in this process's network namespace, or in the machine's.
    #[error(
        "process {0} has no network namespace of its own, so nothing was changed; start its container without --network host"
    )]
    HostNetwork(u32),
    /// An address is there already, or leads elsewhere.
    #[error(
        "{0} is taken there, or leads elsewhere already, so nothing is served; take its address or route away first"
    )]
    Occupied(IpAddr),
    /// The link could not be made.
    #[error("cannot join a link to the network namespace: {0}; the kernel needs CONFIG_VETH")]
    Join(io::Error),
    /// A listening socket could not be opened inside.
    #[error("cannot listen on {listen} in the new network namespace: {cause}; use an address that it holds")]
    Listen {
        /// Where it was to listen.
        listen: SocketAddr,
        /// The kernel's answer.
        cause: io::Error,
    },
    /// The sockets, or the report about them, did not reach this process.
    #[error("cannot pass sockets between processes: {0}; check the limit on open files")]
    Handoff(io::Error),
}

const ENDPOINT: &str = "set AWS_EC2_METADATA_SERVICE_ENDPOINT to its address";

/// What keeps a user from making a user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// `kernel.unprivileged_userns_clone` is 0: Debian's and Arch's switch.
    UnprivilegedClone,
    /// `user.max_user_namespaces` is 0, or as many as it says exist already; user_namespaces(7).
    MaxUserNamespaces {
        /// The limit that was read.
        limit: u64,
    },
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1: Ubuntu since 23.10.
    AppArmor,
    /// The kernel was built without user namespaces.
    NotBuilt,
    /// No sysctl explains it: a container's seccomp filter, a security module or a chroot.
    Policy,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnprivilegedClone => f.write_str(
                "sysctl kernel.unprivileged_userns_clone is 0; \
                 as root run `sysctl -w kernel.unprivileged_userns_clone=1`",
            ),
            Self::MaxUserNamespaces { limit: 0 } => f.write_str(
                "sysctl user.max_user_namespaces is 0; \
                 as root run `sysctl -w user.max_user_namespaces=10000`",
            ),
            Self::MaxUserNamespaces { limit } => write!(
                f,
                "a limit on user namespaces is reached, here sysctl user.max_user_namespaces is {limit}; \
                 end some, or as root raise it",
            ),
            Self::AppArmor => f.write_str(
                "sysctl kernel.apparmor_restrict_unprivileged_userns is 1; \
                 as root run `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`",
            ),
            Self::NotBuilt => f.write_str("this kernel has no user namespaces; boot one with CONFIG_USER_NS"),
            Self::Policy => f.write_str(
                "user namespaces are forbidden by a container, a chroot or a security module; \
                 run outside it or allow unshare(2) there",
            ),
        }
    }
}
