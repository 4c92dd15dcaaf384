//! `BlockDeviceMapping.N` and `NetworkInterface.N` of a launch template: of what is modelled nowhere else, what was said
//! is kept by its names, and told again.

use std::collections::BTreeMap;

use crate::query::{Params, Xml};

/// Members of a block device.
const BLOCK_DEVICE: &[&str] = &[
    "DeviceName",
    "Ebs.DeleteOnTermination",
    "Ebs.Encrypted",
    "Ebs.Iops",
    "Ebs.KmsKeyId",
    "Ebs.SnapshotId",
    "Ebs.Throughput",
    "Ebs.VolumeSize",
    "Ebs.VolumeType",
    "NoDevice",
    "VirtualName",
];

/// Members of a network interface, besides its security groups.
const INTERFACE: &[&str] =
    &["AssociatePublicIpAddress", "DeleteOnTermination", "Description", "DeviceIndex", "SubnetId"];

/// What is said of a device: members as they are named, and what each is.
pub(super) type Members = BTreeMap<String, String>;

/// The block devices.
pub(super) fn block_devices(params: &Params) -> Vec<Members> {
    let read = |device: Params| {
        let mut members = read(&device, BLOCK_DEVICE);
        // Empty, it says that there is no such device.
        members.extend(device.get("NoDevice").map(|text| ("NoDevice".to_owned(), text.to_owned())));
        members
    };
    params.each("BlockDeviceMapping").into_iter().map(read).filter(|members| !members.is_empty()).collect()
}

/// The network interfaces.
pub(super) fn interfaces(params: &Params) -> Vec<Members> {
    let read = |interface: Params| {
        let mut members = read(&interface, INTERFACE);
        for (number, id) in (1..).zip(interface.list("SecurityGroupId")) {
            members.insert(format!("SecurityGroupId.{number}"), id.to_owned());
        }
        members
    };
    params.each("NetworkInterface").into_iter().map(read).filter(|members| !members.is_empty()).collect()
}

fn read(params: &Params, known: &[&str]) -> Members {
    let text = |name: &&str| params.text(name).map(|text| ((*name).to_owned(), text.to_owned()));
    known.iter().filter_map(text).collect()
}

/// `<blockDeviceMappingSet>` or `<networkInterfaceSet>`, if there is anything in it.
pub(super) fn write(xml: &mut Xml, name: &str, devices: &[Members]) {
    if !devices.is_empty() {
        xml.list(name, devices, write_members);
    }
}

fn write_members(xml: &mut Xml, members: &Members) {
    let (mut volume, mut groups) = (Vec::new(), Vec::new());
    for (name, text) in members {
        match name.split_once('.') {
            None => {
                xml.text(&element(name), text);
            }
            Some(("Ebs", name)) => volume.push((element(name), text)),
            Some((_, number)) => groups.push((number.parse::<u32>().unwrap_or_default(), text)),
        }
    }
    if !volume.is_empty() {
        xml.within("ebs", |xml| {
            for (name, text) in volume {
                xml.text(&name, text);
            }
        });
    }
    if !groups.is_empty() {
        groups.sort_unstable();
        xml.within("groupSet", |xml| {
            for (_, id) in groups {
                xml.text("groupId", id);
            }
        });
    }
}

/// The element of a parameter: `volumeSize` of `VolumeSize`.
fn element(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_said_is_told() {
        let params = Params::parse(
            b"BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.VolumeSize=20\
              &BlockDeviceMapping.1.Ebs.VolumeType=gp3&BlockDeviceMapping.1.Ebs.KmsKeyId=\
              &BlockDeviceMapping.2.DeviceName=/dev/xvdb&BlockDeviceMapping.2.NoDevice=\
              &NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.AssociatePublicIpAddress=true\
              &NetworkInterface.1.SubnetId=&NetworkInterface.1.SecurityGroupId.1=sg-1\
              &NetworkInterface.1.SecurityGroupId.2=sg-2&NetworkInterface.2.Unknown=1",
        )
        .unwrap();
        let mut xml = Xml::ec2();
        write(&mut xml, "blockDeviceMappingSet", &block_devices(&params));
        write(&mut xml, "networkInterfaceSet", &interfaces(&params));
        assert_eq!(
            xml.as_str(),
            "<blockDeviceMappingSet><item><deviceName>/dev/xvda</deviceName><ebs><volumeSize>20</volumeSize>\
             <volumeType>gp3</volumeType></ebs></item><item><deviceName>/dev/xvdb</deviceName><noDevice></noDevice></item>\
             </blockDeviceMappingSet><networkInterfaceSet><item>\
             <associatePublicIpAddress>true</associatePublicIpAddress><deviceIndex>0</deviceIndex><groupSet>\
             <groupId>sg-1</groupId><groupId>sg-2</groupId></groupSet></item></networkInterfaceSet>"
        );
        let many: String =
            (1..=12).map(|n| format!("&NetworkInterface.1.SecurityGroupId.{n}=sg-{n}")).collect();
        let mut xml = Xml::ec2();
        write(&mut xml, "networkInterfaceSet", &interfaces(&Params::parse(many.as_bytes()).unwrap()));
        let (two, ten) = (xml.as_str().find("sg-2<"), xml.as_str().find("sg-10<"));
        assert!(two.is_some() && two < ten, "in the order of numbers");
    }
}
