//! Who may assume a role: what its trust policy says (IAM User Guide, "AWS JSON policy elements: Principal").
//!
//! Conditions are not evaluated: what allows under one allows, and what denies under one does not deny [assumed].

use imds_core::session::Session;
use serde_json::Value;

use super::Role;
use crate::store::{Error, Store};

/// Who asks to assume a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal<'a> {
    /// The account itself. It has the say over all that is its own, so that it is let in as anybody of the account whom a
    /// policy names [assumed]. What keeps one of them out does not keep it out.
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
        /// The account of the role.
        account: &'a str,
        /// The role's name.
        role: &'a str,
        /// `AROA…`
        role_id: &'a str,
        /// The session's name.
        name: &'a str,
        /// Is it still this role that has the name? One that was made anew is another.
        is_current: bool,
    },
    /// EC2, for an instance.
    Ec2,
}

impl<'a> Principal<'a> {
    /// The role of a session, as it is known now.
    ///
    /// # Errors
    /// When the store cannot be read, or the role's record is damaged.
    pub fn of_session(store: &dyn Store, session: &'a Session) -> Result<Self, Error> {
        let found = Role::find(store, &session.role)?;
        Ok(Self::Session {
            account: session.account.as_str(),
            role: &session.role,
            role_id: &session.role_id,
            name: &session.name,
            is_current: found.is_some_and(|found| found.record.id == session.role_id),
        })
    }
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// Does a trust policy of a role of this account let somebody in? One that does not read lets nobody in.
pub(super) fn allows(policy: &str, account: &str, principal: Principal<'_>) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return false };
    let statements = || list(policy.get("Statement"));
    // What such a statement means, nobody can say.
    if statements().any(|one| one.get("Action").is_some() && one.get("NotAction").is_some()) {
        return false;
    }
    let named = |effect: Effect| {
        statements().any(|statement| {
            let (word, is_counted) = match effect {
                Effect::Allow => ("Allow", true),
                Effect::Deny => ("Deny", statement.get("Condition").is_none()),
            };
            statement.get("Effect").and_then(Value::as_str) == Some(word)
                && is_counted
                && is_about_assuming(statement)
                && names(statement, account, principal, effect)
        })
    };
    named(Effect::Allow) && !named(Effect::Deny)
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

/// Is `sts:AssumeRole` what this names? Case does not matter; `*` stands for any letters, and `?` for one.
fn is_assuming(action: &str) -> bool {
    const NAME: &[u8] = b"sts:assumerole";
    // A bit for each beginning of the name, by its length: is that what the action so far stands for? So the work does not
    // grow with the number of stars.
    let mut reached = 1_u32;
    for byte in action.bytes() {
        let is_next = |length: &usize| NAME[*length] == byte.to_ascii_lowercase();
        reached = match byte {
            b'*' => u32::MAX.checked_shl(reached.trailing_zeros()).unwrap_or_default(),
            b'?' => reached << 1,
            _ => (reached & (0..NAME.len()).filter(is_next).fold(0, |bits, length| bits | 1 << length)) << 1,
        };
    }
    reached & (1 << NAME.len()) != 0
}

fn names(statement: &Value, account: &str, principal: Principal<'_>, effect: Effect) -> bool {
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
            texts("AWS").any(|text| is_principal(text, account, principal, effect))
        }
    }
}

/// Does this text of `AWS` name the principal? All but sessions are of the account.
fn is_principal(text: &str, account: &str, principal: Principal<'_>, effect: Effect) -> bool {
    let own = match principal {
        Principal::Session { account, .. } => account,
        Principal::Root | Principal::User { .. } | Principal::Ec2 => account,
    };
    if text == "*" || text == own {
        return true;
    }
    let (resource, is_session) = match text.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", _, service @ ("iam" | "sts"), "", owner, resource] if owner == own => {
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
    let is_root = resource == "root" && !is_session;
    match principal {
        Principal::Root => is_root || effect == Effect::Allow,
        Principal::User { name: user, .. } => is_root || (!is_session && name("user/") == Some(user)),
        Principal::Session { role, name: session, is_current, .. } => {
            let is_named = if is_session {
                resource.strip_prefix("assumed-role/").and_then(|rest| rest.split_once('/'))
                    == Some((role, session))
            } else {
                name("role/") == Some(role)
            };
            is_root || (is_current && is_named)
        }
        Principal::Ec2 => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Principal::{Ec2, Root};
    use super::*;

    const ACCOUNT: &str = "123456789012";
    const ALICE: Principal<'_> = Principal::User { name: "alice", id: "AIDAEXAMPLE0000000000" };
    const WEB: Principal<'_> = web(ACCOUNT, true);

    const fn web(account: &'static str, is_current: bool) -> Principal<'static> {
        Principal::Session { account, role: "web", role_id: "AROAEXAMPLE0000000000", name: "one", is_current }
    }

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
    fn a_session_of_another_account_or_of_a_role_that_is_no_more_has_not_the_names_of_one_that_is_here() {
        let (foreign, gone) = (web("999999999999", true), web(ACCOUNT, false));
        for (text, expected) in [
            ("*", &[WEB, foreign, gone][..]),
            (ACCOUNT, &[WEB, gone]),
            ("arn:aws:iam::123456789012:root", &[WEB, gone]),
            ("arn:aws:iam::123456789012:role/web", &[WEB]),
            ("arn:aws:sts::123456789012:assumed-role/web/one", &[WEB]),
            ("arn:aws:sts::123456789012:root", &[]),
            ("999999999999", &[foreign]),
            ("arn:aws:iam::999999999999:root", &[foreign]),
            ("arn:aws:iam::999999999999:role/web", &[foreign]),
            ("AROAEXAMPLE0000000000", &[WEB, foreign, gone]),
        ] {
            let policy = allow(&format!(r#"{{"AWS":"{text}"}}"#));
            let all = [WEB, foreign, gone].into_iter();
            let told = all.filter(|one| allows(&policy, ACCOUNT, *one)).collect::<Vec<_>>();
            assert_eq!(told, expected, "{text}");
        }
    }

    #[test]
    fn a_role_that_was_made_anew_is_another() {
        let store = crate::Memory::default();
        let session = imds_core::session::Session {
            account: ACCOUNT.parse().unwrap(),
            role: "web".to_owned(),
            role_id: "AROAEXAMPLE0000000000".to_owned(),
            name: "one".to_owned(),
            issued: imds_core::testing::noon(),
            expires: imds_core::testing::noon(),
        };
        assert_eq!(Principal::of_session(&store, &session).unwrap(), web(ACCOUNT, false), "none is there");
        for (name, id, is_current) in [
            ("web", "AROAEXAMPLE0000000000", true),
            ("web", "AROAEXAMPLE0000000001", false),
            ("WEB", "AROAEXAMPLE0000000000", false),
        ] {
            let role = Role {
                name: name.to_owned(),
                path: "/".to_owned(),
                id: id.to_owned(),
                created: imds_core::testing::noon(),
                trust_policy: String::new(),
                description: String::new(),
                max_session_duration: 3_600,
                attached_policies: Vec::new(),
                permissions_boundary: None,
                inline_policies: std::collections::BTreeMap::new(),
                tags: std::collections::BTreeMap::new(),
            };
            let mut batch = crate::record::Batch::default();
            batch.put("web", &role);
            store.commit(batch.writes()).unwrap();
            assert_eq!(Principal::of_session(&store, &session).unwrap(), web(ACCOUNT, is_current), "{id}");
        }
    }

    #[test]
    fn what_keeps_somebody_out_does_not_keep_the_account_itself_out() {
        for (denied, expected) in [
            (r#""*""#, &[][..]),
            (r#"{"AWS":"*"}"#, &[Ec2]),
            (r#"{"AWS":"123456789012"}"#, &[Ec2]),
            (r#"{"AWS":"arn:aws:iam::123456789012:root"}"#, &[Ec2]),
            (r#"{"AWS":"arn:aws:iam::123456789012:user/alice"}"#, &[Root, WEB, Ec2]),
            (r#"{"AWS":"AIDAEXAMPLE0000000000"}"#, &[Root, WEB, Ec2]),
            (r#"{"AWS":"arn:aws:iam::123456789012:role/web"}"#, &[Root, ALICE, Ec2]),
            (r#"{"AWS":"arn:aws:iam::123456789012:role/other"}"#, &[Root, ALICE, WEB, Ec2]),
            (r#"{"AWS":"arn:aws:iam::999999999999:root"}"#, &[Root, ALICE, WEB, Ec2]),
            (r#"{"Service":"ec2.amazonaws.com"}"#, &[Root, ALICE, WEB]),
        ] {
            let statement = |effect: &str, principal: &str| {
                format!(r#"{{"Effect":"{effect}","Action":"sts:AssumeRole","Principal":{principal}}}"#)
            };
            let statements = [statement("Allow", r#""*""#), statement("Deny", denied)].join(",");
            assert_eq!(allowed(&format!(r#"{{"Statement":[{statements}]}}"#)), expected, "{denied}");
        }
    }

    #[test]
    fn stars_and_question_marks_stand_anywhere_in_an_action() {
        for (action, expected) in [
            ("sts:AssumeRole", true),
            ("STS:aSSUMErOLE", true),
            ("*", true),
            ("sts:AssumeRole*", true),
            ("sts:AssumeRole**", true),
            ("sts:Assume*e", true),
            ("s*:*Role", true),
            ("sts:AssumeRol?", true),
            ("???:??????????", true),
            ("", false),
            ("?", false),
            ("sts:AssumeRole?", false),
            ("sts:AssumeRolex", false),
            ("sts:AssumeRol", false),
            ("sts:*x", false),
            ("x*", false),
            ("sts:AssumeRole\0", false),
            ("é*", false),
            (&"*".repeat(100_000), true),
            (&format!("{}x", "*?".repeat(100_000)), false),
        ] {
            assert_eq!(is_assuming(action), expected, "{action:.40}");
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
            (format!("{yes},{}", statement("Deny", r#""Action":"sts:?ssume*e""#, "")), false),
            (statement("Allow", r#""Action":"sts:TagSession","NotAction":"sts:TagSession""#, ""), false),
            (statement("Allow", r#""Action":"sts:AssumeRole","NotAction":"sts:TagSession""#, ""), false),
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
