//! What identity documents are signed with: `DIR/ca`, a private key that is readable by its owner alone, and certificates.
//!
//! The current certificate is the first one that the key fits. So a rotation that was cut off between its two files has
//! not happened, and nobody ever signs in the name of a certificate that does not verify it.

mod certificate;
mod pem;

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use imds_core::Timestamp;
use imds_core::signature::{Signature, digest_of};
use zeroize::Zeroizing;

use crate::private_file::{self, PrivateFile, lock};
use certificate::Certificate;

/// The folder's name in the state folder.
pub const FOLDER: &str = "ca";
/// The name of the file with the private key.
pub const KEY: &str = "key.pem";
/// The name of the file with the certificates.
pub const CERTIFICATE: &str = "certificate.pem";

const KEY_FILE: PrivateFile = PrivateFile {
    name: KEY,
    kind: "a private key",
    threat: "sign identity documents",
    exposed: "`imds ca rotate`",
    malformed: "restore it, or move its folder away and make another with `imds ca init`",
};
/// Everybody may have what is in it, and nobody else has business in the folder.
const CERTIFICATE_FILE: PrivateFile = PrivateFile { name: CERTIFICATE, kind: CERTIFICATES, ..KEY_FILE };
const CERTIFICATES: &str = "a list of certificates";

/// Why there is no such thing to work with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file.
    #[error(transparent)]
    File(#[from] private_file::Error),
    /// What is to be made is there.
    #[error(
        "there is a key for identity documents already in {path}: `imds ca rotate` puts another in its place",
        path = path.display()
    )]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// There is nothing there.
    #[error("there is no key for identity documents in {path}: `imds ca init` makes one", path = path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// The system has no randomness, or cannot reckon.
    #[error("no key could be made")]
    Unmade,
}

/// A user's own key and certificate.
#[derive(Debug, Clone, Copy)]
pub struct Own<'p> {
    /// The file of the key: RSA, PKCS#8 or PKCS#1, PEM.
    pub key: &'p Path,
    /// The file of its certificate, PEM. Others may follow it.
    pub certificate: &'p Path,
}

/// A key with its certificates.
pub struct Ca {
    key: KeyPair,
    /// The current one first.
    certificates: Vec<Certificate>,
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ca(…)")
    }
}

/// Reads what is in a state folder; `None` if there is nothing.
///
/// # Errors
/// When a file cannot be read, others can read the key, or the one does not go with the other.
pub fn load(state: &Path) -> Result<Option<Ca>, Error> {
    let folder = state.join(FOLDER);
    // The key first: whatever is being written meanwhile, its certificate was written before it.
    let key = KEY_FILE.load(&folder, key)?;
    let certificates = read(&folder.join(CERTIFICATE))?;
    let malformed = |why| CERTIFICATE_FILE.malformed(&folder, why);
    let (key, certificates) = match (key, certificates) {
        (None, None) => return Ok(None),
        (None, Some(_)) => {
            return Err(KEY_FILE.malformed(&folder, "there is none beside the certificate").into());
        }
        (Some(_), None) => return Err(malformed("there is none beside the key").into()),
        (Some(key), Some(certificates)) => (key, certificates),
    };
    let certificates = certificate::read_all(&certificates).map_err(malformed)?;
    Ok(Some(Ca::new(key, certificates).map_err(malformed)?))
}

/// Makes a key and a certificate, or takes the user's own. A missing state folder is made.
///
/// # Errors
/// [`Error::Exists`]; when the user's own are not fit; when files cannot be written.
pub fn init(state: &Path, own: Option<Own<'_>>, now: Timestamp) -> Result<Ca, Error> {
    let _lock = lock(state)?;
    let folder = state.join(FOLDER);
    if load(state)?.is_some() {
        return Err(Error::Exists { path: folder });
    }
    let ca = Ca::make(own, now)?;
    // All of it comes at once: a service may be watching.
    let beside = state.join(format!(".{FOLDER}.new"));
    let made = || {
        if beside.exists() {
            fs::remove_dir_all(&beside)?;
        }
        fs::DirBuilder::new().mode(0o700).create(&beside)
    };
    let failed = |path: &Path, cause| private_file::Error::Io { what: "make", path: path.to_owned(), cause };
    made().map_err(|cause| failed(&beside, cause))?;
    ca.save(&beside)?;
    fs::rename(&beside, &folder).map_err(|cause| failed(&folder, cause))?;
    let synced = fs::File::open(state).and_then(|state| state.sync_all());
    synced.map_err(|cause| failed(&folder, cause))?;
    Ok(ca)
}

/// Puts another key and certificate in the place of the current ones. Earlier certificates stay, earlier keys do not.
///
/// # Errors
/// [`Error::Missing`]; as [`load`] and [`init`].
pub fn rotate(state: &Path, own: Option<Own<'_>>, now: Timestamp) -> Result<Ca, Error> {
    let _lock = lock(state)?;
    let folder = state.join(FOLDER);
    let before = load(state)?.ok_or_else(|| Error::Missing { path: folder.clone() })?;
    let mut ca = Ca::make(own, now)?;
    for earlier in before.certificates {
        if !ca.certificates.contains(&earlier) {
            ca.certificates.push(earlier);
        }
    }
    ca.save(&folder)?;
    Ok(ca)
}

impl Ca {
    /// Brings the current certificate to the front.
    fn new(key: KeyPair, mut certificates: Vec<Certificate>) -> Result<Self, &'static str> {
        let fits = |certificate: &Certificate| certificate.is_of(key.public_key().as_ref());
        let current = certificates.iter().position(fits).ok_or("no certificate in it is of the key")?;
        certificates[..=current].rotate_right(1);
        Ok(Self { key, certificates })
    }

    fn make(own: Option<Own<'_>>, now: Timestamp) -> Result<Self, Error> {
        let Some(own) = own else {
            let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| Error::Unmade)?;
            let certificate = certificate::self_signed(&key, now).ok_or(Error::Unmade)?;
            return Self::new(key, vec![certificate]).map_err(|_| Error::Unmade);
        };
        let refused = |path: &Path, kind, why, cure| private_file::Error::Malformed {
            path: path.to_owned(),
            kind,
            why,
            cure,
        };
        let key = key(&own_file(own.key)?)
            .map_err(|why| refused(own.key, "a key to sign with", why, "bring an RSA key as PEM"))?;
        let unfit = |why| refused(own.certificate, "its certificate", why, "bring the key's own as PEM");
        let certificates = certificate::read_all(&own_file(own.certificate)?).map_err(unfit)?;
        Ok(Self::new(key, certificates).map_err(unfit)?)
    }

    /// The certificates first: see above.
    fn save(&self, folder: &Path) -> Result<(), Error> {
        CERTIFICATE_FILE.save(folder, &self.pem())?;
        let key = self.key.as_der().map_err(|_| Error::Unmade)?;
        Ok(KEY_FILE.save(folder, &pem::encode("PRIVATE KEY", key.as_ref()))?)
    }

    /// Signs a document.
    ///
    /// # Errors
    /// When the key does not do it.
    pub fn sign(&self, document: &str) -> io::Result<Signature> {
        let mut value = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), document.as_bytes(), &mut value)
            .map_err(|_| io::Error::other("a document could not be signed"))?;
        Ok(Signature {
            digest: digest_of(document),
            signer: self.certificates[0].signer().into(),
            value: value.into(),
        })
    }

    /// The certificates as PEM, the current one first.
    #[must_use]
    pub fn pem(&self) -> String {
        let mut text = String::new();
        for certificate in &self.certificates {
            text.push_str(&pem::encode("CERTIFICATE", certificate.der()));
        }
        text
    }

    /// Is it the same key, in the name of the same certificate?
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.certificates[0] == other.certificates[0]
    }
}

/// Reads a private key.
fn key(text: &str) -> Result<KeyPair, &'static str> {
    let blocks = pem::blocks(text)?;
    let key = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY"));
    let key = key.ok_or("there is no private key in it")?;
    let read = match key.label {
        "PRIVATE KEY" => KeyPair::from_pkcs8(&key.der),
        "RSA PRIVATE KEY" => KeyPair::from_der(&key.der),
        "ENCRYPTED PRIVATE KEY" => return Err("it is encrypted"),
        _ => return Err("it is no RSA key"),
    };
    let key = read.map_err(|_| "it is no RSA key of 2048 to 8192 bits")?;
    if key.public_modulus_len() < 2048 / 8 { Err("it has less than 2048 bits") } else { Ok(key) }
}

/// Reads a file; `None` if there is none.
fn read(path: &Path) -> Result<Option<String>, private_file::Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(private_file::Error::Io { what: "read", path: path.to_owned(), cause }),
    }
}

/// A file of the user's, which may hold the key.
fn own_file(path: &Path) -> Result<Zeroizing<String>, private_file::Error> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    text.map_err(|cause| private_file::Error::Io { what: "read", path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests;
