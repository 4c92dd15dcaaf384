//! `PutRolePolicy`: a policy of the role's own, in the place of the one of its name. What it permits is not looked at.

use super::{check, document, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

/// Characters of all policies of a role's own, without white space.
const MOST: usize = 10_240;
/// Bytes of the same with it: white space is free, but not without end [assumed].
const BYTES: usize = 131_072;

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = check::name(params, "PolicyName", 128)?;
    let policy = check::text(params, "PolicyDocument", 1..=131_072)?;
    role::change(call, params, |role| {
        document::check_permissions(policy)?;
        role.inline_policies.insert(name.to_owned(), policy.to_owned());
        let sum =
            |length: fn(&str) -> usize| role.inline_policies.values().map(|text| length(text)).sum::<usize>();
        let passed = [(sum(document::length), MOST), (sum(str::len), BYTES)];
        if let Some((_, most)) = passed.iter().find(|(sum, most)| sum > most) {
            let message = format!("Maximum policy size of {most} bytes exceeded for role {}", role.name);
            return Err(check::conflict("LimitExceeded", message));
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::iam::document::encoded;
    use crate::testing::{door, iam, keep_role, text};

    fn policy(sid: usize) -> String {
        let sid = "x".repeat(sid);
        encoded(&format!(
            r#"{{"Statement":{{"Sid":"{sid}","Effect":"Allow","Action":"s3:*","Resource":"*"}}}}"#
        ))
    }

    /// One that is nearly nothing but white space.
    fn blank(count: usize) -> String {
        format!("{}{}", encoded(r#"{"Statement":[]}"#), "+".repeat(count))
    }

    #[tokio::test]
    async fn one_of_the_same_name_is_replaced_and_all_together_have_a_limit() {
        let door = door();
        keep_role(&door, "web");
        let put = |name: &str, policy: &str| {
            format!("Action=PutRolePolicy&RoleName=web&PolicyName={name}&PolicyDocument={policy}")
        };
        for (form, status, code) in [
            (put("a", &policy(6_000)), StatusCode::OK, None),
            (put("a", &policy(1)), StatusCode::OK, None),
            (put("b", &policy(6_000)), StatusCode::OK, None),
            (put("c", &policy(6_000)), StatusCode::CONFLICT, Some("LimitExceeded")),
            (put("b", &policy(1)), StatusCode::OK, None),
            (put("b", &blank(100_000)), StatusCode::OK, None),
            (put("c", &blank(40_000)), StatusCode::CONFLICT, Some("LimitExceeded")),
            (put("b", &blank(90_000)), StatusCode::OK, None),
            (put("c", &blank(40_000)), StatusCode::OK, None),
            (put("c", &blank(131_073)), StatusCode::BAD_REQUEST, Some("ValidationError")),
            (put("c", &blank(90_000)), StatusCode::CONFLICT, Some("LimitExceeded")),
            (put("c", &policy(1)), StatusCode::OK, None),
            (put("a", "x"), StatusCode::BAD_REQUEST, Some("MalformedPolicyDocument")),
            (put("a/b", &policy(1)), StatusCode::BAD_REQUEST, Some("ValidationError")),
            (put("a", ""), StatusCode::BAD_REQUEST, Some("ValidationError")),
            (put("a", &policy(1)).replace("=web", "=none"), StatusCode::NOT_FOUND, Some("NoSuchEntity")),
        ] {
            let (told, document) = iam(&door, &form).await;
            assert_eq!((told, text(&document, "Code")), (status, code), "{form:.120}");
        }
        let (_, document) = iam(&door, "Action=ListRolePolicies&RoleName=web").await;
        assert_eq!(
            text(&document, "PolicyNames"),
            Some("<member>a</member><member>b</member><member>c</member>")
        );
    }
}
