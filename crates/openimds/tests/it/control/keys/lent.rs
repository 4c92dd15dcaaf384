//! Roles of the configuration file whose keys come from STS: this service's own, and another one's.

use std::process::Command;

use serde_json::Value;

use super::{Key, arn, closed, door, keys};
use crate::serve::{Files, Watched, until};
use crate::support::{IMDS, body, exchange, status};

/// `{"Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}`
const TO_ACCOUNT: &str = "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22AWS%22%3A%221234567\
                          89012%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/web/i-12345678901234567";

fn assume(more: &str) -> String {
    format!(
        "[[instance]]\ninstance-id = \"i-12345678901234567\"\n[instance.role]\nname = \"web\"\n[instance.role.credentials]\n\
         kind = \"assume-role\"\nrole-arn = \"arn:aws:iam::123456789012:role/web\"\nduration = 900\n{more}\n"
    )
}

fn make_role(service: &Watched, key: &Key) {
    key.iam(door(service), &format!("Action=CreateRole&RoleName=web&AssumeRolePolicyDocument={TO_ACCOUNT}"));
}

/// What the instance is told of its role.
fn told(service: &Watched) -> Value {
    let ask = |request: &str| {
        let answer =
            exchange(service.listen[0], format!("{request}Host: {}\r\n\r\n", service.listen[0]).as_bytes());
        assert_eq!(status(&answer), 200, "{answer}");
        body(&answer).to_owned()
    };
    let token = ask("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n");
    let path = "/latest/meta-data/iam/security-credentials/web";
    serde_json::from_str(&ask(&format!("GET {path} HTTP/1.1\r\nX-aws-ec2-metadata-token: {token}\r\n")))
        .unwrap()
}

fn key(told: &Value) -> Option<Key> {
    let field = |name: &str| told[name].as_str().unwrap().to_owned();
    (told["Code"] == "Success").then(|| Key {
        id: field("AccessKeyId"),
        secret: field("SecretAccessKey"),
        token: Some(field("Token")),
    })
}

#[test]
fn keys_of_our_own_sts_come_with_the_role_and_sign_calls() {
    let files = Files::new(&[("imds.toml", &assume(""))]);
    let state = files.path("state");
    let owner = Key::add(&state, &[]);
    let service = closed(&state, &["--config", files.path("imds.toml").to_str().unwrap()]);
    let refused = told(&service);
    assert_eq!(refused["Code"], "AssumeRoleUnauthorizedAccess", "{refused}");
    make_role(&service, &owner);
    let keys_of_role = until("keys", || key(&told(&service)));
    assert_eq!(arn(&keys_of_role.who(door(&service))), Some(SESSION));
    let told_now = told(&service);
    let at = |name: &str| told_now[name].as_str().unwrap().parse::<imds_core::Timestamp>().unwrap();
    assert_eq!(at("Expiration").duration_since(at("LastUpdated")).as_secs(), 900);
    // Those before have ended: there are others at once.
    keys(&state, &["rotate"]).well();
    let others = until("other keys", || key(&told(&service)).filter(|key| key.id != keys_of_role.id));
    assert_eq!(arn(&others.who(door(&service))), Some(SESSION));
    assert_ne!(keys_of_role.who(door(&service)).status, 200);
}

#[test]
fn keys_of_another_sts_are_asked_for_with_a_signature() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let owner = Key::add(&state, &[]);
    let other = closed(&state, &[]);
    make_role(&other, &owner);
    let endpoint = format!("http://{}", other.admin);
    let aws = format!(
        "[base]\naws_access_key_id = {}\naws_secret_access_key = {}\n[web]\nrole_arn = arn:aws:iam::123456789012:role/web\n\
         source_profile = base\nrole_session_name = i-12345678901234567\nendpoint_url = {endpoint}\n",
        owner.id, owner.secret
    );
    std::fs::write(files.path("aws"), aws).unwrap();
    let profile = assume("").split("kind").next().unwrap().to_owned();
    for configuration in [
        assume(&format!("endpoint = \"{endpoint}\"\nsource = \"environment\"\nexternal-id = \"x y\"")),
        assume(&format!("endpoint = \"{endpoint}\"\nprofile = \"base\"\nregion = \"eu-west-1\"")),
        format!("{profile}kind = \"profile\"\nprofile = \"web\"\n"),
    ] {
        std::fs::write(files.path("imds.toml"), &configuration).unwrap();
        let start = |secret: &str| {
            let mut command = Command::new(IMDS);
            command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--print-ready"]);
            command.arg("--config").arg(files.path("imds.toml")).env("HOME", "/nowhere");
            command.env("AWS_SHARED_CREDENTIALS_FILE", files.path("aws")).env_remove("AWS_CONFIG_FILE");
            command.env("AWS_ACCESS_KEY_ID", &owner.id).env("AWS_SECRET_ACCESS_KEY", secret);
            Watched::spawn(command.env_remove("AWS_ENDPOINT_URL").env_remove("AWS_ENDPOINT_URL_STS"))
        };
        let service = start(&owner.secret);
        let found = until(&configuration, || key(&told(&service)));
        assert_eq!(arn(&found.who(door(&other))), Some(SESSION), "{configuration}");
        if configuration.contains("environment") {
            let refused = start("another");
            until("STS refuses", || {
                let told = told(&refused);
                let message = told["Message"].as_str().unwrap();
                message.contains("STS answered 403 SignatureDoesNotMatch").then_some(())
            });
        }
    }
}
