//! The signature over an instance's identity document, in the three forms in which it is served (wire.md 3.4).
//!
//! It has no signed attributes, and so no time of signing: the same key and document always give the same bytes. A PKCS#7
//! message without them is signed over the document itself, as `signature` is, so that one signature serves all forms.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An RSA signature (PKCS#1 v1.5, SHA-256) over a document. It holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// SHA-256 of the document that it belongs to.
    pub digest: [u8; 32],
    /// Who signed: the `IssuerAndSerialNumber` of the certificate, in DER.
    pub signer: Box<[u8]>,
    /// The signature.
    pub value: Box<[u8]>,
}

/// SHA-256 of a document, by which it is known again.
#[must_use]
pub fn digest_of(document: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, document.as_bytes()).as_ref());
    bytes
}

/// What names a signer: the `IssuerAndSerialNumber` of a certificate with this issuer and serial number, all in DER.
#[must_use]
pub fn signer(issuer: &[u8], serial_number: &[u8]) -> Box<[u8]> {
    der(SEQUENCE, &[issuer, serial_number]).into()
}

impl Signature {
    /// Is it over this document?
    #[must_use]
    pub fn fits(&self, document: &str) -> bool {
        self.digest == digest_of(document)
    }

    /// `signature`: base64.
    #[must_use]
    pub fn text(&self) -> String {
        lines(&self.value)
    }

    /// `pkcs7` and `rsa2048`: base64 of a PKCS#7 message with the document in it. The certificate is not: who verifies
    /// brings it, as AWS's recipe does, and must not be given it by the message.
    #[must_use]
    pub fn pkcs7(&self, document: &str) -> String {
        let digests = der(SEQUENCE, &[SHA256_ID, NULL]);
        let content = der(EXPLICIT, &[&der(OCTETS, &[document.as_bytes()])]);
        let signed_by = der(
            SEQUENCE,
            &[
                VERSION_1,
                &self.signer,
                &digests,
                &der(SEQUENCE, &[RSA_ID, NULL]),
                &der(OCTETS, &[&self.value]),
            ],
        );
        let message = der(
            SEQUENCE,
            &[
                VERSION_1,
                &der(SET, &[&digests]),
                &der(SEQUENCE, &[DATA_ID, &content]),
                &der(SET, &[&signed_by]),
            ],
        );
        lines(&der(SEQUENCE, &[SIGNED_DATA_ID, &der(EXPLICIT, &[&message])]))
    }
}

const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0] EXPLICIT`
const EXPLICIT: u8 = 0xa0;

const NULL: &[u8] = &[0x05, 0x00];
const VERSION_1: &[u8] = &[0x02, 0x01, 0x01];
/// `id-signedData`, 1.2.840.113549.1.7.2
const SIGNED_DATA_ID: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `id-data`, 1.2.840.113549.1.7.1
const DATA_ID: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// `id-sha256`, 2.16.840.1.101.3.4.2.1
const SHA256_ID: &[u8] = &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// `rsaEncryption`, 1.2.840.113549.1.1.1
const RSA_ID: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// A value of DER: its tag, how long it is, and its parts.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut value = vec![tag];
    match u8::try_from(length) {
        Ok(short @ ..0x80) => value.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let digits = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1)..];
            value.push(0x80 | u8::try_from(digits.len()).unwrap_or(0));
            value.extend_from_slice(digits);
        }
    }
    parts.iter().for_each(|part| value.extend_from_slice(part));
    value
}

/// How many characters a line has.
const COLUMNS: usize = 76;

/// Base64 in lines. No LF at the end: AWS's recipes write one before the line that ends the PEM.
fn lines(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let mut lines = String::with_capacity(text.len() + text.len() / COLUMNS);
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % COLUMNS == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_as_der_writes_it() {
        for (length, head) in [
            (0, &[0x04, 0x00][..]),
            (127, &[0x04, 0x7f]),
            (128, &[0x04, 0x81, 0x80]),
            (255, &[0x04, 0x81, 0xff]),
            (256, &[0x04, 0x82, 0x01, 0x00]),
            (65_536, &[0x04, 0x83, 0x01, 0x00, 0x00]),
        ] {
            let value = der(OCTETS, &[&vec![7; length]]);
            assert_eq!((&value[..head.len()], value.len()), (head, head.len() + length));
        }
    }

    #[test]
    fn lines_have_76_columns_and_no_end() {
        for (bytes, ends) in [(0, &[][..]), (57, &[76]), (58, &[76, 4]), (256, &[76, 76, 76, 76, 40])] {
            let text = lines(&vec![0xff; bytes]);
            assert_eq!(text.lines().map(str::len).collect::<Vec<_>>(), ends, "{bytes}");
            assert!(!text.ends_with('\n'));
        }
    }

    #[test]
    fn one_changed_byte_is_another_document() {
        let signature = Signature { digest: digest_of("a"), signer: [].into(), value: [].into() };
        assert!(signature.fits("a") && !signature.fits("b") && !signature.fits("a\n"));
    }
}
