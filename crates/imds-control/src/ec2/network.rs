//! The network that instances are in: nothing is kept of it, all of it follows from the account, the region and the
//! default VPC's block, and from the instances that are elsewhere.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use imds_core::instance::Launch;
use imds_core::interface::Interface;
use imds_core::options::MetadataOptions;

use crate::call::{Call, instance_id};
use crate::query::Error;

/// Prefix length of a default subnet.
const SUBNET: u8 = 20;

/// What there is in a region.
pub(crate) struct Network {
    /// VPCs by id.
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    /// Subnets by id.
    pub(crate) subnets: BTreeMap<String, Subnet>,
    /// Security groups by id.
    pub(crate) groups: BTreeMap<String, Group>,
}

/// A VPC.
pub(crate) struct Vpc {
    /// Its block.
    pub(crate) block: String,
    /// Is it where launches go that name none?
    pub(crate) is_default: bool,
}

/// A subnet.
pub(crate) struct Subnet {
    /// Its VPC's id.
    pub(crate) vpc_id: String,
    /// Its block.
    pub(crate) block: String,
    /// Its zone.
    pub(crate) zone: Zone,
    /// Is it where launches go that name none?
    pub(crate) is_default: bool,
}

/// A security group.
pub(crate) struct Group {
    /// Its VPC's id.
    pub(crate) vpc_id: String,
    /// Its name.
    pub(crate) name: String,
}

/// An availability zone.
#[derive(Clone)]
pub(crate) struct Zone {
    /// `us-east-1a`
    pub(crate) name: String,
    /// `use1-az1`
    pub(crate) id: String,
}

/// The zones of a region.
pub(crate) fn zones(call: &Call<'_>) -> Result<Vec<Zone>, Error> {
    let name = |letter| format!("{}{letter}", call.region);
    ["a", "b", "c"].map(name).into_iter().map(|name| zone(call, name)).collect()
}

fn zone(call: &Call<'_>, name: String) -> Result<Zone, Error> {
    let id = launch(call, &name)?.instance().placement.availability_zone_id;
    Ok(Zone { name, id })
}

/// A launch in a zone, from which the ids of what is around an instance can be read: they follow from the account, the
/// zone and the address alone.
pub(crate) fn launch(call: &Call<'_>, zone: &str) -> Result<Launch, Error> {
    Ok(Launch {
        id: instance_id("i-00000000")?,
        account_id: call.account.clone(),
        availability_zone: zone.to_owned(),
        instance_type: "t3.micro".into(),
        local_ipv4: None,
        vpc: call.vpc,
        options: MetadataOptions::default(),
        at: call.now,
    })
}

impl Network {
    /// The default VPC with a subnet in each zone, and what the region's instances are in besides.
    pub(crate) fn of(call: &Call<'_>) -> Result<Self, Error> {
        let mut network = Self { vpcs: BTreeMap::new(), subnets: BTreeMap::new(), groups: BTreeMap::new() };
        for (index, zone) in (0..).zip(zones(call)?) {
            let interface = launch(call, &zone.name)?.interface(0, subnet_address(call.vpc, index));
            network.add(&interface, &zone, true);
        }
        for found in call.machines(&[])? {
            let instance = found.record.instance;
            let place = instance.placement;
            let zone = Zone { name: place.availability_zone, id: place.availability_zone_id };
            for interface in &instance.interfaces {
                network.add(interface, &zone, false);
            }
        }
        Ok(network)
    }

    /// Adds what an interface is in, unless it is there already.
    fn add(&mut self, interface: &Interface, zone: &Zone, is_default: bool) {
        let block = |block: &Option<String>| block.clone().unwrap_or_default();
        let vpc_id = &interface.vpc_id;
        self.vpcs
            .entry(vpc_id.clone())
            .or_insert_with(|| Vpc { block: block(&interface.vpc_ipv4_cidr_block), is_default });
        self.subnets.entry(interface.subnet_id.clone()).or_insert_with(|| Subnet {
            vpc_id: vpc_id.clone(),
            block: block(&interface.subnet_ipv4_cidr_block),
            zone: zone.clone(),
            is_default,
        });
        for (id, name) in interface.security_group_ids.iter().zip(&interface.security_groups) {
            self.groups
                .entry(id.clone())
                .or_insert_with(|| Group { vpc_id: vpc_id.clone(), name: name.clone() });
        }
    }
}

/// The first address of the default subnet with this number; a VPC that has not as many begins anew.
fn subnet_address((network, prefix): (Ipv4Addr, u8), index: u32) -> Ipv4Addr {
    let subnets = 1_u32 << SUBNET.saturating_sub(prefix);
    Ipv4Addr::from_bits(network.to_bits() + (index % subnets) * (1 << (32 - SUBNET)))
}

/// Those with these ids, or all; an unknown id is refused.
pub(crate) fn chosen<T>(
    all: BTreeMap<String, T>,
    ids: &[&str],
    unknown: impl Fn(&str) -> Error,
) -> Result<Vec<(String, T)>, Error> {
    if let Some(id) = ids.iter().find(|id| !all.contains_key(**id)) {
        return Err(unknown(id));
    }
    Ok(all.into_iter().filter(|(id, _)| ids.is_empty() || ids.contains(&id.as_str())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_is_within_its_vpc() {
        let at = |vpc: [u8; 4], prefix, index| subnet_address((vpc.into(), prefix), index).octets();
        assert_eq!(at([172, 31, 0, 0], 16, 2), [172, 31, 32, 0]);
        assert_eq!(at([127, 0, 0, 0], 8, 1), [127, 0, 16, 0]);
        assert_eq!(at([10, 0, 0, 0], 24, 2), [10, 0, 0, 0]);
        assert_eq!(at([10, 0, 0, 0], 19, 2), [10, 0, 0, 0]);
    }
}
