//! `ReplaceIamInstanceProfileAssociation`: gives an instance another profile; the association is a new one.

use imds_store::record::Batch;

use super::profile;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let (found, _) = profile::find(call, params.need("AssociationId")?)?;
    let chosen = profile::needed(call, params)?;
    let profile = chosen.associate(call)?;
    let instance = &found.record.instance;
    let mut batch = Batch::default();
    chosen.expect(&mut batch);
    let changed = profile::changed(call, &found.record, Some(profile.clone()));
    batch.replace(instance.id.as_str(), &found, &changed);
    let mut xml = Xml::ec2();
    xml.within("iamInstanceProfileAssociation", |xml| {
        profile::write_association(xml, instance, &profile, "associating");
    });
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, iam, keep_machine, keep_profile, text};

    #[tokio::test]
    async fn the_old_association_is_gone() {
        let door = door();
        keep_machine(&door);
        keep_profile(&door, "web");
        iam(&door, "Action=CreateInstanceProfile&InstanceProfileName=db&Path=/team/").await;
        let form = "InstanceId=i-12345678901234567&IamInstanceProfile.Name=web";
        let (_, document) = ec2(&door, &format!("Action=AssociateIamInstanceProfile&{form}")).await;
        let old = text(&document, "associationId").unwrap();
        let replace = format!("Action=ReplaceIamInstanceProfileAssociation&AssociationId={old}");
        let arn = "arn:aws:iam::123456789012:instance-profile/team/db";
        let (_, document) = ec2(&door, &replace).await;
        assert_eq!(text(&document, "Code"), Some("MissingParameter"));
        let (status, document) = ec2(&door, &format!("{replace}&IamInstanceProfile.Arn={arn}")).await;
        assert_eq!((status, text(&document, "arn")), (StatusCode::OK, Some(arn)));
        assert_ne!(text(&document, "associationId"), Some(old));
        let (_, document) = ec2(&door, &format!("{replace}&IamInstanceProfile.Arn={arn}")).await;
        assert_eq!(text(&document, "Code"), Some("InvalidAssociationID.NotFound"));
        let (_, document) = ec2(&door, "Action=ReplaceIamInstanceProfileAssociation").await;
        assert_eq!(text(&document, "Code"), Some("MissingParameter"));
    }
}
