//! Key pairs: finding them, and what is told of them.

pub(crate) mod der;
pub(crate) mod private;
pub(crate) mod public;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use imds_store::record::{self, Found, KeyPair};

use crate::call::Call;
use crate::query::{Error, Params, Xml};

/// The key pair with this name.
pub(crate) fn find(call: &Call<'_>, name: &str) -> Result<Found<KeyPair>, Error> {
    record::get(call.store, &record_name(call, name))?
        .ok_or_else(|| Error::new("InvalidKeyPair.NotFound", format!("The key pair '{name}' does not exist")))
}

/// The key pair with this id.
pub(crate) fn by_id(call: &Call<'_>, id: &str) -> Result<Found<KeyPair>, Error> {
    all(call)?.into_iter().find(|found| found.record.id == id).ok_or_else(|| {
        Error::new("InvalidKeyPair.NotFound", format!("The key pair ID '{id}' does not exist"))
    })
}

/// The key pairs of this region.
pub(crate) fn all(call: &Call<'_>) -> Result<Vec<Found<KeyPair>>, Error> {
    let all = record::list::<KeyPair>(call.store, &record_name(call, ""))?;
    Ok(all.into_iter().map(|(_, found)| found).collect())
}

/// Under which name the store keeps a key pair.
pub(crate) fn record_name(call: &Call<'_>, name: &str) -> String {
    format!("{}/{name}", call.region)
}

/// The name that a new key pair is to have: up to 255 ASCII characters, and nobody else's.
pub(crate) fn new_name<'p>(call: &Call<'_>, params: &'p Params) -> Result<&'p str, Error> {
    let name = params.need("KeyName")?;
    let is_fit = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if name.len() > 255 || name.trim() != name || !name.bytes().all(is_fit) {
        return Err(Error::invalid_value(
            "Invalid value for KeyName: up to 255 ASCII characters without spaces around them are permitted",
        ));
    }
    if record::get::<KeyPair>(call.store, &record_name(call, name))?.is_some() {
        return Err(Error::new("InvalidKeyPair.Duplicate", format!("The keypair '{name}' already exists.")));
    }
    Ok(name)
}

/// A new key pair. Its public key ends with its name, as `public-keys/0/openssh-key` does (wire.md section 3).
pub(crate) fn made(
    call: &Call<'_>,
    name: &str,
    public: &public::PublicKey,
    fingerprint: String,
    tags: BTreeMap<String, String>,
) -> Result<KeyPair, Error> {
    Ok(KeyPair {
        id: call.new_id("key")?,
        name: name.to_owned(),
        kind: public.kind().to_owned(),
        fingerprint,
        public_key: format!("{} {name}", public.openssh()),
        created: call.now,
        tags,
    })
}

/// The members that the answers of all actions on key pairs begin with.
pub(crate) fn write(xml: &mut Xml, pair: &KeyPair) {
    xml.text("keyPairId", &pair.id).text("keyName", &pair.name).text("keyFingerprint", &pair.fingerprint);
    super::tags::write(xml, &pair.tags);
}

/// `1f:51:ae:…`
fn colons(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{}{byte:02x}", if text.is_empty() { "" } else { ":" });
    }
    text
}
