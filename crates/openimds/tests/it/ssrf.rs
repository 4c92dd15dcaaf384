//! Why tokens at all: what leaks through applications that can be made to ask an address of a stranger's choice
//! (`docs/ssrf.md`). How far a token travels is in `hops`.
//!
//! Needs curl, util-linux and Python; no root.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::IMDS;

/// The applications, and what is tried on them.
pub const APPLICATIONS: &str = include_str!("ssrf/applications.py");
const ATTACKS: &str = include_str!("ssrf/attacks.sh");

/// What the attacks get where tokens are optional, or required.
fn attacked(http_tokens: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "not-a-real-secret").unwrap();
    let config = folder.path().join("imds.toml");
    let role = "[[instance]]\n[instance.role]\nname = \"web\"\n[instance.role.credentials]\nkind = \"static\"\n\
        access-key-id = \"ASIAEXAMPLE\"\nsecret-access-key-file = \"secret\"\n";
    fs::write(&config, role).unwrap();
    // Were it ever to run outside of the namespace that `imds run` makes, nothing would be reached.
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--net", IMDS, "run", "--http-tokens", http_tokens, "--config"])
        .arg(&config)
        .args(["--", "/usr/bin/python3", "-c", APPLICATIONS, "sh", "-c", ATTACKS])
        .stdin(Stdio::null());
    let output = command.output().expect("unshare, of util-linux");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn with_imdsv1_every_hole_leaks_the_roles_credentials() {
    insta::assert_snapshot!(attacked("optional"), @r"
    preview 200 keys
    preview-token 405 nothing
    forward-proxy 200 keys
    forward-proxy-token 403 nothing
    reverse-proxy 200 keys
    reverse-proxy-token 403 nothing
    anonymous-proxy 200 keys
    anonymous-proxy-token 200 token
    ");
}

#[test]
fn with_imdsv2_alone_only_who_can_send_any_method_and_any_header_gets_a_token() {
    insta::assert_snapshot!(attacked("required"), @r"
    preview 401 nothing
    preview-token 405 nothing
    forward-proxy 401 nothing
    forward-proxy-token 403 nothing
    reverse-proxy 401 nothing
    reverse-proxy-token 403 nothing
    anonymous-proxy 401 nothing
    anonymous-proxy-token 200 token
    ");
}
