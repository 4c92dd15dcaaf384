//! Roles of the configuration file whose keys come from STS: this service's own, and another one's.

use std::process::Command;

use serde_json::Value;

use super::super::clock::clock;
use super::super::{Api, serve};
use super::{Key, Timestamp, arn, closed, door, imds, keys, said};
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
fn keys_of_our_own_sts_are_renewed_before_an_advance_is_answered() {
    let files = Files::new(&[("imds.toml", &assume(""))]);
    let service = serve(&["--config", files.path("imds.toml").to_str().unwrap()]);
    let form = format!("Action=CreateRole&RoleName=web&AssumeRolePolicyDocument={TO_ACCOUNT}");
    Api::of(&service).post("iam", "2010-05-08", &form).unwrap().well();
    clock(&service, "pause");
    // What failed at the start is tried again a minute later at most.
    clock(&service, "advance 1m");
    let (mut last, mut renewals) = (told(&service), 0);
    for words in ["4m", "10m", "14m", "15m", "16m", "1h", "30d", "900s", "365d"]
        .iter()
        .cycle()
        .take(90)
        .chain(["1s"; 30].iter())
    {
        let shown = clock(&service, &format!("advance {words}"));
        let told = told(&service);
        assert_eq!(told["Code"], "Success", "{words}: {told}");
        let time = |told: &Value, name: &str| told[name].as_str().unwrap().parse::<Timestamp>().unwrap();
        let left = time(&told, "Expiration").duration_since(time(&shown, "now")).as_secs();
        assert!((599..=900).contains(&left), "{words}: {left} seconds are left");
        renewals += u32::from(told["AccessKeyId"] != last["AccessKeyId"]);
        last = told;
    }
    assert!(renewals >= 80, "{renewals}");
}

#[test]
fn keys_of_an_sts_in_the_service_s_time_go_by_it_and_others_by_the_machine_s() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let owner = Key::add(&state, &[]);
    let other = closed(&state, &[]);
    make_role(&other, &owner);
    let start = |more: &str| {
        let endpoint = format!("endpoint = \"http://{}\"\nsource = \"environment\"\n{more}", other.admin);
        std::fs::write(files.path("imds.toml"), assume(&endpoint)).unwrap();
        let mut command = Command::new(IMDS);
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--print-ready"]);
        command.arg("--config").arg(files.path("imds.toml"));
        command.env("AWS_ACCESS_KEY_ID", &owner.id).env("AWS_SECRET_ACCESS_KEY", &owner.secret);
        Watched::spawn(&mut command)
    };
    let machine = start("");
    let first = until("the first keys", || key(&told(&machine)));
    clock(&machine, "advance 30d");
    assert_eq!(key(&told(&machine)).unwrap().id, first.id, "they are as good as before");
    drop(machine);

    let mut advance = imds();
    advance.args(["clock", "advance", "30d", "--admin"]).arg(format!("http://{}", other.admin));
    advance.env("AWS_ACCESS_KEY_ID", &owner.id).env("AWS_SECRET_ACCESS_KEY", &owner.secret);
    said(&mut advance).well();
    let service = start("clock = \"service\"\n");
    until("STS refuses", || {
        told(&service)["Message"].as_str().filter(|why| why.contains("SignatureDoesNotMatch")).map(|_| ())
    });
    service.says("source=the role arn:aws:iam::123456789012:role/web at 127.0.0.1:");
    clock(&service, "advance 30d");
    let keys = until("keys of that time", || key(&told(&service)));
    let month = Timestamp::now() + std::time::Duration::from_secs(29 * 86_400);
    let told_now = told(&service);
    assert!(told_now["Expiration"].as_str().unwrap().parse::<Timestamp>().unwrap() > month, "{told_now}");
    // When it is later here alone, they have ended, and nobody is told them any longer.
    clock(&service, "advance 20m");
    assert_ne!(key(&told(&service)).map(|key| key.id), Some(keys.id));
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
