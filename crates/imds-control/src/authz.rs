//! Who is calling: whose keys a call is signed with, and whether they are taken.

use imds_core::id::AccountId;
use imds_core::session::{Issuer, SECRET_LEN, Session};

/// Whose keys are taken.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer,
}

impl Authority {
    /// Everybody may come in, with any key or none. Temporary keys are issued with this secret.
    #[must_use]
    pub fn open(secret: &[u8; SECRET_LEN]) -> Self {
        Self { issuer: Issuer::new(secret) }
    }

    /// Who issues temporary keys.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
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
