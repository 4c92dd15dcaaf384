//! The form of an instance.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imds_core::events::{Events, Maintenance, SpotAction};
use imds_core::instance::Placement;
use imds_core::interface::Interface;
use imds_core::options::{Choice, MetadataOptions};
use imds_core::{Instance, Timestamp};
use serde::{Deserialize, Serialize};

use super::by_hand::{self, PathForm};
use super::timeline::PlannedForm;
use super::{Options, text};

/// What is kept of an instance.
#[derive(Serialize, Deserialize)]
pub(super) struct Form {
    id: String,
    account_id: String,
    options: Options,
    ami_id: String,
    #[serde(default)]
    ami_launch_index: u32,
    ami_manifest_path: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ancestor_ami_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    autoscaling_target_lifecycle_state: Option<String>,
    block_device_mapping: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    elastic_gpus: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    elastic_inference: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    maintenance: Vec<MaintenanceForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rebalance: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spot: Option<(String, Timestamp)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hibernation_configured: Option<bool>,
    hostname: String,
    instance_action: String,
    instance_life_cycle: String,
    instance_type: String,
    architecture: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    billing_products: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kernel_id: Option<String>,
    monitoring: String,
    interfaces: Vec<InterfaceForm>,
    pending_time: Timestamp,
    placement: PlacementForm,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    product_codes: Vec<String>,
    profile: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    public_keys: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ramdisk_id: Option<String>,
    reservation_id: String,
    services_domain: String,
    services_partition: String,
    system: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    timeline: Vec<PlannedForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_data: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paths: Vec<PathForm>,
    changed: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct MaintenanceForm {
    code: String,
    description: String,
    event_id: String,
    not_before: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_after: Option<Timestamp>,
    state: String,
}

#[derive(Serialize, Deserialize)]
struct PlacementForm {
    availability_zone: String,
    availability_zone_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partition_number: Option<u32>,
    region: String,
}

#[derive(Serialize, Deserialize)]
struct InterfaceForm {
    device_number: u16,
    #[serde(default)]
    network_card: u16,
    mac: String,
    interface_id: String,
    owner_id: String,
    local_ipv4s: Vec<Ipv4Addr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ipv6s: Vec<Ipv6Addr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ipv4_associations: Vec<(Ipv4Addr, Vec<Ipv4Addr>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ipv4_prefix: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ipv6_prefix: Vec<String>,
    local_hostname: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_hostname: Option<String>,
    security_groups: Vec<String>,
    security_group_ids: Vec<String>,
    subnet_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subnet_ipv4_cidr_block: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subnet_ipv6_cidr_blocks: Vec<String>,
    vpc_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vpc_ipv4_cidr_block: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vpc_ipv4_cidr_blocks: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vpc_ipv6_cidr_blocks: Vec<String>,
}

impl From<&Instance> for Form {
    fn from(instance: &Instance) -> Self {
        Self {
            id: instance.id.to_string(),
            account_id: instance.account_id.to_string(),
            options: decided(&instance.options).into(),
            ami_id: instance.ami_id.clone(),
            ami_launch_index: instance.ami_launch_index,
            ami_manifest_path: instance.ami_manifest_path.clone(),
            ancestor_ami_ids: instance.ancestor_ami_ids.clone(),
            autoscaling_target_lifecycle_state: instance.autoscaling_target_lifecycle_state.clone(),
            block_device_mapping: instance.block_device_mapping.clone(),
            elastic_gpus: instance.elastic_gpus.clone(),
            elastic_inference: instance.elastic_inference.clone(),
            maintenance: instance.events.maintenance.iter().map(MaintenanceForm::from).collect(),
            rebalance: instance.events.rebalance,
            spot: instance.events.spot.as_ref().map(|spot| (spot.action.clone(), spot.time)),
            hibernation_configured: instance.hibernation_configured,
            hostname: instance.hostname.clone(),
            instance_action: instance.instance_action.clone(),
            instance_life_cycle: instance.instance_life_cycle.clone(),
            instance_type: instance.instance_type.clone(),
            architecture: instance.architecture.clone(),
            billing_products: instance.billing_products.clone(),
            kernel_id: instance.kernel_id.clone(),
            monitoring: instance.monitoring.to_string(),
            interfaces: instance.interfaces.iter().map(InterfaceForm::from).collect(),
            pending_time: instance.pending_time,
            placement: PlacementForm::from(&instance.placement),
            product_codes: instance.product_codes.clone(),
            profile: instance.profile.clone(),
            public_keys: instance.public_keys.clone(),
            ramdisk_id: instance.ramdisk_id.clone(),
            reservation_id: instance.reservation_id.clone(),
            services_domain: instance.services_domain.clone(),
            services_partition: instance.services_partition.clone(),
            system: instance.system.clone(),
            tags: instance.tags.clone(),
            timeline: instance.timeline.iter().map(PlannedForm::from).collect(),
            user_data: instance.user_data.as_ref().map(|data| STANDARD.encode(data)),
            paths: instance.by_hand.iter().flat_map(|paths| paths.iter()).map(PathForm::from).collect(),
            changed: instance.changed,
        }
    }
}

impl Form {
    /// The instance that this is.
    pub(super) fn instance(self) -> Result<Instance, String> {
        let interfaces = self.interfaces.into_iter().map(InterfaceForm::interface);
        let interfaces = interfaces.collect::<Result<Vec<_>, _>>()?;
        if interfaces.is_empty() {
            return Err("an instance without an interface".to_owned());
        }
        let user_data = self.user_data.map(|data| STANDARD.decode(data).map(Into::into)).transpose();
        let user_data = user_data.map_err(|_| "user data that is not base64")?;
        let timeline = self.timeline.into_iter().map(PlannedForm::planned).collect::<Result<_, _>>()?;
        Ok(Instance {
            id: text(&self.id)?,
            account_id: text(&self.account_id)?,
            options: MetadataOptions::default().with(&self.options.choice()?),
            ami_id: self.ami_id,
            ami_launch_index: self.ami_launch_index,
            ami_manifest_path: self.ami_manifest_path,
            ancestor_ami_ids: self.ancestor_ami_ids,
            autoscaling_target_lifecycle_state: self.autoscaling_target_lifecycle_state,
            block_device_mapping: self.block_device_mapping,
            elastic_gpus: self.elastic_gpus,
            elastic_inference: self.elastic_inference,
            hibernation_configured: self.hibernation_configured,
            hostname: self.hostname,
            instance_action: self.instance_action,
            instance_life_cycle: self.instance_life_cycle,
            instance_type: self.instance_type,
            architecture: self.architecture,
            by_hand: by_hand::paths(self.paths)?,
            billing_products: self.billing_products,
            kernel_id: self.kernel_id,
            monitoring: text(&self.monitoring)?,
            interfaces,
            pending_time: self.pending_time,
            placement: self.placement.into(),
            product_codes: self.product_codes,
            profile: self.profile,
            public_keys: self.public_keys,
            ramdisk_id: self.ramdisk_id,
            reservation_id: self.reservation_id,
            services_domain: self.services_domain,
            services_partition: self.services_partition,
            system: self.system,
            tags: self.tags,
            timeline,
            user_data,
            changed: self.changed,
            events: Events {
                maintenance: self.maintenance.into_iter().map(Into::into).collect(),
                rebalance: self.rebalance,
                spot: self.spot.map(|(action, time)| SpotAction { action, time }),
            },
            role: None,
            signature: None,
        })
    }
}

/// Options of which none is open.
fn decided(options: &MetadataOptions) -> Choice {
    Choice {
        http_tokens: Some(options.http_tokens),
        http_put_response_hop_limit: Some(options.http_put_response_hop_limit),
        http_endpoint: Some(options.http_endpoint),
        http_protocol_ipv6: Some(options.http_protocol_ipv6),
        instance_metadata_tags: Some(options.instance_metadata_tags),
    }
}

impl From<&Maintenance> for MaintenanceForm {
    fn from(from: &Maintenance) -> Self {
        Self {
            code: from.code.clone(),
            description: from.description.clone(),
            event_id: from.event_id.clone(),
            not_before: from.not_before,
            not_after: from.not_after,
            state: from.state.clone(),
        }
    }
}

impl From<MaintenanceForm> for Maintenance {
    fn from(form: MaintenanceForm) -> Self {
        Self {
            code: form.code,
            description: form.description,
            event_id: form.event_id,
            not_before: form.not_before,
            not_after: form.not_after,
            state: form.state,
        }
    }
}

impl From<&Placement> for PlacementForm {
    fn from(from: &Placement) -> Self {
        Self {
            availability_zone: from.availability_zone.clone(),
            availability_zone_id: from.availability_zone_id.clone(),
            group_name: from.group_name.clone(),
            host_id: from.host_id.clone(),
            partition_number: from.partition_number,
            region: from.region.clone(),
        }
    }
}

impl From<PlacementForm> for Placement {
    fn from(form: PlacementForm) -> Self {
        Self {
            availability_zone: form.availability_zone,
            availability_zone_id: form.availability_zone_id,
            group_name: form.group_name,
            host_id: form.host_id,
            partition_number: form.partition_number,
            region: form.region,
        }
    }
}

impl From<&Interface> for InterfaceForm {
    fn from(from: &Interface) -> Self {
        Self {
            device_number: from.device_number,
            network_card: from.network_card,
            mac: from.mac.to_string(),
            interface_id: from.interface_id.clone(),
            owner_id: from.owner_id.to_string(),
            local_ipv4s: from.local_ipv4s.clone(),
            ipv6s: from.ipv6s.clone(),
            ipv4_associations: from.ipv4_associations.clone(),
            ipv4_prefix: from.ipv4_prefix.clone(),
            ipv6_prefix: from.ipv6_prefix.clone(),
            local_hostname: from.local_hostname.clone(),
            public_hostname: from.public_hostname.clone(),
            security_groups: from.security_groups.clone(),
            security_group_ids: from.security_group_ids.clone(),
            subnet_id: from.subnet_id.clone(),
            subnet_ipv4_cidr_block: from.subnet_ipv4_cidr_block.clone(),
            subnet_ipv6_cidr_blocks: from.subnet_ipv6_cidr_blocks.clone(),
            vpc_id: from.vpc_id.clone(),
            vpc_ipv4_cidr_block: from.vpc_ipv4_cidr_block.clone(),
            vpc_ipv4_cidr_blocks: from.vpc_ipv4_cidr_blocks.clone(),
            vpc_ipv6_cidr_blocks: from.vpc_ipv6_cidr_blocks.clone(),
        }
    }
}

impl InterfaceForm {
    fn interface(self) -> Result<Interface, String> {
        Ok(Interface {
            device_number: self.device_number,
            network_card: self.network_card,
            mac: text(&self.mac)?,
            interface_id: self.interface_id,
            owner_id: text(&self.owner_id)?,
            local_ipv4s: self.local_ipv4s,
            ipv6s: self.ipv6s,
            ipv4_associations: self.ipv4_associations,
            ipv4_prefix: self.ipv4_prefix,
            ipv6_prefix: self.ipv6_prefix,
            local_hostname: self.local_hostname,
            public_hostname: self.public_hostname,
            security_groups: self.security_groups,
            security_group_ids: self.security_group_ids,
            subnet_id: self.subnet_id,
            subnet_ipv4_cidr_block: self.subnet_ipv4_cidr_block,
            subnet_ipv6_cidr_blocks: self.subnet_ipv6_cidr_blocks,
            vpc_id: self.vpc_id,
            vpc_ipv4_cidr_block: self.vpc_ipv4_cidr_block,
            vpc_ipv4_cidr_blocks: self.vpc_ipv4_cidr_blocks,
            vpc_ipv6_cidr_blocks: self.vpc_ipv6_cidr_blocks,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use imds_core::testing::{everything, launch};
    use imds_core::tree::by_hand::{ByHand, Set};
    use imds_core::{Instance, Machine};

    use crate::record::{Record, Withheld, decode};

    fn with_paths() -> Instance {
        let set = [
            ("/latest/meta-data/new/leaf", Set::body(vec![0, 255].into()).unwrap()),
            ("/latest/meta-data/iam/", Set::status(500).unwrap()),
            ("/1.0/meta-data/ami-id", Set::Absent),
        ];
        let paths = ByHand::new(set.map(|(path, set)| (path.parse().unwrap(), set))).unwrap();
        Instance { by_hand: paths.map(Arc::new), ..everything() }
    }

    #[test]
    fn paths_that_cannot_be_set_are_damage() {
        let kept = serde_json::to_string(&Machine::launched(with_paths()).to_form()).unwrap();
        for (good, bad) in [
            ("/latest/meta-data/iam/", "/latest/api/token"),
            ("/latest/meta-data/iam/", "/latest/meta-data/new/leaf"),
            ("\"status\":500", "\"status\":200"),
            ("\"status\":500", "\"status\":500,\"body\":\"\""),
            ("\"AP8=\"", "\"?\""),
            ("\"status\":500", "\"status\":500,\"withheld\":\"\""),
        ] {
            assert!(kept.contains(good), "{good}");
            let error = decode::<Machine>("machine/x", kept.replace(good, bad).as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("machine/x in the store is damaged"), "{error}");
        }
    }

    #[test]
    fn keys_by_hand_are_not_kept_and_can_be_put_in_again() {
        let keys = "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance";
        let body = |text: &str| Set::body(text.as_bytes().to_vec().into()).unwrap();
        let set = [(keys, body("SECRET")), ("/latest/meta-data/new/leaf", body("plain"))];
        let paths = ByHand::new(set.map(|(path, set)| (path.parse().unwrap(), set))).unwrap();
        let instance = Instance { by_hand: paths.map(Arc::new), ..launch().instance() };
        let kept = serde_json::to_vec(&Machine::launched(instance.clone()).to_form()).unwrap();
        let holds = |bytes: &[u8], text: &str| {
            let text = STANDARD.encode(text);
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        assert!(!holds(&kept, "SECRET") && holds(&kept, "plain"));
        // Who changes something else about the machine loses nothing.
        let read = decode::<Machine>("machine/x", &kept).unwrap();
        assert_eq!(serde_json::to_vec(&read.to_form()).unwrap(), kept);
        let at = |machine: &Machine, path: &str| {
            imds_core::tree::find(&machine.instance, path.as_bytes(), imds_core::testing::noon())
                .map(|value| value.body)
                .ok()
        };
        assert_eq!(at(&read, keys), None);
        assert_eq!(at(&read, "/latest/meta-data/new/leaf").as_deref(), Some(&b"plain"[..]));
        let filled = Withheld::of([&instance].into_iter()).fill(&kept).unwrap();
        assert_eq!(decode::<Machine>("machine/x", &filled).unwrap(), Machine::launched(instance.clone()));
        // What has another hash, or is no machine, is left as it is.
        let other = [(keys, body("OTHER"))].map(|(path, set)| (path.parse().unwrap(), set));
        let other = Instance { by_hand: ByHand::new(other).unwrap().map(Arc::new), ..instance.clone() };
        let other = Withheld::of([&other].into_iter());
        assert!(other.fill(&kept).is_none() && other.fill(b"{").is_none() && other.fill(b"{}").is_none());
        assert!(Withheld::default().fill(&kept).is_none());
        // What was new of a configuration that is not taken is forgotten, and nothing else.
        let mut known = other;
        let new = known.extend(Withheld::of([&instance].into_iter()));
        assert!(!new.is_empty() && known.fill(&kept).is_some());
        assert!(known.extend(Withheld::of([&instance].into_iter())).is_empty(), "it is known");
        known.forget(&new);
        assert!(known.fill(&kept).is_none());
    }

    #[test]
    fn a_machine_with_everything_comes_back_as_it_was_but_for_keys_and_signature() {
        for mut instance in [with_paths(), everything(), launch().instance()] {
            let kept = serde_json::to_vec(&Machine::launched(instance.clone()).to_form()).unwrap();
            instance.signature = None;
            if let Some(role) = instance.role.take() {
                let text = String::from_utf8(kept.clone()).unwrap();
                assert!(!text.contains(role.credentials().unwrap().secret_access_key.expose()));
            }
            assert_eq!(decode::<Machine>("machine/x", &kept).unwrap(), Machine::launched(instance));
        }
    }

    #[test]
    fn what_is_damaged_is_told_by_its_place() {
        let kept = serde_json::to_string(&Machine::launched(launch().instance()).to_form()).unwrap();
        for bad in [
            "",
            "SECRET",
            "{\"instance\":\"SECRET\"}",
            &kept.replace("\"pending\"", "\"SECRET\""),
            &kept[..kept.len() - 1],
        ] {
            let error = decode::<Machine>("machine/x", bad.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("machine/x in the store is damaged"), "{error}");
        }
    }
}
