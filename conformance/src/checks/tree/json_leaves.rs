//! The JSON leaves in EC2's house style: role, identity credentials, identity document; and its signatures.

use super::{same, shown, value};
use crate::check::{Check, Group, Outcome, Stop};
use crate::session::Session;
use crate::{date, expect, json, shape};
use serde_json::Value;

const ROLES: &str = "meta-data/iam/security-credentials/";
const DOCUMENT: &str = "dynamic/instance-identity/document";
const SIGNATURES: &[&str] = &["pkcs7", "rsa2048", "dsa2048", "signature"];

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Tree, name, source, run }
}

/// The group's checks of JSON values.
pub(crate) const CHECKS: &[Check] = &[
    check("iam/info: keys, order and style", "wire 3.3 [O]", iam_info),
    check("iam/security-credentials/ is the bare role name, without LF", "wire 2.1 [S]", role_name),
    check("role credentials: keys, order and style", "wire 3.3 [D] [O]", role_credentials),
    check("role credentials: times, type and key", "wire 3.3 [D] [O]", role_values),
    check("identity-credentials/ec2/info: keys, order and style", "wire 3.3 [O]", identity_info),
    check("identity-credentials/…/ec2-instance is like a role's", "wire 3.1 [D]", identity_credentials),
    check("identity document: keys, order and style", "wire 3.4 [O]", document_style),
    check("identity document: the values' shapes", "wire 3.4 [D] [O]", document_values),
    check("identity document agrees with the tree", "wire 3.4 [D]", document_agrees),
    check("signatures are base64 without BEGIN, END or trailing LF", "wire 3.4 [D]", signatures),
    check("fws/instance-monitoring", "wire 3.4 [D]", monitoring),
];

type Members = Vec<(String, Value)>;

/// An object in house style with exactly these keys in this order.
fn members(session: &Session, path: &str, keys: &[&str]) -> Result<Members, Stop> {
    let members = json::house(&value(session, path)?)
        .map_err(|what| Stop::Fail(format!("/latest/{path}: expected EC2's JSON style; {what}")))?;
    let have = json::keys(&members);
    expect::that(have == keys, || format!("/latest/{path}: expected the keys {keys:?}, got {have:?}"))?;
    Ok(members)
}

/// One member's text has a shape. The value itself may be a secret and is not shown.
fn member(path: &str, members: &Members, key: &str, expected: &str, right: impl Fn(&str) -> bool) -> Outcome {
    expect::that(json::text(members, key).is_some_and(right), || {
        format!("/latest/{path}: expected {key} to be {expected}; it is not (value not shown)")
    })
}

fn time(text: &str) -> bool {
    date::iso(text).is_some()
}

fn iam_info(session: &Session) -> Outcome {
    let path = "meta-data/iam/info";
    let info = members(session, path, &["Code", "LastUpdated", "InstanceProfileArn", "InstanceProfileId"])?;
    member(path, &info, "Code", "Success", |v| v == "Success")?;
    member(path, &info, "LastUpdated", "a time such as 2022-02-13T13:17:17Z", time)?;
    member(path, &info, "InstanceProfileArn", "an instance profile's ARN", |v| {
        let parts: Vec<&str> = v.splitn(6, ':').collect();
        matches!(parts[..], ["arn", partition, "iam", "", account, resource]
            if partition.starts_with("aws") && shape::account(account) && resource.starts_with("instance-profile/"))
    })?;
    member(path, &info, "InstanceProfileId", "AIPA and capitals and digits", |v| {
        v.starts_with("AIPA") && v.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

fn role(session: &Session) -> Result<String, Stop> {
    let tree = session.latest()?;
    let node = tree.node(ROLES).ok_or_else(|| Stop::Absent("the instance has no role".into()))?;
    Ok(node.answer.text())
}

fn role_name(session: &Session) -> Outcome {
    let role = role(session)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    expect::that(!role.is_empty() && role.chars().all(allowed), || {
        format!("/latest/{ROLES}: expected a role's name alone, got {}", shown(&role))
    })?;
    expect::status(&session.get(&format!("/latest/{ROLES}{role}"))?, 200)
}

const CREDENTIALS: &[&str] =
    &["Code", "LastUpdated", "Type", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"];

fn role_credentials(session: &Session) -> Outcome {
    members(session, &format!("{ROLES}{}", role(session)?), CREDENTIALS).map(drop)
}

fn role_values(session: &Session) -> Outcome {
    credentials(&format!("{ROLES}{}", role(session)?), session)
}

fn credentials(path: &str, session: &Session) -> Outcome {
    let credentials = members(session, path, CREDENTIALS)?;
    member(path, &credentials, "Code", "Success", |v| v == "Success")?;
    member(path, &credentials, "Type", "AWS-HMAC", |v| v == "AWS-HMAC")?;
    member(path, &credentials, "AccessKeyId", "ASIA and capitals and digits", |v| {
        v.starts_with("ASIA") && v.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })?;
    for key in ["SecretAccessKey", "Token"] {
        member(path, &credentials, key, "one line that is not empty", |v| {
            !v.is_empty() && !v.contains(['\n', ' '])
        })?;
    }
    let updated = json::text(&credentials, "LastUpdated").and_then(date::iso);
    member(path, &credentials, "LastUpdated", "a time such as 2022-02-13T13:17:17Z", time)?;
    member(path, &credentials, "Expiration", "a time after LastUpdated", |v| date::iso(v) > updated)
}

fn identity_info(session: &Session) -> Outcome {
    let path = "meta-data/identity-credentials/ec2/info";
    let info = members(session, path, &["Code", "LastUpdated", "AccountId"])?;
    member(path, &info, "Code", "Success", |v| v == "Success")?;
    member(path, &info, "LastUpdated", "a time such as 2022-02-13T13:17:17Z", time)?;
    member(path, &info, "AccountId", "twelve digits", shape::account)
}

fn identity_credentials(session: &Session) -> Outcome {
    credentials("meta-data/identity-credentials/ec2/security-credentials/ec2-instance", session)
}

fn document(session: &Session) -> Result<Members, Stop> {
    members(
        session,
        DOCUMENT,
        &[
            "accountId",
            "architecture",
            "availabilityZone",
            "billingProducts",
            "devpayProductCodes",
            "marketplaceProductCodes",
            "imageId",
            "instanceId",
            "instanceType",
            "kernelId",
            "pendingTime",
            "privateIp",
            "ramdiskId",
            "region",
            "version",
        ],
    )
}

fn document_style(session: &Session) -> Outcome {
    let document = document(session)?;
    let text = value(session, DOCUMENT)?;
    for (key, value) in &document {
        let codes =
            ["billingProducts", "devpayProductCodes", "marketplaceProductCodes"].contains(&key.as_str());
        let empty = codes || key == "kernelId" || key == "ramdiskId";
        let right = match value {
            Value::Null => empty,
            Value::String(_) => !codes,
            Value::Array(list) => {
                let quoted: Vec<String> = list.iter().map(ToString::to_string).collect();
                let written = format!("\"{key}\" : [ {} ]", quoted.join(", "));
                codes && !list.is_empty() && text.contains(&written)
            }
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
        };
        expect::that(right, || {
            format!(
                "/latest/{DOCUMENT}: expected {key} as text, or null, or [ \"code\" ] where codes stand, got {value}"
            )
        })?;
    }
    Ok(())
}

fn document_values(session: &Session) -> Outcome {
    let document = document(session)?;
    let has = |key: &str, expected: &str, right: fn(&str) -> bool| {
        member(DOCUMENT, &document, key, expected, right)
    };
    has("accountId", "twelve digits", shape::account)?;
    has("architecture", "i386, x86_64 or arm64", |v| ["i386", "x86_64", "arm64"].contains(&v))?;
    has("imageId", "ami- and hex digits", |v| shape::id(v, "ami-"))?;
    has("instanceId", "i- and hex digits", |v| shape::id(v, "i-"))?;
    has("pendingTime", "a time such as 2022-09-14T22:34:41Z", time)?;
    has("region", "a Region such as us-east-1", shape::region)?;
    has("version", "2017-09-30", |v| v == "2017-09-30")
}

fn document_agrees(session: &Session) -> Outcome {
    let document = document(session)?;
    for (key, category) in [
        ("instanceId", "instance-id"),
        ("imageId", "ami-id"),
        ("instanceType", "instance-type"),
        ("availabilityZone", "placement/availability-zone"),
        ("region", "placement/region"),
        ("privateIp", "local-ipv4"),
    ] {
        let leaf = value(session, &format!("meta-data/{category}"))?;
        same(
            &format!("the document's {key} and {category}"),
            json::text(&document, key).unwrap_or_default(),
            &leaf,
        )?;
    }
    let tree = session.latest()?;
    let owner = tree.primary().and_then(|directory| tree.value(&format!("{directory}owner-id")));
    match owner {
        Some(owner) => same(
            "the document's accountId and owner-id",
            json::text(&document, "accountId").unwrap_or_default(),
            &owner,
        ),
        None => Ok(()),
    }
}

fn signatures(session: &Session) -> Outcome {
    let tree = session.latest()?;
    let mut seen = false;
    for name in SIGNATURES {
        let Some(text) = tree.value(&format!("dynamic/instance-identity/{name}")) else { continue };
        seen = true;
        expect::that(shape::base64_lines(&text), || {
            format!("dynamic/instance-identity/{name}: expected lines of base64 alone, got {}", shown(&text))
        })?;
    }
    if seen { Ok(()) } else { Err(Stop::Absent("the document comes without signatures".into())) }
}

fn monitoring(session: &Session) -> Outcome {
    let value = value(session, "dynamic/fws/instance-monitoring")?;
    expect::that(["enabled", "disabled"].contains(&value.as_str()), || {
        format!("dynamic/fws/instance-monitoring: expected enabled or disabled, got {}", shown(&value))
    })
}
