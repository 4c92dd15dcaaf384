//! `ImportKeyPair`: a public key that somebody has already.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imds_store::record::Batch;

use super::key::public::PublicKey;
use super::{key, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = key::new_name(call, params)?;
    let material = params.need("PublicKeyMaterial")?;
    let material = STANDARD.decode(material).ok();
    let public = material.and_then(|material| PublicKey::read(&material));
    // EC2's own code and words.
    let public = public
        .ok_or_else(|| Error::new("InvalidKey.Format", "Key is not in valid OpenSSH public key format"))?;
    let pair = key::made(call, name, &public, public.fingerprint(), tags::specified(params, "key-pair")?)?;
    let mut batch = Batch::default();
    batch.create(&key::record_name(call, name), &pair);
    let mut xml = Xml::ec2();
    key::write(&mut xml, &pair);
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, signed, text};

    /// `ssh-ed25519 AAAA… me@example.test`, as base64 in a form.
    const IMPORT: &str = "Action=ImportKeyPair&KeyName=web&PublicKeyMaterial=c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFB\
        SUlEVXFXRFVtbWh5VUxJNms5dGxVdGNvYWtualhCdEdUSDBST2hZNDJYV0cgbWVAZXhhbXBsZS50ZXN0Cg%3D%3D";

    #[tokio::test]
    async fn a_key_is_imported_once_in_a_region() {
        let door = door();
        let tagged =
            format!("{IMPORT}&TagSpecification.1.ResourceType=key-pair&TagSpecification.1.Tag.1.Key=a");
        let (status, document) = ec2(&door, &tagged).await;
        assert_eq!((status, text(&document, "keyName")), (StatusCode::OK, Some("web")), "{document}");
        assert_eq!(text(&document, "keyFingerprint"), Some("O8djrSNCyUQ4/JoycG/psOcSMh+lZ1NUvETVHH+peFE="));
        assert!(text(&document, "keyPairId").unwrap().starts_with("key-"));
        assert_eq!(text(&document, "tagSet"), Some("<item><key>a</key><value></value></item>"));
        let (_, document) = ec2(&door, "Action=DescribeKeyPairs&IncludePublicKey=true").await;
        let public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDUqWDUmmhyULI6k9tlUtcoaknjXBtGTH0ROhY42XWG web";
        assert_eq!(text(&document, "publicKey"), Some(public));
        let elsewhere = format!("{IMPORT}&Version=2016-11-15");
        assert_eq!(signed(&door, "eu-west-1", "ec2", &elsewhere).await.0, StatusCode::OK);
        for (form, code) in [
            (IMPORT.to_owned(), "InvalidKeyPair.Duplicate"),
            ("Action=ImportKeyPair&KeyName=b".to_owned(), "MissingParameter"),
            ("Action=ImportKeyPair&PublicKeyMaterial=YQ%3D%3D".to_owned(), "MissingParameter"),
            ("Action=ImportKeyPair&KeyName=b&PublicKeyMaterial=YQ%3D%3D".to_owned(), "InvalidKey.Format"),
            ("Action=ImportKeyPair&KeyName=b&PublicKeyMaterial=%21".to_owned(), "InvalidKey.Format"),
            (IMPORT.replace("KeyName=web", "KeyName=a%0Ab"), "InvalidParameterValue"),
            (IMPORT.replace("KeyName=web", "KeyName=+a"), "InvalidParameterValue"),
        ] {
            let (status, document) = ec2(&door, &form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
