//! Who is asking.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use imds_core::options::Switch;
use imds_store::{Directory, Snapshot};

/// `fd00:ec2::254`, the service's own IPv6 address.
pub const IPV6_ENDPOINT: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// What a connection shows of the one who made it.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// It came over a network.
    Address {
        /// The address it came from.
        peer: IpAddr,
        /// The address it came to.
        local: SocketAddr,
        /// What the listener was bound to, which can be every address.
        listen: SocketAddr,
    },
    /// It came from a network namespace that was made for the default instance.
    Namespace {
        /// The address it came from.
        peer: IpAddr,
        /// The address it came to.
        local: SocketAddr,
    },
}

impl Source {
    /// The address it came from.
    #[must_use]
    pub fn peer(&self) -> IpAddr {
        match self {
            Self::Address { peer, .. } | Self::Namespace { peer, .. } => *peer,
        }
    }

    fn local(&self) -> SocketAddr {
        match self {
            Self::Address { local, .. } | Self::Namespace { local, .. } => *local,
        }
    }

    /// The instance that asks: the owner of the address it came to, else of the one it came from, else on loopback
    /// the default (interface.md, "The file").
    #[must_use]
    pub fn instance<'d>(&self, directory: &'d Directory) -> Option<&'d Arc<Snapshot>> {
        match self {
            Self::Namespace { .. } => directory.default_instance(),
            Self::Address { peer, local, listen } => directory
                .by_listen(*listen)
                .or_else(|| directory.by_address(*peer))
                .or_else(|| directory.default_instance().filter(|_| local.ip().is_loopback())),
        }
    }

    /// Is there a service for it at all? Where an instance has no IPv6 endpoint, none is to be found there.
    #[must_use]
    pub fn is_admitted(&self, directory: &Directory) -> bool {
        self.local().ip() != IPV6_ENDPOINT
            || self
                .instance(directory)
                .is_none_or(|snapshot| snapshot.instance.options.http_protocol_ipv6 == Switch::Enabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::testing::{launch, noon};
    use imds_store::registry::Entry;

    fn directory(ipv6: Switch) -> Directory {
        let entry = |id: &str, address: [u8; 4], listen: &[&str], is_default| {
            let mut launch = launch();
            launch.id = id.parse().unwrap();
            launch.local_ipv4 = Some(address.into());
            launch.options.http_protocol_ipv6 = ipv6;
            let listen = listen.iter().map(|at| at.parse().unwrap()).collect();
            Entry { instance: launch.instance(), is_dated: false, listen, is_default }
        };
        let entries = vec![
            entry("i-0000000a", [10, 0, 0, 5], &[], true),
            entry("i-0000000b", [10, 0, 0, 6], &["127.0.0.1:8080", "[fd00:ec2::254]:80"], false),
        ];
        Directory::new(entries, &Directory::default(), noon())
    }

    fn address(peer: &str, local: &str) -> Source {
        let local = local.parse().unwrap();
        Source::Address { peer: peer.parse().unwrap(), local, listen: local }
    }

    #[test]
    fn the_listen_then_the_address_then_on_loopback_the_default() {
        let directory = directory(Switch::Disabled);
        for (peer, local, expected) in [
            ("10.0.0.6", "10.0.0.1:80", Some("i-0000000b")),
            ("10.0.0.5", "127.0.0.1:8080", Some("i-0000000b")),
            ("127.0.0.1", "127.0.0.1:1338", Some("i-0000000a")),
            ("::1", "[::1]:1338", Some("i-0000000a")),
            ("10.0.0.7", "10.0.0.1:80", None),
        ] {
            let found =
                address(peer, local).instance(&directory).map(|snapshot| snapshot.instance.id.as_str());
            assert_eq!(found, expected, "{peer} to {local}");
        }
    }

    #[test]
    fn the_ipv6_endpoint_is_there_only_when_it_is_enabled() {
        let endpoint = address("fd00::1", "[fd00:ec2::254]:80");
        assert!(!endpoint.is_admitted(&directory(Switch::Disabled)));
        assert!(endpoint.is_admitted(&directory(Switch::Enabled)));
        assert!(address("::1", "[::1]:80").is_admitted(&directory(Switch::Disabled)));
    }
}
