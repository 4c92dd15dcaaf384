//! `DescribeVolumes`: every instance has a root volume, which follows from its id; Terraform asks for it.

use imds_core::Machine;

use super::filter::Filters;
use super::{instance, page, tags, volume};
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
    "tag-value",
    "tag:",
    "volume-id",
    "volume-type",
];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, FILTERS)?;
    page::check_least(params, 5)?;
    let ids = params.list("VolumeId");
    let mut volumes = volume::all(call)?;
    for id in &ids {
        volume::check(id)?;
        if !volumes.iter().any(|(volume, _)| volume == id) {
            return Err(volume::unknown(id));
        }
    }
    volumes.retain(|(id, found)| {
        (ids.is_empty() || ids.contains(&id.as_str()))
            && filters.pass(|name| filtered(id, &found.record, name))
    });
    let (volumes, next) = page::page(params, volumes, 1_000, |(id, _)| id.clone())?;
    let mut xml = Xml::ec2();
    xml.list("volumeSet", &volumes, |xml, (id, found)| write(xml, id, &found.record));
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
        name => return tags::filtered(&machine.volume_tags, name),
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
        });
    tags::write(xml, &machine.volume_tags);
    xml.text("volumeType", "gp3")
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
    async fn a_root_volume_has_tags_of_its_own() {
        let door = door();
        let run = "Action=RunInstances&MinCount=1&MaxCount=1&ImageId=ami-0abcdef1234567890&TagSpecification.1.ResourceType=\
                   volume&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=disk";
        let (_, launched) = ec2(&door, run).await;
        let (id, volume) = (text(&launched, "instanceId").unwrap(), text(&launched, "volumeId").unwrap());
        let tags = async |id: &str| {
            let filter = format!("Filter.1.Name=resource-id&Filter.1.Value.1={id}");
            ec2(&door, &format!("Action=DescribeTags&{filter}")).await.1
        };
        assert!(tags(volume).await.contains(
            "<resourceType>volume</resourceType><key>Name</key><value>disk</value></item></tagSet>"
        ));
        assert!(tags(id).await.contains("<tagSet></tagSet>"));
        // Both in one call, though one record holds them.
        let both = format!("ResourceId.1={id}&ResourceId.2={volume}&Tag.1.Key=Env&Tag.1.Value=prod");
        assert_eq!(ec2(&door, &format!("Action=CreateTags&{both}")).await.0, StatusCode::OK);
        let (_, described) = ec2(&door, &format!("{DESCRIBE}&VolumeId.1={volume}")).await;
        assert_eq!(
            text(&described, "tagSet"),
            Some(
                "<item><key>Env</key><value>prod</value></item><item><key>Name</key><value>disk</value></item>"
            )
        );
        assert_eq!(tags(id).await.matches("<key>Env</key>").count(), 1);
        for (filter, is_there) in
            [("tag%3AName", true), ("tag%3AOther", false), ("tag-key", false), ("tag-value", true)]
        {
            let form = format!("{DESCRIBE}&Filter.1.Name={filter}&Filter.1.Value.1=d*");
            assert_eq!(ec2(&door, &form).await.1.contains(volume), is_there, "{filter}");
        }
        let delete = format!("Action=DeleteTags&ResourceId.1={volume}&ResourceId.2={id}&Tag.1.Key=Env");
        assert_eq!(ec2(&door, &delete).await.0, StatusCode::OK);
        assert_eq!(tags(volume).await.matches("<key>").count(), 1);
        assert_eq!(tags(id).await.matches("<key>").count(), 0);
    }

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
