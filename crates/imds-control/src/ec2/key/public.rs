//! Public keys as people have them: OpenSSH's text, PEM, DER. What is served is OpenSSH's text.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::der;

/// A public key of a kind that EC2 takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// RSA: exponent and modulus, big-endian, a zero before a first byte that has its highest bit set.
    Rsa {
        /// The public exponent.
        e: Vec<u8>,
        /// The modulus.
        n: Vec<u8>,
    },
    /// Ed25519.
    Ed25519([u8; 32]),
}

impl PublicKey {
    /// Reads what `PublicKeyMaterial` holds: a line of OpenSSH, an RSA key in PEM, or one in DER or
    /// the base64 of that.
    pub(crate) fn read(material: &[u8]) -> Option<Self> {
        let key = match std::str::from_utf8(material) {
            Ok(text) if text.trim_start().starts_with("-----BEGIN ") => from_der(&pem(text)?)?,
            Ok(text) => from_openssh(text).or_else(|| from_der(&STANDARD.decode(text.trim()).ok()?))?,
            Err(_) => from_der(material)?,
        };
        key.is_usable().then_some(key)
    }

    /// `rsa` or `ed25519`
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Rsa { .. } => "rsa",
            Self::Ed25519(_) => "ed25519",
        }
    }

    /// The key as OpenSSH has it within (RFC 4253 section 6.6, RFC 8709 section 4).
    pub(super) fn blob(&self) -> Vec<u8> {
        match self {
            Self::Rsa { e, n } => [&b"ssh-rsa"[..], e, n].map(string).concat(),
            Self::Ed25519(key) => [&b"ssh-ed25519"[..], key].map(string).concat(),
        }
    }

    /// `ssh-ed25519 AAAA…`, without a comment.
    pub(crate) fn openssh(&self) -> String {
        format!("ssh-{} {}", self.kind(), STANDARD.encode(self.blob()))
    }

    /// The fingerprint of a key that was imported: of RSA the MD5 of its DER, of Ed25519 the SHA-256 of its OpenSSH form
    /// (EC2 API Reference, `KeyPairInfo`).
    pub(crate) fn fingerprint(&self) -> String {
        match self {
            Self::Rsa { e, n } => super::colons(&md5::compute(subject_public_key_info(e, n)).0),
            Self::Ed25519(_) => STANDARD.encode(digest(&SHA256, &self.blob())),
        }
    }

    /// Is the key one that a client can have meant? EC2 takes RSA of 1024, 2048 and 4096 bits.
    fn is_usable(&self) -> bool {
        match self {
            Self::Rsa { e, n } => {
                let is_number = |number: &[u8]| number.first().is_some_and(|first| *first < 0x80);
                let significant = n.iter().skip_while(|byte| **byte == 0).count();
                is_number(e) && is_number(n) && e.len() <= 8 && (128..=2048).contains(&significant)
            }
            Self::Ed25519(_) => true,
        }
    }
}

/// Bytes with their length before them.
pub(super) fn string(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    // A key has nowhere near 4 GiB.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

/// `ssh-rsa BASE64 comment`
fn from_openssh(text: &str) -> Option<PublicKey> {
    let mut words = text.split_ascii_whitespace();
    let (kind, blob) = (words.next()?, STANDARD.decode(words.next()?).ok()?);
    let (named, rest) = take(&blob)?;
    if named != kind.as_bytes() {
        return None;
    }
    match kind {
        "ssh-rsa" => {
            let (e, rest) = take(rest)?;
            let (n, rest) = take(rest)?;
            rest.is_empty().then(|| PublicKey::Rsa { e: e.to_vec(), n: n.to_vec() })
        }
        "ssh-ed25519" => {
            let (key, rest) = take(rest)?;
            rest.is_empty().then(|| key.try_into().ok().map(PublicKey::Ed25519)).flatten()
        }
        _ => None,
    }
}

fn take(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = input.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// What a PEM file of one public key holds.
fn pem(text: &str) -> Option<Vec<u8>> {
    let mut lines = text.trim().lines().map(str::trim);
    let label = lines.next()?.strip_prefix("-----BEGIN ")?.strip_suffix("-----")?;
    let mut body = String::new();
    loop {
        match lines.next()? {
            end if end.starts_with("-----END ") => break,
            line => body.push_str(line),
        }
    }
    matches!(label, "PUBLIC KEY" | "RSA PUBLIC KEY").then(|| STANDARD.decode(body).ok()).flatten()
}

/// An RSA key: a `SubjectPublicKeyInfo`, or an `RSAPublicKey` alone.
fn from_der(input: &[u8]) -> Option<PublicKey> {
    let (key, rest) = der::take(input, der::SEQUENCE)?;
    if !rest.is_empty() {
        return None;
    }
    if let Some((algorithm, rest)) = der::take(key, der::SEQUENCE) {
        let (bits, _) = der::take(rest, der::BIT_STRING)?;
        // Before the bits it says how many of the last byte do not count.
        let inner = bits.strip_prefix(&[0]).filter(|_| algorithm == der::RSA)?;
        return rsa_public_key(der::take(inner, der::SEQUENCE)?.0);
    }
    rsa_public_key(key)
}

fn rsa_public_key(content: &[u8]) -> Option<PublicKey> {
    let (n, rest) = der::take(content, der::INTEGER)?;
    let (e, rest) = der::take(rest, der::INTEGER)?;
    rest.is_empty().then(|| PublicKey::Rsa { e: e.to_vec(), n: n.to_vec() })
}

fn subject_public_key_info(e: &[u8], n: &[u8]) -> Vec<u8> {
    let key = [der::value(der::INTEGER, n), der::value(der::INTEGER, e)].concat();
    let bits = [&[0][..], &der::value(der::SEQUENCE, &key)].concat();
    let content = [der::value(der::SEQUENCE, der::RSA), der::value(der::BIT_STRING, &bits)].concat();
    der::value(der::SEQUENCE, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC5lw1mruJrFm3hL0KsefUWL/DqB/GpYwlGk7BX23ajwW7vFM7/mk+8l6Ou4pd\
        7PhzCDJRhTqQSK6yPDgwxo6RUBKmNCgxPdjlCsWTQqeNGnbCCx3DV6bykOsD0x4Wg1NcPiYG8o2SpTKsQ4aMfv8Gd58zFMGczpVvn/jnj39Dp8w==";
    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDUqWDUmmhyULI6k9tlUtcoaknjXBtGTH0ROhY42XWG";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBC+tHCbpXxWny25mdgUGniUovU\
        bSlqHHxzTCVlr7OIlGWJu0Y1AZ7qfSlKKJHhVMhpG0txpw7Ucr9W9mUpAVRKw=";
    const SPKI: &str = "-----BEGIN PUBLIC KEY-----\n\
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC5lw1mruJrFm3hL0KsefUWL/Dq\n\
        B/GpYwlGk7BX23ajwW7vFM7/mk+8l6Ou4pd7PhzCDJRhTqQSK6yPDgwxo6RUBKmN\n\
        CgxPdjlCsWTQqeNGnbCCx3DV6bykOsD0x4Wg1NcPiYG8o2SpTKsQ4aMfv8Gd58zF\n\
        MGczpVvn/jnj39Dp8wIDAQAB\n-----END PUBLIC KEY-----\n";
    const PKCS1: &str = "-----BEGIN RSA PUBLIC KEY-----\n\
        MIGJAoGBALmXDWau4msWbeEvQqx59RYv8OoH8aljCUaTsFfbdqPBbu8Uzv+aT7yX\n\
        o67il3s+HMIMlGFOpBIrrI8ODDGjpFQEqY0KDE92OUKxZNCp40adsILHcNXpvKQ6\n\
        wPTHhaDU1w+JgbyjZKlMqxDhox+/wZ3nzMUwZzOlW+f+OePf0OnzAgMBAAE=\n-----END RSA PUBLIC KEY-----";

    #[test]
    fn one_key_in_every_form_is_the_same_key() {
        let der = pem(SPKI).unwrap();
        let forms = [
            format!("{RSA} me@example.test\n").into_bytes(),
            SPKI.into(),
            SPKI.replace('\n', "\r\n").into(),
            PKCS1.into(),
            STANDARD.encode(&der).into_bytes(),
            der,
        ];
        for form in forms {
            let key = PublicKey::read(&form).unwrap();
            assert_eq!((key.kind(), &*key.openssh()), ("rsa", RSA));
            // As `openssl md5 -c` of the key's DER says.
            assert_eq!(key.fingerprint(), "fb:42:78:75:59:f7:e9:ee:ca:5b:8c:f7:92:eb:95:3d");
        }
        let key = PublicKey::read(ED25519.as_bytes()).unwrap();
        assert_eq!((key.kind(), &*key.openssh()), ("ed25519", ED25519));
        // As `ssh-keygen -l` says, which leaves the padding out.
        assert_eq!(key.fingerprint(), "O8djrSNCyUQ4/JoycG/psOcSMh+lZ1NUvETVHH+peFE=");
    }

    #[test]
    fn what_ec2_takes_not_is_no_key() {
        let cut = &RSA[..RSA.len() - 8];
        let swapped = RSA.replace("ssh-rsa ", "ssh-ed25519 ");
        let private = SPKI.replace("PUBLIC", "PRIVATE");
        let unending = SPKI.replace("-----END PUBLIC KEY-----", "");
        for bad in
            ["", "ssh-rsa", "ssh-rsa !", "no key", ECDSA, cut, &swapped, &private, &unending, "-----BEGIN "]
        {
            assert_eq!(PublicKey::read(bad.as_bytes()), None, "{bad}");
        }
        for bad in [&[0xff, 0xfe][..], &[0x30, 0x80], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]] {
            assert_eq!(PublicKey::read(bad), None);
        }
    }
}
