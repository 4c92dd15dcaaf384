//! `[[instance.path]]`: paths by hand, as a guest meets them.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Files, Watched, until};
use crate::support::{body, status};

const CONFIG: &str = r#"
[[instance]]
user-data-file = "data"
metadata-options = { http-tokens = "required" }
[[instance.path]]
path = "/latest/meta-data/public-ipv4"
status = 404
[[instance.path]]
path = "/latest/meta-data/hostname"
absent = true
[[instance.path]]
path = "/latest/meta-data/new/leaf"
file = "bytes"
[[instance.path]]
path = "/latest/meta-data/iam"
status = 500
[[instance.path]]
path = "/2009-04-04/meta-data/ami-id"
body = "ami-of-then"
"#;

#[test]
fn a_path_by_hand_is_over_the_model_and_tokens_come_first() {
    let files = Files::new(&[("imds.toml", CONFIG), ("data", "x"), ("bytes", "two\nlines\n")]);
    let state = files.text("state");
    let service = Watched::with(&files, &["--state", &state]);
    let check = |service: &Watched| {
        let token = service.token();
        let get = |path: &str| service.get(path, Some(&token));
        assert_eq!(status(&service.get("/latest/meta-data/iam/info", None)), 401);
        for (path, told) in [("hostname", 404), ("public-ipv4", 404), ("iam/", 500), ("iam/info", 500)] {
            assert_eq!(status(&get(&format!("/latest/meta-data/{path}"))), told, "{path}");
        }
        let page = get("/latest/meta-data/iam");
        assert!(page.contains("\r\nContent-Type: text/html\r\n"), "{page}");
        assert!(page.contains("<h1>500 - Internal Server Error</h1>"), "{page}");
        let leaf = get("/latest/meta-data/new/leaf/");
        assert!(leaf.contains("\r\nContent-Type: text/plain\r\n") && body(&leaf) == "two\nlines\n", "{leaf}");
        assert_eq!(body(&get("/latest/meta-data/new/")), "leaf");
        let listing = get("/latest/meta-data/");
        let names: Vec<&str> = body(&listing).lines().collect();
        assert!(names.contains(&"iam") && names.contains(&"new/"), "{names:?}");
        assert!(!names.contains(&"hostname") && !names.contains(&"public-ipv4"), "{names:?}");
        assert_eq!(body(&get("/2009-04-04/meta-data/ami-id")), "ami-of-then");
        assert_eq!(body(&get("/latest/meta-data/ami-id")), "ami-0abcdef1234567890");
    };
    check(&service);
    drop(service);
    let service = Watched::with(&files, &["--state", &state]);
    check(&service);
    // The file of a path is watched like the others, and what goes from the configuration is gone.
    let token = service.token();
    let get = |path: &str| service.get(path, Some(&token));
    files.write("bytes", "other");
    until("the other bytes", || (body(&get("/latest/meta-data/new/leaf")) == "other").then_some(()));
    files.write("imds.toml", "[[instance]]\n");
    until("no path", || (status(&get("/latest/meta-data/new/leaf")) == 404).then_some(()));
    assert_eq!(status(&get("/latest/meta-data/hostname")), 200);
}

/// Keys that are a path by hand come with the configuration, whatever is kept.
#[test]
fn keys_by_hand_are_served_and_not_kept() {
    const KEYS: &str = "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance";
    let text = format!(
        "[[instance]]\n[[instance.path]]\npath = \"{KEYS}\"\nfile = \"keys\"\n\
         [[instance.path]]\npath = \"/latest/meta-data/new\"\nbody = \"plain-leaf\"\n"
    );
    let files = Files::new(&[("imds.toml", &text), ("keys", "hunter2-first")]);
    let state = files.text("state");
    let service = Watched::with(&files, &["--state", &state]);
    service.serves(KEYS, "hunter2-first");
    drop(service);
    let service = Watched::with(&files, &["--state", &state]);
    service.serves(KEYS, "hunter2-first");
    service.serves("/latest/meta-data/new", "plain-leaf");
    files.replace("keys", "hunter2-second");
    service.serves(KEYS, "hunter2-second");
    drop(service);
    // What is kept as base64 is looked for in each of the three ways in which it can begin.
    let ways = |text: &[u8]| {
        let base64 = |skipped: usize| {
            let text = STANDARD.encode([&b"xx"[..skipped], text].concat());
            text[if skipped == 0 { 0 } else { 4 }..text.len() - 4].to_owned().into_bytes()
        };
        [text.to_vec(), base64(0), base64(1), base64(2)]
    };
    let is_kept = |text: &str| {
        let kept =
            fs::read_dir(files.path("state")).unwrap().flatten().filter(|entry| entry.path().is_file());
        let bytes: Vec<u8> = kept.flat_map(|entry| fs::read(entry.path()).unwrap()).collect();
        ways(text.as_bytes()).iter().any(|way| bytes.windows(way.len()).any(|window| window == way))
    };
    assert!(is_kept("plain-leaf"), "it is looked for in the right way");
    assert!(!is_kept("hunter2-first") && !is_kept("hunter2-second"));
}
