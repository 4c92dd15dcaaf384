//! `CreateKeyPair`: a new key, whose private half is in this answer and nowhere else.

use imds_store::record::Batch;

use super::key::private::{self, Generated};
use super::{key, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = key::new_name(call, params)?;
    // EC2 has PuTTY's form too.
    if let Some(format) = params.text("KeyFormat").filter(|format| *format != "pem") {
        return Err(Error::invalid_value(format!(
            "Invalid value '{format}' for KeyFormat. It must be 'pem'."
        )));
    }
    let tags = tags::specified(params, "key-pair")?;
    let Generated { public, pem, fingerprint } = match params.text("KeyType") {
        None | Some("rsa") => private::rsa(),
        Some("ed25519") => private::ed25519(name),
        Some(other) => {
            return Err(Error::invalid_value(format!(
                "Invalid value '{other}' for KeyType. It must be 'rsa' or 'ed25519'."
            )));
        }
    }
    .map_err(|_| {
        tracing::error!("no key could be generated");
        Error::internal()
    })?;
    let pair = key::made(call, name, &public, fingerprint, tags)?;
    let mut batch = Batch::default();
    batch.create(&key::record_name(call, name), &pair);
    let mut xml = Xml::ec2();
    key::write(&mut xml, &pair);
    xml.text("keyMaterial", pem.expose());
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    #[tokio::test]
    async fn the_private_key_is_told_once_and_kept_nowhere() {
        let door = door();
        for (kind, label) in [("rsa", "RSA PRIVATE KEY"), ("ed25519", "OPENSSH PRIVATE KEY")] {
            let form = format!("Action=CreateKeyPair&KeyName={kind}-1&KeyType={kind}&KeyFormat=pem");
            let (status, document) = ec2(&door, &form).await;
            assert_eq!(status, StatusCode::OK, "{document}");
            let pem = text(&document, "keyMaterial").unwrap();
            assert!(pem.starts_with(&format!("-----BEGIN {label}-----\n")), "{kind}");
            let secret = pem.lines().nth(3).unwrap();
            for (key, kept) in door.store.list("").unwrap() {
                assert!(!String::from_utf8_lossy(&kept.value).contains(secret), "{key}");
            }
            let (_, document) = ec2(&door, "Action=DescribeKeyPairs&IncludePublicKey=true").await;
            assert!(
                !document.contains("PRIVATE") && document.contains(&format!("<keyType>{kind}</keyType>"))
            );
        }
        for (form, code) in [
            ("Action=CreateKeyPair&KeyName=rsa-1", "InvalidKeyPair.Duplicate"),
            ("Action=CreateKeyPair", "MissingParameter"),
            ("Action=CreateKeyPair&KeyName=a&KeyType=dsa", "InvalidParameterValue"),
            ("Action=CreateKeyPair&KeyName=a&KeyFormat=ppk", "InvalidParameterValue"),
        ] {
            let (status, document) = ec2(&door, form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }

    /// What OpenSSH itself reads from a private key is the public key that is served.
    #[tokio::test]
    async fn ssh_keygen_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;

        let door = door();
        let folder = tempfile::tempdir().unwrap();
        for kind in ["rsa", "ed25519"] {
            let (_, document) =
                ec2(&door, &format!("Action=CreateKeyPair&KeyName=mine&KeyType={kind}")).await;
            let file = folder.path().join(kind);
            std::fs::write(&file, format!("{}\n", text(&document, "keyMaterial").unwrap())).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            let keygen = std::process::Command::new("ssh-keygen").arg("-y").arg("-f").arg(&file).output();
            let Ok(keygen) = keygen else {
                // A machine without OpenSSH can still build and test.
                return;
            };
            let (_, described) = ec2(&door, "Action=DescribeKeyPairs&IncludePublicKey=true").await;
            let served = text(&described, "publicKey").unwrap().trim_end_matches(" mine");
            let read = String::from_utf8(keygen.stdout).unwrap();
            assert!(read.starts_with(served), "{kind}: {read} {:?}", String::from_utf8(keygen.stderr));
            ec2(&door, "Action=DeleteKeyPair&KeyName=mine").await;
        }
    }
}
