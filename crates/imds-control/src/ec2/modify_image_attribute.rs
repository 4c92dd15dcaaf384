//! `ModifyImageAttribute`: lets an image ask for IMDSv2, or describes it. On AWS only its owner may; here the images that
//! are there from the start may be changed too.

use imds_store::record::Batch;

use super::image;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let known = image::find(call, params.need("ImageId")?)?;
    // `ImdsSupport.Value=v2.0`, or in the older way `Attribute=imdsSupport` with `Value=v2.0`.
    let value = |structure: &str, attribute: &str| {
        let named = params.text("Attribute").filter(|name| *name == attribute).and(params.get("Value"));
        params.get(structure).or(named)
    };
    let support = value("ImdsSupport.Value", "imdsSupport");
    let description = value("Description.Value", "description");
    if support.is_none() && description.is_none() {
        // The code is [assumed].
        return Err(Error::new("InvalidParameterCombination", "No attributes specified."));
    }
    let mut changed = known.image.clone();
    if let Some(support) = support {
        changed.has_imds_v2 = image::imds_v2(support)?;
    }
    if let Some(description) = description {
        changed.description = description.to_owned();
    }
    let mut batch = Batch::default();
    if changed != known.image {
        known.replace(&changed, &mut batch);
    }
    Ok(Outcome::done(batch))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    const MODIFY: &str = "Action=ModifyImageAttribute&ImageId=ami-0abcdef1234567890";

    #[tokio::test]
    async fn imds_support_is_set_and_not_taken_back() {
        let door = door();
        for form in
            ["ImdsSupport.Value=v2.0", "Attribute=imdsSupport&Value=v2.0", "Description.Value=with+IMDSv2"]
        {
            let (status, document) = ec2(&door, &format!("{MODIFY}&{form}")).await;
            assert_eq!((status, text(&document, "return")), (StatusCode::OK, Some("true")), "{form}");
            let (_, document) = ec2(&door, "Action=DescribeImages&ImageId.1=ami-0abcdef1234567890").await;
            assert_eq!(text(&document, "imdsSupport"), Some("v2.0"), "{form}");
        }
        let (_, document) = ec2(&door, "Action=DescribeImages").await;
        assert_eq!(document.matches("<imageId>ami-0abcdef1234567890</imageId>").count(), 1);
        assert!(document.contains("<description>with IMDSv2</description>"));
        for (form, code) in [
            (format!("{MODIFY}&ImdsSupport.Value="), "InvalidParameterValue"),
            (format!("{MODIFY}&ImdsSupport.Value=v1.0"), "InvalidParameterValue"),
            (MODIFY.to_owned(), "InvalidParameterCombination"),
            ("Action=ModifyImageAttribute&ImdsSupport.Value=v2.0".to_owned(), "MissingParameter"),
            // As the AWS CLI sends it, for an image that is not here.
            (
                "Action=ModifyImageAttribute&ImageId=ami-03cf127a&ImdsSupport.Value=v2.0".to_owned(),
                "InvalidAMIID.NotFound",
            ),
        ] {
            let (status, document) = ec2(&door, &form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
