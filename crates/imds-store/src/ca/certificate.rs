//! Certificates: one that is made, and those that are read.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use imds_core::Timestamp;
use imds_core::signature::signer;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::der::asn1::{Any, BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString, UtcTime};
use x509_cert::der::{DateTime, Decode as _, Encode as _};
use x509_cert::ext::Extension;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use super::pem;

/// Whom a made certificate names.
const NAME: &str = "CN=OpenIMDS instance identity";
/// How long one is good: AWS's own are good for decades, too.
const LIFE: Duration = Duration::from_secs(100 * 365 * 86_400);

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");

/// A certificate, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    der: Vec<u8>,
    signer: Box<[u8]>,
    /// The `RSAPublicKey`; `None` of a key of another kind.
    key: Option<Vec<u8>>,
}

impl Certificate {
    /// Reads one.
    fn read(der: &[u8]) -> Option<Self> {
        let read = x509_cert::Certificate::from_der(der).ok()?;
        let body = &read.tbs_certificate;
        let spki = &body.subject_public_key_info;
        let key = (spki.algorithm.oid == RSA).then(|| spki.subject_public_key.raw_bytes().to_vec());
        let signer = signer(&body.issuer.to_der().ok()?, &body.serial_number.to_der().ok()?);
        Some(Self { der: der.to_vec(), signer, key })
    }

    /// Its bytes.
    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// How a signature names it.
    pub(super) fn signer(&self) -> &[u8] {
        &self.signer
    }

    /// Is it of this key, an `RSAPublicKey`?
    pub(super) fn is_of(&self, key: &[u8]) -> bool {
        self.key.as_deref() == Some(key)
    }
}

/// Reads all certificates of a text.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read_all(text: &str) -> Result<Vec<Certificate>, &'static str> {
    let blocks = pem::blocks(text)?;
    let blocks = blocks.iter().filter(|block| matches!(block.label, "CERTIFICATE" | "X509 CERTIFICATE"));
    let read =
        |block: &pem::Block<'_>| Certificate::read(&block.der).ok_or("a certificate in it does not read");
    let all: Vec<_> = blocks.map(read).collect::<Result<_, _>>()?;
    if all.is_empty() { Err("there is no certificate in it") } else { Ok(all) }
}

/// Makes a certificate that vouches for its own key. `None` when the system cannot.
pub(super) fn self_signed(key: &KeyPair, now: Timestamp) -> Option<Certificate> {
    let public: PublicKeyX509Der<'_> = key.public_key().as_der().ok()?;
    // It follows from the key, as the name does not: who has several certificates tells them apart by it.
    let mut serial = [0; 16];
    serial.copy_from_slice(&digest(&SHA256, public.as_ref()).as_ref()[..16]);
    serial[0] = serial[0] & 0x7f | 0x40;
    let algorithm = AlgorithmIdentifierOwned { oid: SHA256_WITH_RSA, parameters: Some(Any::from(Null)) };
    let name: x509_cert::name::Name = NAME.parse().ok()?;
    let extension = |id, value: &[u8]| {
        Some(Extension { extn_id: id, critical: true, extn_value: OctetString::new(value).ok()? })
    };
    let body = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&serial).ok()?,
        signature: algorithm.clone(),
        issuer: name.clone(),
        validity: validity(now)?,
        subject: name,
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(public.as_ref()).ok()?,
        issuer_unique_id: None,
        subject_unique_id: None,
        // No authority over others, and signatures alone.
        extensions: Some(vec![
            extension(BASIC_CONSTRAINTS, &[0x30, 0x00])?,
            extension(KEY_USAGE, &[0x03, 0x02, 0x07, 0x80])?,
        ]),
    };
    let mut signature = vec![0; key.public_modulus_len()];
    let signed = body.to_der().ok()?;
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &signed, &mut signature).ok()?;
    let certificate = x509_cert::Certificate {
        tbs_certificate: body,
        signature_algorithm: algorithm,
        signature: BitString::from_bytes(&signature).ok()?,
    };
    Certificate::read(&certificate.to_der().ok()?)
}

fn validity(now: Timestamp) -> Option<Validity> {
    let now = Duration::from_secs(u64::try_from(now.as_second()).ok()?);
    let time = |at: Duration| {
        let date = DateTime::from_unix_duration(at).ok()?;
        // RFC 5280: two digits of a year up to 2049.
        Some(match UtcTime::from_date_time(date) {
            Ok(time) => Time::UtcTime(time),
            Err(_) => Time::GeneralTime(GeneralizedTime::from_date_time(date)),
        })
    };
    Some(Validity { not_before: time(now)?, not_after: time(now + LIFE)? })
}
