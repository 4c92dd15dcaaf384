//! Who is asking.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use imds_core::id::InstanceId;
use imds_core::options::Switch;
use imds_store::{Registry, Snapshot};

/// `169.254.169.254`, the service's own address.
pub const IPV4_ENDPOINT: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// `fd00:ec2::254`, the service's own IPv6 address.
pub const IPV6_ENDPOINT: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// What a connection shows of the one who made it: the address it came from, the one it came to, and whose listener
/// that is.
#[derive(Debug, Clone)]
pub struct Source {
    /// The address it came from.
    pub peer: IpAddr,
    /// The address it came to.
    pub local: SocketAddr,
    /// Whose requests come there.
    pub scope: Scope,
}

/// Whose requests come to a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Anybody's: the addresses tell.
    Addresses,
    /// Those of the instance that has this listener to itself, by what it was bound to.
    Own(SocketAddr),
    /// Those of a network namespace that was made for the default instance.
    Namespace,
    /// Those of a network namespace in which everybody is this instance.
    Instance(Arc<InstanceId>),
}

impl Source {
    /// The instance that asks: the owner of the listener, else the one whose private address it is, else on loopback
    /// the default (interface.md, "The file"). What is stopped asks nothing, and nobody in its place.
    #[must_use]
    pub fn instance(&self, registry: &Registry) -> Option<Arc<Snapshot>> {
        let claims = match &self.scope {
            Scope::Namespace => registry.default_instance(),
            Scope::Instance(id) => registry.by_id(id),
            Scope::Own(listen) => registry.by_listen(*listen),
            Scope::Addresses => registry
                .by_address(self.peer)
                .or_else(|| self.local.ip().is_loopback().then(|| registry.default_instance()).flatten()),
        };
        claims.filter(|snapshot| snapshot.is_running)
    }

    /// Is there a service for it at all? Where an instance has no IPv6 endpoint, none is to be found there.
    #[must_use]
    pub fn is_admitted(&self, registry: &Registry) -> bool {
        self.local.ip() != IPV6_ENDPOINT
            || self
                .instance(registry)
                .is_none_or(|snapshot| snapshot.instance.options.http_protocol_ipv6 == Switch::Enabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::Machine;
    use imds_core::lifecycle::State;
    use imds_core::testing::{keyring, launch};
    use imds_store::record::Place;
    use imds_store::registry::Change;

    fn registry(ipv6: Switch) -> Registry {
        let registry = Registry::new(keyring());
        let add = |id: &str, address: [u8; 4], listen: &[&str], is_default| {
            let mut launch = launch();
            launch.id = id.parse().unwrap();
            launch.local_ipv4 = Some(address.into());
            launch.options.http_protocol_ipv6 = ipv6;
            let listen = listen.iter().map(|at| at.parse().unwrap()).collect();
            let place = Place { listen, is_default, ..Place::default() };
            let machine = Machine::launched(launch.clone().instance());
            registry.apply([
                Change::Place(launch.id.clone(), Some(place)),
                Change::Machine(launch.id, Some(Box::new(machine))),
            ]);
        };
        add("i-0000000a", [10, 0, 0, 5], &[], true);
        add("i-0000000b", [10, 0, 0, 6], &["127.0.0.1:8080", "[fd00:ec2::254]:80"], false);
        registry
    }

    fn source(peer: &str, local: &str, scope: Scope) -> Source {
        Source { peer: peer.parse().unwrap(), local: local.parse().unwrap(), scope }
    }

    fn found(source: Source, registry: &Registry) -> Option<String> {
        source.instance(registry).map(|snapshot| snapshot.instance.id.to_string())
    }

    #[test]
    fn an_address_tells_who_asks_and_on_loopback_the_default_answers_for_the_rest() {
        let registry = registry(Switch::Disabled);
        for (peer, local, expected) in [
            ("10.0.0.6", "10.0.0.1:80", Some("i-0000000b")),
            ("10.0.0.6", "127.0.0.1:1338", Some("i-0000000b")),
            ("127.0.0.1", "127.0.0.1:1338", Some("i-0000000a")),
            ("::1", "[::1]:1338", Some("i-0000000a")),
            ("10.0.0.7", "10.0.0.1:80", None),
        ] {
            assert_eq!(
                found(source(peer, local, Scope::Addresses), &registry).as_deref(),
                expected,
                "{peer} to {local}"
            );
        }
    }

    #[test]
    fn what_is_stopped_answers_nobody_and_nobody_answers_for_it() {
        let registry = registry(Switch::Disabled);
        let snapshot = registry.by_address("10.0.0.6".parse().unwrap()).unwrap();
        let mut machine = Machine::launched(snapshot.instance.clone());
        machine.state = State::Stopped;
        let id = machine.instance.id.clone();
        registry.apply([Change::Machine(id, Some(Box::new(machine)))]);
        assert_eq!(found(source("10.0.0.6", "127.0.0.1:1338", Scope::Addresses), &registry), None);
        let own = "127.0.0.1:8080";
        assert_eq!(found(source("127.0.0.1", own, Scope::Own(own.parse().unwrap())), &registry), None);
    }

    #[test]
    fn a_listener_of_ones_own_is_nobody_elses() {
        let registry = registry(Switch::Disabled);
        let own = |listen: &str| source("127.0.0.1", listen, Scope::Own(listen.parse().unwrap()));
        assert_eq!(found(own("127.0.0.1:8080"), &registry).as_deref(), Some("i-0000000b"));
        assert_eq!(found(own("127.0.0.1:8081"), &registry), None, "its instance is gone");
        assert_eq!(
            found(source("10.0.0.6", "169.254.169.254:80", Scope::Namespace), &registry).as_deref(),
            Some("i-0000000a")
        );
    }

    #[test]
    fn in_a_namespace_of_an_instance_everybody_is_that_instance() {
        let registry = registry(Switch::Disabled);
        let id = Arc::new("i-0000000b".parse().unwrap());
        let inside = || source("10.0.0.5", "169.254.169.254:80", Scope::Instance(Arc::clone(&id)));
        assert_eq!(found(inside(), &registry).as_deref(), Some("i-0000000b"), "whatever its address is");
        registry.apply([Change::Machine((*id).clone(), None)]);
        assert_eq!(found(inside(), &registry), None, "it is gone, and nobody is in its place");
    }

    #[test]
    fn the_ipv6_endpoint_is_there_only_when_it_is_enabled() {
        let endpoint = "[fd00:ec2::254]:80";
        let endpoint = source("fd00::1", endpoint, Scope::Own(endpoint.parse().unwrap()));
        assert!(!endpoint.is_admitted(&registry(Switch::Disabled)));
        assert!(endpoint.is_admitted(&registry(Switch::Enabled)));
        assert!(source("::1", "[::1]:80", Scope::Addresses).is_admitted(&registry(Switch::Disabled)));
    }
}
