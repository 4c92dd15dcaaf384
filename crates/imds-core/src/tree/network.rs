//! `network/interfaces/macs/MAC/`: every interface of the instance (wire.md 3.2).

use super::{Entry, Found, Value, Walk, lines, maybe};
use crate::Instance;
use crate::interface::Interface;

pub(super) const ENTRIES: &[Entry<Instance>] = &[Entry::directory("interfaces", "2011-01-01", INTERFACES)];

const INTERFACES: &[Entry<Instance>] = &[Entry::keyed("macs", "2011-01-01", macs, interface)];

const INTERFACE: &[Entry<Interface>] = &[
    Entry::leaf("device-number", "2011-01-01", |i| Some(Value::text(i.device_number.to_string()))),
    Entry::leaf("interface-id", "2011-01-01", |i| Some(Value::text(&i.interface_id))),
    Entry::keyed("ipv4-associations", "2011-01-01", publics, association),
    Entry::leaf("ipv4-prefix", "2011-01-01", |i| lines(&i.ipv4_prefix)),
    Entry::leaf("ipv6-prefix", "2011-01-01", |i| lines(&i.ipv6_prefix)),
    Entry::leaf("ipv6s", "2016-06-30", |i| lines(&i.ipv6s)),
    Entry::leaf("local-hostname", "2007-01-19", |i| Some(Value::text(&i.local_hostname))),
    Entry::leaf("local-ipv4s", "2011-01-01", |i| lines(&i.local_ipv4s)),
    Entry::leaf("mac", "2011-01-01", |i| Some(Value::text(i.mac.to_string()))),
    Entry::leaf("network-card", "2020-11-01", |i| Some(Value::text(i.network_card.to_string()))),
    Entry::leaf("owner-id", "2011-01-01", |i| Some(Value::text(i.owner_id.as_str()))),
    Entry::leaf("public-hostname", "2011-01-01", |i| maybe(i.public_hostname.as_ref())),
    Entry::leaf("public-ipv4s", "2011-01-01", |i| {
        lines(i.ipv4_associations.iter().map(|(public, _)| public))
    }),
    Entry::leaf("security-group-ids", "2011-01-01", |i| lines(&i.security_group_ids)),
    Entry::leaf("security-groups", "2011-01-01", |i| lines(&i.security_groups)),
    Entry::leaf("subnet-id", "2011-01-01", |i| Some(Value::text(&i.subnet_id))),
    Entry::leaf("subnet-ipv4-cidr-block", "2011-01-01", |i| maybe(i.subnet_ipv4_cidr_block.as_ref())),
    Entry::leaf("subnet-ipv6-cidr-blocks", "2016-06-30", |i| lines(&i.subnet_ipv6_cidr_blocks)),
    Entry::leaf("vpc-id", "2011-01-01", |i| Some(Value::text(&i.vpc_id))),
    Entry::leaf("vpc-ipv4-cidr-block", "2011-01-01", |i| maybe(i.vpc_ipv4_cidr_block.as_ref())),
    Entry::leaf("vpc-ipv4-cidr-blocks", "2016-06-30", |i| lines(&i.vpc_ipv4_cidr_blocks)),
    Entry::leaf("vpc-ipv6-cidr-blocks", "2016-06-30", |i| lines(&i.vpc_ipv6_cidr_blocks)),
];

fn macs(instance: &Instance) -> Vec<String> {
    instance.interfaces.iter().map(|interface| format!("{}/", interface.mac)).collect()
}

fn interface(instance: &Instance, mac: &str, walk: Walk<'_>) -> Option<Found> {
    let interface = instance.interfaces.iter().find(|interface| interface.mac.to_string() == mac)?;
    walk.into(INTERFACE, interface)
}

fn publics(interface: &Interface) -> Vec<String> {
    interface.ipv4_associations.iter().map(|(public, _)| public.to_string()).collect()
}

fn association(interface: &Interface, public: &str, walk: Walk<'_>) -> Option<Found> {
    let (_, privates) = interface.ipv4_associations.iter().find(|(known, _)| known.to_string() == public)?;
    walk.end(|| lines(privates))
}
