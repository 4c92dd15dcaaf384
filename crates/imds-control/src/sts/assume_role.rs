//! `AssumeRole`: temporary keys of a role, for whom its trust policy names. They are in the answer and nowhere else.
//!
//! What policies permit is not looked at, so that a session policy and session tags are taken and change nothing [assumed].

use std::time::Duration;

use axum::http::StatusCode;
use imds_core::credentials::Credentials;
use imds_core::session::{NONCE_LEN, Session};
use imds_core::{Timestamp, partition};
use imds_store::record::trust::Principal;
use imds_store::record::{Found, Role};

use crate::authz::Identity;
use crate::call::{Call, Outcome, random_hex};
use crate::iam::{check, date, tags};
use crate::query::{Error, Params, Xml};

/// Seconds that a session may live.
const DURATION: std::ops::RangeInclusive<u32> = 900..=43_200;
/// Seconds that it lives if nobody says, and at most that of one who is in a session.
const HOUR: u32 = 3_600;

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let arn = check::text(params, "RoleArn", 20..=2_048)?;
    let name = check::text(params, "RoleSessionName", 2..=64)?;
    check_word(params, "RoleSessionName", name)?;
    let seconds = check::number(params, "DurationSeconds", DURATION)?;
    let source = check::option(params, "SourceIdentity", 2..=256)?;
    source.map(|source| check_word(params, "SourceIdentity", source)).transpose()?;
    if let Some(policy) = params.text("Policy")
        && serde_json::from_str::<serde::de::IgnoredAny>(policy).is_err()
    {
        return Err(Error::new("MalformedPolicyDocument", "This policy contains invalid Json"));
    }
    tags::read(params, tags::Case::Ignored)?;
    let (session, keys) = assume(call, arn, name, seconds)?;
    let mut xml = Xml::query();
    xml.within("Credentials", |xml| {
        xml.text("AccessKeyId", &keys.access_key_id)
            .text("SecretAccessKey", keys.secret_access_key.expose())
            .text("SessionToken", keys.session_token.expose())
            .text("Expiration", date(session.expires));
    });
    xml.within("AssumedRoleUser", |xml| {
        xml.text("AssumedRoleId", session.user_id()).text("Arn", session.arn(partition(call.region)));
    });
    xml.option("SourceIdentity", source);
    Ok(Outcome::told(xml))
}

/// A session of the role of this ARN, and its keys, if the caller may have them.
pub(super) fn assume(
    call: &Call<'_>,
    arn: &str,
    name: &str,
    seconds: Option<u32>,
) -> Result<(Session, Credentials), Error> {
    let role = assumed(call, arn)?.record;
    let lifetime = Duration::from_secs(lifetime(call.identity, &role, seconds)?.into());
    // Whole seconds: the answer tells no others.
    let issued = Timestamp::from_second(call.now.as_second()).unwrap_or(call.now);
    let session = Session {
        account: call.account.clone(),
        role: role.name.clone(),
        role_id: role.id.clone(),
        name: name.to_owned(),
        issued,
        expires: end(call.identity, issued + lifetime),
    };
    let keys = call.issuer.issue(&session, nonce()?);
    Ok((session, keys))
}

/// The role of this ARN, if it is there and the caller may assume it. Which of the two is not so is not told.
fn assumed(call: &Call<'_>, arn: &str) -> Result<Found<Role>, Error> {
    let invalid = || check::invalid(format!("{arn} is invalid"));
    let parts = arn.splitn(6, ':').collect::<Vec<_>>();
    let ["arn", _, "iam", "", owner, resource] = parts[..] else { return Err(invalid()) };
    let whole = resource.strip_prefix("role").filter(|whole| whole.starts_with('/')).ok_or_else(invalid)?;
    let name = whole.rsplit('/').next().unwrap_or_default();
    let found = if owner == call.account.as_str() { Role::find(call.store, name)? } else { None };
    let principal = principal(call)?;
    let may = |role: &Role| {
        whole == format!("{}{}", role.path, role.name) && role.trusts(call.account.as_str(), principal)
    };
    found.filter(|found| may(&found.record)).ok_or_else(|| {
        let caller = call.identity.arn(partition(call.region), call.account);
        let message =
            format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {arn}");
        Error { status: StatusCode::FORBIDDEN, ..Error::new("AccessDenied", message) }
    })
}

fn principal<'c>(call: &Call<'c>) -> Result<Principal<'c>, Error> {
    Ok(match call.identity {
        Identity::Root => Principal::Root,
        Identity::User { name, id } => Principal::User { name, id },
        Identity::Session(session) => Principal::of_session(call.store, session)?,
    })
}

fn lifetime(identity: &Identity, role: &Role, asked: Option<u32>) -> Result<u32, Error> {
    let seconds = asked.unwrap_or(HOUR);
    let what = match identity {
        Identity::Session(_) if seconds > HOUR => "1 hour session limit for roles assumed by role chaining",
        _ if seconds > role.max_session_duration => "MaxSessionDuration set for this role",
        Identity::Root | Identity::User { .. } | Identity::Session(_) => return Ok(seconds),
    };
    Err(check::invalid(format!("The requested DurationSeconds exceeds the {what}.")))
}

/// When a session ends that was got by somebody: one that was got with another does not outlive it. On AWS it may [assumed];
/// but there the keys of an instance, once read by others, do not open to all of the account.
fn end(identity: &Identity, asked: Timestamp) -> Timestamp {
    match identity {
        Identity::Session(session) => asked.min(session.expires),
        Identity::Root | Identity::User { .. } => asked,
    }
}

/// Refuses what has other than letters, digits and `_ + = , . @ -`.
fn check_word(params: &Params, parameter: &str, word: &str) -> Result<(), Error> {
    if word.chars().all(check::is_of_a_name) {
        return Ok(());
    }
    let rule = "Member must satisfy regular expression pattern: [\\w+=,.@-]*";
    Err(check::broken(params, parameter, word, rule))
}

fn nonce() -> Result<[u8; NONCE_LEN], Error> {
    let random = u128::from_str_radix(&random_hex()?, 16).map_err(|_| Error::internal())?;
    let mut nonce = [0; NONCE_LEN];
    nonce.copy_from_slice(&random.to_be_bytes()[..NONCE_LEN]);
    Ok(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::Door;
    use crate::iam::document::encoded;
    use crate::testing::{by_session, door, iam, keep_role, request, sts, text};
    use imds_core::credentials::Secret;
    use imds_core::session::Refused;

    const WEB: &str = "RoleArn=arn:aws:iam::123456789012:role/web";

    async fn assume(door: &Door, form: &str) -> (StatusCode, String) {
        sts(door, &format!("Action=AssumeRole&{form}")).await
    }

    #[tokio::test]
    async fn the_keys_open_to_the_session_and_are_kept_nowhere() {
        let door = door();
        let role = keep_role(&door, "web");
        let form = format!("{WEB}&RoleSessionName=sess1&DurationSeconds=900&SourceIdentity=me");
        let (status, document) = assume(&door, &form).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        let told = |name: &str| text(&document, name).unwrap().to_owned();
        assert_eq!(told("Arn"), "arn:aws:sts::123456789012:assumed-role/web/sess1");
        assert_eq!(told("AssumedRoleId"), format!("{}:sess1", role.id));
        assert_eq!(told("SourceIdentity"), "me");
        let (id, secret, token) = (told("AccessKeyId"), told("SecretAccessKey"), told("SessionToken"));
        let opened = door.authority.issuer().open(&id, &token, Timestamp::now());
        let (session, known) = opened.unwrap();
        assert_eq!((known.expose(), session.name.as_str()), (secret.as_str(), "sess1"));
        assert_eq!(date(session.expires), told("Expiration"));
        assert_eq!(session.expires.duration_since(session.issued).as_secs(), 900);
        for (key, kept) in door.store.list("").unwrap() {
            let kept = String::from_utf8_lossy(&kept.value).into_owned();
            assert!(!kept.contains(&secret) && !kept.contains(&token), "{key}");
        }
        let (_, again) = assume(&door, &format!("{WEB}&RoleSessionName=sess1")).await;
        assert_ne!(text(&again, "AccessKeyId"), Some(&*id));
    }

    #[tokio::test]
    async fn whom_the_trust_policy_does_not_name_is_refused_as_if_there_were_no_role() {
        let door = door();
        keep_role(&door, "web");
        let deny = |resource: &str| {
            format!(
                "User: arn:aws:iam::123456789012:root is not authorized to perform: sts:AssumeRole on resource: {resource}"
            )
        };
        let trust = encoded(
            r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#,
        );
        iam(&door, &format!("Action=CreateRole&RoleName=ec2&AssumeRolePolicyDocument={trust}")).await;
        for arn in [
            "arn:aws:iam::123456789012:role/ec2",
            "arn:aws:iam::123456789012:role/none",
            "arn:aws:iam::123456789012:role/WEB",
            "arn:aws:iam::123456789012:role/path/web",
            "arn:aws:iam::123456789012:role//web",
            "arn:aws:iam::999999999999:role/web",
        ] {
            let (status, document) = assume(&door, &format!("RoleArn={arn}&RoleSessionName=me")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::FORBIDDEN, Some("AccessDenied")));
            assert_eq!(text(&document, "Message"), Some(&*deny(arn)));
        }
    }

    #[tokio::test]
    async fn a_role_may_be_let_in_by_its_name() {
        let door = door();
        keep_role(&door, "web");
        for (name, principal) in [("db", "role/web"), ("other", "role/other")] {
            let trust = encoded(&format!(
                r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::123456789012:{principal}"}},
                   "Action":"sts:AssumeRole"}}}}"#
            ));
            iam(&door, &format!("Action=CreateRole&RoleName={name}&AssumeRolePolicyDocument={trust}")).await;
        }
        let assume = |name: &str| {
            let arn = format!("arn:aws:iam::123456789012:role/{name}");
            format!("Action=AssumeRole&RoleArn={arn}&RoleSessionName=two&Version=2011-06-15")
        };
        let (status, document) = by_session(&door, "sts", &assume("db")).await;
        let arn = "arn:aws:sts::123456789012:assumed-role/db/two";
        assert_eq!((status, text(&document, "Arn")), (StatusCode::OK, Some(arn)), "{document}");
        let (status, document) = by_session(&door, "sts", &assume("other")).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let message = text(&document, "Message").unwrap();
        assert!(
            message.starts_with("User: arn:aws:sts::123456789012:assumed-role/web/one is not"),
            "{message}"
        );
        let chained = format!("{}&DurationSeconds=3601", assume("db"));
        assert_eq!(by_session(&door, "sts", &chained).await.0, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        keep_role(&door, "web");
        let good = format!("{WEB}&RoleSessionName=me");
        for form in [
            "RoleSessionName=me".to_owned(),
            WEB.to_owned(),
            good.replace("=me", "=m"),
            good.replace("=me", "=a%2Fb"),
            good.replace("=me", &format!("={}", "x".repeat(65))),
            good.replace("role/web", "user/web"),
            good.replace("role/web", "rolex/web"),
            good.replace("arn:aws:iam::", "arn:aws:sts::"),
            "RoleArn=twenty_letters_no_arn&RoleSessionName=me".to_owned(),
            format!("{good}&DurationSeconds=899"),
            format!("{good}&DurationSeconds=43201"),
            format!("{good}&DurationSeconds=3601"),
            format!("{good}&DurationSeconds=x"),
            format!("{good}&SourceIdentity=x"),
            format!("{good}&Tags.member.1.Key=a"),
        ] {
            let (status, document) = assume(&door, &form).await;
            let code = text(&document, "Code");
            assert_eq!((status, code), (StatusCode::BAD_REQUEST, Some("ValidationError")), "{form:.90}");
        }
        let (_, document) = assume(&door, &format!("{good}&Policy=%7B")).await;
        assert_eq!(text(&document, "Code"), Some("MalformedPolicyDocument"));
        let taken = format!("{good}&Policy=%7B%7D&Tags.member.1.Key=a&Tags.member.1.Value=b");
        assert_eq!(assume(&door, &taken).await.0, StatusCode::OK);
    }

    fn until(expires: Timestamp) -> Session {
        Session {
            account: "123456789012".parse().unwrap(),
            role: "web".into(),
            role_id: "AROA".into(),
            name: "me".into(),
            issued: Timestamp::UNIX_EPOCH,
            expires,
        }
    }

    fn within(expires: Timestamp) -> Identity {
        Identity::Session(until(expires))
    }

    #[test]
    fn a_session_within_a_session_ends_with_it_at_the_latest() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let ann = Identity::User { name: "ann".into(), id: "AIDA".into() };
        for (identity, asked, expected) in [
            (Identity::Root, 900, 900),
            (ann, 43_200, 43_200),
            (within(at(1_000)), 900, 900),
            (within(at(900)), 900, 900),
            (within(at(899)), 900, 899),
            (within(at(1)), 3_600, 1),
        ] {
            assert_eq!(end(&identity, at(asked)), at(expected), "{identity:?} {asked}");
        }
    }

    #[tokio::test]
    async fn however_often_it_is_renewed_it_does_not_live_longer() {
        let door = door();
        let role = keep_role(&door, "web");
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let expires = now + Duration::from_secs(1_200);
        let first = Session { role_id: role.id, issued: now, ..until(expires) };
        let mut keys = door.authority.issuer().issue(&first, [1; NONCE_LEN]);
        for round in 0..3 {
            let form = format!("Action=AssumeRole&Version=2011-06-15&{WEB}&RoleSessionName=me");
            let scope = format!(
                "AWS4-HMAC-SHA256 Credential={}/20261124/us-east-1/sts/aws4_request",
                keys.access_key_id
            );
            let headers = [
                ("content-type", "application/x-www-form-urlencoded"),
                ("authorization", &*scope),
                ("x-amz-security-token", keys.session_token.expose()),
            ];
            let (status, document) = request(&door, "POST", "/", &headers, &form).await;
            assert_eq!(status, StatusCode::OK, "{document}");
            assert_eq!(text(&document, "Expiration"), Some(&*date(expires)), "{round}");
            let field = |name: &str| text(&document, name).unwrap().to_owned();
            keys = Credentials {
                access_key_id: field("AccessKeyId"),
                session_token: Secret::new(field("SessionToken")),
                ..keys
            };
        }
        let (id, token) = (&keys.access_key_id, keys.session_token.expose());
        let open = |at| door.authority.issuer().open(id, token, at);
        assert_eq!(open(expires - Duration::from_secs(1)).unwrap().0.name, "me");
        assert_eq!(open(expires).unwrap_err(), Refused::Expired);
    }

    #[tokio::test]
    async fn a_session_within_a_session_lives_an_hour_at_most() {
        let role = Role { max_session_duration: 7_200, ..keep_role(&door(), "web") };
        let session = within(Timestamp::MAX);
        for (identity, asked, expected) in [
            (&Identity::Root, None, Ok(3_600)),
            (&Identity::Root, Some(7_200), Ok(7_200)),
            (&Identity::Root, Some(7_201), Err("the MaxSessionDuration set for this role.")),
            (&session, None, Ok(3_600)),
            (&session, Some(3_601), Err("the 1 hour session limit for roles assumed by role chaining.")),
        ] {
            let told = lifetime(identity, &role, asked).map_err(|error| error.message);
            let expected = expected.map_err(|what| format!("The requested DurationSeconds exceeds {what}"));
            assert_eq!(told, expected, "{asked:?}");
        }
    }
}
