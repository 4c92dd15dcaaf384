//! `DeleteKeyPair`: by name or by id; one that is not there is deleted already. Instances keep the key.

use imds_store::record::Batch;

use super::key;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = match (params.text("KeyName"), params.text("KeyPairId")) {
        (Some(name), _) => key::find(call, name),
        (None, Some(id)) => key::by_id(call, id),
        (None, None) => return Err(Error::missing("KeyName")),
    };
    let found = match found {
        Ok(found) => Some(found),
        Err(error) if error.code == "InvalidKeyPair.NotFound" => None,
        Err(error) => return Err(error),
    };
    let mut batch = Batch::default();
    if let Some(found) = &found {
        // As it was found, or another one of its name would go.
        batch.remove(&key::record_name(call, &found.record.name), found);
    }
    let mut outcome = Outcome::done(batch);
    outcome.body.option("keyPairId", found.map(|found| found.record.id));
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    #[tokio::test]
    async fn it_is_gone_however_often_it_is_deleted() {
        let door = door();
        let (_, document) = ec2(&door, "Action=CreateKeyPair&KeyName=web&KeyType=ed25519").await;
        let id = text(&document, "keyPairId").unwrap();
        ec2(&door, "Action=CreateKeyPair&KeyName=db&KeyType=ed25519").await;
        for (form, told) in [
            (format!("KeyPairId={id}"), Some(id)),
            (format!("KeyPairId={id}"), None),
            ("KeyName=web".to_owned(), None),
        ] {
            let (status, document) = ec2(&door, &format!("Action=DeleteKeyPair&{form}")).await;
            assert_eq!((status, text(&document, "return")), (StatusCode::OK, Some("true")), "{form}");
            assert_eq!(text(&document, "keyPairId"), told);
        }
        assert_eq!(ec2(&door, "Action=DescribeKeyPairs").await.1.matches("<keyName>").count(), 1);
        let (_, document) = ec2(&door, "Action=DeleteKeyPair").await;
        assert_eq!(text(&document, "Code"), Some("MissingParameter"));
    }
}
