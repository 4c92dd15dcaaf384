//! Who is calling: whose key a call is signed with, and whether it is taken.

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use imds_core::Timestamp;
use imds_core::credentials::Secret;
use imds_core::id::AccountId;
use imds_core::session::{Issuer, LETTERS, Refused, SECRET_LEN, Session};
use imds_store::access_key::AccessKeys;

use crate::api::Refusal;
use crate::door::Door;
use crate::query::sigv4::{Credential, Error, Request, Signature};

/// Whose keys are taken.
#[derive(Debug)]
pub struct Authority {
    is_required: bool,
    keys: RwLock<Arc<AccessKeys>>,
    issuer: Issuer,
}

impl Authority {
    /// Everybody may come in, with any key or none. Temporary keys are issued with this secret.
    #[must_use]
    pub fn open(secret: &[u8; SECRET_LEN]) -> Self {
        Self::new(AccessKeys::new(secret), false)
    }

    /// These keys are known, and temporary ones are issued with their secret. If a signature is required, nobody comes in
    /// without one.
    #[must_use]
    pub fn new(keys: AccessKeys, is_required: bool) -> Self {
        let issuer = Issuer::new(keys.session_secret());
        Self { is_required, keys: RwLock::new(Arc::new(keys)), issuer }
    }

    /// Other keys from now on, or none. Temporary keys stay good: their secret is that of the start. Are they others than
    /// before?
    pub fn set_keys(&self, keys: Option<AccessKeys>) -> bool {
        let mut known = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.unwrap_or_else(|| AccessKeys::new(known.session_secret()));
        let is_changed = !keys.iter().eq(known.iter());
        *known = Arc::new(keys);
        is_changed
    }

    /// Who issues temporary keys.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Must every request be signed?
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.is_required
    }

    fn keys(&self) -> Arc<AccessKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who has signed a request, and for what, verified.
    pub(crate) fn verified(
        &self,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<(Identity, Credential), Error> {
        let signature = Signature::read(request.uri, request.headers)?.ok_or_else(Error::missing)?;
        let id = &signature.credential.access_key;
        let (identity, secret) = match &signature.token {
            Some(token) => self.session(id, token, now).map_err(|refused| match refused {
                Refused::Invalid => Error::unknown(),
                Refused::Expired => Error::ended(),
            })?,
            None => {
                let keys = self.keys();
                let key = keys.get(id).ok_or_else(Error::unknown)?;
                (Identity::of(key.user()), key.secret().clone())
            }
        };
        signature.verify(request, secret.expose(), now)?;
        Ok((identity, signature.credential))
    }

    /// Who a request says that it is from, where nothing is verified: the session whose token it brings, the user whose
    /// key it names, or else the account itself.
    pub(crate) fn presumed(&self, access_key: Option<&str>, token: Option<&str>, now: Timestamp) -> Identity {
        let id = access_key.unwrap_or_default();
        let session = token.and_then(|token| self.session(id, &Secret::new(token.to_owned()), now).ok());
        match session {
            Some((identity, _)) => identity,
            None => Identity::of(self.keys().get(id).and_then(|key| key.user())),
        }
    }

    fn session(&self, id: &str, token: &Secret, now: Timestamp) -> Result<(Identity, Secret), Refused> {
        let (session, secret) = self.issuer.open(id, token.expose(), now)?;
        Ok((Identity::Session(session), secret))
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The account itself.
    Root,
    /// A user: its name, and `AIDA…`.
    User {
        /// Its name.
        name: String,
        /// `AIDA…`
        id: String,
    },
    /// A role, in a session.
    Session(Session),
}

impl Identity {
    /// The user with this name, or the account itself.
    fn of(user: Option<&str>) -> Self {
        let Some(name) = user else { return Self::Root };
        // Nothing is kept of a user but its keys, and its id must stay the same.
        let hash = digest(&SHA256, format!("user/{name}").as_bytes());
        let letters = hash.as_ref().iter().take(17).map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
        Self::User { name: name.to_owned(), id: "AIDA".chars().chain(letters).collect() }
    }

    /// `arn:aws:iam::123456789012:root`, or that of the user or session.
    pub(crate) fn arn(&self, account: &AccountId) -> String {
        match self {
            Self::Root => format!("arn:aws:iam::{account}:root"),
            Self::User { name, .. } => format!("arn:aws:iam::{account}:user/{name}"),
            Self::Session(session) => session.arn(),
        }
    }

    /// The `UserId` of STS.
    pub(crate) fn user_id(&self, account: &AccountId) -> String {
        match self {
            Self::Root => account.to_string(),
            Self::User { id, .. } => id.clone(),
            Self::Session(session) => session.user_id(),
        }
    }
}

/// Lets on what is signed, where it must be. `/` sees to itself, since AWS's services have words of their own for it; whether
/// the service is well anybody may ask.
pub(crate) async fn gate(State(door): State<Door>, request: HttpRequest, next: Next) -> Response {
    if !door.authority.is_required() || matches!(request.uri().path(), "/" | "/healthz") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // It is whole already, and within its limit.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let signed = Request { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body: &body };
    match door.authority.verified(&signed, Timestamp::now()) {
        Ok(_) => next.run(HttpRequest::from_parts(parts, Body::from(body))).await,
        Err(error) => {
            let error = error.of(None);
            if parts.uri.path().starts_with("/api/") {
                return Refusal::new(error.status, error.to_string()).into_response();
            }
            (error.status, format!("{error}\n")).into_response()
        }
    }
}
