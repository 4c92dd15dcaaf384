//! `DisassociateIamInstanceProfile`: takes an instance's profile away.

use imds_store::record::Batch;

use super::profile;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let (found, profile) = profile::find(call, params.need("AssociationId")?)?;
    let instance = &found.record.instance;
    let mut batch = Batch::default();
    batch.replace(instance.id.as_str(), &found, &profile::changed(call, &found.record, None));
    let mut xml = Xml::ec2();
    xml.within("iamInstanceProfileAssociation", |xml| {
        profile::write_association(xml, instance, &profile, "disassociating");
    });
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, keep_profile, text};

    #[tokio::test]
    async fn an_instance_without_a_profile_can_get_one_again() {
        let door = door();
        keep_machine(&door);
        keep_profile(&door, "web");
        for _ in 0..2 {
            let form = "InstanceId=i-12345678901234567&IamInstanceProfile.Name=web";
            let (status, document) = ec2(&door, &format!("Action=AssociateIamInstanceProfile&{form}")).await;
            assert_eq!(status, StatusCode::OK, "{document}");
            let id = text(&document, "associationId").unwrap();
            let form = format!("Action=DisassociateIamInstanceProfile&AssociationId={id}");
            assert_eq!(text(&ec2(&door, &form).await.1, "state"), Some("disassociating"));
            let (_, document) = ec2(&door, &form).await;
            assert_eq!(text(&document, "Code"), Some("InvalidAssociationID.NotFound"));
        }
    }
}
