//! What is there after a restart, however the end came: what the API did; and of the file what changed.

use std::fs;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;

use super::{AMI, Api, Change, Guest, KEY, kill, option, serve, state, tag, text};
use crate::serve::{Files, Watched, until};

mod file;

const A: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 9);
const B: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 10);
/// The instance that is there without a file.
const BUILT_IN: &str = "i-12345678901234567";

/// A service with a folder for what it keeps.
fn start(files: &Files, args: &[&str]) -> Watched {
    let state = files.path("state");
    serve(&[&["--state", state.to_str().unwrap()], args].concat())
}

#[test]
fn a_setting_that_was_acknowledged_holds_whatever_comes_then() {
    let files = Files::new(&[]);
    let mut service = start(&files, &[]);
    let id = Api::of(&service).launch(A, "");
    for (round, tokens) in ["required", "optional", "required", "optional"].into_iter().enumerate() {
        let hops = round + 2;
        Api::of(&service).modify(&id, &format!("HttpTokens={tokens}&HttpPutResponseHopLimit={hops}"));
        kill(service);
        service = start(&files, &[]);
        let expected = if tokens == "required" { 401 } else { 200 };
        assert_eq!(Guest::at(&service, A).status(None), expected, "{tokens}");
        let mut api = Api::of(&service);
        let instance = api.instance(&id);
        assert_eq!(option(&instance, "httpTokens"), tokens);
        assert_eq!(option(&instance, "httpPutResponseHopLimit"), hops.to_string());
        assert_eq!(option(&instance, "state"), "applied");
        assert_eq!(api.history(&id).len(), 2 * (round + 1));
    }
}

/// A key that somebody has already.
const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDUqWDUmmhyULI6k9tlUtcoaknjXBtGTH0ROhY42XWG me@example.test";

/// Makes one of everything, and an instance of all that; gives its id and that of one that is stopped.
fn furnish(api: &mut Api) -> (String, String) {
    let key = STANDARD.encode(PUBLIC_KEY).replace('+', "%2B").replace('=', "%3D");
    api.well(&format!("Action=ImportKeyPair&KeyName=web&PublicKeyMaterial={key}"));
    api.profile("web");
    api.well("Action=RegisterImage&Name=mine&ImdsSupport=v2.0&RootDeviceName=%2Fdev%2Fxvda");
    api.well(&format!(
        "Action=CreateLaunchTemplate&LaunchTemplateName=lt1&LaunchTemplateData.ImageId={AMI}&LaunchTemplateData.KeyName=web\
         &LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit=7"
    ));
    api.well("Action=ModifyInstanceMetadataDefaults&HttpTokens=required&InstanceMetadataTags=enabled");
    let user_data = STANDARD.encode("#!/bin/sh").replace('=', "%3D");
    let id = text(
        &api.well(&format!(
            "Action=RunInstances&LaunchTemplate.LaunchTemplateName=lt1&MinCount=1&MaxCount=1&PrivateIpAddress={A}\
             &UserData={user_data}&IamInstanceProfile.Name=web&ClientToken=one&TagSpecification.1.ResourceType=instance\
             &TagSpecification.1.Tag.1.Key=Env&TagSpecification.1.Tag.1.Value=a+%26+b"
        )),
        "instanceId",
    )
    .unwrap()
    .to_owned();
    api.well(&format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=Later&Tag.1.Value="));
    api.modify(&id, "HttpPutResponseHopLimit=8");
    let stopped = api.launch(B, "");
    api.send("StopInstances", &stopped);
    api.modify(&stopped, "HttpTokens=optional");
    (id, stopped)
}

#[test]
fn all_that_the_api_keeps_is_there_again() {
    let files = Files::new(&[]);
    let first = start(&files, &[]);
    let mut api = Api::of(&first);
    let (id, stopped) = furnish(&mut api);
    let questions = [
        "Action=DescribeInstances",
        "Action=DescribeTags",
        "Action=DescribeKeyPairs&IncludePublicKey=true",
        "Action=DescribeImages",
        "Action=DescribeLaunchTemplates",
        "Action=DescribeLaunchTemplateVersions&LaunchTemplateName=lt1",
        "Action=DescribeIamInstanceProfileAssociations",
        "Action=GetInstanceMetadataDefaults",
    ];
    let ask = |api: &mut Api| {
        questions.map(|question| {
            let document = api.well(question);
            let id = text(&document, "requestId").unwrap().to_owned();
            document.replace(&id, "")
        })
    };
    let before = ask(&mut api);
    let history = api.history(&id);
    let by = |old: &str, new: &str| Change {
        option: "HttpPutResponseHopLimit".into(),
        old: old.into(),
        new: new.into(),
        access_key: Some(KEY.into()),
        address: "127.0.0.1".into(),
    };
    assert_eq!(history, [by("7", "8")]);
    let token = Guest::at(&first, A).token();
    let changed = Guest::at(&first, A).ask("HEAD /latest/meta-data/ HTTP/1.1\r\n\r\n");
    kill(first);

    let second = start(&files, &[]);
    let mut api = Api::of(&second);
    assert_eq!(ask(&mut api), before);
    assert_eq!(api.history(&id), history);
    let guest = Guest::at(&second, A);
    for (path, expected) in [
        ("meta-data/instance-id", id.as_str()),
        ("meta-data/tags/instance/", "Env\nLater\naws:ec2launchtemplate:id\naws:ec2launchtemplate:version"),
        ("meta-data/tags/instance/Env", "a & b"),
        ("meta-data/tags/instance/Later", ""),
        ("user-data", "#!/bin/sh"),
        ("meta-data/public-keys/0/openssh-key", &PUBLIC_KEY.replace("me@example.test", "web")),
    ] {
        assert_eq!(guest.get(path, Some(&token)), (200, expected.to_owned()), "{path}");
    }
    assert_eq!(guest.status(None), 401);
    let modified =
        |answer: &str| answer.lines().find(|line| line.starts_with("Last-Modified")).map(str::to_owned);
    assert_eq!(modified(&guest.ask("HEAD /latest/meta-data/ HTTP/1.1\r\n\r\n")), modified(&changed));

    // What is stopped is stopped, and its options wait.
    let asleep = Guest::at(&second, B);
    assert_eq!((asleep.status(None), state(&api.instance(&stopped))), (404, "stopped"));
    assert_eq!(option(&api.instance(&stopped), "state"), "pending");
    api.send("StartInstances", &stopped);
    assert_eq!((asleep.status(None), option(&api.instance(&stopped), "state")), (200, "applied"));
    // The launch was made once, and is not made again.
    let again = format!(
        "Action=RunInstances&LaunchTemplate.LaunchTemplateName=lt1&MinCount=1&MaxCount=1&PrivateIpAddress={A}&UserData={}\
         &IamInstanceProfile.Name=web&ClientToken=one&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1\
         .Key=Env&TagSpecification.1.Tag.1.Value=a+%26+b",
        STANDARD.encode("#!/bin/sh").replace('=', "%3D")
    );
    assert_eq!(text(&api.well(&again), "instanceId"), Some(id.as_str()));
}

#[test]
fn what_was_terminated_stays_so_and_its_address_is_free() {
    let files = Files::new(&[]);
    let first = start(&files, &[]);
    let id = Api::of(&first).launch(A, "");
    Api::of(&first).send("TerminateInstances", &id);
    kill(first);
    let second = start(&files, &[]);
    let mut api = Api::of(&second);
    assert_eq!(state(&api.instance(&id)), "terminated");
    assert_eq!(Guest::at(&second, A).id(), BUILT_IN, "no instance has this address");
    let next = api.launch(A, "");
    assert_eq!(Guest::at(&second, A).id(), next);
}

#[test]
fn without_a_folder_nothing_is_kept() {
    let first = serve(&[]);
    let id = Api::of(&first).launch(A, "");
    Api::of(&first).modify(BUILT_IN, "HttpTokens=required");
    first.end(Signal::TERM);
    let second = serve(&[]);
    let mut api = Api::of(&second);
    let answer = api.call(&format!("Action=DescribeInstances&InstanceId.1={id}"));
    assert_eq!(answer.refusal(), (400, "InvalidInstanceID.NotFound"));
    assert_eq!(Guest::at(&second, A).status(None), 200);
}

#[test]
fn the_built_in_instance_is_kept_as_any_other() {
    let files = Files::new(&[]);
    let first = start(&files, &[]);
    let mut api = Api::of(&first);
    api.modify(BUILT_IN, "HttpTokens=required");
    api.well(&format!("Action=CreateTags&ResourceId.1={BUILT_IN}&Tag.1.Key=Name&Tag.1.Value=mine"));
    let token = first.token();
    kill(first);
    let second = start(&files, &[]);
    let guest = Guest::at(&second, Ipv4Addr::LOCALHOST);
    assert_eq!((guest.status(None), guest.status(Some(&token))), (401, 200));
    assert_eq!(tag(&Api::of(&second).instance(BUILT_IN), "Name"), Some("mine"));
    // Terminated, it is gone, and does not come back by itself.
    Api::of(&second).send("TerminateInstances", BUILT_IN);
    assert_eq!(guest.status(None), 404);
    kill(second);
    let third = start(&files, &[]);
    assert_eq!(Guest::at(&third, Ipv4Addr::LOCALHOST).status(None), 404);
    // Another flag is another entry, which is launched.
    drop(third);
    let fourth = start(&files, &["--hop-limit", "2"]);
    assert_eq!(Guest::at(&fourth, Ipv4Addr::LOCALHOST).status(None), 200);
}

#[test]
fn a_folder_that_was_written_to_opens_after_every_kind_of_end() {
    let files = Files::new(&[]);
    let mut hops = 1;
    for signal in [Signal::TERM, Signal::INT, Signal::KILL, Signal::TERM] {
        let service = start(&files, &[]);
        let mut api = Api::of(&service);
        assert_eq!(
            option(&api.instance(BUILT_IN), "httpPutResponseHopLimit"),
            hops.to_string(),
            "{signal:?}"
        );
        hops += 1;
        api.modify(BUILT_IN, &format!("HttpPutResponseHopLimit={hops}"));
        service.end(signal);
    }
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(files.path(name)).unwrap().permissions().mode() & 0o7777
    };
    assert_eq!((mode("state"), mode("state/store.redb")), (0o700, 0o600));
    let service = start(&files, &[]);
    until("its helper alone has the store", || Some(super::helper(&service)));
    let said = service.said();
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
}
