//! `DescribeKeyPairs`: those with these names or ids, or all of the region.

use std::collections::HashSet;

use imds_store::record::KeyPair;

use super::filter::Filters;
use super::{key, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const FILTERS: &[&str] = &["fingerprint", "key-name", "key-pair-id", "tag:", "tag-key"];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let (names, ids) = (params.list("KeyName"), params.list("KeyPairId"));
    let mut found = Vec::new();
    for name in &names {
        found.push(key::find(call, name)?);
    }
    for id in &ids {
        found.push(key::by_id(call, id)?);
    }
    if names.is_empty() && ids.is_empty() {
        found = key::all(call)?;
    }
    let mut seen = HashSet::new();
    found.retain(|found| seen.insert(found.record.id.clone()));
    let filters = Filters::of(params, FILTERS)?;
    let shows_keys = params.flag("IncludePublicKey")? == Some(true);
    let pairs =
        found.iter().map(|found| &found.record).filter(|pair| filters.pass(|name| filtered(pair, name)));
    let mut xml = Xml::ec2();
    xml.list("keySet", pairs, |xml, pair| {
        key::write(xml, pair);
        xml.text("keyType", &pair.kind).time("createTime", pair.created);
        xml.option("publicKey", shows_keys.then_some(&pair.public_key));
    });
    Ok(Outcome::told(xml))
}

fn filtered(pair: &KeyPair, name: &str) -> Vec<String> {
    match name {
        "fingerprint" => vec![pair.fingerprint.clone()],
        "key-name" => vec![pair.name.clone()],
        "key-pair-id" => vec![pair.id.clone()],
        name => tags::filtered(&pair.tags, name),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, signed, text};

    #[tokio::test]
    async fn by_name_by_id_and_by_filter() {
        let door = door();
        for name in ["web", "db"] {
            ec2(&door, &format!("Action=CreateKeyPair&KeyName={name}&KeyType=ed25519")).await;
        }
        let (_, document) = ec2(&door, "Action=DescribeKeyPairs&KeyName.1=web").await;
        assert_eq!((text(&document, "keyName"), text(&document, "publicKey")), (Some("web"), None));
        let id = text(&document, "keyPairId").unwrap();
        for (form, expected) in [
            ("", 2),
            (&format!("KeyPairId.1={id}"), 1),
            ("KeyName.1=web&KeyName.2=db", 2),
            (&format!("KeyName.1=web&KeyPairId.1={id}"), 1),
            ("Filter.1.Name=key-name&Filter.1.Value.1=w*", 1),
            (&format!("Filter.1.Name=key-pair-id&Filter.1.Value.1={id}"), 1),
            ("Filter.1.Name=tag%3AName&Filter.1.Value.1=x", 0),
        ] {
            let (status, document) = ec2(&door, &format!("Action=DescribeKeyPairs&{form}")).await;
            assert_eq!((status, document.matches("<keyName>").count()), (StatusCode::OK, expected), "{form}");
        }
        for form in ["KeyName.1=none", "KeyPairId.1=key-00000000000000000"] {
            let (status, document) = ec2(&door, &format!("Action=DescribeKeyPairs&{form}")).await;
            let code = text(&document, "Code");
            assert_eq!((status, code), (StatusCode::BAD_REQUEST, Some("InvalidKeyPair.NotFound")), "{form}");
        }
        let elsewhere = "Action=DescribeKeyPairs&Version=2016-11-15";
        assert!(!signed(&door, "us-east", "ec2", elsewhere).await.1.contains("<keyName>"));
    }
}
