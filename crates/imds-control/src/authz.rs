//! Who is calling: whose key a call is signed with, and whether it is taken.

mod pass;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use aws_lc_rs::digest::{SHA256, digest};
use imds_core::Timestamp;
use imds_core::credentials::Secret;
use imds_core::id::{AccountId, unique};
use imds_core::session::{Issuer, Refused, SECRET_LEN, Session};
use imds_store::access_key::AccessKeys;
use imds_store::record::Role;
use imds_store::{Store, store};

use crate::query::sigv4::{Credential, Error, Request, Signature};

pub(crate) use pass::Pass;

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
        let (pass, credential) = self.pass(store, request, now)?;
        Ok((pass.identity(), credential))
    }

    /// As [`Authority::verified`]: what the request was signed with.
    pub(crate) fn pass(
        &self,
        store: &dyn Store,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<(Pass, Credential), Error> {
        let signature = Signature::read(request.uri, request.headers)?.ok_or_else(Error::missing)?;
        let id = &signature.credential.access_key;
        let (pass, secret) = match &signature.token {
            Some(token) => {
                let issuer = self.issuer();
                let opened = session(&issuer, store, id, token, now);
                let (session, secret) = opened.map_err(|refused| match refused {
                    Refused::Invalid => Error::unknown(),
                    Refused::Expired => Error::ended(),
                })?;
                (Pass::of_session(id.clone(), session, issuer), secret)
            }
            None => {
                let keys = self.keys();
                let key = keys.get(id).ok_or_else(Error::unknown)?;
                (Pass::of_key(key.clone()), key.secret().clone())
            }
        };
        signature.verify(request, secret.expose(), now)?;
        Ok((pass, signature.credential))
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
        let token = token.map(|token| Secret::new(token.to_owned()));
        match token.and_then(|token| session(&self.issuer(), store, id, &token, now).ok()) {
            Some((session, _)) => Identity::Session(session),
            None => Identity::of(self.keys().get(id).and_then(|key| key.user())),
        }
    }
}

/// The session that a token is of, and its secret key.
fn session(
    issuer: &Issuer,
    store: &dyn Store,
    id: &str,
    token: &Secret,
    now: Timestamp,
) -> Result<(Session, Secret), Refused> {
    let (session, secret) = issuer.open(id, token.expose(), now)?;
    let has_role = has_role(store, &session).unwrap_or_else(|error| {
        // Whom nobody can vouch for does not come in.
        tracing::error!(%error, "the role of a session cannot be read");
        false
    });
    if has_role { Ok((session, secret)) } else { Err(Refused::Invalid) }
}

/// Is the role of a session still there? One that was deleted and made again is another, as its id tells.
fn has_role(store: &dyn Store, session: &Session) -> Result<bool, store::Error> {
    let role = Role::find(store, &session.role)?;
    Ok(role.is_some_and(|found| found.record.id == session.role_id))
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
