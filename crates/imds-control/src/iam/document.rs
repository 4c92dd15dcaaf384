//! Policy documents: whether one can be a trust policy or a role's own policy, and how it is told.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::json::Strict;
use super::principal::{self, malformed};
use crate::query::Error;

/// Characters of a trust policy at most, without white space.
const TRUST: usize = 2_048;

type Statement = Map<String, Value>;

/// Checks a trust policy. Whether its principals are there is not looked at.
pub(crate) fn check_trust(text: &str) -> Result<(), Error> {
    for statement in statements(text, "This policy contains invalid Json")? {
        for name in ["Resource", "NotResource"] {
            if statement.contains_key(name) {
                return Err(malformed(format!("Has prohibited field {name}")));
            }
        }
        if statement.contains_key("NotPrincipal") {
            return Err(malformed("AssumeRole policy must not contain NotPrincipal field."));
        }
        let Some(principal) = statement.get("Principal") else {
            return Err(malformed("Missing required field Principal"));
        };
        principal::check(principal)?;
        let actions = list(statement.get("Action").or_else(|| statement.get("NotAction")));
        if actions.is_empty() {
            return Err(malformed("Missing required field Action"));
        }
        if !actions.iter().all(|action| is_about_sessions(action)) {
            return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
    }
    if length(text) > TRUST {
        return Err(super::check::conflict(
            "LimitExceeded",
            format!("Cannot exceed quota for ACLSizePerRole: {TRUST}"),
        ));
    }
    Ok(())
}

/// Checks a policy that says what its owner may do. Whether those are actions that there are is not looked at.
pub(crate) fn check_permissions(text: &str) -> Result<(), Error> {
    for statement in statements(text, "Syntax errors in policy.")? {
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err(malformed("Policy document should not specify a principal."));
        }
        if !statement.contains_key("Action") && !statement.contains_key("NotAction") {
            return Err(malformed("Policy statement must contain actions."));
        }
        if !statement.contains_key("Resource") && !statement.contains_key("NotResource") {
            return Err(malformed("Policy statement must contain resources."));
        }
    }
    Ok(())
}

/// The statements, each an object with an effect.
fn statements(text: &str, no_json: &'static str) -> Result<Vec<Statement>, Error> {
    let syntax = || malformed("Syntax errors in policy.");
    let Strict(policy) = serde_json::from_str(text).map_err(|_| malformed(no_json))?;
    match policy.get("Version").map(Value::as_str) {
        None | Some(Some("2008-10-17" | "2012-10-17")) => {}
        Some(_) => return Err(malformed("The policy must contain a valid version string")),
    }
    let statements = match policy.get("Statement") {
        Some(Value::Array(several)) => several.clone(),
        Some(one) => vec![one.clone()],
        None => return Err(syntax()),
    };
    statements
        .into_iter()
        .map(|statement| match statement {
            Value::Object(statement) => match statement.get("Effect").and_then(Value::as_str) {
                Some("Allow" | "Deny") if !has_both(&statement) => Ok(statement),
                Some(_) | None => Err(syntax()),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(syntax())
            }
        })
        .collect()
}

/// Does it name what it is about, and what it is not about as well?
fn has_both(statement: &Statement) -> bool {
    [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")]
        .iter()
        .any(|(one, other)| statement.contains_key(*one) && statement.contains_key(*other))
}

/// A text, or a list of texts. What is no text is kept as an empty one, which is no action.
fn list(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(values)) => values.iter().map(|value| value.as_str().unwrap_or_default()).collect(),
        Some(value) => vec![value.as_str().unwrap_or_default()],
        None => Vec::new(),
    }
}

fn is_about_sessions(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let others = ["sts:tagsession", "sts:setsourceidentity", "sts:setcontext"];
    action.starts_with("sts:assumerole") || others.contains(&action.as_str())
}

/// Characters, as IAM counts them: without white space.
pub(crate) fn length(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// A document as IAM tells it: all but letters, digits and `-._~` as `%XX` (RFC 3986).
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(result: Result<(), Error>) -> String {
        result.err().map(|error| format!("{} {}", error.code, error.message)).unwrap_or_default()
    }

    #[test]
    fn trust_policies() {
        for good in [
            // As eb sends it.
            r#"{"Version": "2008-10-17", "Statement": [{"Action": "sts:AssumeRole", "Principal": {"Service":
                "ec2.amazonaws.com"}, "Effect": "Allow", "Sid": ""}]}"#,
            r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":["sts:AssumeRoleWithWebIdentity","STS:TagSession"]}}"#,
            r#"{"Statement":[]}"#,
        ] {
            assert_eq!(told(check_trust(good)), "", "{good}");
        }
        let with = |statement: &str| format!(r#"{{"Statement":[{statement}]}}"#);
        for (bad, message) in [
            (String::new(), "This policy contains invalid Json"),
            ("{".to_owned(), "This policy contains invalid Json"),
            ("[".repeat(100_000), "This policy contains invalid Json"),
            ("{}".to_owned(), "Syntax errors in policy."),
            ("7".to_owned(), "Syntax errors in policy."),
            (
                r#"{"Version":"2026","Statement":[]}"#.to_owned(),
                "The policy must contain a valid version string",
            ),
            (r#"{"Version":7,"Statement":[]}"#.to_owned(), "The policy must contain a valid version string"),
            (with("null"), "Syntax errors in policy."),
            (with("{}"), "Syntax errors in policy."),
            (with(r#"{"Effect":"allow"}"#), "Syntax errors in policy."),
            (with(r#"{"Effect":"Allow","Resource":"*"}"#), "Has prohibited field Resource"),
            (
                with(r#"{"Effect":"Allow","NotPrincipal":"*"}"#),
                "AssumeRole policy must not contain NotPrincipal field.",
            ),
            (with(r#"{"Effect":"Allow"}"#), "Missing required field Principal"),
            (
                with(r#"{"Effect":"Allow","Principal":7,"Action":"sts:AssumeRole"}"#),
                "Invalid principal in policy",
            ),
            (
                with(
                    r#"{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","NotAction":"sts:TagSession"}"#,
                ),
                "Syntax errors in policy.",
            ),
            (
                with(r#"{"Effect":"Allow","Principal":"*","NotPrincipal":"*","Action":"sts:AssumeRole"}"#),
                "Syntax errors in policy.",
            ),
            (r#"{"Statement":[],"Statement":[]}"#.to_owned(), "This policy contains invalid Json"),
            (
                with(r#"{"Effect":"Deny","Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}"#),
                "This policy contains invalid Json",
            ),
            (with(r#"{"Effect":"Allow","Principal":"*"}"#), "Missing required field Action"),
            (
                with(r#"{"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole","*"]}"#),
                "AssumeRole policy may only specify STS AssumeRole actions.",
            ),
            (
                with(r#"{"Effect":"Allow","Principal":"*","Action":[7]}"#),
                "AssumeRole policy may only specify STS AssumeRole actions.",
            ),
        ] {
            assert_eq!(told(check_trust(&bad)), format!("MalformedPolicyDocument {message}"), "{bad:.80}");
        }
        let long = |count: usize| {
            let sid = "x".repeat(count);
            with(&format!(r#"{{"Sid":"{sid}","Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#))
        };
        let rest = length(&long(0));
        assert_eq!(told(check_trust(&format!("{}\n\n ", long(TRUST - rest)))), "");
        assert_eq!(
            told(check_trust(&long(TRUST - rest + 1))),
            "LimitExceeded Cannot exceed quota for ACLSizePerRole: 2048"
        );
    }

    #[test]
    fn policies_of_a_role() {
        let with = |statement: &str| format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
        let good = with(r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}"#);
        assert_eq!(told(check_permissions(&good)), "");
        for (bad, message) in [
            ("x".to_owned(), "Syntax errors in policy."),
            (with(r#"{"Effect":"Allow","Resource":"*"}"#), "Policy statement must contain actions."),
            (with(r#"{"Effect":"Allow","Action":"*"}"#), "Policy statement must contain resources."),
            (
                with(r#"{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}"#),
                "Syntax errors in policy.",
            ),
            (
                with(r#"{"Effect":"Allow","Action":"*","Resource":"*","NotResource":"*"}"#),
                "Syntax errors in policy.",
            ),
            (
                with(r#"{"Effect":"Allow","Action":"*","Resource":"*","Resource":"*"}"#),
                "Syntax errors in policy.",
            ),
            (
                with(r#"{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}"#),
                "Policy document should not specify a principal.",
            ),
        ] {
            assert_eq!(
                told(check_permissions(&bad)),
                format!("MalformedPolicyDocument {message}"),
                "{bad:.80}"
            );
        }
    }

    #[test]
    fn a_document_is_told_in_percent_signs() {
        assert_eq!(encoded("{\"a\": [1,~-._]}é\n"), "%7B%22a%22%3A%20%5B1%2C~-._%5D%7D%C3%A9%0A");
    }
}
