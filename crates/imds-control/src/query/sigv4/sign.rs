//! Signing: the value of a signature, and requests of our own.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign};
use axum::http::header::{AUTHORIZATION, InvalidHeaderValue};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use imds_core::Timestamp;
use zeroize::Zeroizing;

use super::canonical::{self, hex};
use super::{ALGORITHM, Credential, DATE, Request, TERMINATOR, TOKEN, stamp};

/// The signature of a canonical request.
pub(super) fn value(secret: &str, credential: &Credential, stamp: &str, canonical: &[u8]) -> String {
    let to_sign =
        format!("{ALGORITHM}\n{stamp}\n{}\n{}", credential.scope(), canonical::payload_hash(canonical));
    let secret = Zeroizing::new(format!("AWS4{secret}"));
    let mut key = keyed(secret.as_bytes(), &credential.date);
    for part in [&credential.region, &credential.service, TERMINATOR] {
        key = keyed(key.as_ref(), part);
    }
    hex(keyed(key.as_ref(), &to_sign).as_ref())
}

fn keyed(key: &[u8], text: &str) -> Tag {
    sign(&Key::new(HMAC_SHA256, key), text.as_bytes())
}

/// Who signs requests, and for whom.
#[derive(Clone, Copy)]
pub struct Signer<'s> {
    /// The id of the access key.
    pub access_key: &'s str,
    /// Its secret.
    pub secret: &'s str,
    /// The token that goes with temporary keys.
    pub token: Option<&'s str>,
    /// The region that the request is for.
    pub region: &'s str,
    /// The service, by the name that it has in scopes: `ec2`.
    pub service: &'s str,
}

impl Signer<'_> {
    /// Signs a request that is otherwise whole, with all its headers, `Host` among them: adds `Authorization` and what
    /// goes with it.
    ///
    /// # Errors
    /// When key or token cannot be in a header.
    pub fn sign(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &mut HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), InvalidHeaderValue> {
        let stamp = stamp(now);
        headers.insert(&DATE, HeaderValue::from_str(&stamp)?);
        if let Some(token) = self.token {
            let mut token = HeaderValue::from_str(token)?;
            token.set_sensitive(true);
            headers.insert(&TOKEN, token);
        }
        headers.remove(AUTHORIZATION);
        let mut signed: Vec<String> = headers.keys().map(|name| name.as_str().to_owned()).collect();
        signed.sort_unstable();
        let credential = Credential {
            access_key: self.access_key.to_owned(),
            date: stamp.get(..8).unwrap_or_default().to_owned(),
            region: self.region.to_owned(),
            service: self.service.to_owned(),
        };
        let request = Request { method, uri, headers, body };
        let canonical = canonical::request(&request, &signed, false, &canonical::payload_hash(body));
        let value = value(self.secret, &credential, &stamp, &canonical);
        let (key, scope, signed) = (self.access_key, credential.scope(), signed.join(";"));
        let authorization =
            format!("{ALGORITHM} Credential={key}/{scope}, SignedHeaders={signed}, Signature={value}");
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&authorization)?);
        Ok(())
    }
}
