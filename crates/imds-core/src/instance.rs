//! An instance: the record that the whole tree is read from.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use bytes::Bytes;

use crate::credentials::Role;
use crate::events::Events;
use crate::id::{AccountId, InstanceId};
use crate::interface::{Interface, Mac};
use crate::options::{MetadataOptions, Switch};
use crate::signature::Signature;
use crate::timeline::Planned;
use crate::tree::by_hand::ByHand;
use crate::{Error, Timestamp, derive};

/// One instance, complete: nothing that is served is decided later than here. Texts hold no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `instance-id`
    pub id: InstanceId,
    /// The account that owns it.
    pub account_id: AccountId,
    /// What its owner decided about its metadata service.
    pub options: MetadataOptions,
    /// `ami-id`
    pub ami_id: String,
    /// `ami-launch-index`
    pub ami_launch_index: u32,
    /// `ami-manifest-path`; `(unknown)` for images on EBS.
    pub ami_manifest_path: String,
    /// `ancestor-ami-ids`
    pub ancestor_ami_ids: Vec<String>,
    /// `autoscaling/target-lifecycle-state`
    pub autoscaling_target_lifecycle_state: Option<String>,
    /// `block-device-mapping/`: virtual name to device.
    pub block_device_mapping: BTreeMap<String, String>,
    /// `elastic-gpus/associations/`: id to JSON.
    pub elastic_gpus: BTreeMap<String, String>,
    /// `elastic-inference/associations/`: id to JSON.
    pub elastic_inference: BTreeMap<String, String>,
    /// `events/` and `spot/`
    pub events: Events,
    /// `hibernation/configured`
    pub hibernation_configured: Option<bool>,
    /// `hostname`
    pub hostname: String,
    /// `iam/`
    pub role: Option<Role>,
    /// `instance-action`
    pub instance_action: String,
    /// `instance-life-cycle`
    pub instance_life_cycle: String,
    /// `instance-type`
    pub instance_type: String,
    /// `i386`, `x86_64` or `arm64`, in the identity document.
    pub architecture: String,
    /// Paths that were set by hand, over all the rest.
    pub by_hand: Option<Arc<ByHand>>,
    /// Codes of the identity document's `billingProducts`.
    pub billing_products: Vec<String>,
    /// `kernel-id`
    pub kernel_id: Option<String>,
    /// `dynamic/fws/instance-monitoring`
    pub monitoring: Switch,
    /// Network interfaces, by device number. One at least.
    pub interfaces: Vec<Interface>,
    /// When the launch began, in the identity document.
    pub pending_time: Timestamp,
    /// `placement/`
    pub placement: Placement,
    /// `product-codes`
    pub product_codes: Vec<String>,
    /// `profile`
    pub profile: String,
    /// `public-keys/`: name and OpenSSH key.
    pub public_keys: Vec<(String, String)>,
    /// `ramdisk-id`
    pub ramdisk_id: Option<String>,
    /// `reservation-id`
    pub reservation_id: String,
    /// What identity documents are signed with, of the document that this instance had when it was signed last.
    pub signature: Option<Arc<Signature>>,
    /// `services/domain`
    pub services_domain: String,
    /// `services/partition`
    pub services_partition: String,
    /// `system`
    pub system: String,
    /// `tags/instance/`, served only while [`MetadataOptions::instance_metadata_tags`] is enabled.
    pub tags: BTreeMap<String, String>,
    /// What is planned for it, in the order of notice.
    pub timeline: Vec<Planned>,
    /// `user-data`, byte for byte.
    pub user_data: Option<Bytes>,
    /// When any of this last changed: `Last-Modified`.
    pub changed: Timestamp,
}

/// `placement/`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// `us-east-1a`
    pub availability_zone: String,
    /// `use1-az1`
    pub availability_zone_id: String,
    /// The placement group, if any.
    pub group_name: Option<String>,
    /// `h-…`, dedicated hosts only.
    pub host_id: Option<String>,
    /// In a partition placement group.
    pub partition_number: Option<u32>,
    /// `us-east-1`
    pub region: String,
}

/// What a launch decides; everything else of the instance follows from it and can be set afterwards.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The new instance's id.
    pub id: InstanceId,
    /// Its owner.
    pub account_id: AccountId,
    /// Where it starts.
    pub availability_zone: String,
    /// What it is.
    pub instance_type: String,
    /// The primary private address. `None`: one of `vpc` that follows from the id.
    pub local_ipv4: Option<Ipv4Addr>,
    /// The VPC's block: network address and prefix length.
    pub vpc: (Ipv4Addr, u8),
    /// Its metadata options.
    pub options: MetadataOptions,
    /// When it is launched.
    pub at: Timestamp,
}

impl Launch {
    /// The instance that this launch makes.
    #[must_use]
    pub fn instance(self) -> Instance {
        let id = self.id.as_str();
        let region = derive::region(&self.availability_zone);
        let address = self.local_ipv4.unwrap_or_else(|| self.address());
        let interface = self.interface(0, address);
        Instance {
            options: self.options,
            ami_id: "ami-0abcdef1234567890".into(),
            ami_launch_index: 0,
            ami_manifest_path: "(unknown)".into(),
            ancestor_ami_ids: Vec::new(),
            autoscaling_target_lifecycle_state: None,
            block_device_mapping: ["ami", "root"].map(|name| (name.into(), "/dev/xvda".into())).into(),
            elastic_gpus: BTreeMap::new(),
            elastic_inference: BTreeMap::new(),
            events: Events::default(),
            hibernation_configured: None,
            hostname: interface.local_hostname.clone(),
            role: None,
            instance_action: "none".into(),
            instance_life_cycle: "on-demand".into(),
            architecture: derive::architecture(&self.instance_type).into(),
            by_hand: None,
            billing_products: Vec::new(),
            kernel_id: None,
            monitoring: Switch::Disabled,
            interfaces: vec![interface],
            pending_time: self.at,
            placement: Placement {
                availability_zone_id: derive::availability_zone_id(&self.availability_zone),
                group_name: None,
                host_id: None,
                partition_number: None,
                region: region.into(),
                availability_zone: self.availability_zone.clone(),
            },
            product_codes: Vec::new(),
            profile: "default-hvm".into(),
            public_keys: Vec::new(),
            ramdisk_id: None,
            reservation_id: format!("r-{}", derive::hex(id, "reservation", 17)),
            signature: None,
            services_domain: derive::domain(region).into(),
            services_partition: derive::partition(region).into(),
            system: derive::system(&self.instance_type).into(),
            tags: BTreeMap::new(),
            timeline: Vec::new(),
            user_data: None,
            changed: self.at,
            instance_type: self.instance_type,
            account_id: self.account_id,
            id: self.id,
        }
    }

    /// A network interface of this instance, with one private address.
    #[must_use]
    pub fn interface(&self, device_number: u16, address: Ipv4Addr) -> Interface {
        let id = self.id.as_str();
        let mac = derive::number(id, &format!("mac{device_number}")).to_be_bytes();
        let (network, prefix) = self.vpc_of(address);
        let vpc = format!("{network}/{prefix}");
        Interface {
            device_number,
            network_card: 0,
            // Locally administered, as EC2's own are.
            mac: Mac([0x02, mac[1], mac[2], mac[3], mac[4], mac[5]]),
            interface_id: format!("eni-{}", derive::hex(id, &format!("eni{device_number}"), 17)),
            owner_id: self.account_id.clone(),
            local_ipv4s: vec![address],
            ipv6s: Vec::new(),
            ipv4_associations: Vec::new(),
            ipv4_prefix: Vec::new(),
            ipv6_prefix: Vec::new(),
            local_hostname: derive::local_hostname(derive::region(&self.availability_zone), address),
            public_hostname: None,
            security_groups: vec!["default".into()],
            security_group_ids: vec![self.security_group_id("default")],
            subnet_id: format!("subnet-{}", derive::hex(&self.availability_zone, &vpc, 17)),
            subnet_ipv4_cidr_block: Some(subnet(address, prefix.max(SUBNET))),
            subnet_ipv6_cidr_blocks: Vec::new(),
            vpc_id: format!("vpc-{}", derive::hex(self.account_id.as_str(), &vpc, 17)),
            vpc_ipv4_cidr_block: Some(vpc.clone()),
            vpc_ipv4_cidr_blocks: vec![vpc],
            vpc_ipv6_cidr_blocks: Vec::new(),
        }
    }

    /// The id that follows from a security group's name.
    #[must_use]
    pub fn security_group_id(&self, name: &str) -> String {
        format!("sg-{}", derive::hex(self.account_id.as_str(), name, 17))
    }

    /// The VPC that holds `address`: the launch's own, or the address's /16 when it is outside of that.
    fn vpc_of(&self, address: Ipv4Addr) -> (Ipv4Addr, u8) {
        let (network, prefix) = self.vpc;
        if self.holds(address) { (masked(network, prefix), prefix) } else { (masked(address, 16), 16) }
    }

    /// Is this address in the VPC?
    #[must_use]
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        let (network, prefix) = self.vpc;
        masked(address, prefix) == masked(network, prefix)
    }

    /// Can an instance have this address? It is in the VPC, and not one of the first four of a subnet, nor the last.
    #[must_use]
    pub fn permits(&self, address: Ipv4Addr) -> bool {
        let size = 1_u64 << (32 - u32::from(self.vpc.1.clamp(SUBNET, 32)));
        self.holds(address) && (4..size - 1).contains(&(u64::from(address.to_bits()) % size))
    }

    /// Every address of the VPC that [`permits`](Self::permits), in order.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        let (network, prefix) = self.vpc;
        let first = masked(network, prefix).to_bits();
        let last = first | u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        (first..=last).map(Ipv4Addr::from_bits).filter(|address| self.permits(*address))
    }

    /// An address of the VPC that follows from the id and that [`permits`](Self::permits).
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        let (network, prefix) = self.vpc;
        let size = 1_u64 << (32 - u32::from(prefix.clamp(8, 28)));
        let offset = derive::number(self.id.as_str(), "address") % size;
        let subnet = size.min(1 << (32 - SUBNET));
        let within = 4 + offset % (subnet - 5);
        let offset = offset - offset % subnet + within;
        Ipv4Addr::from_bits(masked(network, prefix).to_bits() | u32::try_from(offset).unwrap_or(4))
    }
}

/// `arm64` or `x86_64`, as the name of an instance type tells it.
#[must_use]
pub fn architecture(instance_type: &str) -> &'static str {
    derive::architecture(instance_type)
}

/// The prefix length of a default subnet.
const SUBNET: u8 = 20;

fn masked(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn subnet(address: Ipv4Addr, prefix: u8) -> String {
    format!("{}/{prefix}", masked(address, prefix))
}

impl Instance {
    /// The interface that gives the instance its own address, name and MAC: the lowest device number.
    ///
    /// # Panics
    /// Never: an instance has an interface.
    #[must_use]
    pub fn primary(&self) -> &Interface {
        debug_assert!(!self.interfaces.is_empty());
        &self.interfaces[0]
    }

    /// The primary private IPv4 address, unless the instance has IPv6 alone.
    #[must_use]
    pub fn local_ipv4(&self) -> Option<Ipv4Addr> {
        self.primary().local_ipv4s.first().copied()
    }

    /// The first public IPv4 address.
    #[must_use]
    pub fn public_ipv4(&self) -> Option<Ipv4Addr> {
        self.primary().ipv4_associations.first().map(|(public, _)| *public)
    }

    /// The first IPv6 address.
    #[must_use]
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.primary().ipv6s.first().copied()
    }

    /// An id that follows from the instance's own, of something that it has one of: `vol` is its root volume.
    #[must_use]
    pub fn part_id(&self, prefix: &str) -> String {
        format!("{prefix}-{}", derive::hex(self.id.as_str(), prefix, 17))
    }

    /// Gives the instance another type, and what follows from that.
    pub fn set_type(&mut self, instance_type: String) {
        self.architecture = derive::architecture(&instance_type).into();
        self.system = derive::system(&instance_type).into();
        self.instance_type = instance_type;
    }

    /// Gives the primary interface a public address, and the name that follows from it.
    pub fn associate(&mut self, public: Ipv4Addr) {
        let name = derive::public_hostname(&self.placement.region, public);
        let private = self.local_ipv4().into_iter().collect();
        let primary = &mut self.interfaces[0];
        primary.ipv4_associations.push((public, private));
        primary.public_hostname.get_or_insert(name);
    }

    /// Checks what types alone do not: while tags are served, every key must be fit for a path: ASCII letters and digits
    /// and a few signs (EC2 User Guide, "Tag your EC2 resources", instance metadata).
    ///
    /// # Errors
    /// [`Error::TagKey`] with the first key that is not.
    pub fn check(&self) -> Result<(), Error> {
        if self.options.instance_metadata_tags == Switch::Disabled {
            return Ok(());
        }
        let fit = |key: &str| {
            !matches!(key, "" | "." | ".." | "_index")
                && key.chars().all(|c| c.is_ascii_alphanumeric() || "+-=.,_:@".contains(c))
        };
        match self.tags.keys().find(|key| !fit(key)) {
            Some(key) => Err(Error::TagKey(key.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn an_address_that_is_left_out_is_in_the_vpc_and_never_among_its_first_four() {
        for n in 0..500_u32 {
            let launch = Launch { id: format!("i-{n:08x}").parse().unwrap(), ..testing::launch() };
            let address = launch.address();
            assert_eq!(masked(address, 16), Ipv4Addr::new(172, 31, 0, 0));
            assert!((4..0xfff).contains(&(address.to_bits() & 0xfff)), "{address}");
            assert!(launch.permits(address));
        }
        let narrow = Launch { vpc: (Ipv4Addr::new(10, 9, 8, 16), 28), ..testing::launch() };
        assert_eq!(masked(narrow.address(), 28), Ipv4Addr::new(10, 9, 8, 16));
        let last: Vec<u8> = narrow.addresses().map(|address| address.octets()[3]).collect();
        assert_eq!(last, (20..31).collect::<Vec<u8>>());
        assert_eq!(testing::launch().addresses().count(), 16 * (4096 - 5));
        assert!(!narrow.permits(Ipv4Addr::new(10, 9, 8, 36)));
    }

    #[test]
    fn an_address_outside_the_vpc_brings_its_own() {
        let launch = testing::launch();
        let interface = launch.interface(0, Ipv4Addr::new(10, 1, 2, 3));
        assert_eq!(interface.vpc_ipv4_cidr_block.as_deref(), Some("10.1.0.0/16"));
        assert_eq!(interface.subnet_ipv4_cidr_block.as_deref(), Some("10.1.0.0/20"));
    }

    #[test]
    fn another_type_brings_its_architecture() {
        let mut instance = testing::launch().instance();
        instance.set_type("t4g.micro".into());
        assert_eq!((instance.instance_type.as_str(), instance.architecture.as_str()), ("t4g.micro", "arm64"));
        assert!(instance.part_id("vol").starts_with("vol-") && instance.part_id("vol").len() == 21);
        assert_ne!(instance.part_id("vol")[4..], instance.part_id("eni-attach")[11..]);
    }

    #[test]
    fn a_public_address_brings_its_name() {
        let mut instance = testing::launch().instance();
        instance.associate(Ipv4Addr::new(203, 0, 113, 25));
        assert_eq!(instance.public_ipv4(), Some(Ipv4Addr::new(203, 0, 113, 25)));
        assert_eq!(
            instance.primary().public_hostname.as_deref(),
            Some("ec2-203-0-113-25.compute-1.amazonaws.com")
        );
    }

    #[test]
    fn tag_keys_matter_only_while_tags_are_served() {
        let mut instance = testing::launch().instance();
        instance.tags.insert("cost center".into(), String::new());
        assert_eq!(instance.check(), Ok(()));
        instance.options.instance_metadata_tags = Switch::Enabled;
        assert!(matches!(instance.check(), Err(Error::TagKey(key)) if key == "cost center"));
        for bad in ["a/b", "_index", ".", "..", "a b", "Ünï9"] {
            instance.tags = BTreeMap::from([(bad.to_owned(), "x".to_owned())]);
            assert!(instance.check().is_err(), "{bad}");
        }
        instance.tags = BTreeMap::from([("aws:ec2:fleet-id+=.,_@-Z9".to_owned(), "x".to_owned())]);
        assert_eq!(instance.check(), Ok(()));
    }
}
