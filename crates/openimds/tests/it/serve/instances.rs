//! Several instances on one loopback: who asks is known by the address that a connection comes from or to.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;

use serde_json::json;

use super::answers::ASK_FOR_TOKEN;
use super::kept::exchange_from;
use super::start::refused;
use super::{Files, Watched};
use crate::support::{IMDS, Service, body, exchange, status};

const A: [u8; 4] = [127, 0, 7, 9];
const B: [u8; 4] = [127, 0, 7, 10];
const ELSE: [u8; 4] = [127, 0, 7, 11];
const GET_ID: &[u8] = b"GET /latest/meta-data/instance-id HTTP/1.1\r\n\r\n";

pub(super) const THREE: &str = r#"
[[instance]]
instance-id = "i-0000000a"
local-ipv4 = "127.0.7.9"

[[instance]]
instance-id = "i-0000000b"
local-ipv4 = "127.0.7.10"

[[instance]]
instance-id = "i-0000000c"
default = true
"#;

fn status_with(service: &Watched, source: [u8; 4], token: &str) -> u16 {
    let request = format!("GET /latest/meta-data/ HTTP/1.1\r\nX-aws-ec2-metadata-token: {token}\r\n\r\n");
    status(&exchange_from(Ipv4Addr::from(source), service.listen[0], request.as_bytes()))
}

#[test]
fn a_source_gets_its_instance_and_any_other_the_default() {
    let files = Files::new(&[("imds.toml", THREE)]);
    let service = Watched::with(&files, &[]);
    for (source, id) in
        [(A, "i-0000000a"), (B, "i-0000000b"), (ELSE, "i-0000000c"), ([127, 0, 0, 1], "i-0000000c")]
    {
        assert_eq!(service.id_for(source), id, "{source:?}");
    }
    let own = exchange_from(
        Ipv4Addr::from(A),
        service.listen[0],
        b"GET /latest/meta-data/local-ipv4 HTTP/1.1\r\n\r\n",
    );
    assert_eq!(body(&own), "127.0.7.9");
}

#[test]
fn a_built_in_instance_that_nobody_wrote_is_named_at_the_start() {
    let said = "so that a built-in one is there beside them";
    let files = Files::new(&[("imds.toml", &THREE.replace("default = true", ""))]);
    let told = Watched::with(&files, &[]).says(said);
    assert!(told.contains("i-12345678901234567") && told.contains("write `default = true`"), "{told}");
    let files = Files::new(&[("imds.toml", THREE), ("one.toml", "[[instance]]\n")]);
    for service in [Watched::with(&files, &[]), Watched::start(&["--config", &files.text("one.toml")])] {
        assert!(!service.says("serving").contains(said));
    }
}

#[test]
fn a_token_is_worthless_on_any_other_instance() {
    let files = Files::new(&[("imds.toml", THREE)]);
    let service = Watched::with(&files, &[]);
    for owner in [A, B, ELSE] {
        let answer = exchange_from(
            Ipv4Addr::from(owner),
            service.listen[0],
            format!("{ASK_FOR_TOKEN}\r\n").as_bytes(),
        );
        for user in [A, B, ELSE] {
            let expected = if user == owner { 200 } else { 401 };
            assert_eq!(status_with(&service, user, body(&answer)), expected, "of {owner:?}, by {user:?}");
        }
    }
}

#[test]
fn options_are_those_of_the_instance_that_asks() {
    let files = Files::new(&[(
        "imds.toml",
        &THREE.replacen(
            "local-ipv4 = \"127.0.7.9\"",
            "local-ipv4 = \"127.0.7.9\"\nmetadata-options = { http-tokens = \"required\" }",
            1,
        ),
    )]);
    let service = Watched::with(&files, &[]);
    for (source, expected) in [(A, 401), (B, 200), (ELSE, 200)] {
        assert_eq!(
            status(&exchange_from(Ipv4Addr::from(source), service.listen[0], GET_ID)),
            expected,
            "{source:?}"
        );
    }
}

#[test]
fn an_instance_has_a_listen_of_its_own() {
    // A port that was free a moment ago; nothing else asks for it at this address.
    let own = TcpListener::bind("127.0.7.80:0").unwrap().local_addr().unwrap();
    let files = Files::new(&[(
        "imds.toml",
        &format!("{THREE}\n[[instance]]\ninstance-id = \"i-0000000d\"\nlisten = [\"{own}\"]\n"),
    )]);
    let service = Watched::with(&files, &[]);
    assert_eq!(service.listen[1..], [own]);
    for source in [A, ELSE] {
        let answer = exchange_from(Ipv4Addr::from(source), own, GET_ID);
        assert_eq!((status(&answer), body(&answer)), (200, "i-0000000d"), "{source:?}");
    }
    assert_eq!(service.id_for(ELSE), "i-0000000c");
}

#[test]
fn a_listen_of_its_own_has_a_port() {
    let files = Files::new(&[("imds.toml", "[[instance]]\nlisten = [\"127.0.0.1:0\"]\n")]);
    let said = refused(&["--config", &files.text("imds.toml")]);
    assert!(said.contains("line 1: ") && said.contains("needs a port"), "{said}");
}

#[test]
fn without_a_default_it_is_the_only_one_and_of_several_none() {
    let entry = |id, address| format!("[[instance]]\ninstance-id = \"{id}\"\nlocal-ipv4 = \"{address}\"\n");
    let one = Files::new(&[("imds.toml", &entry("i-0000000a", "127.0.7.9"))]);
    assert_eq!(Watched::with(&one, &[]).id_for(ELSE), "i-0000000a");

    let two = Files::new(&[(
        "imds.toml",
        &(entry("i-0000000a", "127.0.7.9") + &entry("i-0000000b", "127.0.7.10")),
    )]);
    let service = Watched::with(&two, &[]);
    assert_eq!(service.id_for(ELSE), "i-12345678901234567", "the built-in one");
    assert_eq!((service.id_for(A), service.id_for(B)), ("i-0000000a".into(), "i-0000000b".into()));
}

#[test]
fn flags_fill_what_the_file_leaves_out() {
    let files = Files::new(&[(
        "imds.toml",
        "[[instance]]\nlocal-ipv4 = \"127.0.7.9\"\nmetadata-options = { http-tokens = \"optional\" }\n\
         [[instance]]\ninstance-id = \"i-0000000b\"\nlocal-ipv4 = \"127.0.7.10\"\ndefault = true\n",
    )]);
    let service = Watched::with(&files, &["--http-tokens", "required"]);
    for (source, expected) in [(A, 200), (B, 401)] {
        assert_eq!(
            status(&exchange_from(Ipv4Addr::from(source), service.listen[0], GET_ID)),
            expected,
            "{source:?}"
        );
    }
}

#[test]
fn with_free_ports_no_port_of_the_file_is_taken_and_each_of_several_instances_has_one() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = TcpListener::bind("127.0.7.82:0").unwrap();
    let (port, own) = (taken.local_addr().unwrap(), own.local_addr().unwrap());
    let head = format!("[service]\nlisten = [\"{port}\", \"0.0.0.0:80\"]\nadmin = \"{port}\"\n");
    let three = THREE.replace("default = true", &format!("default = true\nlisten = [\"{own}\"]"));
    let one = "[[instance]]\ninstance-id = \"i-0000000d\"\nlisten = [\"127.0.0.1:0\"]\n";
    for (entries, ids) in [(&*three, &["i-0000000a", "i-0000000b", "i-0000000c"][..]), (one, &["i-0000000d"])]
    {
        let files = Files::new(&[("imds.toml", &format!("{head}{entries}"))]);
        let start = || {
            let mut command = Command::new(IMDS);
            command.args(["serve", "--print-ready", "--free-ports", "--config"]).arg(files.path("imds.toml"));
            Service::spawn(&mut command)
        };
        // Two of one file, beside one another.
        for service in [start(), start()] {
            let ask = b"GET /api/v1/instances HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            let told = exchange(service.admin, ask);
            let told: serde_json::Value = serde_json::from_str(body(&told)).unwrap();
            let asked = |address: SocketAddr| body(&exchange(address, GET_ID)).to_owned();
            assert!(service.listen.iter().all(|address| address.ip() == Ipv4Addr::LOCALHOST));
            assert_eq!(asked(service.listen[0]), ids[ids.len() - 1]);
            if let [_] = ids {
                assert_eq!((service.listen.len(), &told["instances"][0]["listen"]), (1, &json!([])));
                continue;
            }
            assert_eq!(service.listen.len(), 4);
            for (index, id) in ids.iter().enumerate() {
                assert_eq!(asked(service.listen[index + 1]), *id);
                let listen = json!([service.listen[index + 1].to_string()]);
                assert_eq!(
                    (&told["instances"][index]["id"], &told["instances"][index]["listen"]),
                    (&json!(id), &listen)
                );
            }
        }
    }
}
