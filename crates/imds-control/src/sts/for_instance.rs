//! Keys of a role for an instance whose entry in the configuration file names one: as `AssumeRole`, called by the root of
//! the account, but without the door.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::http::StatusCode;
use imds_core::Timestamp;
use imds_core::credentials::Credentials;
use imds_core::session::Issuer;
use imds_store::Store;
use imds_store::record::Caller;

use super::assume_role;
use crate::authz::Identity;
use crate::call::{ACCOUNT, Call};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The role's ARN.
    pub role_arn: &'a str,
    /// The session's name.
    pub session_name: &'a str,
    /// How many seconds the keys are to live.
    pub seconds: u32,
}

/// Why there are no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such role, or its trust policy does not name the account.
    #[error("{0}")]
    Denied(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Keys of a session of the role.
///
/// # Errors
/// What `AssumeRole` would answer.
pub fn assume(
    store: &dyn Store,
    issuer: &Issuer,
    asked: &Asked<'_>,
    now: Timestamp,
) -> Result<Credentials, Refused> {
    let account = ACCOUNT.parse().map_err(|_| Refused::Other("there is no account".to_owned()))?;
    // What is in its answer alone, and in none of it, does not matter: region, caller, request id and the rest.
    let call = Call {
        store,
        region: "us-east-1",
        account: &account,
        now,
        caller: &Caller { access_key: None, address: "file".to_owned() },
        identity: &Identity::Root,
        request_id: "",
        issuer,
        environment_delay: Duration::ZERO,
        vpc: (Ipv4Addr::UNSPECIFIED, 0),
    };
    let assumed = assume_role::assume(&call, asked.role_arn, asked.session_name, Some(asked.seconds));
    assumed.map(|(_, keys)| keys).map_err(|error| {
        if error.status == StatusCode::FORBIDDEN {
            Refused::Denied(error.message)
        } else {
            Refused::Other(error.message)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::document::encoded;
    use crate::testing::{door, iam, keep_role};

    #[tokio::test]
    async fn the_root_of_the_account_gets_what_the_role_gives() {
        let door = door();
        keep_role(&door, "web");
        let trust = encoded(
            r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#,
        );
        iam(&door, &format!("Action=CreateRole&RoleName=ec2&AssumeRolePolicyDocument={trust}")).await;
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let issuer = door.authority.issuer();
        let assume = |role_arn: &str, seconds| {
            let asked = Asked { role_arn, session_name: "i-12345678901234567", seconds };
            super::assume(&*door.store, &issuer, &asked, now)
        };
        let keys = assume("arn:aws:iam::123456789012:role/web", 900).unwrap();
        let opened = issuer.open(&keys.access_key_id, keys.session_token.expose(), now).unwrap();
        assert_eq!(opened.0.name, "i-12345678901234567");
        assert_eq!(keys.expiration, Some(now + Duration::from_secs(900)));
        for (arn, seconds, is_denied) in [
            ("arn:aws:iam::123456789012:role/ec2", 900, true),
            ("arn:aws:iam::123456789012:role/none", 900, true),
            ("arn:aws:iam::999999999999:role/web", 900, true),
            ("arn:aws:iam::123456789012:role/web", 3_601, false),
            ("web", 900, false),
        ] {
            let refused = assume(arn, seconds).unwrap_err();
            assert_eq!(matches!(refused, Refused::Denied(_)), is_denied, "{arn} {seconds}: {refused}");
        }
    }
}
