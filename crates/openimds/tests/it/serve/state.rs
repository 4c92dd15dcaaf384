//! The state folder: tokens outlive a restart and a rotation of keys, and the keys stay their owner's.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use rustix::process::Signal;

use super::answers::ASK_FOR_TOKEN;
use super::kept::exchange_from;
use super::start::{imds, refused};
use super::{Files, Watched, until};
use crate::support::{body, status};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The number of the key that sealed a token: bytes 4 and 5 (wire.md decision 5).
fn key_id(token: &str) -> u16 {
    let bytes = URL_SAFE.decode(token).unwrap();
    u16::from_be_bytes([bytes[4], bytes[5]])
}

fn opens(service: &Watched, token: &str) -> bool {
    match status(&service.get("/latest/meta-data/", Some(token))) {
        200 => true,
        other => {
            assert_eq!(other, 401);
            false
        }
    }
}

#[test]
fn a_token_outlives_a_restart_if_there_is_a_state_folder() {
    let files = Files::new(&[]);
    let state = files.text("new/state");
    let first = Watched::start(&["--state", &state]);
    let token = first.token();
    assert!(first.end(Signal::TERM).0.success());
    assert_eq!((mode(&files.path("new/state")), mode(&files.path("new/state/keyring"))), (0o700, 0o600));

    let second = Watched::start(&["--state", &state]);
    assert!(opens(&second, &token));
    assert!(opens(&second, &second.token()));
    second.end(Signal::KILL);
    assert!(opens(&Watched::start(&["--state", &state]), &token), "after a kill, too");
}

#[test]
fn without_a_state_folder_the_keys_end_with_the_service() {
    let first = Watched::start(&[]);
    let token = first.token();
    assert!(opens(&first, &token));
    drop(first);
    assert!(!opens(&Watched::start(&[]), &token));
}

#[test]
fn a_rotation_is_noticed_while_the_service_runs() {
    let files = Files::new(&[]);
    let state = files.text("state");
    let service = Watched::start(&["--state", &state]);
    let old = service.token();
    let first = key_id(&old);
    for step in 1..=2 {
        let output = imds(&["keyring", "rotate", "--state", &state]);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(&format!("key {}", first + step)), "{said}");
        let token = until("a token of the new key", || {
            Some(service.token()).filter(|token| key_id(token) == first + step)
        });
        assert!(opens(&service, &token) && opens(&service, &old));
    }
    assert_eq!((mode(&files.path("state")), mode(&files.path("state/keyring"))), (0o700, 0o600));
    service.end(Signal::TERM);
    let again = Watched::start(&["--state", &state]);
    assert!(opens(&again, &old), "a replaced key opens after a restart, too");
    assert_eq!(key_id(&again.token()), first + 2);
}

#[test]
fn a_rotation_ends_no_token_where_the_service_s_clock_is_far_ahead() {
    let files = Files::new(&[]);
    let state = files.text("state");
    let service = Watched::start(&["--state", &state]);
    crate::control::clock::clock(&service, "advance 30d");
    let old = service.token();
    assert!(imds(&["keyring", "rotate", "--state", &state]).status.success());
    let token = until("a token of the new key", || {
        Some(service.token()).filter(|token| key_id(token) == key_id(&old) + 1)
    });
    assert!(opens(&service, &token) && opens(&service, &old));
    service.end(Signal::TERM);
    let again = Watched::start(&["--state", &state]);
    assert!(opens(&again, &token) && opens(&again, &old), "after a restart, too");
}

#[test]
fn a_replica_with_the_same_keyring_opens_the_same_tokens() {
    let files = Files::new(&[]);
    let state = files.text("state");
    let first = Watched::start(&["--state", &state]);
    let copy = files.text("copy");
    fs::create_dir(&copy).unwrap();
    fs::copy(files.path("state/keyring"), files.path("copy/keyring")).unwrap();
    let second = Watched::start(&["--state", &copy]);
    assert!(opens(&second, &first.token()));
}

#[test]
fn a_folder_has_one_service() {
    let files = Files::new(&[]);
    let state = files.text("state");
    let _first = Watched::start(&["--state", &state]);
    let said = refused(&["--state", &state]);
    assert!(said.contains(&state) && said.contains("another service"), "{said}");
}

#[test]
fn a_keyring_that_others_can_read_is_refused() {
    let files = Files::new(&[]);
    let state = files.text("state");
    assert!(imds(&["keyring", "rotate", "--state", &state]).status.success());
    for open in [0o640, 0o604, 0o620] {
        fs::set_permissions(files.path("state/keyring"), fs::Permissions::from_mode(open)).unwrap();
        let said = refused(&["--state", &state]);
        assert!(said.contains(&files.text("state/keyring")) && said.contains("chmod 600"), "{said}");
    }
    fs::set_permissions(files.path("state/keyring"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(key_id(&Watched::start(&["--state", &state]).token()), 1);
}

#[test]
fn a_keyring_that_breaks_is_refused_and_the_old_one_stays() {
    let files = Files::new(&[]);
    let state = files.text("state");
    let service = Watched::start(&["--state", &state]);
    let token = service.token();
    let good = fs::read_to_string(files.path("state/keyring")).unwrap();
    files.write("state/keyring", "[[key]]\nid = 9\nsecret = \"U0VDUkVU\"\n");
    let said = service.says("the keyring was refused; the one before stays");
    assert!(!said.contains("U0VDUkVU"), "{said}");
    assert!(opens(&service, &token));
    assert_eq!(key_id(&service.token()), key_id(&token));
    let said = refused(&["--state", &state]);
    assert!(said.contains(&files.text("state/keyring")) && !said.contains("U0VDUkVU"), "{said}");
    // It is replaced by nobody but its owner.
    assert!(!imds(&["keyring", "rotate", "--state", &state]).status.success());
    files.write("state/keyring", &good);
    assert!(imds(&["keyring", "rotate", "--state", &state]).status.success());
    until("the rotation", || (key_id(&service.token()) == key_id(&token) + 1).then_some(()));
    assert!(opens(&service, &token));
}

#[test]
fn an_address_that_moves_to_another_instance_takes_no_token_along() {
    let entry = |id: &str| format!("[[instance]]\ninstance-id = \"{id}\"\nlocal-ipv4 = \"127.0.7.9\"\n");
    let source = [127, 0, 7, 9];
    let files = Files::new(&[("imds.toml", &entry("i-0000000a"))]);
    let service = Watched::with(&files, &["--state", &files.text("state")]);
    let ask = |request: String| exchange_from(Ipv4Addr::from(source), service.listen[0], request.as_bytes());
    let token = body(&ask(format!("{ASK_FOR_TOKEN}\r\n"))).to_owned();
    let with_token = || status(&ask(format!("GET / HTTP/1.1\r\nX-aws-ec2-metadata-token: {token}\r\n\r\n")));
    assert_eq!(with_token(), 200);
    files.write("imds.toml", &entry("i-0000000b"));
    until("the address has moved", || (service.id_for(source) == "i-0000000b").then_some(()));
    assert_eq!(with_token(), 401);
    files.write("imds.toml", &entry("i-0000000a"));
    until("the address is back", || (service.id_for(source) == "i-0000000a").then_some(()));
    assert_eq!(with_token(), 200);
}
