//! What somebody came in by: it says who he is, and later, whether he may still come in.

use std::sync::Arc;

use imds_core::Timestamp;
use imds_core::session::{Issuer, Session};
use imds_store::access_key::AccessKey;
use imds_store::{Store, store};

use super::{Authority, Identity, has_role};

/// What a signature that was verified was made with.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    access_key: String,
    by: By,
}

#[derive(Debug, Clone)]
enum By {
    /// A key, as it was then.
    Key(AccessKey),
    /// Temporary keys of a role, and who had issued them.
    Session(Session, Arc<Issuer>),
}

impl Pass {
    /// That of a key.
    pub(crate) fn of_key(key: AccessKey) -> Self {
        Self { access_key: key.id().to_owned(), by: By::Key(key) }
    }

    /// That of temporary keys.
    pub(super) fn of_session(access_key: String, session: Session, issuer: Arc<Issuer>) -> Self {
        Self { access_key, by: By::Session(session, issuer) }
    }

    /// Whose it is.
    pub(crate) fn identity(&self) -> Identity {
        match &self.by {
            By::Key(key) => Identity::of(key.user()),
            By::Session(session, _) => Identity::Session(session.clone()),
        }
    }

    /// The id of the access key.
    pub(crate) fn access_key(&self) -> &str {
        &self.access_key
    }
}

impl Authority {
    /// Would a signature with the same key be taken now? Not if the key was removed or replaced by another with its id; not
    /// if temporary keys have ended, their role is gone, or all were ended at once.
    ///
    /// # Errors
    /// The role cannot be read: nobody knows.
    pub(crate) fn admits(
        &self,
        store: &dyn Store,
        pass: &Pass,
        now: Timestamp,
    ) -> Result<bool, store::Error> {
        match &pass.by {
            By::Key(key) => Ok(self.keys().get(key.id()) == Some(key)),
            By::Session(session, issuer) => {
                let is_issued = session.expires > now && Arc::ptr_eq(issuer, &self.issuer());
                Ok(is_issued && has_role(store, session)?)
            }
        }
    }
}
