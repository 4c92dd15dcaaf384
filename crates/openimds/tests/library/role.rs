//! The role of an instance, in one call.

use std::fs;

use openimds::Imds;
use serde_json::Value;

use crate::talk::{action, exchange, get, v1};

const A: &str = "i-0000000000000000a";
const B: &str = "i-0000000000000000b";
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/";

/// The credentials of this name that an instance reads.
fn keys(endpoint: &str, name: &str) -> Value {
    let answer = get(endpoint, &format!("{CREDENTIALS}{name}"), None);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The roles that an instance names, which are one at most.
fn role(endpoint: &str) -> Option<String> {
    let answer = get(endpoint, CREDENTIALS, None);
    answer.starts_with("HTTP/1.1 200").then(|| answer.split_once("\r\n\r\n").unwrap().1.trim().to_owned())
}

#[test]
fn the_one_instance_has_a_role_whose_keys_are_known_at_the_door() {
    let imds = Imds::builder().role("web").region("eu-west-1").spawn().unwrap();
    assert_eq!(role(imds.endpoint()).as_deref(), Some("web"));
    let keys = keys(imds.endpoint(), "web");
    let headers = format!(
        "Content-Type: application/x-www-form-urlencoded\r\nX-Amz-Security-Token: {}\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential={}/20261124/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0\r\n",
        keys["Token"].as_str().unwrap(),
        keys["AccessKeyId"].as_str().unwrap()
    );
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let told = exchange(imds.admin(), "POST /", &headers, form);
    assert!(told.contains(":assumed-role/web/i-12345678901234567"), "{told}");
}

#[test]
fn every_instance_has_it_but_those_that_have_their_own() {
    let text = format!(
        r#"
        [[instance]]
        instance-id = "{A}"
        [[instance]]
        instance-id = "{B}"
        placement = {{ region = "cn-north-1" }}
        [[instance]]
        instance-id = "i-0000000000000000c"
        role = {{ name = "db", credentials = {{ kind = "static", access-key-id = "ASIAEXAMPLE", secret-access-key-file = "secret" }} }}
        "#
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("imds.toml"), text).unwrap();
    fs::write(folder.path().join("secret"), "none").unwrap();
    let imds = Imds::builder().config_file(folder.path().join("imds.toml")).role("web").spawn().unwrap();
    let named = |id| role(imds.endpoint_of(id).unwrap());
    assert_eq!([A, B, "i-0000000000000000c"].map(named), ["web", "web", "db"].map(|n| Some(n.to_owned())));
    assert_eq!(role(imds.endpoint()).as_deref(), Some("web"), "that is the one that is built in");
}

#[test]
fn a_role_is_attached_replaced_and_detached() {
    let text = format!("[[instance]]\ninstance-id = \"{A}\"\n[[instance]]\ninstance-id = \"{B}\"");
    let imds = Imds::builder().config(text).spawn().unwrap();
    let roles = || [A, B].map(|id| role(imds.endpoint_of(id).unwrap()).unwrap_or_default());
    assert_eq!(roles(), ["", ""]);
    for (id, name, expected) in
        [(A, "web", ["web", ""]), (B, "web", ["web", "web"]), (A, "db", ["db", "web"])]
    {
        imds.attach_role(id, name).unwrap();
        assert_eq!(roles(), expected);
    }
    imds.attach_role(A, "db").unwrap();
    assert_eq!(roles(), ["db", "web"]);
    imds.detach_role(A).unwrap();
    assert_eq!(roles(), ["", "web"]);
    assert_eq!(v1(imds.endpoint_of(A).unwrap(), "/latest/meta-data/iam/info"), 404);

    let profile = [("InstanceProfileName", "shop")];
    action(imds.admin(), "iam", "CreateInstanceProfile", &profile);
    action(imds.admin(), "iam", "AddRoleToInstanceProfile", &[profile[0], ("RoleName", "db")]);
    let known = format!("there is no instance i-typo; those that there are: i-0000000000000000a, {B}");
    for (done, sentence) in [
        (imds.detach_role(A), "instance i-0000000000000000a was given no role"),
        (imds.attach_role(B, "shop"), "the instance profile shop has another role: db"),
        (imds.attach_role(B, "no name!"), "roleName"),
        (imds.attach_role("i-typo", "web"), &*known),
        (imds.detach_role("i-typo"), &*known),
    ] {
        let error = done.unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
    assert_eq!(roles(), ["", "web"]);
    let error = Imds::builder().role("no name!").spawn().unwrap_err().to_string();
    assert!(error.contains("roleName"), "{error}");
}
