//! Launches: what is asked for is what the instance is, to its owner and to itself.

use super::{AL2, AL2023, User, file};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Hq5XRY4jGDyzHwCCcBoWUTJ2SWLOBUPIHRSwPWMGi";

#[test]
fn nothing_said_is_an_instance_of_both_versions() {
    let user = User::new();
    let id = user.launch("");
    let shown = user.show(&id);
    for (name, value) in [
        ("InstanceId", id.as_str()),
        ("State", "running"),
        ("InstanceType", "t3.micro"),
        ("ImageId", AL2),
        ("PrivateIpAddress", "127.0.7.9"),
    ] {
        assert_eq!(shown[name], value, "{shown}");
    }
    assert_eq!(shown["UserDataSize"], 0);
    let options = &shown["MetadataOptions"];
    assert_eq!(
        (options["HttpTokens"].as_str(), options["HttpPutResponseHopLimit"].as_u64()),
        (Some("optional"), Some(1))
    );
    assert_eq!(user.get("meta-data/instance-id"), (200, id.clone()));

    let list = user.imds("instance list").well();
    let line = list.lines().find(|line| line.starts_with(&id)).unwrap();
    for word in ["running", "t3.micro", "127.0.7.9", "V1 and V2 (token optional)"] {
        assert!(line.contains(word), "{list}");
    }
    assert!(list.starts_with("ID  "), "{list}");
    let text = user.imds(&format!("instance show {id}")).well();
    assert!(text.contains("Metadata version") && text.contains("V1 and V2 (token optional)"), "{text}");
}

#[test]
fn a_metadata_version_is_what_the_instance_meets() {
    let user = User::new();
    let id = user.launch("--metadata-version v2 --hop-limit 3");
    assert_eq!(user.get("meta-data/").0, 401);
    assert_eq!(user.show(&id)["MetadataOptions"]["HttpPutResponseHopLimit"], 3);
    user.imds(&format!("instance terminate {id}")).well();
    // The image asks for what the launch leaves open; the address is free again.
    let id = user.launch(&format!("--image {AL2023}"));
    assert_eq!(user.get("meta-data/").0, 401);
    assert_eq!(user.show(&id)["MetadataOptions"]["HttpPutResponseHopLimit"], 2);
    user.imds(&format!("instance terminate {id}")).well();
    user.launch(&format!("--image {AL2023} --http-tokens optional"));
    assert_eq!(user.get("meta-data/").0, 200);
}

#[test]
fn several_at_once_have_ids_and_addresses_of_their_own() {
    let user = User::new();
    let launched = user.imds("instance launch --count 3 --type m7i.large --tag Name=web --json").json();
    let launched = launched.as_array().unwrap();
    let of = |name: &str| {
        let mut values: Vec<_> = launched.iter().map(|one| one[name].as_str().unwrap()).collect();
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    assert_eq!((launched.len(), of("InstanceId"), of("PrivateIpAddress"), of("InstanceType")), (3, 3, 3, 1));
    let found =
        user.imds("instance list --filter tag:Name=we* --filter instance-type=m7i.large --json").json();
    assert_eq!(found.as_array().unwrap().len(), 3);
    let found = user.imds("instance list --filter tag:Name=db --filter tag:Name=web --json").json();
    assert_eq!(found.as_array().unwrap().len(), 3);
    assert_eq!(user.imds("instance list --filter tag:Name=db --json").json(), serde_json::json!([]));
}

#[test]
fn user_data_and_a_host_name() {
    let user = User::new();
    let (_file, path) = file(b"#!/bin/sh\n\xff\x00");
    let id = user.launch(&format!(
        "--user-data {path} --hostname web-1.example --tag Name=web --instance-metadata-tags enabled"
    ));
    assert_eq!(user.show(&id)["UserDataSize"], 12);
    let text = user.imds(&format!("instance show {id}")).well();
    assert!(text.contains("12 bytes"), "{text}");
    for path in ["meta-data/hostname", "meta-data/local-hostname"] {
        assert_eq!(user.get(path), (200, "web-1.example".into()), "{path}");
    }
    assert_eq!(user.get("meta-data/tags/instance/Name"), (200, "web".into()));
}

#[test]
fn a_host_name_that_is_none_is_told_beside_the_id() {
    let user = User::new();
    let said = user.imds("instance launch --hostname not_a_name");
    let id = said.out.trim();
    assert_eq!((said.code, said.err.lines().count()), (Some(1), 1), "{said:?}");
    assert!(
        said.err.starts_with(&format!("imds: {id} is launched, but has not got its host name: ")),
        "{said:?}"
    );
    assert_eq!(user.show(id)["State"], "running");
}

#[test]
fn a_key_is_imported_once() {
    let user = User::new();
    let (_file, path) = file(format!("{KEY} me@laptop\n").as_bytes());
    let id = user.launch(&format!("--ssh-key {path}"));
    assert_eq!(user.show(&id)["KeyName"], "me@laptop");
    assert_eq!(user.get("meta-data/public-keys/"), (200, "0=me@laptop".into()));
    let (status, served) = user.get("meta-data/public-keys/0/openssh-key");
    assert!(status == 200 && served.starts_with(KEY), "{served}");

    // The same key under another comment is the one that is there.
    let (_file, path) = file(format!("{KEY} else\n").as_bytes());
    let again = user.imds(&format!("instance launch --ssh-key {path}")).well();
    assert_eq!(user.show(again.trim())["KeyName"], "me@laptop");
    let named = user.imds(&format!("instance launch --ssh-key {path} --ssh-key-name web")).well();
    assert_eq!(user.show(named.trim())["KeyName"], "web");
    let pairs = user.post("Action=DescribeKeyPairs&Version=2016-11-15");
    assert_eq!(pairs.matches("<keyName>").count(), 2, "{pairs}");
}

#[test]
fn a_launch_template_and_a_profile() {
    let user = User::new();
    user.post(
        "Action=CreateLaunchTemplate&Version=2016-11-15&LaunchTemplateName=web&LaunchTemplateData.ImageId=ami-0abcdef1234567890\
         &LaunchTemplateData.InstanceType=m7i.large&LaunchTemplateData.MetadataOptions.HttpTokens=required",
    );
    user.post("Action=CreateInstanceProfile&Version=2010-05-08&InstanceProfileName=web");
    let id = user.launch("--launch-template web:1 --profile web");
    let shown = user.show(&id);
    assert_eq!(
        (shown["InstanceType"].as_str(), shown["MetadataOptions"]["HttpTokens"].as_str()),
        (Some("m7i.large"), Some("required"))
    );
    let profile = shown["IamInstanceProfile"].as_str().unwrap();
    assert!(profile.ends_with(":instance-profile/web"), "{profile}");
    assert_eq!(user.get("meta-data/").0, 401);
    let other = user
        .imds("instance launch --launch-template web --metadata-version v1-and-v2 --type t3.micro --json")
        .json();
    assert_eq!(
        (other[0]["InstanceType"].as_str(), other[0]["MetadataOptions"]["HttpTokens"].as_str()),
        (Some("t3.micro"), Some("optional"))
    );
}
