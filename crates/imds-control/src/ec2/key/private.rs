//! New key pairs. The private key is told once, in the form that EC2 tells it in, and is kept nowhere.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use aws_lc_rs::{error, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imds_core::credentials::Secret;

use super::der;
use super::public::{PublicKey, string};

/// A key pair with its private half.
pub(crate) struct Generated {
    /// The public half.
    pub(crate) public: PublicKey,
    /// The private half as a PEM file.
    pub(crate) pem: Secret,
    /// Its fingerprint: of RSA the SHA-1 of the private key's PKCS#8, of Ed25519 the SHA-256 of the public key (EC2 API
    /// Reference, `KeyPair`).
    pub(crate) fingerprint: String,
}

/// An RSA key of 2,048 bits, as EC2 makes them.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn rsa() -> Result<Generated, error::Unspecified> {
    let pair = rsa::KeyPair::generate(KeySize::Rsa2048)?;
    let pkcs8 = pair.as_der()?;
    let public = PublicKey::read(pair.public_key().as_ref()).ok_or(error::Unspecified)?;
    let pkcs1 = pkcs1(pkcs8.as_ref()).ok_or(error::Unspecified)?;
    let fingerprint = super::colons(digest(&SHA1_FOR_LEGACY_USE_ONLY, pkcs8.as_ref()).as_ref());
    Ok(Generated { public, pem: pem("RSA PRIVATE KEY", pkcs1, 64), fingerprint })
}

/// An Ed25519 key, which only OpenSSH's own form holds for every OpenSSH.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn ed25519(comment: &str) -> Result<Generated, error::Unspecified> {
    let pair = Ed25519KeyPair::generate()?;
    let key = pair.public_key().as_ref().try_into().map_err(|_| error::Unspecified)?;
    let public = PublicKey::Ed25519(key);
    let seed = pair.seed()?.as_be_bytes()?;
    let fingerprint = public.fingerprint();
    let pem = pem("OPENSSH PRIVATE KEY", &openssh(&public, &key, seed.as_ref(), comment), 70);
    Ok(Generated { public, pem, fingerprint })
}

/// The `RSAPrivateKey` within a `PrivateKeyInfo` (RFC 5208).
fn pkcs1(pkcs8: &[u8]) -> Option<&[u8]> {
    let (info, _) = der::take(pkcs8, der::SEQUENCE)?;
    let (_version, rest) = der::take(info, der::INTEGER)?;
    let (_algorithm, rest) = der::take(rest, der::SEQUENCE)?;
    Some(der::take(rest, der::OCTET_STRING)?.0)
}

/// A private key that no passphrase protects (OpenSSH, `PROTOCOL.key`).
fn openssh(public: &PublicKey, key: &[u8; 32], seed: &[u8], comment: &str) -> Vec<u8> {
    // Two equal numbers, by which a reader knows that it had the right passphrase; here there is none.
    let mut private = [0; 8].to_vec();
    private.extend(string(b"ssh-ed25519"));
    private.extend(string(key));
    private.extend(string([seed, key].concat()));
    private.extend(string(comment));
    private.extend((1..).take(private.len().next_multiple_of(8) - private.len()));
    let mut out = b"openssh-key-v1\0".to_vec();
    out.extend([string(b"none"), string(b"none"), string(b""), 1_u32.to_be_bytes().into()].concat());
    out.extend(string(public.blob()));
    out.extend(string(private));
    out
}

fn pem(label: &str, content: &[u8], width: usize) -> Secret {
    let body = STANDARD.encode(content);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(width));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----"));
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pem_has_lines_of_its_width() {
        assert_eq!(pem("X", b"abcdef", 4).expose(), "-----BEGIN X-----\nYWJj\nZGVm\n-----END X-----");
    }

    #[test]
    fn every_pair_is_another() {
        for make in [rsa, || ed25519("web")] {
            let (one, other) = (make().unwrap(), make().unwrap());
            assert_ne!(one.public, other.public);
            assert_ne!(one.pem, other.pem);
            assert_eq!(PublicKey::read(one.public.openssh().as_bytes()), Some(one.public));
        }
    }
}
