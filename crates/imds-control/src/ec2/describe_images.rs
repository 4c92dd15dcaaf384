//! `DescribeImages`: which images there are, and which of them ask for IMDSv2 (`imdsSupport`).

use imds_store::record::Image;

use super::filter::Filters;
use super::{image, page, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml, time};

const FILTERS: &[&str] = &[
    "architecture",
    "creation-date",
    "description",
    "ena-support",
    "hypervisor",
    "image-id",
    "image-type",
    "imds-support",
    "is-public",
    "name",
    "owner-alias",
    "owner-id",
    "platform",
    "root-device-name",
    "root-device-type",
    "state",
    "tag:",
    "tag-key",
    "virtualization-type",
];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let mut images = chosen(call, &params.list("ImageId"))?;
    let owners = params.list("Owner");
    let filters = Filters::of(params, FILTERS)?;
    images.retain(|image| {
        let is_owner = |owner: &&str| match *owner {
            "self" => image.owner == call.account.as_str(),
            owner => owner == image::owner(image) || Some(owner) == image::owner_alias(image),
        };
        (owners.is_empty() || owners.iter().any(is_owner)) && filters.pass(|name| filtered(image, name))
    });
    let (images, next) = page::page(params, images, 1_000, |image| image.id.clone())?;
    let mut xml = Xml::ec2();
    xml.list("imagesSet", &images, image::write);
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

/// The images with these ids, or all.
fn chosen(call: &Call<'_>, ids: &[&str]) -> Result<Vec<Image>, Error> {
    if ids.is_empty() {
        return Ok(image::all(call)?.into_iter().map(|known| known.image).collect());
    }
    let (mut images, mut unknown) = (Vec::new(), Vec::new());
    for id in ids {
        match image::find(call, id) {
            Ok(known) => images.push(known.image),
            Err(error) if error.code == "InvalidAMIID.NotFound" => unknown.push(*id),
            Err(error) => return Err(error),
        }
    }
    if unknown.is_empty() { Ok(images) } else { Err(image::unknown(&unknown)) }
}

fn filtered(image: &Image, name: &str) -> Vec<String> {
    let value = match name {
        "architecture" => &image.architecture,
        "creation-date" => return vec![time(image.created)],
        "description" => &image.description,
        "hypervisor" => "xen",
        "image-id" => &image.id,
        "image-type" => "machine",
        "imds-support" if image.has_imds_v2 => "v2.0",
        "is-public" => return vec![image::owner_alias(image).is_some().to_string()],
        "ena-support" => "true",
        "name" => &image.name,
        "owner-alias" => return image::owner_alias(image).map(str::to_owned).into_iter().collect(),
        "owner-id" => image::owner(image),
        "root-device-name" => &image.root_device_name,
        "root-device-type" => "ebs",
        "state" => "available",
        "virtualization-type" => "hvm",
        name => return tags::filtered(&image.tags, name),
    };
    vec![value.to_owned()]
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    async fn ids(form: &str) -> usize {
        let door = door();
        let (_, document) = ec2(&door, "Action=RegisterImage&Name=mine&TagSpecification.1.ResourceType=image&TagSpecification.1.Tag.1.Key=Name\
                    &TagSpecification.1.Tag.1.Value=golden").await;
        assert!(text(&document, "imageId").is_some(), "{document}");
        let (status, document) = ec2(&door, &format!("Action=DescribeImages&{form}")).await;
        assert_eq!(status, StatusCode::OK, "{form} {document}");
        document.matches("<imageId>").count()
    }

    #[tokio::test]
    async fn by_id_by_owner_and_by_filter() {
        for (form, expected) in [
            ("", 5),
            ("Owner.1=amazon", 4),
            ("Owner.1=self", 1),
            ("Owner.1=137112412989&Owner.2=123456789012", 5),
            ("Owner.1=aws-marketplace", 0),
            ("ImageId.1=ami-0abcdef1234567890", 1),
            ("ImageId.1=ami-0abcdef1234567890&ImageId.2=ami-0abcdef1234567890", 1),
            ("ImageId.1=ami-0abcdef1234567890&Owner.1=self", 0),
            ("Filter.1.Name=creation-date&Filter.1.Value.1=2026-10-01T00:00:00.000Z", 4),
            ("Filter.1.Name=name&Filter.1.Value.1=al2023-ami-*-x86_64", 1),
            ("Filter.1.Name=architecture&Filter.1.Value.1=arm64", 2),
            ("Filter.1.Name=imds-support&Filter.1.Value.1=v2.0", 2),
            ("Filter.1.Name=owner-alias&Filter.1.Value.1=amazon", 4),
            ("Filter.1.Name=is-public&Filter.1.Value.1=false", 1),
            (
                "Filter.1.Name=state&Filter.1.Value.1=available&Filter.2.Name=image-type&Filter.2.Value.1=machine",
                5,
            ),
            ("Filter.1.Name=root-device-type&Filter.1.Value.1=instance-store", 0),
            ("Filter.1.Name=virtualization-type&Filter.1.Value.1=hvm&ExecutableBy.1=all", 5),
            ("Filter.1.Name=tag%3AName&Filter.1.Value.1=x", 0),
            ("Filter.1.Name=tag%3AName&Filter.1.Value.1=gold*", 1),
            ("Filter.1.Name=tag-key&Filter.1.Value.1=Name", 1),
            ("MaxResults=2", 2),
        ] {
            assert_eq!(ids(form).await, expected, "{form}");
        }
    }

    #[tokio::test]
    async fn imds_support_is_told_only_where_it_is_set() {
        let door = door();
        for (id, expected) in [("ami-0abcdef1234567890", None), ("ami-0abcdef1234562023", Some("v2.0"))] {
            let (_, document) = ec2(&door, &format!("Action=DescribeImages&ImageId.1={id}")).await;
            assert_eq!(text(&document, "imdsSupport"), expected, "{document}");
        }
    }

    #[tokio::test]
    async fn what_is_unknown_is_refused() {
        let door = door();
        for (form, code, message) in [
            // As the AWS CLI sent it.
            (
                "ImageId.1=ami-00000000000000000",
                "InvalidAMIID.NotFound",
                "The image id '[ami-00000000000000000]' does not exist",
            ),
            (
                "ImageId.1=ami-00000000&ImageId.2=ami-00000001",
                "InvalidAMIID.NotFound",
                "The image ids '[ami-00000000, ami-00000001]' do not exist",
            ),
            ("ImageId.1=bogus", "InvalidAMIID.Malformed", "Invalid id: &quot;bogus&quot;"),
            ("Filter.1.Name=x&Filter.1.Value.1=y", "InvalidParameterValue", "The filter 'x' is invalid"),
        ] {
            let (status, document) = ec2(&door, &format!("Action=DescribeImages&{form}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
            assert_eq!(text(&document, "Message"), Some(message));
        }
    }
}
