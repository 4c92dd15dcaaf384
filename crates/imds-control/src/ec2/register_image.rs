//! `RegisterImage`: an image of one's own, with or without `ImdsSupport`.

use imds_store::record::{Batch, Image};

use super::{image, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = params.need("Name")?;
    check_name(name)?;
    // EC2's own default is i386; what is launched here without a type is not.
    let architecture = params.text("Architecture").unwrap_or("x86_64");
    if !matches!(architecture, "i386" | "x86_64" | "arm64") {
        return Err(Error::invalid_value(format!(
            "Invalid value '{architecture}' for Architecture. It must be i386, x86_64 or arm64."
        )));
    }
    let is_taken =
        |known: &image::Known| known.image.name == name && known.image.owner == call.account.as_str();
    if let Some(other) = image::all(call)?.into_iter().find(is_taken) {
        return Err(Error::new(
            "InvalidAMIName.Duplicate",
            format!("AMI name {name} is already in use by AMI {}", other.image.id),
        ));
    }
    let new = Image {
        id: call.new_id("ami")?,
        name: name.to_owned(),
        description: params.get("Description").unwrap_or_default().to_owned(),
        architecture: architecture.to_owned(),
        owner: call.account.to_string(),
        region: Some(call.region.to_owned()),
        has_imds_v2: params.text("ImdsSupport").map(image::imds_v2).transpose()?.unwrap_or_default(),
        created: call.now,
        root_device_name: params.text("RootDeviceName").unwrap_or("/dev/sda1").to_owned(),
        tags: tags::specified(params, "image")?,
    };
    let mut batch = Batch::default();
    batch.create(&new.id, &new);
    let mut xml = Xml::ec2();
    xml.text("imageId", &new.id);
    Ok(Outcome { batch, body: xml })
}

/// 3 to 128 characters: letters, digits and `( ) [ ] space . / - ' @ _` (EC2 API Reference, `RegisterImage`).
fn check_name(name: &str) -> Result<(), Error> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c);
    if (3..=128).contains(&name.len()) && name.chars().all(is_fit) {
        return Ok(());
    }
    Err(Error::new(
        "InvalidAMIName.Malformed",
        "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' \
         and '_'",
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, signed, text};

    #[tokio::test]
    async fn an_image_is_registered_once_by_its_name() {
        let door = door();
        let form = "Action=RegisterImage&Name=golden+image&ImdsSupport=v2.0&Architecture=arm64\
                    &TagSpecification.1.ResourceType=image&TagSpecification.1.Tag.1.Key=a";
        let (status, document) = ec2(&door, form).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        let id = text(&document, "imageId").unwrap().to_owned();
        let (_, described) = ec2(&door, &format!("Action=DescribeImages&ImageId.1={id}")).await;
        for (element, expected) in [
            ("imdsSupport", "v2.0"),
            ("architecture", "arm64"),
            ("imageOwnerId", "123456789012"),
            ("isPublic", "false"),
            ("tagSet", "<item><key>a</key><value></value></item>"),
        ] {
            assert_eq!(text(&described, element), Some(expected));
        }
        let elsewhere = async |form: &str| {
            signed(&door, "eu-west-1", "ec2", &format!("{form}&Version=2016-11-15")).await.1
        };
        let describe = format!("Action=DescribeImages&ImageId.1={id}");
        assert_eq!(text(&elsewhere(&describe).await, "Code"), Some("InvalidAMIID.NotFound"));
        let other = elsewhere(form).await;
        assert_ne!(text(&other, "imageId").expect("a name is taken in one region only"), id);
        let own = "Action=DescribeImages&Owner.1=self";
        assert_eq!(elsewhere(own).await.matches("<imageId>").count(), 1);
        assert_eq!(elsewhere("Action=DescribeImages").await.matches("<imageId>").count(), 5);
        for (form, code) in [
            (form, "InvalidAMIName.Duplicate"),
            ("Action=RegisterImage", "MissingParameter"),
            ("Action=RegisterImage&Name=x", "InvalidAMIName.Malformed"),
            ("Action=RegisterImage&Name=abc&Architecture=vax", "InvalidParameterValue"),
            ("Action=RegisterImage&Name=abc&ImdsSupport=v1.0", "InvalidParameterValue"),
        ] {
            let (status, document) = ec2(&door, form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
