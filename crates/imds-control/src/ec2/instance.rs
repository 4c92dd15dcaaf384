//! An instance as an element: what `RunInstances` and `DescribeInstances` tell (docs/control-api.md).

use imds_core::Machine;
use imds_core::interface::Interface;
use imds_core::lifecycle::State;

use super::{options, profile, tags};
use crate::query::Xml;

/// How a machine's owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// In the answer to its launch, which has only begun.
    Launch,
    /// Whenever it is looked at.
    Later,
}

/// The members of a reservation: what one launch made, or those of it that are asked for.
pub(crate) fn write_reservation(xml: &mut Xml, machines: &[&Machine], moment: Moment) {
    let Some(first) = machines.first() else { return };
    xml.text("reservationId", &first.instance.reservation_id)
        .text("ownerId", &first.instance.account_id)
        .empty("groupSet")
        .list("instancesSet", machines, |xml, machine| write(xml, machine, moment));
}

/// `<instanceState>`, `<currentState>` or `<previousState>`
pub(crate) fn write_state(xml: &mut Xml, name: &str, state: State) {
    xml.within(name, |xml| {
        xml.text("code", state.code()).text("name", state);
    });
}

/// The id of a machine's root volume.
pub(crate) fn root_volume(machine: &Machine) -> String {
    machine.instance.part_id("vol")
}

/// The name of a machine's root device.
pub(crate) fn root_device(machine: &Machine) -> &str {
    machine.instance.block_device_mapping.get("root").map_or("/dev/xvda", String::as_str)
}

/// `instanceLifecycle`, which an instance on demand has not.
pub(crate) fn lifecycle(machine: &Machine) -> Option<&str> {
    Some(machine.instance.instance_life_cycle.as_str()).filter(|cycle| *cycle == "spot")
}

fn write(xml: &mut Xml, machine: &Machine, moment: Moment) {
    let instance = &machine.instance;
    let state = if moment == Moment::Launch { machine.state } else { machine.state.settled() };
    // What is gone has no place in a network any more, as on EC2.
    let primary = Some(instance.primary()).filter(|_| !machine.state.is_terminated());
    xml.text("instanceId", &instance.id).text("imageId", &instance.ami_id);
    write_state(xml, "instanceState", state);
    xml.text("privateDnsName", primary.map_or("", |primary| &primary.local_hostname))
        .text("dnsName", primary.and_then(|primary| primary.public_hostname.as_deref()).unwrap_or_default());
    write_reason(xml, machine);
    xml.option("keyName", instance.public_keys.first().map(|(name, _)| name))
        .text("amiLaunchIndex", instance.ami_launch_index)
        .empty("productCodes")
        .text("instanceType", &instance.instance_type)
        .time("launchTime", instance.pending_time);
    write_placement(xml, machine);
    xml.within("monitoring", |xml| {
        xml.text("state", instance.monitoring);
    });
    if let Some(primary) = primary {
        xml.text("subnetId", &primary.subnet_id)
            .text("vpcId", &primary.vpc_id)
            .option("privateIpAddress", instance.local_ipv4())
            .option("ipAddress", instance.public_ipv4())
            .text("sourceDestCheck", machine.is_source_checked);
    }
    write_groups(xml, primary);
    xml.text("architecture", &instance.architecture)
        .text("rootDeviceType", "ebs")
        .text("rootDeviceName", root_device(machine));
    xml.list("blockDeviceMapping", primary, |xml, _| write_root(xml, machine))
        .text("virtualizationType", "hvm")
        .text("clientToken", machine.client_token.as_deref().unwrap_or_default());
    tags::write(xml, &instance.tags);
    xml.option("instanceLifecycle", lifecycle(machine)).text("hypervisor", "xen");
    let interfaces = primary.map_or(&[][..], |_| &instance.interfaces);
    xml.list("networkInterfaceSet", interfaces, |xml, interface| write_interface(xml, machine, interface));
    if let Some(profile) = &machine.profile {
        profile::write(xml, profile);
    }
    xml.text("ebsOptimized", machine.is_ebs_optimized);
    write_rest(xml, machine, moment);
}

/// What has come to EC2 later.
fn write_rest(xml: &mut Xml, machine: &Machine, moment: Moment) {
    let is_hibernated = machine.instance.hibernation_configured == Some(true);
    xml.within("hibernationOptions", |xml| {
        xml.text("configured", is_hibernated);
    });
    xml.within("enclaveOptions", |xml| {
        xml.text("enabled", false);
    });
    let state = if moment == Moment::Launch { "pending" } else { options::state(machine) };
    xml.within("metadataOptions", |xml| options::write(xml, &machine.instance.options, state));
    xml.within("maintenanceOptions", |xml| {
        xml.text("autoRecovery", "default");
    });
    xml.text("platformDetails", "Linux/UNIX").text("usageOperation", "RunInstances");
}

/// Why it does not run: only its owner stops or terminates it.
fn write_reason(xml: &mut Xml, machine: &Machine) {
    if machine.state.is_running() {
        xml.empty("reason");
        return;
    }
    let at = machine.state_since.strftime("%Y-%m-%d %H:%M:%S GMT");
    xml.text("reason", format_args!("User initiated ({at})"));
    xml.within("stateReason", |xml| {
        xml.text("code", "Client.UserInitiatedShutdown")
            .text("message", "Client.UserInitiatedShutdown: User initiated shutdown");
    });
}

fn write_placement(xml: &mut Xml, machine: &Machine) {
    let placement = &machine.instance.placement;
    xml.within("placement", |xml| {
        xml.text("availabilityZone", &placement.availability_zone)
            .text("groupName", placement.group_name.as_deref().unwrap_or_default())
            .option("hostId", placement.host_id.as_ref())
            .option("partitionNumber", placement.partition_number)
            .text("tenancy", "default");
    });
}

/// `<groupSet>`
pub(crate) fn write_groups(xml: &mut Xml, interface: Option<&Interface>) {
    let groups = interface
        .into_iter()
        .flat_map(|interface| interface.security_group_ids.iter().zip(&interface.security_groups));
    xml.list("groupSet", groups, |xml, (id, name)| {
        xml.text("groupId", id).text("groupName", name);
    });
}

/// The root device, as a member of `blockDeviceMapping`.
pub(crate) fn write_root(xml: &mut Xml, machine: &Machine) {
    xml.text("deviceName", root_device(machine)).within("ebs", |xml| {
        xml.text("volumeId", root_volume(machine))
            .text("status", "attached")
            .time("attachTime", machine.instance.pending_time)
            .text("deleteOnTermination", true);
    });
}

fn write_interface(xml: &mut Xml, machine: &Machine, interface: &Interface) {
    xml.text("networkInterfaceId", &interface.interface_id)
        .text("subnetId", &interface.subnet_id)
        .text("vpcId", &interface.vpc_id)
        .empty("description")
        .text("ownerId", &interface.owner_id)
        .text("status", "in-use")
        .text("macAddress", interface.mac)
        .option("privateIpAddress", interface.local_ipv4s.first())
        .text("privateDnsName", &interface.local_hostname)
        .text("sourceDestCheck", machine.is_source_checked);
    write_groups(xml, Some(interface));
    xml.within("attachment", |xml| {
        xml.text("attachmentId", interface.interface_id.replacen("eni-", "eni-attach-", 1))
            .text("deviceIndex", interface.device_number)
            .text("status", "attached")
            .time("attachTime", machine.instance.pending_time)
            .text("deleteOnTermination", true)
            .text("networkCardIndex", interface.network_card);
    });
    write_association(xml, interface, 0);
    xml.list("privateIpAddressesSet", interface.local_ipv4s.iter().enumerate(), |xml, (index, address)| {
        let is_primary = index == 0;
        xml.text("privateIpAddress", address)
            .option("privateDnsName", is_primary.then_some(&interface.local_hostname))
            .text("primary", is_primary);
        write_association(xml, interface, index);
    });
    xml.list("ipv6AddressesSet", interface.ipv6s.iter().enumerate(), |xml, (index, address)| {
        xml.text("ipv6Address", address).text("isPrimaryIpv6", index == 0);
    });
    xml.text("interfaceType", "interface");
}

/// The public address of one of the private ones.
fn write_association(xml: &mut Xml, interface: &Interface, index: usize) {
    let private = interface.local_ipv4s.get(index);
    let public = interface.ipv4_associations.iter().find(|(_, of)| private.is_some_and(|p| of.contains(p)));
    if let Some((public, _)) = public {
        xml.within("association", |xml| {
            xml.text("publicIp", public)
                .text("publicDnsName", interface.public_hostname.as_deref().unwrap_or_default())
                .text("ipOwnerId", "amazon");
        });
    }
}
