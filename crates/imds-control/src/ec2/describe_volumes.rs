//! `DescribeVolumes`: every instance has a root volume, which follows from its id; Terraform asks for it.

use imds_core::Machine;

use super::filter::Filters;
use super::resource::is_id;
use super::{instance, page};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const FILTERS: &[&str] = &[
    "attachment.delete-on-termination",
    "attachment.device",
    "attachment.instance-id",
    "attachment.status",
    "availability-zone",
    "encrypted",
    "size",
    "status",
    "tag-key",
    "tag:",
    "volume-id",
    "volume-type",
];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, FILTERS)?;
    page::check_least(params, 5)?;
    let ids = params.list("VolumeId");
    let found = call.machines(&[])?.into_iter().map(|found| found.record);
    // With its instance, a root volume goes.
    let mut volumes: Vec<(String, Machine)> = found
        .filter(|machine| !machine.state.is_terminated())
        .map(|machine| (instance::root_volume(&machine), machine))
        .collect();
    for id in &ids {
        if !is_id("vol", id) {
            return Err(Error::invalid_value(format!(
                "Value ({id}) for parameter volumes is invalid. Expected: 'vol-...'."
            )));
        }
        if !volumes.iter().any(|(volume, _)| volume == id) {
            return Err(Error::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist.")));
        }
    }
    volumes.retain(|(id, machine)| {
        (ids.is_empty() || ids.contains(&id.as_str())) && filters.pass(|name| filtered(id, machine, name))
    });
    let (volumes, next) = page::page(params, volumes, 1_000, |(id, _)| id.clone())?;
    let mut xml = Xml::ec2();
    xml.list("volumeSet", &volumes, |xml, (id, machine)| write(xml, id, machine));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

fn filtered(id: &str, machine: &Machine, name: &str) -> Vec<String> {
    let value = match name {
        "attachment.delete-on-termination" => "true",
        "attachment.device" => instance::root_device(machine),
        "attachment.instance-id" => machine.instance.id.as_str(),
        "attachment.status" => "attached",
        "availability-zone" => &machine.instance.placement.availability_zone,
        "encrypted" => "false",
        "size" => "8",
        "status" => "in-use",
        "volume-id" => id,
        "volume-type" => "gp3",
        // It has no tags.
        _ => return Vec::new(),
    };
    vec![value.to_owned()]
}

fn write(xml: &mut Xml, id: &str, machine: &Machine) {
    let since = machine.instance.pending_time;
    xml.text("volumeId", id)
        .text("size", 8)
        .empty("snapshotId")
        .text("availabilityZone", &machine.instance.placement.availability_zone)
        .text("status", "in-use")
        .time("createTime", since)
        .list("attachmentSet", [machine], |xml, machine| {
            xml.text("volumeId", id)
                .text("instanceId", &machine.instance.id)
                .text("device", instance::root_device(machine))
                .text("status", "attached")
                .time("attachTime", since)
                .text("deleteOnTermination", true);
        })
        .text("volumeType", "gp3")
        .text("iops", 3_000)
        .text("throughput", 125)
        .text("encrypted", false)
        .text("multiAttachEnabled", false);
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, text};

    const DESCRIBE: &str = "Action=DescribeVolumes";

    #[tokio::test]
    async fn the_root_volume_that_an_instance_tells_of_is_there_until_it_is_terminated() {
        let door = door();
        let id = keep_machine(&door).instance.id;
        let (_, instances) = ec2(&door, "Action=DescribeInstances").await;
        let volume = text(&instances, "volumeId").unwrap();
        let (status, document) = ec2(&door, &format!("{DESCRIBE}&VolumeId.1={volume}")).await;
        assert_eq!((status, text(&document, "volumeId")), (StatusCode::OK, Some(volume)));
        assert_eq!(text(&document, "instanceId"), Some(id.as_str()));
        let filter = "Filter.1.Name=attachment.instance-id&Filter.1.Value.1";
        assert!(ec2(&door, &format!("{DESCRIBE}&{filter}={id}")).await.1.contains(volume));
        assert!(!ec2(&door, &format!("{DESCRIBE}&{filter}=i-0")).await.1.contains(volume));
        ec2(&door, &format!("Action=TerminateInstances&InstanceId.1={id}")).await;
        let (_, document) = ec2(&door, &format!("{DESCRIBE}&VolumeId.1={volume}")).await;
        assert_eq!(text(&document, "Code"), Some("InvalidVolume.NotFound"));
        let (_, document) = ec2(&door, &format!("{DESCRIBE}&VolumeId.1=x")).await;
        assert_eq!(text(&document, "Code"), Some("InvalidParameterValue"));
    }
}
