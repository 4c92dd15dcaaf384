//! `DescribeInstances` (docs/control-api.md).

use imds_core::Machine;
use imds_core::interface::Interface;

use super::filter::Filters;
use super::instance::{self, Moment};
use super::{options, page, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml, time};

const FILTERS: &[&str] = &[
    "architecture",
    "availability-zone",
    "availability-zone-id",
    "block-device-mapping.volume-id",
    "client-token",
    "dns-name",
    "group-id",
    "hypervisor",
    "iam-instance-profile.arn",
    "iam-instance-profile.id",
    "image-id",
    "instance-id",
    "instance-lifecycle",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "instance.group-id",
    "instance.group-name",
    "ip-address",
    "kernel-id",
    "key-name",
    "launch-index",
    "launch-time",
    "metadata-options.http-endpoint",
    "metadata-options.http-protocol-ipv4",
    "metadata-options.http-protocol-ipv6",
    "metadata-options.http-put-response-hop-limit",
    "metadata-options.http-tokens",
    "metadata-options.instance-metadata-tags",
    "metadata-options.state",
    "monitoring-state",
    "network-interface.addresses.private-ip-address",
    "network-interface.group-id",
    "network-interface.network-interface-id",
    "network-interface.private-ip-address",
    "network-interface.subnet-id",
    "network-interface.vpc-id",
    "owner-id",
    "private-dns-name",
    "private-ip-address",
    "ramdisk-id",
    "reservation-id",
    "root-device-name",
    "root-device-type",
    "source-dest-check",
    "subnet-id",
    "tag-key",
    "tag-value",
    "tag:",
    "tenancy",
    "virtualization-type",
    "vpc-id",
];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let ids = params.list("InstanceId");
    let filters = Filters::of(params, FILTERS)?;
    page::check_least(params, 5)?;
    if !ids.is_empty() && params.text("MaxResults").is_some() {
        return Err(Error::new(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        ));
    }
    let found = call.machines(&ids)?.into_iter().map(|found| found.record);
    let passed = found.filter(|machine| filters.pass(|name| filtered(machine, name))).collect();
    let (machines, next) = page::page(params, passed, 1_000, in_order)?;
    let mut xml = Xml::ec2();
    xml.list("reservationSet", reservations(&machines), |xml, machines| {
        instance::write_reservation(xml, &machines, Moment::Later);
    });
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

/// A name that sorts by launch, then by place in it, then by id.
pub(crate) fn in_order(machine: &Machine) -> String {
    let instance = &machine.instance;
    format!(
        "{:020}{:05}{}",
        instance.pending_time.as_nanosecond().max(0),
        instance.ami_launch_index,
        instance.id
    )
}

/// Machines by the launch that made them.
fn reservations(machines: &[Machine]) -> Vec<Vec<&Machine>> {
    let mut places = std::collections::HashMap::new();
    let mut all: Vec<Vec<&Machine>> = Vec::new();
    for machine in machines {
        let place = *places.entry(machine.instance.reservation_id.as_str()).or_insert(all.len());
        match all.get_mut(place) {
            Some(known) => known.push(machine),
            None => all.push(vec![machine]),
        }
    }
    all
}

/// What a machine has under a filter's name.
fn filtered(machine: &Machine, name: &str) -> Vec<String> {
    if let Some(option) = name.strip_prefix("metadata-options.") {
        return vec![option_of(machine, option)];
    }
    let instance = &machine.instance;
    let one = |text: &str| vec![text.to_owned()];
    let some = |text: Option<String>| text.into_iter().collect();
    match name {
        "architecture" => one(&instance.architecture),
        "availability-zone" => one(&instance.placement.availability_zone),
        "availability-zone-id" => one(&instance.placement.availability_zone_id),
        "client-token" => some(machine.client_token.clone()),
        "hypervisor" => one("xen"),
        "iam-instance-profile.arn" => some(machine.profile.as_ref().map(|profile| profile.arn.clone())),
        "iam-instance-profile.id" => some(machine.profile.as_ref().map(|profile| profile.id.clone())),
        "image-id" => one(&instance.ami_id),
        "instance-id" => one(instance.id.as_str()),
        "instance-lifecycle" => some(instance::lifecycle(machine).map(Into::into)),
        "instance-state-code" => some(Some(machine.state.settled().code().to_string())),
        "instance-state-name" => one(machine.state.settled().as_str()),
        "instance-type" => one(&instance.instance_type),
        "kernel-id" => some(instance.kernel_id.clone()),
        "key-name" => instance.public_keys.iter().map(|(name, _)| name.clone()).collect(),
        "launch-index" => one(&instance.ami_launch_index.to_string()),
        "launch-time" => one(&time(instance.pending_time)),
        "monitoring-state" => one(instance.monitoring.as_str()),
        "owner-id" => one(instance.account_id.as_str()),
        "ramdisk-id" => some(instance.ramdisk_id.clone()),
        "reservation-id" => one(&instance.reservation_id),
        "root-device-name" => one(instance::root_device(machine)),
        "root-device-type" => one("ebs"),
        "tenancy" => one("default"),
        "virtualization-type" => one("hvm"),
        // Of what is gone, that is all.
        name if machine.state.is_terminated() => tags::filtered(&instance.tags, name),
        name => placed(machine, name),
    }
}

/// What a machine that is not terminated has besides: its place in the network, its volume.
fn placed(machine: &Machine, name: &str) -> Vec<String> {
    let instance = &machine.instance;
    if let Some(name) = name.strip_prefix("network-interface.") {
        return instance.interfaces.iter().flat_map(|interface| of_interface(interface, name)).collect();
    }
    let one = |text: &str| vec![text.to_owned()];
    let some = |text: Option<String>| text.into_iter().collect();
    match name {
        "block-device-mapping.volume-id" => vec![instance::root_volume(machine)],
        "dns-name" => some(instance.primary().public_hostname.clone()),
        "group-id" | "instance.group-id" => instance.primary().security_group_ids.clone(),
        "instance.group-name" => instance.primary().security_groups.clone(),
        "ip-address" => some(instance.public_ipv4().map(|address| address.to_string())),
        "private-dns-name" => one(&instance.primary().local_hostname),
        "private-ip-address" => some(instance.local_ipv4().map(|address| address.to_string())),
        "source-dest-check" => one(&machine.is_source_checked.to_string()),
        "subnet-id" => one(&instance.primary().subnet_id),
        "vpc-id" => one(&instance.primary().vpc_id),
        name => tags::filtered(&instance.tags, name),
    }
}

fn of_interface(interface: &Interface, name: &str) -> Vec<String> {
    let addresses = interface.local_ipv4s.iter().map(ToString::to_string);
    match name {
        "addresses.private-ip-address" => addresses.collect(),
        "group-id" => interface.security_group_ids.clone(),
        "private-ip-address" => addresses.take(1).collect(),
        "subnet-id" => vec![interface.subnet_id.clone()],
        "vpc-id" => vec![interface.vpc_id.clone()],
        _ => vec![interface.interface_id.clone()],
    }
}

fn option_of(machine: &Machine, name: &str) -> String {
    let of = &machine.instance.options;
    match name {
        // There is no option for IPv4: it answers as long as the service does [assumed].
        "http-endpoint" | "http-protocol-ipv4" => of.http_endpoint.to_string(),
        "http-protocol-ipv6" => of.http_protocol_ipv6.to_string(),
        "http-put-response-hop-limit" => of.http_put_response_hop_limit.hops().to_string(),
        "http-tokens" => of.http_tokens.to_string(),
        "instance-metadata-tags" => of.instance_metadata_tags.to_string(),
        _ => options::state(machine).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, keep_profile, signed, text};

    const DESCRIBE: &str = "Action=DescribeInstances";

    #[tokio::test]
    async fn an_instance_has_every_member_that_clients_dereference() {
        let door = door();
        keep_machine(&door);
        let (status, document) = ec2(&door, DESCRIBE).await;
        assert_eq!(status, StatusCode::OK);
        for part in [
            "<reservationSet><item><reservationId>r-",
            "<ownerId>123456789012</ownerId><groupSet/><instancesSet><item><instanceId>i-12345678901234567</instanceId>\
             <imageId>ami-0abcdef1234567890</imageId><instanceState><code>16</code><name>running</name></instanceState>\
             <privateDnsName>ip-172-31-16-10.ec2.internal</privateDnsName><dnsName></dnsName>",
            "<amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>t3.micro</instanceType>\
             <launchTime>2026-11-24T12:00:00.000Z</launchTime><placement><availabilityZone>us-east-1a</availabilityZone>\
             <groupName></groupName><tenancy>default</tenancy></placement><monitoring><state>disabled</state></monitoring>\
             <subnetId>subnet-",
            "<privateIpAddress>172.31.16.10</privateIpAddress><sourceDestCheck>true</sourceDestCheck><groupSet><item>\
             <groupId>sg-",
            "<architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>\
             <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-",
            "<virtualizationType>hvm</virtualizationType><clientToken></clientToken><tagSet></tagSet>\
             <hypervisor>xen</hypervisor><networkInterfaceSet><item><networkInterfaceId>eni-",
            "<attachment><attachmentId>eni-attach-",
            "<ebsOptimized>false</ebsOptimized>",
            "<metadataOptions><state>applied</state><httpTokens>optional</httpTokens>\
             <httpPutResponseHopLimit>1</httpPutResponseHopLimit><httpEndpoint>enabled</httpEndpoint>\
             <httpProtocolIpv6>disabled</httpProtocolIpv6><instanceMetadataTags>disabled</instanceMetadataTags>\
             </metadataOptions>",
        ] {
            assert!(document.contains(part), "{part}\n{document}");
        }
        let (_, elsewhere) =
            signed(&door, "eu-west-1", "ec2", &format!("{DESCRIBE}&Version=2016-11-15")).await;
        assert!(elsewhere.contains("<reservationSet></reservationSet>"), "{elsewhere}");
    }

    #[tokio::test]
    async fn what_is_named_twice_is_shown_once() {
        let door = door();
        keep_machine(&door);
        let twice = "InstanceId.1=i-12345678901234567&InstanceId.2=i-12345678901234567";
        let (_, document) = ec2(&door, &format!("{DESCRIBE}&{twice}")).await;
        assert_eq!(document.matches("<instanceId>").count(), 1);
        let (_, document) = ec2(&door, &format!("{DESCRIBE}&{}", twice.replace("i-1", "i-2"))).await;
        assert_eq!(text(&document, "Message"), Some("The instance ID 'i-22345678901234567' does not exist"));
    }

    #[tokio::test]
    async fn filters_choose() {
        let door = door();
        let (machine, _) = (keep_machine(&door), keep_profile(&door, "web"));
        let id = machine.instance.id.as_str();
        let (volume, group) =
            (machine.instance.part_id("vol"), &machine.instance.primary().security_group_ids[0]);
        ec2(&door, &format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=Name&Tag.1.Value=web")).await;
        let associate = "Action=AssociateIamInstanceProfile&IamInstanceProfile.Name=web";
        ec2(&door, &format!("{associate}&InstanceId={id}")).await;
        for (name, value, is_there) in [
            ("metadata-options.http-tokens", "optional", true),
            ("metadata-options.http-tokens", "required", false),
            ("metadata-options.http-endpoint", "enabled", true),
            ("metadata-options.http-protocol-ipv4", "enabled", true),
            ("metadata-options.http-protocol-ipv6", "enabled", false),
            ("metadata-options.http-put-response-hop-limit", "1", true),
            ("metadata-options.instance-metadata-tags", "disabled", true),
            ("metadata-options.state", "applied", true),
            ("instance-state-name", "run*", true),
            ("instance-state-name", "bogus", false),
            ("instance-state-code", "16", true),
            ("instance-id", "i-12345678901234567", true),
            ("image-id", "ami-0abcdef1234567890", true),
            ("instance-type", "t?.micro", true),
            ("private-ip-address", "172.31.16.10", true),
            ("vpc-id", "vpc-*", true),
            ("subnet-id", "subnet-0", false),
            ("tag-key", "Name", true),
            ("tag-key", "web", false),
            ("tag-value", "web", true),
            ("tag:Name", "w*", true),
            ("tag:Name", "db", false),
            ("tag:Other", "*", false),
            ("launch-time", "2026-11-24T12:00:00.000Z", true),
            ("launch-time", "2026-11-24T12:00:00Z", false),
            ("launch-index", "0", true),
            ("availability-zone-id", "use1-az*", true),
            ("group-id", group, true),
            ("instance.group-id", group, true),
            ("network-interface.group-id", group, true),
            ("tenancy", "default", true),
            ("monitoring-state", "disabled", true),
            ("virtualization-type", "hvm", true),
            ("hypervisor", "xen", true),
            ("root-device-type", "ebs", true),
            ("root-device-name", "/dev/xvda", true),
            ("architecture", "x86_64", true),
            ("network-interface.private-ip-address", "172.31.16.10", true),
            ("network-interface.addresses.private-ip-address", "172.31.16.10", true),
            ("network-interface.subnet-id", "subnet-*", true),
            ("network-interface.vpc-id", "vpc-*", true),
            ("network-interface.network-interface-id", "eni-*", true),
            ("block-device-mapping.volume-id", &volume, true),
            ("iam-instance-profile.arn", "*:instance-profile/web", true),
            ("iam-instance-profile.id", "AIPA*", true),
            ("source-dest-check", "true", true),
            ("owner-id", "123456789012", true),
            ("reservation-id", "r-*", true),
            ("private-dns-name", "ip-172-31-16-10.ec2.internal", true),
            ("dns-name", "*", false),
            ("key-name", "*", false),
            ("client-token", "*", false),
            ("instance-lifecycle", "*", false),
            ("kernel-id", "*", false),
            ("ramdisk-id", "*", false),
        ] {
            let form = format!("{DESCRIBE}&Filter.1.Name={name}&Filter.1.Value.1={value}");
            let (status, document) = ec2(&door, &form).await;
            assert_eq!(status, StatusCode::OK, "{document}");
            assert_eq!(document.contains("<instanceId>"), is_there, "{name}={value}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused_in_aws_words() {
        let door = door();
        keep_machine(&door);
        for (form, code, message) in [
            ("InstanceId.1=x", "InvalidInstanceID.Malformed", "Invalid id: &quot;x&quot;"),
            (
                "InstanceId.1=i-0000000000000dead",
                "InvalidInstanceID.NotFound",
                "The instance ID 'i-0000000000000dead' does not exist",
            ),
            (
                "InstanceId.1=i-00000001&InstanceId.2=i-12345678901234567&InstanceId.3=i-00000002",
                "InvalidInstanceID.NotFound",
                "The instance IDs 'i-00000001, i-00000002' do not exist",
            ),
            ("Filter.1.Name=x&Filter.1.Value.1=y", "InvalidParameterValue", "The filter 'x' is invalid"),
            ("NextToken=%21", "InvalidNextToken", "The token '!' is invalid"),
        ] {
            let (status, document) = ec2(&door, &format!("{DESCRIBE}&{form}")).await;
            assert_eq!(
                (status, text(&document, "Code"), text(&document, "Message")),
                (StatusCode::BAD_REQUEST, Some(code), Some(message)),
                "{form}"
            );
        }
        for (form, code) in [
            ("MaxResults=4", "InvalidParameterValue"),
            ("MaxResults=1001", "InvalidParameterValue"),
            ("MaxResults=x", "InvalidParameterValue"),
            ("MaxResults=5&InstanceId.1=i-12345678901234567", "InvalidParameterCombination"),
        ] {
            let (_, document) = ec2(&door, &format!("{DESCRIBE}&{form}")).await;
            assert_eq!(text(&document, "Code"), Some(code), "{form}");
        }
    }
}
