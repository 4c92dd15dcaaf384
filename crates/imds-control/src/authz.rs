//! Who is calling: whose key a call is signed with, and whether it is taken.

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use aws_lc_rs::digest::{SHA256, digest};
use imds_core::Timestamp;
use imds_core::credentials::Secret;
use imds_core::id::{AccountId, unique};
use imds_core::session::{Issuer, Refused, SECRET_LEN, Session};
use imds_store::Store;
use imds_store::access_key::AccessKeys;
use imds_store::record::Role;

use crate::query::sigv4::{Credential, Error, Request, Signature};

/// Whose keys are taken.
#[derive(Debug)]
pub struct Authority {
    is_required: bool,
    held: RwLock<Held>,
}

/// Keys, and who issues temporary ones with their secret.
#[derive(Debug)]
struct Held {
    keys: Arc<AccessKeys>,
    issuer: Arc<Issuer>,
}

/// What other keys changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// There are others than before.
    pub keys: bool,
    /// Temporary keys that were issued before are not known any longer.
    pub sessions: bool,
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
        let issuer = Arc::new(Issuer::new(keys.session_secret()));
        Self { is_required, held: RwLock::new(Held { keys: Arc::new(keys), issuer }) }
    }

    /// Other keys from now on, or none. With another secret, temporary keys that were issued before end; where there are
    /// no keys the secret stays as it was.
    pub fn set_keys(&self, keys: Option<AccessKeys>) -> Changed {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.unwrap_or_else(|| AccessKeys::new(held.keys.session_secret()));
        let changed = Changed {
            keys: !keys.iter().eq(held.keys.iter()),
            sessions: keys.session_secret() != held.keys.session_secret(),
        };
        if changed.sessions {
            held.issuer = Arc::new(Issuer::new(keys.session_secret()));
        }
        held.keys = Arc::new(keys);
        changed
    }

    /// Who issues temporary keys now.
    #[must_use]
    pub fn issuer(&self) -> Arc<Issuer> {
        Arc::clone(&self.held().issuer)
    }

    /// Must every request be signed?
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.is_required
    }

    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self) -> Arc<AccessKeys> {
        Arc::clone(&self.held().keys)
    }

    /// Who has signed a request, and for what, verified. A session is one while the store has its role.
    pub(crate) fn verified(
        &self,
        store: &dyn Store,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<(Identity, Credential), Error> {
        let signature = Signature::read(request.uri, request.headers)?.ok_or_else(Error::missing)?;
        let id = &signature.credential.access_key;
        let (identity, secret) = match &signature.token {
            Some(token) => self.session(store, id, token, now).map_err(|refused| match refused {
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
    pub(crate) fn presumed(
        &self,
        store: &dyn Store,
        access_key: Option<&str>,
        token: Option<&str>,
        now: Timestamp,
    ) -> Identity {
        let id = access_key.unwrap_or_default();
        let session =
            token.and_then(|token| self.session(store, id, &Secret::new(token.to_owned()), now).ok());
        match session {
            Some((identity, _)) => identity,
            None => Identity::of(self.keys().get(id).and_then(|key| key.user())),
        }
    }

    fn session(
        &self,
        store: &dyn Store,
        id: &str,
        token: &Secret,
        now: Timestamp,
    ) -> Result<(Identity, Secret), Refused> {
        let (session, secret) = self.issuer().open(id, token.expose(), now)?;
        let role = Role::find(store, &session.role).unwrap_or_else(|error| {
            // Whom nobody can vouch for does not come in.
            tracing::error!(%error, "the role of a session cannot be read");
            None
        });
        // A role that was deleted and made again is another, as its id tells.
        let role = role.filter(|found| found.record.id == session.role_id);
        role.map(|_| (Identity::Session(session), secret)).ok_or(Refused::Invalid)
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
        Self::User { name: name.to_owned(), id: unique("AIDA", &hash.as_ref()[..17]) }
    }

    /// `arn:aws:iam::123456789012:root`, or that of the user or session.
    pub(crate) fn arn(&self, partition: &str, account: &AccountId) -> String {
        match self {
            Self::Root => format!("arn:{partition}:iam::{account}:root"),
            Self::User { name, .. } => format!("arn:{partition}:iam::{account}:user/{name}"),
            Self::Session(session) => session.arn(partition),
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
