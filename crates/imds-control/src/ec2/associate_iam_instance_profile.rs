//! `AssociateIamInstanceProfile`: gives an instance a profile, if it has none.

use imds_store::record::Batch;

use super::{profile, transition};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let id = params.need("InstanceId")?;
    let found = call.machine(id)?;
    let chosen = profile::needed(call, params)?;
    let machine = &found.record;
    transition::exists(machine)?;
    if machine.profile.is_some() {
        return Err(Error::new(
            "IncorrectState",
            format!("There is an existing association for instance {id}"),
        ));
    }
    let profile = chosen.associate(call)?;
    let mut batch = Batch::default();
    chosen.expect(&mut batch);
    batch.replace(id, &found, &profile::changed(call, machine, Some(profile.clone())));
    let mut xml = Xml::ec2();
    xml.within("iamInstanceProfileAssociation", |xml| {
        profile::write_association(xml, &machine.instance, &profile, "associating");
    });
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, keep_profile, text};

    const ASSOCIATE: &str = "Action=AssociateIamInstanceProfile&InstanceId=i-12345678901234567";

    #[tokio::test]
    async fn an_instance_has_one_profile() {
        let door = door();
        keep_machine(&door);
        keep_profile(&door, "web");
        let web = format!("{ASSOCIATE}&IamInstanceProfile.Name=web");
        let (status, document) = ec2(&door, &web).await;
        assert_eq!((status, text(&document, "state")), (StatusCode::OK, Some("associating")), "{document}");
        assert_eq!(text(&document, "arn"), Some("arn:aws:iam::123456789012:instance-profile/web"));
        assert!(text(&document, "associationId").unwrap().starts_with("iip-assoc-"));
        for (form, code) in [
            (web, "IncorrectState"),
            (ASSOCIATE.to_owned(), "MissingParameter"),
            (format!("{ASSOCIATE}&IamInstanceProfile.Name=a+b"), "InvalidParameterValue"),
            (format!("{ASSOCIATE}&IamInstanceProfile.Arn=web"), "InvalidParameterValue"),
            (
                format!("{ASSOCIATE}&IamInstanceProfile.Name=a&IamInstanceProfile.Arn=b"),
                "InvalidParameterCombination",
            ),
            (
                "Action=AssociateIamInstanceProfile&InstanceId=i-00000000".to_owned(),
                "InvalidInstanceID.NotFound",
            ),
        ] {
            let (status, document) = ec2(&door, &form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
        ec2(&door, "Action=TerminateInstances&InstanceId.1=i-12345678901234567").await;
        let (_, document) = ec2(&door, &format!("{ASSOCIATE}&IamInstanceProfile.Name=web")).await;
        assert_eq!(text(&document, "Code"), Some("IncorrectInstanceState"));
    }
}
