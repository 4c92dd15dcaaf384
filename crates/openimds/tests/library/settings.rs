//! What a service is told to be, and what it refuses to be.

use std::fs;
use std::net::TcpListener;
use std::sync::LazyLock;
use std::thread;

use openimds::{Builder, HttpTokens, Imds};

use crate::talk::{get, ok, put_token, v1};

fn refused(builder: Builder) -> String {
    builder.spawn().unwrap_err().to_string()
}

#[test]
fn the_one_instance_is_what_the_builder_says() {
    let imds = Imds::builder()
        .instance_id("i-0123456789abcdef0")
        .instance_type("m5.\"large")
        .region("eu-west-1")
        .http_tokens(HttpTokens::Required)
        .hop_limit(3)
        .clock(60)
        .spawn()
        .unwrap();
    let token = put_token(imds.endpoint());
    for (path, expected) in [
        ("instance-id", "i-0123456789abcdef0"),
        ("instance-type", "m5.\"large"),
        ("placement/region", "eu-west-1"),
        ("placement/availability-zone", "eu-west-1a"),
    ] {
        assert_eq!(ok(imds.endpoint(), &format!("/latest/meta-data/{path}"), &token), expected);
    }
    assert_eq!(v1(imds.endpoint(), "/latest/meta-data/"), 401);
    assert_eq!(imds.endpoint_of("i-0123456789abcdef0").unwrap(), imds.endpoint());
    let clock = get(imds.admin(), "/api/v1/clock", None);
    assert!(clock.contains("\"pace\":60"), "{clock}");
    assert!(!format!("{imds:?}").contains(&token));
}

#[test]
fn one_service_can_be_that_of_many_tests() {
    static SHARED: LazyLock<Imds> = LazyLock::new(|| Imds::builder().spawn().unwrap());
    let tests = [(); 4].map(|()| thread::spawn(|| v1(SHARED.endpoint(), "/latest/meta-data/instance-id")));
    assert_eq!(tests.map(|test| test.join().unwrap()), [200; 4]);
    assert_eq!(SHARED.calls().unwrap().len(), 4);
}

#[test]
fn each_of_many_instances_has_an_endpoint_and_each_service_is_one_of_its_own() {
    let text = (0..20).map(|number| format!("[[instance]]\ninstance-id = \"i-000000{number:02}\"\n"));
    let text = text.collect::<String>();
    let services = [(); 3].map(|()| Imds::builder().config(&*text).spawn().unwrap());
    for imds in &services {
        for number in 0..20 {
            let id = format!("i-000000{number:02}");
            let token = put_token(imds.endpoint_of(&id).unwrap());
            assert_eq!(ok(imds.endpoint_of(&id).unwrap(), "/latest/meta-data/instance-id", &token), id);
        }
    }
    let [first, second, _] = &services;
    first.reset().unwrap();
    assert_eq!((first.calls().unwrap().len(), second.calls().unwrap().len()), (0, 40));
    assert_eq!(second.calls_of("i-00000007").unwrap().len(), 2);
    let error = first.endpoint_of("i-0000000c").unwrap_err().to_string();
    assert!(error.contains("has no instance i-0000000c; those that it has: i-0"), "{error}");
}

#[test]
fn a_configuration_in_a_file_names_files_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("imds.toml");
    fs::write(&file, "[[instance]]\nuser-data-file = \"data\"\n[[fault]]\nkind = \"status\"\ncount = 1\n")
        .unwrap();
    assert!(refused(Imds::builder().config_file(&file)).contains("data"));
    fs::write(folder.path().join("data"), "#!/bin/sh\n").unwrap();
    let imds = Imds::builder().config_file(&file).spawn().unwrap();
    assert_eq!(v1(imds.endpoint(), "/latest/user-data"), 500);
    assert!(get(imds.endpoint(), "/latest/user-data", None).ends_with("\r\n\r\n#!/bin/sh\n"));
    let missing = refused(Imds::builder().config_file(folder.path().join("none")));
    assert!(missing.starts_with("cannot read "), "{missing}");
}

#[test]
fn where_a_configuration_listens_is_not_where_its_services_are() {
    let taken = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [listen, admin, own] = taken.each_ref().map(|taken| taken.local_addr().unwrap());
    let one = format!(
        "[service]\nlisten = [\"{listen}\"]\nadmin = \"{admin}\"\n[[instance]]\ninstance-id = \"i-0000000a\"\nlisten = [\"{own}\"]\n"
    );
    let two = format!("{one}[[instance]]\ninstance-id = \"i-0000000b\"\n");
    // Nor need it be an address of this machine, or one that a door may have.
    let far = "[service]\nlisten = [\"192.0.2.1:1338\"]\nadmin = \"0.0.0.0:1339\"\n".to_owned();
    for (text, ids) in [(one, &["i-0000000a"][..]), (two, &["i-0000000a", "i-0000000b"]), (far, &[])] {
        let services = [(); 2].map(|()| Imds::builder().config(&*text).spawn().unwrap());
        for imds in &services {
            for place in [imds.endpoint(), imds.admin()] {
                assert!(place.starts_with("http://127.0.0.1:"), "{place}");
            }
            for id in ids {
                let token = put_token(imds.endpoint_of(id).unwrap());
                assert_eq!(&ok(imds.endpoint_of(id).unwrap(), "/latest/meta-data/instance-id", &token), id);
            }
            assert_eq!(v1(imds.endpoint(), "/latest/meta-data/instance-id"), 200);
        }
    }
}

#[test]
fn the_readme_reads_alike_in_the_repository_and_in_the_documentation() {
    let text = include_str!("../../README.md");
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        // Hidden lines of an example show in the repository; links between items show there as brackets, and links to
        // files lead nowhere in the documentation.
        assert!(!is_code || !line.starts_with("# "), "{line}");
        assert!(is_code || !line.contains("[`") && !line.contains("]("), "{line}");
    }
    let examples = text.matches("```rust").count();
    assert!(examples >= 4 && text.matches("\nfn main() -> Result<").count() == examples);
}

#[test]
fn what_is_not_permitted_is_refused_with_its_place_and_the_cure() {
    let role = "[[instance]]\nrole = { name = \"web\", credentials = { kind = ";
    for (text, sentence) in [
        ("[[instance]]\nhost = 1".to_owned(), "the configuration line 2: unknown field `host`"),
        ("[[instance]".to_owned(), "the configuration line 1: "),
        ("[[instance]]\nuser-data-file = \"/nowhere/at/all\"".to_owned(), "cannot read /nowhere/at/all"),
        ("[[fault]]\nkind = \"boom\"".to_owned(), "the configuration line 1: "),
        ("[[timeline]]\nkind = \"rebalance\"\ninstances = [\"i-0000000c\"]".to_owned(), "i-0000000c"),
        ("[service]\nauth = \"sigv4\"".to_owned(), "needs `imds serve` with --state DIR"),
        ("[service]\nlisten = [\"nowhere\"]".to_owned(), "the configuration line 2: "),
        (
            format!("{role}\"process\", command = \"touch executed\" }} }}"),
            "line 1: keys of kind process, profile",
        ),
        (format!("{role}\"profile\", profile = \"default\" }} }}"), "need `imds serve`"),
        (
            format!("{role}\"assume-role\", role-arn = \"arn:aws:iam::123456789012:role/x\" }} }}"),
            "need `imds serve`",
        ),
    ] {
        let error = refused(Imds::builder().config(&*text));
        assert!(error.contains(sentence), "{text}: {error}");
        assert!(!error.contains('\n') || text.contains("host"), "{error}");
    }
    assert!(!fs::exists("executed").unwrap());
    for (builder, sentence) in [
        (Imds::builder().hop_limit(0), "a number from 1 to 64"),
        (Imds::builder().clock(0), "pace"),
        (Imds::builder().instance_id("x\"]\n[service]"), "the configuration line 2"),
        (Imds::builder().region("nowhere\n"), "the configuration line"),
        (Imds::builder().config("").region("eu-west-1"), "write them into the configuration"),
    ] {
        let error = refused(builder);
        assert!(error.contains(sentence), "{error}");
    }
}
