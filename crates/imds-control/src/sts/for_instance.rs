//! Keys of a role for an instance whose entry in the configuration file names one: as `AssumeRole`, called by the root of
//! the account, but without the door.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::http::StatusCode;
use imds_core::Timestamp;
use imds_core::credentials::Credentials;
use imds_core::id::AccountId;
use imds_core::session::Issuer;
use imds_store::Store;
use imds_store::record::{Caller, Found, Role};

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
    #[error("{message}")]
    Denied {
        /// What `AssumeRole` answers, which does not tell which of the two it is.
        message: String,
        /// Which of the two, and what there is to do, for whoever runs the service.
        why: String,
    },
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
            let why = why(store, &account, asked.role_arn);
            Refused::Denied { message: error.message, why }
        } else {
            Refused::Other(error.message)
        }
    })
}

/// Why the root of the account does not get the role.
fn why(store: &dyn Store, account: &AccountId, arn: &str) -> String {
    let [owner, resource] = [4, 5].map(|part| arn.splitn(6, ':').nth(part).unwrap_or_default());
    if owner != account.as_str() {
        return format!("the role is of the account {owner}, and this service has {account} alone");
    }
    let name = resource.rsplit('/').next().unwrap_or_default();
    match Role::find(store, name) {
        Err(error) => format!("it cannot be seen whether there is such a role: {error}"),
        Ok(None) => format!(
            "there is no role {name}: aws iam create-role --role-name {name} --assume-role-policy-document …, as in \
             docs/credentials.md"
        ),
        Ok(Some(Found { record: role, .. })) if resource != format!("role{}{}", role.path, role.name) => {
            format!("the role {name} has the path {}, which belongs into its ARN", role.path)
        }
        Ok(Some(_)) => format!(
            "the trust policy of the role {name} does not let the account in: aws iam update-assume-role-policy, with \
             \"Principal\": {{\"AWS\": \"{account}\"}}"
        ),
    }
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
        for (arn, seconds, expected) in [
            (
                "arn:aws:iam::123456789012:role/ec2",
                900,
                Some("the trust policy of the role ec2 does not let"),
            ),
            (
                "arn:aws:iam::123456789012:role/none",
                900,
                Some("there is no role none: aws iam create-role --role-name none"),
            ),
            ("arn:aws:iam::123456789012:role/x/web", 900, Some("the role web has the path /,")),
            ("arn:aws:iam::999999999999:role/web", 900, Some("the role is of the account 999999999999")),
            ("arn:aws:iam::123456789012:role/web", 3_601, None),
            ("web", 900, None),
        ] {
            match (assume(arn, seconds).unwrap_err(), expected) {
                (Refused::Denied { message, why }, Some(expected)) => {
                    assert!(why.starts_with(expected), "{arn}: {why}");
                    // As on AWS, guests are not told which of these it is.
                    let (_, end) = message.split_once(" is not authorized to perform: ").unwrap();
                    assert_eq!(end, format!("sts:AssumeRole on resource: {arn}"));
                }
                (Refused::Other(_), None) => {}
                (refused, expected) => panic!("{arn} {seconds}: {refused} {expected:?}"),
            }
        }
    }
}
