//! What is refused: one sentence, and the cure.

use std::net::TcpListener;

use super::{User, file, imds, said};

#[test]
fn a_refusal_has_its_reason_and_its_cure() {
    let user = User::new();
    user.launch("");
    for (words, code, cure) in [
        ("instance show i-0123456789abcdef0", "InvalidInstanceID.NotFound", "`imds instance list`"),
        ("instance stop i-0123456789abcdef0", "InvalidInstanceID.NotFound", "--region"),
        (
            "instance launch --image ami-0123456789abcdef0",
            "InvalidAMIID.NotFound",
            "`imds instance launch --help`",
        ),
        ("instance launch --private-ip 127.0.7.9", "InvalidIPAddress.InUse", "--private-ip"),
        ("instance list --filter colour=red", "InvalidParameterValue", "The filter 'colour' is invalid"),
        (
            "instance launch --launch-template nobodys",
            "InvalidLaunchTemplateName.NotFoundException",
            "describe-launch-template",
        ),
    ] {
        let sentence = user.imds(words).sentence();
        assert!(
            sentence.starts_with(&format!("imds: {code}: ")) && sentence.contains(cure),
            "{words}: {sentence}"
        );
    }
    let (_file, key) = file(b"-----BEGIN OPENSSH PRIVATE KEY-----\n");
    let (_file, long) = file(&[b'x'; 16 * 1024 + 1]);
    for (words, why) in [
        (format!("instance launch --ssh-key {key}"), "ends in .pub"),
        (format!("instance launch --user-data {long}"), "16384 bytes"),
        ("instance launch --user-data /no/such/file".into(), "cannot read /no/such/file"),
        ("instance history i-0123456789abcdef0".into(), "there is no instance i-0123456789abcdef0"),
    ] {
        let sentence = user.imds(&words).sentence();
        assert!(sentence.contains(why), "{words}: {sentence}");
    }
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    let user = User::new();
    let before = user.imds("instance list").well();
    for words in [
        "instance tag Name=web",
        "instance tag i-0123456789abcdef0",
        "instance launch --count 2 --hostname web",
        "instance set i-0123456789abcdef0",
        "instance show bogus",
        "defaults set",
        "instance list --admin http://169.254.169.254",
    ] {
        assert_eq!(user.imds(words).code, Some(2), "{words}");
    }
    assert_eq!(user.imds("instance list").well(), before);
}

#[test]
fn where_nothing_runs_it_is_said_how_to_start() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}");
    for verb in ["instance", "defaults"] {
        let verb_and = [verb, if verb == "instance" { "list" } else { "show" }];
        let sentence = said(imds().args(verb_and).args(["--admin", &url])).sentence();
        assert!(sentence.contains(&format!("`imds serve --admin {nobody}`")), "{sentence}");
    }
    let user = User::new();
    let metadata = format!("http://{}", user.service.listen[0]);
    let sentence = said(imds().args(["instance", "list", "--admin", &metadata])).sentence();
    assert!(sentence.contains("is not the control API"), "{sentence}");
}
