//! Who may assume a role: what its trust policy says (IAM User Guide, "AWS JSON policy elements: Principal").
//!
//! Conditions are not evaluated: what allows under one allows, and what denies under one does not deny [assumed].

use serde_json::Value;

/// Who asks to assume a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal<'a> {
    /// The account itself. It has the say over all that is its own, so that it is taken for anybody of the account whom
    /// a policy names [assumed].
    Root,
    /// A user.
    User {
        /// Its name.
        name: &'a str,
        /// `AIDA…`
        id: &'a str,
    },
    /// A role, in a session.
    Session {
        /// The role's name.
        role: &'a str,
        /// `AROA…`
        role_id: &'a str,
        /// The session's name.
        name: &'a str,
    },
    /// EC2, for an instance.
    Ec2,
}

/// Does a trust policy of a role of this account let somebody in? One that does not read lets nobody in.
pub(super) fn allows(policy: &str, account: &str, principal: Principal<'_>) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return false };
    let named = |effect: &str| {
        list(policy.get("Statement")).any(|statement| {
            let is_counted = effect == "Allow" || statement.get("Condition").is_none();
            statement.get("Effect").and_then(Value::as_str) == Some(effect)
                && is_counted
                && is_about_assuming(statement)
                && names(statement, account, principal)
        })
    };
    named("Allow") && !named("Deny")
}

/// One value, or several.
fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (several, one) = match value {
        Some(Value::Array(values)) => (&values[..], None),
        one => (&[][..], one),
    };
    several.iter().chain(one)
}

fn is_about_assuming(statement: &Value) -> bool {
    let has = |name: &str| list(statement.get(name)).filter_map(Value::as_str).any(is_assuming);
    match statement.get("NotAction") {
        Some(_) => !has("NotAction"),
        None => has("Action"),
    }
}

/// Is `sts:AssumeRole` what this names? Case does not matter, and `*` may stand at the end.
fn is_assuming(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    match action.strip_suffix('*') {
        Some(beginning) => "sts:assumerole".starts_with(beginning),
        None => action == "sts:assumerole",
    }
}

fn names(statement: &Value, account: &str, principal: Principal<'_>) -> bool {
    let texts = |kind: &str| {
        let of_kind = statement.get("Principal").and_then(|principal| principal.get(kind));
        list(of_kind).filter_map(Value::as_str)
    };
    // All of AWS, and its services, too [assumed].
    if statement.get("Principal").and_then(Value::as_str) == Some("*") {
        return true;
    }
    match principal {
        Principal::Ec2 => {
            texts("Service").any(|name| matches!(name, "ec2.amazonaws.com" | "ec2.amazonaws.com.cn"))
        }
        Principal::Root | Principal::User { .. } | Principal::Session { .. } => {
            texts("AWS").any(|text| is_principal(text, account, principal))
        }
    }
}

/// Does this text of `AWS` name the principal, which is of this account?
fn is_principal(text: &str, account: &str, principal: Principal<'_>) -> bool {
    if text == "*" || text == account {
        return true;
    }
    let (resource, is_session) = match text.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", _, service @ ("iam" | "sts"), "", owner, resource] if owner == account => {
            (resource, service == "sts")
        }
        _ => {
            return match principal {
                Principal::User { id, .. } => id == text,
                Principal::Session { role_id, .. } => role_id == text,
                Principal::Root | Principal::Ec2 => false,
            };
        }
    };
    // A path stands before a name.
    let name = |kind: &str| resource.strip_prefix(kind)?.rsplit('/').next();
    match principal {
        Principal::Root => true,
        _ if resource == "root" => !is_session,
        Principal::User { name: user, .. } => !is_session && name("user/") == Some(user),
        Principal::Session { role, name: session, .. } if is_session => {
            resource.strip_prefix("assumed-role/").and_then(|rest| rest.split_once('/'))
                == Some((role, session))
        }
        Principal::Session { role, .. } => name("role/") == Some(role),
        Principal::Ec2 => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Principal::{Ec2, Root};
    use super::*;

    const ACCOUNT: &str = "123456789012";
    const ALICE: Principal<'_> = Principal::User { name: "alice", id: "AIDAEXAMPLE0000000000" };
    const WEB: Principal<'_> =
        Principal::Session { role: "web", role_id: "AROAEXAMPLE0000000000", name: "one" };

    fn allowed(policy: &str) -> Vec<Principal<'static>> {
        [Root, ALICE, WEB, Ec2].into_iter().filter(|one| allows(policy, ACCOUNT, *one)).collect()
    }

    fn allow(principal: &str) -> String {
        format!(r#"{{"Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{principal}}}]}}"#)
    }

    #[test]
    fn principals_are_known_by_every_name_that_they_have() {
        for (principal, expected) in [
            (r#""*""#, &[Root, ALICE, WEB, Ec2][..]),
            (r#"{"AWS":"*"}"#, &[Root, ALICE, WEB]),
            (r#"{"AWS":"123456789012"}"#, &[Root, ALICE, WEB]),
            (r#"{"AWS":["x","arn:aws:iam::123456789012:root"]}"#, &[Root, ALICE, WEB]),
            (r#"{"AWS":"arn:aws:iam::123456789012:user/alice"}"#, &[Root, ALICE]),
            (r#"{"AWS":"arn:aws:iam::123456789012:user/a/b/alice"}"#, &[Root, ALICE]),
            (r#"{"AWS":"arn:aws:iam::123456789012:user/bob"}"#, &[Root]),
            (r#"{"AWS":"AIDAEXAMPLE0000000000"}"#, &[ALICE]),
            (r#"{"AWS":"arn:aws:iam::123456789012:role/a/web"}"#, &[Root, WEB]),
            (r#"{"AWS":"arn:aws:sts::123456789012:assumed-role/web/one"}"#, &[Root, WEB]),
            (r#"{"AWS":"arn:aws:sts::123456789012:assumed-role/web/two"}"#, &[Root]),
            (r#"{"AWS":"AROAEXAMPLE0000000000"}"#, &[WEB]),
            (r#"{"AWS":"arn:aws:iam::999999999999:root"}"#, &[]),
            (r#"{"AWS":"arn:aws:iam::999999999999:user/alice"}"#, &[]),
            (r#"{"AWS":"999999999999"}"#, &[]),
            (r#"{"Service":"ec2.amazonaws.com"}"#, &[Ec2]),
            (r#"{"Service":["a.amazonaws.com","ec2.amazonaws.com.cn"]}"#, &[Ec2]),
            (r#"{"Service":"lambda.amazonaws.com"}"#, &[]),
            (r#"{"Service":"ec2.amazonaws.com","AWS":"123456789012"}"#, &[Root, ALICE, WEB, Ec2]),
            (r#"{"Federated":"*"}"#, &[]),
            ("{}", &[]),
            ("7", &[]),
        ] {
            assert_eq!(allowed(&allow(principal)), expected, "{principal}");
        }
    }

    #[test]
    fn actions_effects_and_conditions_count() {
        let statement = |effect: &str, action: &str, more: &str| {
            format!(r#"{{"Effect":"{effect}",{action},"Principal":{{"AWS":"*"}}{more}}}"#)
        };
        let action = r#""Action":"sts:AssumeRole""#;
        let condition = r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#;
        let yes = statement("Allow", action, "");
        for (statements, is_allowed) in [
            (yes.clone(), true),
            (statement("Allow", r#""Action":["sts:TagSession","STS:assumerole"]"#, ""), true),
            (statement("Allow", r#""Action":"sts:Assume*""#, ""), true),
            (statement("Allow", r#""Action":"sts:TagSession""#, ""), false),
            (statement("Allow", r#""NotAction":"sts:TagSession""#, ""), true),
            (statement("Allow", r#""NotAction":"sts:*""#, ""), false),
            (statement("Allow", action, condition), true),
            (statement("allow", action, ""), false),
            (format!("{yes},{}", statement("Deny", action, "")), false),
            (format!("{yes},{}", statement("Deny", action, condition)), true),
            (String::new(), false),
            ("7,null".to_owned(), false),
        ] {
            let policy = format!(r#"{{"Statement":[{statements}]}}"#);
            assert_eq!(allows(&policy, ACCOUNT, ALICE), is_allowed, "{policy}");
        }
        assert!(allows(&format!(r#"{{"Statement":{yes}}}"#), ACCOUNT, ALICE), "one need not be a list");
    }

    #[test]
    fn what_does_not_read_lets_nobody_in() {
        for bad in ["", "{", "[]", "null", "\"*\"", "{\"Statement\":\"*\"}", &"[".repeat(10_000)] {
            assert_eq!(allowed(bad), [], "{bad:.20}");
        }
    }
}
