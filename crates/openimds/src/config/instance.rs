//! From an entry of the file to an instance: what is written, else the flags, else what follows from id and place.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use bytes::Bytes;
use imds_core::Timestamp;
use imds_core::credentials::Credentials;
use imds_core::events::{Events, Maintenance, SpotAction};
use imds_core::id::InstanceId;
use imds_core::instance::{Instance, Launch};
use imds_core::interface::Interface;
use imds_core::options::{Choice, HttpTokens, ImdsSupport, MetadataOptions};
use imds_store::provider::file::Entry;
use imds_store::record::Place;

use super::Flags;
use super::credentials::Given;
use super::file;
use super::gather::Bundle;
use super::text::{Line, Name, Text};
use crate::credentials::Lent;

/// EC2's limit on user data.
const USER_DATA_LIMIT: usize = 16 * 1024;

/// The one instance of a service that was given none.
pub(super) fn built_in(
    bundle: &Bundle,
    vpc: (Ipv4Addr, u8),
    flags: &Flags,
    now: Timestamp,
) -> Result<Entry, String> {
    let (mut entry, _) = entry(&file::Instance::default(), bundle, vpc, flags, now)?;
    entry.place.is_default = true;
    Ok(entry)
}

/// The instance of an entry, and its role if the keys of that come from elsewhere.
pub(super) fn entry(
    written: &file::Instance,
    bundle: &Bundle,
    vpc: (Ipv4Addr, u8),
    flags: &Flags,
    now: Timestamp,
) -> Result<(Entry, Option<(InstanceId, Lent)>), String> {
    let listens = || written.listen.iter().flatten().map(|listen| listen.0);
    if flags.free_ports.is_none() && listens().any(|listen| listen.port() == 0) {
        return Err("an instance's own listen needs a port; 0 would be another one at each start".into());
    }
    if let (Some(Text(own)), Some(Text(first))) = (&written.local_ipv4, first_address(written))
        && own != first
    {
        return Err(format!("local-ipv4 says {own} and the first interface {first}; leave one of them out"));
    }
    let mut choice = Choice::from(written.metadata_options.unwrap_or_default()).over(&flags.options);
    if written.role.as_ref().is_some_and(|role| role.credentials.is_real()) {
        // Whoever has something real to lose is asked to say so if a plain GET is to read it.
        choice.http_tokens.get_or_insert(HttpTokens::Required);
    }
    let launch = launch(written, &choice, vpc, now)?;
    let mut instance = launch.clone().instance();
    set_plain(&mut instance, written);
    set_network(&mut instance, written, &launch)?;
    set_events(&mut instance, written);
    let role = written.role.as_ref().map(|role| self::role(role, &instance, bundle)).transpose()?;
    let mut lent = None;
    match role {
        Some((profile, Some(keys))) => instance.role = Some(profile.with_keys(keys)),
        Some((profile, None)) => lent = Some((instance.id.clone(), profile)),
        None => {}
    }
    if let Some(data) = user_data(written, bundle, flags) {
        if data.len() > USER_DATA_LIMIT {
            return Err(format!("the user data has {} bytes; EC2 takes 16,384 at most", data.len()));
        }
        instance.user_data = Some(Bytes::copy_from_slice(data));
    }
    if let Some((text, path)) = ssh_key(written, bundle, flags) {
        instance.public_keys.push(key_pair(text, path, written.ssh_key_name.as_ref())?);
    }
    instance.check().map_err(|error| error.to_string())?;
    let place = Place {
        listen: match &flags.free_ports {
            Some(own) => own.get(&instance.id).copied().into_iter().collect(),
            None => listens().collect(),
        },
        is_default: written.default.unwrap_or(false),
        ..Place::default()
    };
    Ok((Entry { instance, choice, is_dated: written.pending_time.is_some(), place }, lent))
}

fn launch(
    written: &file::Instance,
    choice: &Choice,
    vpc: (Ipv4Addr, u8),
    now: Timestamp,
) -> Result<Launch, String> {
    let placement = written.placement.as_ref();
    let zone = placement.and_then(|placement| placement.availability_zone.as_ref());
    let region = placement.and_then(|placement| placement.region.as_ref());
    let availability_zone = match (zone, region) {
        (Some(Text(zone)), Some(Text(region))) if !zone.0.starts_with(&region.0) => {
            return Err(format!(
                "the zone {} is not in the region {}; leave one of them out",
                zone.0, region.0
            ));
        }
        (Some(Text(zone)), _) => zone.0.clone(),
        (None, Some(Text(region))) => format!("{}a", region.0),
        (None, None) => "us-east-1a".to_owned(),
    };
    let at = written.pending_time.as_ref().map_or(now, |time| time.0.0);
    let fixed = |text: &str| text.parse().map_err(|error: imds_core::Error| error.to_string());
    Ok(Launch {
        id: written
            .instance_id
            .as_ref()
            .map_or_else(|| fixed("i-12345678901234567"), |id| Ok(id.0.clone()))?,
        account_id: match &written.account_id {
            Some(account) => account.0.clone(),
            None => "123456789012".parse().map_err(|error: imds_core::Error| error.to_string())?,
        },
        availability_zone,
        instance_type: line(written.instance_type.as_ref()).unwrap_or_else(|| "t3.micro".into()),
        local_ipv4: written.local_ipv4.as_ref().or_else(|| first_address(written)).map(|address| address.0),
        vpc,
        // As long as nothing is known of the account and the image.
        options: MetadataOptions::at_launch(choice, &Choice::default(), ImdsSupport::Unspecified),
        at,
    })
}

/// The primary address, where the entry of the first interface gives it.
fn first_address(written: &file::Instance) -> Option<&Text<Ipv4Addr>> {
    let first = written.interface.iter().flatten().find(|interface| interface.device_number == Some(0))?;
    first.local_ipv4s.as_deref()?.first()
}

fn line(text: Option<&Text<Line>>) -> Option<String> {
    text.map(|text| text.0.0.clone())
}

fn lines(texts: &[Text<Line>]) -> Vec<String> {
    texts.iter().map(|text| text.0.0.clone()).collect()
}

/// Puts a value that is written in the place of the one that followed.
fn set<T>(place: &mut T, written: Option<T>) {
    if let Some(value) = written {
        *place = value;
    }
}

fn set_plain(instance: &mut Instance, written: &file::Instance) {
    set(&mut instance.ami_id, line(written.ami_id.as_ref()));
    set(&mut instance.ami_launch_index, written.ami_launch_index);
    set(&mut instance.ami_manifest_path, line(written.ami_manifest_path.as_ref()));
    set(&mut instance.ancestor_ami_ids, written.ancestor_ami_ids.as_deref().map(lines));
    set(&mut instance.architecture, line(written.architecture.as_ref()));
    set(&mut instance.billing_products, written.billing_products.as_deref().map(lines));
    set(&mut instance.hostname, line(written.hostname.as_ref()));
    set(&mut instance.instance_action, line(written.instance_action.as_ref()));
    set(&mut instance.instance_life_cycle, line(written.instance_life_cycle.as_ref()));
    set(&mut instance.monitoring, written.monitoring.map(Into::into));
    set(&mut instance.product_codes, written.product_codes.as_deref().map(lines));
    set(&mut instance.profile, line(written.profile.as_ref()));
    set(&mut instance.reservation_id, line(written.reservation_id.as_ref()));
    set(&mut instance.system, line(written.system.as_ref()));
    instance.kernel_id = line(written.kernel_id.as_ref());
    instance.ramdisk_id = line(written.ramdisk_id.as_ref());
    let state =
        written.autoscaling.as_ref().and_then(|autoscaling| autoscaling.target_lifecycle_state.as_ref());
    instance.autoscaling_target_lifecycle_state = line(state);
    instance.hibernation_configured =
        written.hibernation.as_ref().and_then(|hibernation| hibernation.configured);
    if let Some(services) = &written.services {
        set(&mut instance.services_domain, line(services.domain.as_ref()));
        set(&mut instance.services_partition, line(services.partition.as_ref()));
    }
    if let Some(placement) = &written.placement {
        set(&mut instance.placement.availability_zone_id, line(placement.availability_zone_id.as_ref()));
        set(&mut instance.placement.region, placement.region.as_ref().map(|region| region.0.0.clone()));
        instance.placement.group_name = line(placement.group_name.as_ref());
        instance.placement.host_id = line(placement.host_id.as_ref());
        instance.placement.partition_number = placement.partition_number;
    }
    let named = |map: &std::collections::BTreeMap<Text<Name>, String>| {
        map.iter().map(|(name, text)| (name.0.0.clone(), text.clone())).collect()
    };
    set(&mut instance.elastic_gpus, written.elastic_gpus.as_ref().map(named));
    set(&mut instance.elastic_inference, written.elastic_inference.as_ref().map(named));
    if let Some(mapping) = &written.block_device_mapping {
        instance.block_device_mapping =
            mapping.iter().map(|(name, device)| (name.0.0.clone(), device.0.0.clone())).collect();
    }
    if let Some(tags) = &written.tags {
        instance.tags = tags.iter().map(|(key, value)| (key.0.0.clone(), value.0.0.clone())).collect();
    }
}

fn set_network(instance: &mut Instance, written: &file::Instance, launch: &Launch) -> Result<(), String> {
    set_primary(instance, written, launch);
    let mut numbers = BTreeSet::from([0]);
    let mut has_first = false;
    for extra in written.interface.iter().flatten() {
        let free = || {
            numbers.last().and_then(|last: &u16| last.checked_add(1)).ok_or("there are too many interfaces")
        };
        let number = extra.device_number.map_or_else(free, Ok)?;
        let is_new =
            if number == 0 { !std::mem::replace(&mut has_first, true) } else { numbers.insert(number) };
        if !is_new {
            return Err(format!("two interfaces have the device number {number}"));
        }
        let mut interface = if number == 0 {
            instance.interfaces.remove(0)
        } else {
            let first = extra.local_ipv4s.as_deref().and_then(<[_]>::first).map(|address| address.0);
            let follows =
                || next(instance, number).ok_or("no address follows the instance's own; give local-ipv4s");
            launch.interface(number, first.map_or_else(follows, Ok)?)
        };
        set_security_groups(&mut interface, extra.security_groups.as_deref(), launch);
        set_interface(&mut interface, extra);
        instance.interfaces.push(interface);
        instance.interfaces.sort_by_key(|interface| interface.device_number);
    }
    Ok(())
}

/// The keys of the instance that describe its first interface.
fn set_primary(instance: &mut Instance, written: &file::Instance, launch: &Launch) {
    if let Some(public) = &written.public_ipv4 {
        instance.associate(public.0);
    }
    let primary = &mut instance.interfaces[0];
    set(&mut primary.mac, written.mac.as_ref().map(|mac| mac.0));
    set_security_groups(primary, written.security_groups.as_deref(), launch);
    if let Some(address) = &written.ipv6 {
        primary.ipv6s.push(address.0);
        primary.subnet_ipv6_cidr_blocks.push(block(address.0, 64));
        primary.vpc_ipv6_cidr_blocks.push(block(address.0, 56));
    }
    if written.public_hostname.is_some() {
        primary.public_hostname = line(written.public_hostname.as_ref());
    }
    set(&mut primary.local_hostname, line(written.hostname.as_ref()));
}

/// The block of an IPv6 address: a subnet has 64 bits, a VPC 56.
fn block(address: Ipv6Addr, prefix: u32) -> String {
    let mask = u128::MAX << (128 - prefix);
    format!("{}/{prefix}", Ipv6Addr::from_bits(address.to_bits() & mask))
}

/// Names of security groups, and the ids that follow from them.
fn set_security_groups(interface: &mut Interface, names: Option<&[Text<Line>]>, launch: &Launch) {
    if let Some(names) = names {
        interface.security_groups = lines(names);
        interface.security_group_ids =
            interface.security_groups.iter().map(|name| launch.security_group_id(name)).collect();
    }
}

/// An address beside the instance's own, for an interface that names none.
fn next(instance: &Instance, number: u16) -> Option<Ipv4Addr> {
    instance.local_ipv4()?.to_bits().checked_add(number.into()).map(Ipv4Addr::from_bits)
}

fn set_interface(interface: &mut Interface, written: &file::Interface) {
    let ips = |addresses: &[Text<Ipv4Addr>]| addresses.iter().map(|address| address.0).collect::<Vec<_>>();
    set(&mut interface.network_card, written.network_card);
    set(&mut interface.mac, written.mac.as_ref().map(|mac| mac.0));
    set(&mut interface.interface_id, line(written.interface_id.as_ref()));
    set(&mut interface.owner_id, written.owner_id.as_ref().map(|owner| owner.0.clone()));
    set(&mut interface.local_ipv4s, written.local_ipv4s.as_deref().map(ips));
    set(
        &mut interface.ipv6s,
        written.ipv6s.as_ref().map(|all| all.iter().map(|address| address.0).collect()),
    );
    let associations = written.ipv4_associations.as_ref();
    set(
        &mut interface.ipv4_associations,
        associations.map(|all| all.iter().map(|(public, own)| (public.0, ips(own))).collect()),
    );
    set(&mut interface.ipv4_prefix, written.ipv4_prefix.as_deref().map(lines));
    set(&mut interface.ipv6_prefix, written.ipv6_prefix.as_deref().map(lines));
    set(&mut interface.local_hostname, line(written.local_hostname.as_ref()));
    if written.public_hostname.is_some() {
        interface.public_hostname = line(written.public_hostname.as_ref());
    }
    set(&mut interface.security_group_ids, written.security_group_ids.as_deref().map(lines));
    set(&mut interface.subnet_id, line(written.subnet_id.as_ref()));
    if written.subnet_ipv4_cidr_block.is_some() {
        interface.subnet_ipv4_cidr_block = line(written.subnet_ipv4_cidr_block.as_ref());
    }
    set(&mut interface.subnet_ipv6_cidr_blocks, written.subnet_ipv6_cidr_blocks.as_deref().map(lines));
    set(&mut interface.vpc_id, line(written.vpc_id.as_ref()));
    if written.vpc_ipv4_cidr_block.is_some() {
        interface.vpc_ipv4_cidr_block = line(written.vpc_ipv4_cidr_block.as_ref());
    }
    set(&mut interface.vpc_ipv4_cidr_blocks, written.vpc_ipv4_cidr_blocks.as_deref().map(lines));
    set(&mut interface.vpc_ipv6_cidr_blocks, written.vpc_ipv6_cidr_blocks.as_deref().map(lines));
}

fn set_events(instance: &mut Instance, written: &file::Instance) {
    let mut events = Events::default();
    if let Some(all) = &written.events {
        events.maintenance = all.maintenance.iter().map(maintenance).collect();
        let rebalance =
            all.recommendations.as_ref().and_then(|recommendations| recommendations.rebalance.as_ref());
        events.rebalance = rebalance.map(|time| time.0.0);
    }
    events.spot = written.spot.as_ref().map(|spot| SpotAction {
        action: match spot.action {
            file::SpotAction::Stop => "stop",
            file::SpotAction::Hibernate => "hibernate",
            file::SpotAction::Terminate => "terminate",
        }
        .to_owned(),
        time: spot.time.0.0,
    });
    instance.events = events;
}

fn maintenance(written: &file::Maintenance) -> Maintenance {
    Maintenance {
        code: written.code.0.0.clone(),
        description: written.description.0.0.clone(),
        event_id: written.event_id.0.0.clone(),
        not_before: written.not_before.0.0,
        not_after: written.not_after.as_ref().map(|time| time.0.0),
        state: match written.state {
            file::MaintenanceState::Active => "active",
            file::MaintenanceState::Completed => "completed",
            file::MaintenanceState::Canceled => "canceled",
        }
        .to_owned(),
    }
}

/// The profile and the role of an instance; its keys, or where they come from.
fn role(
    written: &file::Role,
    instance: &Instance,
    bundle: &Bundle,
) -> Result<(Lent, Option<Credentials>), String> {
    let name = &written.name.0.0;
    let arn = || {
        format!("arn:{}:iam::{}:instance-profile/{name}", instance.services_partition, instance.account_id)
    };
    let region = &instance.placement.region;
    let (source, keys) = match written.credentials.given(&instance.id, region, bundle)? {
        Given::Keys(keys) => (None, Some(keys)),
        Given::From(source) => (Some(source), None),
    };
    let lent = Lent {
        instance_profile_arn: line(written.instance_profile_arn.as_ref()).unwrap_or_else(arn),
        instance_profile_id: line(written.instance_profile_id.as_ref())
            .unwrap_or_else(|| "AIPA0000000000000000A".into()),
        role: name.clone(),
        source,
    };
    Ok((lent, keys))
}

fn user_data<'a>(written: &file::Instance, bundle: &'a Bundle, flags: &Flags) -> Option<&'a [u8]> {
    let file = written.user_data_file.as_deref().map(|name| bundle.named(name));
    // As on EC2, none and nothing are the same.
    file.or_else(|| flags.user_data_file.as_deref().map(|path| bundle.content(path)))
        .filter(|data| !data.is_empty())
}

fn ssh_key<'a>(
    written: &'a file::Instance,
    bundle: &'a Bundle,
    flags: &'a Flags,
) -> Option<(&'a [u8], &'a Path)> {
    let file = written.ssh_key_file.as_deref().map(|name| (bundle.named(name), name));
    file.or_else(|| flags.ssh_key_file.as_deref().map(|path| (bundle.content(path), path)))
}

/// A key pair's name, and the public key.
fn key_pair(text: &[u8], path: &Path, name: Option<&Text<Name>>) -> Result<(String, String), String> {
    let text = String::from_utf8_lossy(text);
    let key = text.trim();
    let fields: Vec<_> = key.split_whitespace().collect();
    let is_key =
        fields.len() >= 2 && ["ssh-", "ecdsa-", "sk-"].iter().any(|start| fields[0].starts_with(start));
    if !is_key || key.parse::<Line>().is_err() {
        return Err(format!(
            "{} is not one OpenSSH public key, such as `ssh-ed25519 AAAA… name`",
            path.display()
        ));
    }
    let comment = fields.get(2).and_then(|comment| comment.parse::<Name>().ok());
    let name = name.map(|name| name.0.clone()).or(comment).map_or_else(|| "my-key".to_owned(), |name| name.0);
    Ok((name, key.to_owned()))
}
