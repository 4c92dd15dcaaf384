//! Who is asking.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use imds_core::options::Switch;
use imds_store::{Directory, Snapshot};

/// `fd00:ec2::254`, the service's own IPv6 address.
pub const IPV6_ENDPOINT: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// What a connection shows of the one who made it: the address it came from, the one it came to, and whose listener
/// that is.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The address it came from.
    pub peer: IpAddr,
    /// The address it came to.
    pub local: SocketAddr,
    /// Whose requests come there.
    pub scope: Scope,
}

/// Whose requests come to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Anybody's: the addresses tell.
    Addresses,
    /// Those of the instance that has this listener to itself, by what it was bound to.
    Own(SocketAddr),
    /// Those of a network namespace that was made for the default instance.
    Namespace,
}

impl Source {
    /// The instance that asks: the owner of the listener, else the one whose private address it is, else on loopback
    /// the default (interface.md, "The file").
    #[must_use]
    pub fn instance<'d>(&self, directory: &'d Directory) -> Option<&'d Arc<Snapshot>> {
        match self.scope {
            Scope::Namespace => directory.default_instance(),
            Scope::Own(listen) => directory.by_listen(listen),
            Scope::Addresses => directory
                .by_address(self.peer)
                .or_else(|| directory.default_instance().filter(|_| self.local.ip().is_loopback())),
        }
    }

    /// Is there a service for it at all? Where an instance has no IPv6 endpoint, none is to be found there.
    #[must_use]
    pub fn is_admitted(&self, directory: &Directory) -> bool {
        self.local.ip() != IPV6_ENDPOINT
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

    fn source(peer: &str, local: &str, scope: Scope) -> Source {
        Source { peer: peer.parse().unwrap(), local: local.parse().unwrap(), scope }
    }

    fn found(source: Source, directory: &Directory) -> Option<&str> {
        source.instance(directory).map(|snapshot| snapshot.instance.id.as_str())
    }

    #[test]
    fn an_address_tells_who_asks_and_on_loopback_the_default_answers_for_the_rest() {
        let directory = directory(Switch::Disabled);
        for (peer, local, expected) in [
            ("10.0.0.6", "10.0.0.1:80", Some("i-0000000b")),
            ("10.0.0.6", "127.0.0.1:1338", Some("i-0000000b")),
            ("127.0.0.1", "127.0.0.1:1338", Some("i-0000000a")),
            ("::1", "[::1]:1338", Some("i-0000000a")),
            ("10.0.0.7", "10.0.0.1:80", None),
        ] {
            assert_eq!(
                found(source(peer, local, Scope::Addresses), &directory),
                expected,
                "{peer} to {local}"
            );
        }
    }

    #[test]
    fn a_listener_of_ones_own_is_nobody_elses() {
        let directory = directory(Switch::Disabled);
        let own = |listen: &str| source("127.0.0.1", listen, Scope::Own(listen.parse().unwrap()));
        assert_eq!(found(own("127.0.0.1:8080"), &directory), Some("i-0000000b"));
        assert_eq!(found(own("127.0.0.1:8081"), &directory), None, "its instance is gone");
        assert_eq!(
            found(source("10.0.0.6", "169.254.169.254:80", Scope::Namespace), &directory),
            Some("i-0000000a")
        );
    }

    #[test]
    fn the_ipv6_endpoint_is_there_only_when_it_is_enabled() {
        let endpoint = "[fd00:ec2::254]:80";
        let endpoint = source("fd00::1", endpoint, Scope::Own(endpoint.parse().unwrap()));
        assert!(!endpoint.is_admitted(&directory(Switch::Disabled)));
        assert!(endpoint.is_admitted(&directory(Switch::Enabled)));
        assert!(source("::1", "[::1]:80", Scope::Addresses).is_admitted(&directory(Switch::Disabled)));
    }
}
