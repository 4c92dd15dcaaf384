//! Starting: where the service says that it is ready, and what stops it before that.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::channel;

use rustix::process::{Pid, Signal, kill_process};

use super::{Files, PATIENCE, Watched};
use crate::support::{IMDS, exchange, status};

/// A process that does not outlive its test.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `imds` to its end, which must come by itself.
pub(super) fn imds(args: &[&str]) -> Output {
    Command::new(IMDS).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs `imds serve`, which must refuse to start: what it says.
#[track_caller]
pub(super) fn refused(args: &[&str]) -> String {
    let output = imds(&[&["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"], args].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one sentence: {said}");
    assert!(said.starts_with("imds: "), "{said}");
    said
}

/// The line with these addresses.
fn line(listen: &[SocketAddr], admin: SocketAddr) -> String {
    let listen: Vec<_> = listen.iter().map(|address| format!("\"{address}\"")).collect();
    format!("{{\"listen\":[{}],\"admin\":\"{admin}\"}}\n", listen.join(","))
}

/// The addresses of a line, as the line must have them.
#[track_caller]
fn addresses(ready: &str) -> (Vec<SocketAddr>, SocketAddr) {
    let value: serde_json::Value = serde_json::from_str(ready).unwrap();
    let address = |value: &serde_json::Value| value.as_str().unwrap().parse::<SocketAddr>().unwrap();
    let listen: Vec<_> = value["listen"].as_array().unwrap().iter().map(address).collect();
    let admin = address(&value["admin"]);
    assert_eq!(ready, line(&listen, admin));
    assert!(listen.iter().chain([&admin]).all(|address| address.port() != 0), "{ready}");
    (listen, admin)
}

/// A service, and what it says on standard output.
fn started(command: &mut Command) -> (Started, BufReader<ChildStdout>) {
    let mut service = Started(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let stdout = BufReader::new(service.0.stdout.take().unwrap());
    (service, stdout)
}

#[test]
fn the_ready_line_is_all_that_standard_output_gets() {
    let mut command = Command::new(IMDS);
    command.args(["serve", "--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0", "--admin", "127.0.0.1:0"]);
    let (mut service, mut stdout) = started(command.arg("--print-ready"));
    let mut ready = String::new();
    stdout.read_line(&mut ready).unwrap();
    let (listen, admin) = addresses(&ready);
    assert_eq!(listen.len(), 2);
    assert_eq!((listen[0].ip(), listen[1].ip()), ([127, 0, 0, 1].into(), [127, 0, 0, 2].into()));
    for address in listen {
        assert_eq!(status(&exchange(address, b"GET / HTTP/1.1\r\n\r\n")), 200);
    }
    let health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(admin, health)), 200);
    kill_process(Pid::from_child(&service.0), Signal::TERM).unwrap();
    assert!(service.0.wait().unwrap().success());
    let mut more = String::new();
    stdout.read_to_string(&mut more).unwrap();
    assert_eq!(more, "");
}

#[test]
fn the_ready_line_goes_to_a_descriptor_too() {
    let script =
        r#"exec 3>&1 1>/dev/null; exec "$0" serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --ready-fd 3"#;
    let (mut service, mut stdout) = started(Command::new("sh").args(["-c", script, IMDS]));
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (mut ready, mut more) = (String::new(), String::new());
        stdout.read_line(&mut ready).unwrap();
        sender.send(ready).unwrap();
        stdout.read_to_string(&mut more).unwrap();
        sender.send(more).unwrap();
    });
    let said = || receiver.recv_timeout(PATIENCE).unwrap();
    let (listen, _) = addresses(&said());
    assert_eq!(said(), "", "who reads it to its end has read it when the service is ready");
    assert_eq!(status(&exchange(listen[0], b"GET / HTTP/1.1\r\n\r\n")), 200);
    assert!(service.0.try_wait().unwrap().is_none());
    let said = refused(&["--ready-fd", "77"]);
    assert!(said.contains("--ready-fd 77"), "{said}");
}

#[test]
fn it_ends_when_a_descriptor_does_and_not_before() {
    let script = r#"exec 3<&0 0</dev/null; exec "$0" serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --print-ready --stop-fd 3"#;
    let mut command = Command::new("sh");
    let (mut service, mut stdout) = started(command.args(["-c", script, IMDS]).stdin(Stdio::piped()));
    let mut ready = String::new();
    stdout.read_line(&mut ready).unwrap();
    let (listen, _) = addresses(&ready);
    let mut holds = service.0.stdin.take().unwrap();
    holds.write_all(b"go on\n").unwrap();
    for _ in 0..20 {
        assert_eq!(status(&exchange(listen[0], b"GET / HTTP/1.1\r\n\r\n")), 200);
    }
    drop(holds);
    assert!(service.0.wait().unwrap().success());
    // Nor does its helper hold standard output any longer.
    assert_eq!(stdout.read_to_string(&mut ready).unwrap(), 0);
}

#[test]
fn a_descriptor_that_has_no_end_to_come_is_refused() {
    let output =
        Command::new("sh").args(["-c", r#"exec "$0" serve --stop-fd 3 3>/dev/null"#, IMDS]).output().unwrap();
    let of_writing = String::from_utf8(output.stderr).unwrap();
    for (said, why) in [
        (refused(&["--stop-fd", "77"]), "Bad file descriptor"),
        (refused(&["--stop-fd", "0"]), "not handed down"),
        (of_writing, "writing only"),
    ] {
        assert!(said.starts_with("imds: cannot read from --stop-fd ") && said.contains(why), "{said}");
    }
}

#[test]
fn a_port_that_is_taken_is_said_and_the_first_service_stays() {
    let service = Watched::start(&[]);
    let taken = service.listen[0].to_string();
    let output = imds(&["serve", "--listen", &taken, "--admin", "127.0.0.1:0"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with(&format!("imds: cannot listen on {taken}: ")), "{said}");
    assert!(said.contains("free") && said.contains("in use"), "{said}");
    assert_eq!((said.lines().count(), output.stdout.len()), (1, 0), "{said}");

    let admin = service.admin.to_string();
    let output = imds(&["serve", "--listen", "127.0.0.1:0", "--admin", &admin]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&admin) && said.contains("--admin"), "{said}");
    for _ in 0..20 {
        assert_eq!(status(&service.get("/", None)), 200);
    }
}

#[test]
fn an_address_that_this_machine_does_not_have_is_said() {
    // Of a block that documentation uses (RFC 5737).
    let output = imds(&["serve", "--listen", "192.0.2.1:0", "--admin", "127.0.0.1:0"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("192.0.2.1:0") && said.contains("of this machine"), "{said}");
}

#[test]
fn a_port_of_another_program_is_taken_too() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let output = imds(&["serve", "--listen", &taken, "--admin", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_door_is_not_opened_to_others_by_accident() {
    let output = imds(&["serve", "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("--admin 0.0.0.0:0") && said.contains("--insecure"), "{said}");

    let files = Files::new(&[("imds.toml", "[service]\nadmin = \"0.0.0.0:0\"\n")]);
    let said = refused(&["--config", &files.text("imds.toml")]);
    assert!(said.contains("0.0.0.0:0") && said.contains("insecure"), "{said}");
}

#[test]
fn what_is_mistyped_is_a_usage_error() {
    for args in [
        &[][..],
        &["sevre"],
        &["serve", "--nonsense"],
        &["serve", "stray"],
        &["serve", "--listen", "127.0.0.1"],
        &["serve", "--listen", "localhost:80"],
        &["serve", "--admin", "1339"],
        &["serve", "--http-tokens", "maybe"],
        &["serve", "--hop-limit", "0"],
        &["serve", "--hop-limit", "65"],
        &["serve", "--http-endpoint", "on"],
        &["serve", "--error-pages", "html"],
        &["serve", "--log", "xml"],
        &["serve", "--header-timeout", "0"],
        &["serve", "--idle-timeout", "61m"],
        &["serve", "--max-connections", "-1"],
        &["serve", "--vpc-cidr", "10.0.0.0"],
        &["serve", "--ready-fd", "one"],
        &["serve", "--stop-fd", "one"],
        &["serve", "--free-ports", "--listen", "127.0.0.1:0"],
        &["serve", "--free-ports", "--admin", "127.0.0.1:0"],
        &["serve", "--config-folder", "/"],
        &["serve", "--config"],
        &["run"],
        &["token", "--ttl", "21601"],
        &["token", "--ttl", "0"],
        &["keyring"],
        &["keyring", "rotate"],
        &["schema", "extra"],
    ] {
        let output = imds(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(!said.is_empty() && output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn the_schema_is_json_and_knows_the_keys_of_the_file() {
    fn keys(value: &serde_json::Value, into: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(serde_json::Value::as_object) {
            into.extend(properties.keys().cloned());
        }
        let members = value.as_object().into_iter().flat_map(serde_json::Map::values);
        members.chain(value.as_array().into_iter().flatten()).for_each(|value| keys(value, into));
    }
    let output = imds(&["schema"]);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    let schema = serde_json::from_slice(&output.stdout).unwrap();
    let mut known = Vec::new();
    keys(&schema, &mut known);
    for key in [
        "service",
        "listen",
        "error-pages",
        "instance",
        "instance-id",
        "instance-type",
        "local-ipv4",
        "default",
        "tags",
        "user-data-file",
        "metadata-options",
        "http-tokens",
        "http-put-response-hop-limit",
        "role",
        "name",
        "credentials",
        "kind",
        "access-key-id",
        "secret-access-key-file",
        "interface",
        "path",
    ] {
        assert!(known.iter().any(|known| known == key), "{key}");
    }
    assert!(String::from_utf8(output.stdout).unwrap().contains("\"required\""), "the values of http-tokens");
}
