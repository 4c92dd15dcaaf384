//! Configurations that are refused at the start: with file, line and what is permitted, and nothing served.

use std::fs;
use std::os::unix::fs::symlink;

use super::start::refused;
use super::{Files, Watched};
use crate::support::{exchange, status};

#[test]
fn what_is_wrong_in_the_file_is_said_with_its_line_and_what_is_permitted() {
    for (text, line, permitted) in [
        ("[service]\nerror-page = \"xhtml\"\n", 2, "expected one of `listen`"),
        ("[service]\n\nerror-pages = \"html\"\n", 3, "`xhtml` or `empty`"),
        ("[[instance]]\ninstance-id = \"web\"\n", 2, "hexadecimal digits"),
        ("[[instance]]\n[instance.metadata-options]\nhttp-tokens = \"on\"\n", 3, "`optional` or `required`"),
        ("[[instance]]\n[instance.metadata-options]\nhttp-put-response-hop-limit = 0\n", 3, "1 to 64"),
        ("[[instance]]\n[[instance]]\n", 2, "ids must differ"),
        ("[service]\nheader-timeout = \"soon\"\n", 2, "up to an hour"),
        ("[[instance]\n", 1, "]"),
        ("[[instance]]\n\n[[instance.path]]\npath = \"/latest/x\"\nstatus = 200\n", 3, "400 to 599"),
        (
            "[[instance]]\nrole = { name = \"web\", credentials = { kind = \"process\" } }\n",
            1,
            "need a command",
        ),
    ] {
        let files = Files::new(&[("imds.toml", text)]);
        let said = refused(&["--config", &files.text("imds.toml")]);
        assert!(said.contains(&format!("{} line {line}: ", files.text("imds.toml"))), "{text}: {said}");
        assert!(said.contains(permitted), "{text}: {said}");
    }
}

/// Whoever had taken over the process that writes in the state folder could write there what is executed.
#[test]
fn what_is_executed_is_not_read_from_the_state_folder() {
    let role = |credentials: &str| {
        format!("[[instance]]\nrole = {{ name = \"web\", credentials = {{ {credentials} }} }}\n")
    };
    let process = |program: &str| role(&format!("kind = \"process\", command = \"{program}\""));
    let files = Files::new(&[("outside.toml", "")]);
    let state = files.text("state");
    fs::create_dir(files.path("state")).unwrap();
    for name in ["state/imds.toml", "behind.toml", "own.toml"] {
        files.write(name, &process("/bin/false"));
    }
    files.write("outside.toml", &process(&files.text("state/keys.sh")));
    symlink("state/imds.toml", files.path("link.toml")).unwrap();
    symlink("../behind.toml", files.path("state/out.toml")).unwrap();
    for name in ["state/imds.toml", "link.toml", "state/out.toml", "outside.toml"] {
        let said = refused(&["--config", &files.text(name), "--state", &state]);
        assert!(said.contains("keep it elsewhere, or give --state another folder"), "{name}: {said}");
    }
    drop(Watched::start(&["--config", &files.text("own.toml"), "--state", &state]));
    // What executes nothing may lie there.
    files.write("state/imds.toml", "[[instance]]\n");
    drop(Watched::start(&["--config", &files.text("state/imds.toml"), "--state", &state]));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let files = Files::new(&[("imds.toml", "[[instance]]\nuser-data-file = \"missing.yaml\"\n")]);
    let said = refused(&["--config", &files.text("imds.toml")]);
    assert!(said.contains(&files.text("missing.yaml")), "{said}");
    let said = refused(&["--config", &files.text("missing.toml")]);
    assert!(said.contains(&files.text("missing.toml")), "{said}");
    let said = refused(&["--user-data", &files.text("missing")]);
    assert!(said.contains(&files.text("missing")), "{said}");
}

#[test]
fn a_file_that_is_not_text_is_refused_at_its_line() {
    let files = Files::new(&[]);
    fs::write(files.path("imds.toml"), b"[service]\n# caf\xe9\n").unwrap();
    let said = refused(&["--config", &files.text("imds.toml")]);
    assert!(said.contains("line 2") && said.contains("UTF-8"), "{said}");
}

#[test]
fn user_data_that_ec2_would_not_take_is_refused() {
    let files = Files::new(&[("fits", &"x".repeat(16_384)), ("large", &"x".repeat(16_385))]);
    let said = refused(&["--user-data", &files.text("large")]);
    assert!(said.contains("16,384"), "{said}");
    let service = Watched::start(&["--user-data", &files.text("fits")]);
    assert_eq!(crate::support::body(&service.get("/latest/user-data", None)).len(), 16_384);
}

#[test]
fn only_one_instance_is_the_default() {
    let entry = |id| format!("[[instance]]\ninstance-id = \"{id}\"\ndefault = true\n");
    let files = Files::new(&[("imds.toml", &(entry("i-0000000a") + &entry("i-0000000b")))]);
    let said = refused(&["--config", &files.text("imds.toml")]);
    assert!(said.contains("line 4") && said.contains("default"), "{said}");
}

#[test]
fn a_door_for_others_must_be_meant() {
    let files = Files::new(&[("imds.toml", "[service]\nadmin = \"0.0.0.0:0\"\ninsecure = true\n")]);
    let service = Watched::with(&files, &[]);
    assert!(service.admin.ip().is_unspecified());
    let health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(([127, 0, 0, 1], service.admin.port()).into(), health)), 200);
}
