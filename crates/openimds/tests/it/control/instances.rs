//! Instances that the API launches, as their guests meet them: each is known by its address, and by nothing else.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Api, Guest, RUN_ONE, instances, option, serve, state, text};
use crate::serve::kept::Kept;
use crate::serve::{Watched, until};
use crate::support::{body, status};

const A: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 9);
const B: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 10);
const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 11);
const BUILT_IN: &str = "i-12345678901234567";

fn log_of(service: &Watched, source: Ipv4Addr) -> Vec<String> {
    let said = service.said();
    said.lines().filter(|line| line.contains(&format!(" {source} "))).map(str::to_owned).collect()
}

#[test]
fn each_is_answered_at_its_own_address_and_only_there() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let (a, b) = (api.launch(A, ""), api.launch(B, ""));
    let (own, other) = (Guest::at(&service, A), Guest::at(&service, B));
    assert_eq!((own.id(), other.id()), (a.clone(), b.clone()));
    assert_eq!(own.get("meta-data/local-ipv4", None), (200, A.to_string()));
    // Nothing that a guest sends makes it another.
    for header in [format!("X-Forwarded-For: {B}"), format!("Forwarded: for={B}"), format!("Host: {B}")] {
        let request = format!("GET /latest/meta-data/instance-id HTTP/1.1\r\n{header}\r\n\r\n");
        assert!([403, 200].contains(&status(&own.ask(&request))), "{header}");
        assert_ne!(body(&own.ask(&request)), b, "{header}");
    }
    // Whom no address claims is the default instance, as long as there is one.
    let stranger = Guest::at(&service, NOBODY);
    assert_eq!(stranger.id(), BUILT_IN);
    api.send("StopInstances", BUILT_IN);
    assert_eq!(stranger.status(None), 404);
    assert_eq!((own.id(), other.id()), (a.clone(), b.clone()));
    let refused = |line: &&String| line.contains(&format!(" - {NOBODY} ")) && line.contains(" 404 ");
    until("the stranger is logged, as nobody", || log_of(&service, NOBODY).iter().find(refused).map(|_| ()));
    let (own, other) = (log_of(&service, A), log_of(&service, B));
    assert!(own.iter().all(|line| line.contains(&a)) && other.iter().all(|line| line.contains(&b)));
}

#[test]
fn a_token_is_worthless_on_any_other_instance() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    api.launch(A, "");
    api.launch(B, "&MetadataOptions.HttpTokens=required");
    let guests = [A, B, Ipv4Addr::LOCALHOST].map(|address| Guest::at(&service, address));
    for owner in guests {
        let token = owner.token();
        for user in guests {
            let expected = if user.address == owner.address { 200 } else { 401 };
            assert_eq!(user.status(Some(&token)), expected, "of {}, by {}", owner.address, user.address);
        }
    }
}

#[test]
fn stopped_it_answers_nobody_and_started_as_before() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let id = api.launch(A, "");
    let guest = Guest::at(&service, A);
    let token = guest.token();
    let mut kept = Kept::connect_from(A, service.listen[0]).unwrap();
    let get = "/latest/meta-data/instance-id";
    assert_eq!(body(&kept.get(get).unwrap()), id);
    let launched = text(&api.instance(&id), "launchTime").unwrap().to_owned();

    let document = api.send("StopInstances", &id);
    assert!(document.contains("<code>64</code><name>stopping</name>"), "{document}");
    assert_eq!(status(&kept.get(get).unwrap()), 404, "on a connection that was there before, too");
    for token in [None, Some(token.as_str())] {
        let (status, page) = guest.get("meta-data/instance-id", token);
        assert_eq!(status, 404);
        assert!(!page.contains(&id) && !page.contains(BUILT_IN), "{page}");
    }
    let put = guest.ask("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n");
    assert_eq!(status(&put), 404, "no token either");
    assert_eq!(state(&api.instance(&id)), "stopped");
    let taken = api.call(&format!("{RUN_ONE}&PrivateIpAddress={A}"));
    assert_eq!(taken.refusal(), (400, "InvalidIPAddress.InUse"), "it keeps its address");

    let document = api.send("StartInstances", &id);
    assert!(document.contains("<code>0</code><name>pending</name>"), "{document}");
    assert_eq!(body(&kept.get(get).unwrap()), id);
    assert_eq!(guest.status(Some(&token)), 200, "it is the same instance");
    let instance = api.instance(&id);
    assert_eq!(state(&instance), "running");
    assert!(text(&instance, "launchTime").unwrap() > launched.as_str(), "a start is a launch to its clock");
}

#[test]
fn an_address_that_goes_to_a_new_instance_takes_no_token_along() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let old = api.launch(A, "");
    let guest = Guest::at(&service, A);
    let token = guest.token();
    let document = api.send("TerminateInstances", &old);
    assert!(document.contains("<code>32</code><name>shutting-down</name>"), "{document}");
    assert_eq!(state(&api.instance(&old)), "terminated");
    let (_, id) = guest.get("meta-data/instance-id", None);
    assert_ne!(id, old);
    assert_eq!(guest.status(Some(&token)), 401);
    let new = api.launch(A, "");
    assert_eq!(guest.status(Some(&token)), 401);
    assert_eq!(guest.id(), new);
    let answer = api.call(&format!("Action=StartInstances&InstanceId.1={old}"));
    assert_eq!(answer.refusal(), (400, "IncorrectInstanceState"));
    let answer =
        api.call(&format!("Action=ModifyInstanceMetadataOptions&InstanceId={old}&HttpTokens=required"));
    assert_eq!(answer.refusal(), (400, "IncorrectInstanceState"));
    assert_eq!(guest.id(), new);
}

#[test]
fn the_hop_limit_stays_when_tokens_change() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let id = api.launch(A, "&MetadataOptions.HttpTokens=required&MetadataOptions.HttpPutResponseHopLimit=2");
    let guest = Guest::at(&service, A);
    assert_eq!(guest.status(None), 401);
    let document = api.modify(&id, "HttpTokens=optional");
    let told = text(&document, "instanceMetadataOptions").unwrap();
    assert_eq!((text(told, "state"), text(told, "httpPutResponseHopLimit")), (Some("pending"), Some("2")));
    assert_eq!(guest.status(None), 200);
    let instance = api.instance(&id);
    assert_eq!((option(&instance, "state"), option(&instance, "httpPutResponseHopLimit")), ("applied", "2"));
    api.modify(&id, "HttpEndpoint=disabled");
    assert_eq!(guest.status(None), 403);
    api.modify(&id, "HttpEndpoint=enabled");
    assert_eq!(guest.status(None), 200);
    assert_eq!(option(&api.instance(&id), "httpPutResponseHopLimit"), "2");
}

#[test]
fn tags_are_served_while_that_is_enabled() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let tags = "&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name\
                &TagSpecification.1.Tag.1.Value=web+1";
    let id = api.launch(A, tags);
    let guest = Guest::at(&service, A);
    let path = "meta-data/tags/instance/";
    assert_eq!(guest.get(path, None).0, 404);
    api.modify(&id, "InstanceMetadataTags=enabled");
    assert_eq!(guest.get(path, None), (200, "Name".into()));
    assert_eq!(guest.get(&format!("{path}Name"), None), (200, "web 1".into()));
    api.well(&format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=Env&Tag.1.Value=pr%C3%BCf"));
    assert_eq!(guest.get(path, None), (200, "Env\nName".into()));
    assert_eq!(guest.get(&format!("{path}Env"), None), (200, "prüf".into()));
    api.well(&format!("Action=DeleteTags&ResourceId.1={id}&Tag.1.Key=Name"));
    assert_eq!(guest.get(path, None), (200, "Env".into()));
    let spaced =
        api.call(&format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=cost+center&Tag.1.Value=1"));
    assert_eq!(spaced.refusal(), (400, "InvalidParameterValue"));
    api.modify(&id, "InstanceMetadataTags=disabled");
    assert_eq!(guest.get(path, None).0, 404);
    api.well(&format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=cost+center&Tag.1.Value=1"));
    let unfit = api
        .call(&format!("Action=ModifyInstanceMetadataOptions&InstanceId={id}&InstanceMetadataTags=enabled"));
    assert_eq!(unfit.refusal(), (400, "InvalidParameterValue"));
    assert_eq!(guest.get(path, None).0, 404);
}

#[test]
fn user_data_changes_only_while_it_is_stopped() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let encoded = |text: &str| STANDARD.encode(text).replace('+', "%2B").replace('=', "%3D");
    let id = api.launch(A, &format!("&UserData={}", encoded("first\n")));
    let guest = Guest::at(&service, A);
    assert_eq!(guest.get("user-data", None), (200, "first\n".into()));
    let form = format!("Action=ModifyInstanceAttribute&InstanceId={id}&UserData.Value={}", encoded("second"));
    assert_eq!(api.call(&form).refusal(), (400, "IncorrectInstanceState"));
    assert_eq!(guest.get("user-data", None), (200, "first\n".into()));
    api.send("StopInstances", &id);
    api.well(&form);
    api.send("StartInstances", &id);
    assert_eq!(guest.get("user-data", None), (200, "second".into()));
    let none = api.launch(B, "");
    assert_eq!(Guest::at(&service, B).get("user-data", None).0, 404, "{none}");
}

#[test]
fn a_key_pair_is_what_public_keys_serves() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let document = api.well("Action=CreateKeyPair&KeyName=web&KeyType=ed25519");
    assert!(text(&document, "keyMaterial").unwrap().contains("PRIVATE KEY"), "{document}");
    let described = api.well("Action=DescribeKeyPairs&KeyName.1=web&IncludePublicKey=true");
    let public = text(&described, "publicKey").unwrap();
    assert!(!described.contains("PRIVATE"), "{described}");
    api.launch(A, "&KeyName=web");
    api.launch(B, "");
    let guest = Guest::at(&service, A);
    assert_eq!(guest.get("meta-data/public-keys/", None), (200, "0=web".into()));
    let (status, served) = guest.get("meta-data/public-keys/0/openssh-key", None);
    assert_eq!((status, served.trim()), (200, public.trim()));
    assert_eq!(Guest::at(&service, B).get("meta-data/public-keys/", None).0, 404);
    assert_eq!(api.call(&format!("{RUN_ONE}&KeyName=none")).refusal(), (400, "InvalidKeyPair.NotFound"));
}

#[test]
fn launches_at_once_get_each_an_address_of_its_own_and_a_token_one_launch() {
    let service = Watched::start(&["--vpc-cidr", "127.0.0.0/24"]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut api = Api::of(&service);
                for _ in 0..4 {
                    api.well(RUN_ONE);
                }
                api.well(&format!("{RUN_ONE}&ClientToken=the-same"));
            });
        }
    });
    let mut api = Api::of(&service);
    let all = api.instances();
    assert_eq!(all.len(), 8 * 4 + 1 + 1, "and the built-in one");
    let addresses: HashSet<_> = all.iter().map(|one| text(one, "privateIpAddress").unwrap()).collect();
    assert_eq!(addresses.len(), all.len());
    for one in &all {
        let address = text(one, "privateIpAddress").unwrap().parse().unwrap();
        assert_eq!(Guest::at(&service, address).id(), text(one, "instanceId").unwrap());
    }
    let same = api.well("Action=DescribeInstances&Filter.1.Name=client-token&Filter.1.Value.1=the-same");
    assert_eq!(instances(&same).len(), 1);
}

#[test]
fn of_two_launches_at_one_address_one_gets_it() {
    let service = serve(&[]);
    let told: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Api::of(&service).call(&format!("{RUN_ONE}&PrivateIpAddress={A}"))))
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = told.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "{told:?}");
    assert!(lost.iter().all(|answer| answer.refusal() == (400, "InvalidIPAddress.InUse")), "{lost:?}");
    assert_eq!(Guest::at(&service, A).id(), text(&won[0].document, "instanceId").unwrap());
}
