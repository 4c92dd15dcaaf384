//! `DescribeImageAttribute`: one thing about an image, `imdsSupport` above all.

use super::image;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

/// Attributes that no image of ours has.
const ABSENT: &[&str] = &["bootMode", "kernel", "productCodes", "ramdisk", "tpmSupport", "uefiData"];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let attribute = params.need("Attribute")?;
    let known = image::find(call, params.need("ImageId")?)?.image;
    let mut xml = Xml::ec2();
    xml.text("imageId", &known.id);
    match attribute {
        "imdsSupport" => value(&mut xml, attribute, known.has_imds_v2.then_some("v2.0")),
        "description" => {
            let text = Some(known.description.as_str()).filter(|text| !text.is_empty());
            value(&mut xml, attribute, text);
        }
        "sriovNetSupport" => value(&mut xml, attribute, Some("simple")),
        "launchPermission" => {
            xml.list(attribute, image::owner_alias(&known), |xml, _| {
                xml.text("group", "all");
            });
        }
        absent if ABSENT.contains(&absent) => value(&mut xml, absent, None),
        other => {
            return Err(Error::invalid_value(format!(
                "Value ( {other} ) for parameter attribute is invalid."
            )));
        }
    }
    Ok(Outcome::told(xml))
}

fn value(xml: &mut Xml, attribute: &str, value: Option<&str>) {
    match value {
        Some(value) => xml.within(attribute, |xml| {
            xml.text("value", value);
        }),
        None => xml.empty(attribute),
    };
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    #[tokio::test]
    async fn imds_support_has_a_value_where_it_is_set() {
        let door = door();
        let describe = "Action=DescribeImageAttribute&Attribute=";
        for (form, expected) in [
            ("imdsSupport&ImageId=ami-0abcdef1234562023", "<imdsSupport><value>v2.0</value></imdsSupport>"),
            ("imdsSupport&ImageId=ami-0abcdef1234567890", "<imdsSupport/>"),
            ("bootMode&ImageId=ami-0abcdef1234567890", "<bootMode/>"),
            (
                "launchPermission&ImageId=ami-0abcdef1234567890",
                "<launchPermission><item><group>all</group></item></launchPermission>",
            ),
        ] {
            let (status, document) = ec2(&door, &format!("{describe}{form}")).await;
            assert!(status == StatusCode::OK && document.contains(expected), "{document}");
        }
        for (form, code) in [
            ("bogus&ImageId=ami-0abcdef1234567890", "InvalidParameterValue"),
            ("imdsSupport", "MissingParameter"),
            ("imdsSupport&ImageId=ami-00000000", "InvalidAMIID.NotFound"),
        ] {
            let (status, document) = ec2(&door, &format!("{describe}{form}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
