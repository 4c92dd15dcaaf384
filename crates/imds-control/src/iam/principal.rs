//! `Principal` of a trust policy: whether it can be one (IAM User Guide, "AWS JSON policy elements: Principal"). One that
//! names nobody would shut the role without a word.

use serde_json::Value;

use super::check;
use crate::query::Error;

/// Refuses what can be nobody. The words are IAM's where there is a text to quote, else [assumed].
pub(super) fn check(principal: &Value) -> Result<(), Error> {
    let kinds = match principal {
        Value::String(text) if text == "*" => return Ok(()),
        Value::String(text) => return Err(invalid("STRING", text)),
        Value::Object(kinds) => kinds,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return Err(unreadable()),
    };
    if kinds.is_empty() {
        return Err(empty());
    }
    for (kind, value) in kinds {
        let texts = match value {
            Value::Array(texts) => texts.as_slice(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                std::slice::from_ref(value)
            }
        };
        if texts.is_empty() {
            return Err(empty());
        }
        for text in texts {
            let text = text.as_str().ok_or_else(unreadable)?;
            if !can_be(kind, text) {
                return Err(invalid(&kind.to_uppercase(), text));
            }
        }
    }
    Ok(())
}

fn invalid(kind: &str, text: &str) -> Error {
    malformed(format!("Invalid principal in policy: \"{kind}\":\"{text}\""))
}

fn unreadable() -> Error {
    malformed("Invalid principal in policy")
}

fn empty() -> Error {
    malformed("Missing required field Principal cannot be empty!")
}

fn can_be(kind: &str, text: &str) -> bool {
    match kind {
        "AWS" => text == "*" || is_account(text) || is_id(text) || is_arn(text),
        // Which services there are is not known [assumed].
        "Service" => {
            text.contains('.')
                && text.split('.').all(|part| !part.is_empty() && part.chars().all(is_of_a_host))
        }
        "Federated" | "CanonicalUser" => !text.is_empty() && !text.chars().any(char::is_control),
        _ => false,
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// That of a user or a role, as IAM tells it where one that was named is gone.
fn is_id(text: &str) -> bool {
    let rest = text.strip_prefix("AIDA").or_else(|| text.strip_prefix("AROA"));
    rest.is_some_and(|rest| {
        (12..=124).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}

fn is_of_a_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

/// An account's, a user's, a role's or a session's. A name in it stands for itself: `*` is none.
fn is_arn(text: &str) -> bool {
    let ["arn", partition, service, "", owner, resource] = text.splitn(6, ':').collect::<Vec<_>>()[..] else {
        return false;
    };
    let is_name = |name: &str| !name.is_empty() && name.chars().all(check::is_of_a_name);
    let is_path =
        |path: &str| !path.is_empty() && path.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b'*');
    let can_be = match (service, resource.split_once('/')) {
        ("iam", None) => resource == "root",
        ("iam", Some(("user" | "role", whole))) => {
            let (path, name) =
                whole.rsplit_once('/').map_or((None, whole), |(path, name)| (Some(path), name));
            is_name(name) && path.is_none_or(is_path)
        }
        ("sts", Some(("assumed-role", rest))) => {
            rest.split_once('/').is_some_and(|(role, session)| is_name(role) && is_name(session))
        }
        ("sts", Some(("federated-user", name))) => is_name(name),
        _ => false,
    };
    partition.starts_with("aws") && is_account(owner) && can_be
}

pub(super) fn malformed(message: impl Into<String>) -> Error {
    Error::new("MalformedPolicyDocument", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(principal: &str) -> String {
        let principal = serde_json::from_str(principal).unwrap();
        check(&principal).err().map(|error| format!("{} {}", error.code, error.message)).unwrap_or_default()
    }

    #[test]
    fn who_can_be_somebody() {
        for good in [
            r#""*""#,
            r#"{"AWS":"*"}"#,
            r#"{"AWS":["123456789012","arn:aws:iam::123456789012:root"]}"#,
            r#"{"AWS":"arn:aws-cn:iam::999999999999:user/alice"}"#,
            r#"{"AWS":"arn:aws:iam::123456789012:role/a/b/web"}"#,
            r#"{"AWS":"arn:aws:sts::123456789012:assumed-role/web/i-12345678901234567"}"#,
            r#"{"AWS":"arn:aws:sts::123456789012:federated-user/alice"}"#,
            r#"{"AWS":["AIDAEXAMPLE0000000000","AROAEXAMPLE0000000000"]}"#,
            r#"{"Service":["ec2.amazonaws.com","elasticbeanstalk.us-east-1.amazonaws.com"],"AWS":"123456789012"}"#,
            r#"{"Federated":"accounts.google.com"}"#,
            r#"{"Federated":"arn:aws:iam::123456789012:oidc-provider/x.test"}"#,
            r#"{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}"#,
        ] {
            assert_eq!(told(good), "", "{good}");
        }
    }

    #[test]
    fn who_can_be_nobody_is_refused() {
        for bad in
            ["7", "null", "[]", r#"["*"]"#, r#"{"AWS":7}"#, r#"{"AWS":[null]}"#, r#"{"AWS":{"a":"*"}}"#]
        {
            assert_eq!(told(bad), "MalformedPolicyDocument Invalid principal in policy", "{bad}");
        }
        for bad in ["{}", r#"{"AWS":[]}"#] {
            let message = "MalformedPolicyDocument Missing required field Principal cannot be empty!";
            assert_eq!(told(bad), message, "{bad}");
        }
        let root = "arn:aws:iam::123456789012:root";
        assert_eq!(
            told(&format!("\"{root}\"")),
            format!("MalformedPolicyDocument Invalid principal in policy: \"STRING\":\"{root}\"")
        );
        for (kind, texts) in [
            (
                "AWS",
                &[
                    "",
                    "x",
                    "not an arn",
                    "12345678901",
                    "12345678901x",
                    "AIDA",
                    "AROAexample0000000000",
                    "arn:aws:iam::12345678901:root",
                    "arn:aws:iam::123456789012:rooot",
                    "arn:aws:iam::123456789012:role",
                    "arn:aws:iam::123456789012:role/",
                    "arn:aws:iam::123456789012:role//web",
                    "arn:aws:iam::123456789012:role/*",
                    "arn:aws:iam::123456789012:role/*/web",
                    "arn:aws:iam::123456789012:group/web",
                    "arn:aws:iam:us-east-1:123456789012:root",
                    "arn:aws:sts::123456789012:root",
                    "arn:aws:sts::123456789012:assumed-role/web",
                    "arn:aws:sts::123456789012:assumed-role/web/*",
                    "arn:aws:s3::123456789012:root",
                    "arn:x:iam::123456789012:root",
                ][..],
            ),
            ("Service", &["", "*", "ec2", "ec2.", "ec2..amazonaws.com", "*.amazonaws.com", "a b.com"]),
            ("Federated", &[""]),
            ("CanonicalUser", &[""]),
            ("aws", &["123456789012"]),
            ("User", &["alice"]),
        ] {
            for text in texts {
                let bad = format!(r#"{{"AWS":"*","{kind}":["{text}"]}}"#);
                let bad = if kind == "AWS" { bad.replace(r#""AWS":"*","#, "") } else { bad };
                let kind = kind.to_uppercase();
                let message = format!("Invalid principal in policy: \"{kind}\":\"{text}\"");
                assert_eq!(told(&bad), format!("MalformedPolicyDocument {message}"), "{bad}");
            }
        }
    }
}
