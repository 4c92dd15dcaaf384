//! `DescribeIamInstanceProfileAssociations`: which instance has which profile.

use super::filter::Filters;
use super::{page, profile};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

/// What has come to an end is not shown.
const STATE: &str = "associated";

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, &["instance-id", "state"])?;
    let ids = params.list("AssociationId");
    let mut found = Vec::new();
    for id in &ids {
        found.push(profile::find(call, id)?);
    }
    if ids.is_empty() {
        found = profile::all(call)?;
    }
    found.retain(|(machine, _)| {
        filters.pass(|name| match name {
            "instance-id" => vec![machine.record.instance.id.to_string()],
            _ => vec![STATE.to_owned()],
        })
    });
    let (found, next) = page::page(params, found, 1_000, |(_, profile)| profile.association_id.clone())?;
    let mut xml = Xml::ec2();
    xml.list("iamInstanceProfileAssociationSet", &found, |xml, (machine, profile)| {
        profile::write_association(xml, &machine.record.instance, profile, STATE);
    });
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, keep_profile, text};

    #[tokio::test]
    async fn by_id_and_by_filter() {
        let door = door();
        keep_machine(&door);
        keep_profile(&door, "web");
        let form = "InstanceId=i-12345678901234567&IamInstanceProfile.Name=web";
        let (_, document) = ec2(&door, &format!("Action=AssociateIamInstanceProfile&{form}")).await;
        let id = text(&document, "associationId").unwrap();
        for (form, expected) in [
            ("", Some("associated")),
            (&format!("AssociationId.1={id}"), Some("associated")),
            ("Filter.1.Name=instance-id&Filter.1.Value.1=i-12345678901234567", Some("associated")),
            (
                "Filter.1.Name=state&Filter.1.Value.1=associating&Filter.1.Value.2=associated",
                Some("associated"),
            ),
            ("Filter.1.Name=instance-id&Filter.1.Value.1=i-x", None),
        ] {
            let (status, document) =
                ec2(&door, &format!("Action=DescribeIamInstanceProfileAssociations&{form}")).await;
            assert_eq!((status, text(&document, "state")), (StatusCode::OK, expected), "{form}");
        }
        for (form, code) in [
            ("AssociationId.1=x", "InvalidParameterValue"),
            ("AssociationId.1=iip-assoc-00000000", "InvalidAssociationID.NotFound"),
        ] {
            let (_, document) =
                ec2(&door, &format!("Action=DescribeIamInstanceProfileAssociations&{form}")).await;
            assert_eq!(text(&document, "Code"), Some(code));
        }
    }
}
