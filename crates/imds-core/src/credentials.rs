//! A role and the credentials that `iam/` serves for it, or why there are none.

use std::fmt;

use zeroize::Zeroizing;

use crate::Timestamp;

/// Text that is never shown: its `Debug` hides it, and its memory is cleared when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the answer that the instance asked for and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What an instance has of its instance profile: what `iam/` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The instance profile's ARN.
    pub instance_profile_arn: String,
    /// `AIPA…`
    pub instance_profile_id: String,
    /// What the profile gives.
    pub grant: Grant,
}

/// What a profile gives, or why it gives nothing (IAM User Guide, "Troubleshoot IAM and Amazon EC2").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The keys of its role.
    Keys {
        /// The role's name, the one entry of `iam/security-credentials/`.
        role: String,
        /// Its keys.
        credentials: Credentials,
    },
    /// Its role's trust policy does not let EC2 in.
    Untrusted {
        /// The role's name.
        role: String,
        /// When that was found.
        since: Timestamp,
    },
    /// Its role's keys could not be had, and those before, if there were any, have ended.
    Failed {
        /// The role's name.
        role: String,
        /// Why. It is shown to guests, and names no secret.
        message: String,
        /// When that was found.
        since: Timestamp,
    },
    /// It has no role.
    Empty {
        /// When that was found.
        since: Timestamp,
    },
    /// It was deleted; there may be another of its name.
    Gone {
        /// When that was found.
        since: Timestamp,
    },
}

impl Role {
    /// The role's name, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.grant {
            Grant::Keys { role, .. } | Grant::Untrusted { role, .. } | Grant::Failed { role, .. } => {
                Some(role)
            }
            Grant::Empty { .. } | Grant::Gone { .. } => None,
        }
    }

    /// Its keys, if it gives any.
    #[must_use]
    pub fn credentials(&self) -> Option<&Credentials> {
        match &self.grant {
            Grant::Keys { credentials, .. } => Some(credentials),
            Grant::Untrusted { .. } | Grant::Failed { .. } | Grant::Empty { .. } | Grant::Gone { .. } => None,
        }
    }
}

/// Temporary keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `ASIA…`
    pub access_key_id: String,
    /// The secret key.
    pub secret_access_key: Secret,
    /// The session token, empty for long-lived keys.
    pub session_token: Secret,
    /// When they were issued, where that is known.
    pub issued: Option<Timestamp>,
    /// When they end. `None` for keys that do not end by themselves: they are then shown as EC2 shows its own,
    /// issued anew every hour for six hours [assumed].
    pub expiration: Option<Timestamp>,
}

impl Credentials {
    const LIFETIME_SECONDS: i64 = 6 * 3600;
    const ISSUE_EVERY_SECONDS: i64 = 3600;

    /// When these keys were issued and when they end, as seen at `now` from keys that came at `since`.
    #[must_use]
    pub fn period(&self, since: Timestamp, now: Timestamp) -> (Timestamp, Timestamp) {
        let since = self.issued.unwrap_or(since);
        if let Some(end) = self.expiration {
            return (since, end);
        }
        let age = (now.as_second() - since.as_second()).max(0);
        let issued = since.as_second() + age - age % Self::ISSUE_EVERY_SECONDS;
        let at = |second| Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
        (at(issued), at(issued + Self::LIFETIME_SECONDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn keys_without_an_end_always_have_five_hours_left() {
        let mut keys = crate::testing::role().credentials().unwrap().clone();
        for (now, issued) in [(1_000, 1_000), (4_599, 1_000), (4_600, 4_600), (90_000, 87_400), (0, 1_000)] {
            let (from, to) = keys.period(at(1_000), at(now));
            assert_eq!((from, to), (at(issued), at(issued + 21_600)), "at {now}");
        }
        keys.expiration = Some(at(5_000));
        assert_eq!(keys.period(at(1_000), at(90_000)), (at(1_000), at(5_000)));
        keys.issued = Some(at(2_000));
        assert_eq!(keys.period(at(1_000), at(90_000)), (at(2_000), at(5_000)));
    }

    #[test]
    fn a_secret_does_not_print() {
        let role = crate::testing::role();
        let printed = format!("{role:?}");
        let keys = role.credentials().unwrap();
        assert!(!printed.contains(keys.secret_access_key.expose()), "{printed}");
        assert!(!printed.contains(keys.session_token.expose()), "{printed}");
    }
}
