//! The library as its users meet it: services in the test's own process.
#![allow(clippy::unwrap_used, reason = "tests, where a failure is what a panic is for")]

mod ends;
mod role;
mod settings;
mod talk;

use std::time::{Duration, Instant};

use openimds::{Event, Fault, HttpTokens, Imds, Options, Version};

use talk::{action, get, ok, put_token, v1};

const README: &str = include_str!("../../README.md");
const MINUTE: Duration = Duration::from_secs(60);
const INSTANCE: &str = "i-12345678901234567";
const TWO: &str = r#"
    [service]
    environment-delay = "10ms"
    [[instance]]
    instance-id = "i-0000000000000000a"
    [[instance]]
    instance-id = "i-0000000000000000b"
    placement = { region = "eu-west-1" }
    metadata-options = { http-tokens = "optional" }
"#;

#[test]
fn calls_are_told_with_all_that_is_known_and_forgotten() {
    let imds = Imds::builder().http_tokens(HttpTokens::Required).spawn().unwrap();
    assert_eq!(imds.calls().unwrap(), []);
    let token = put_token(imds.endpoint());
    assert_eq!(ok(imds.endpoint(), "/latest/meta-data/instance-id", &token), INSTANCE);
    assert_eq!(v1(imds.endpoint(), "/latest/meta-data/?x"), 401);

    let calls = imds.calls().unwrap();
    let told: Vec<_> = calls
        .iter()
        .map(|call| (call.version, &*call.method, &*call.path, call.status, call.instance.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (Version::V2, "PUT", "/latest/api/token", 200, Some(INSTANCE)),
            (Version::V2, "GET", "/latest/meta-data/instance-id", 200, Some(INSTANCE)),
            (Version::V1, "GET", "/latest/meta-data/", 401, Some(INSTANCE)),
        ]
    );
    assert!(calls.iter().all(|call| call.source.is_loopback() && call.user_agent == "a test"), "{calls:?}");
    assert_eq!(imds.calls_since(calls[1].number).unwrap(), calls[2..]);
    assert_eq!(imds.calls_of(INSTANCE).unwrap(), calls);
    for unknown in ["i-0000000a", "i-typo", ""] {
        let error = imds.calls_of(unknown).unwrap_err().to_string();
        assert_eq!(error, format!("there is no instance {unknown}; those that there are: {INSTANCE}"));
    }

    imds.reset().unwrap();
    assert_eq!(imds.calls().unwrap(), []);
    assert_eq!(v1(imds.endpoint(), "/"), 401);
    assert!(imds.calls().unwrap()[0].number > calls[2].number);
}

#[test]
fn no_call_and_too_many_to_know_are_not_taken_for_imdsv2() {
    let imds = Imds::builder().spawn().unwrap();
    let told = || {
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| imds.assert_only_v2()));
        told.unwrap_err().downcast_ref::<String>().unwrap().clone()
    };
    assert_eq!(v1(imds.endpoint(), "/latest/meta-data/instance-id"), 200);
    let token = put_token(imds.endpoint());
    assert_eq!(v1(imds.endpoint(), "/nowhere"), 404);
    let (id, nowhere) = ("  GET /latest/meta-data/instance-id 200 v1", "  GET /nowhere 404 v1 \"a test\"");
    assert_eq!(told(), format!("2 of 3 calls used IMDSv1:\n{id} \"a test\"\n{nowhere}"));
    // So does the README say it, after the call of another program.
    assert!(README.contains(" 1 of 1 calls used IMDSv1:\n") && README.contains(&format!("{id} \"curl\"\n")));
    imds.reset().unwrap();
    assert!(told().contains("not called at all"), "{}", told());
    for _ in 0..99 {
        ok(imds.endpoint(), "/latest/meta-data/instance-id", &token);
    }
    imds.assert_only_v2();
    ok(imds.endpoint(), "/latest/meta-data/instance-id", &token);
    let told = told();
    assert!(told.contains("more calls than the 100") && told.contains("use `reset()` before"), "{told}");
}

#[test]
fn options_change_live_for_all_or_for_those_that_are_named() {
    let imds = Imds::builder().config(TWO).http_tokens(HttpTokens::Optional).spawn().unwrap();
    let (a, b) = ("i-0000000000000000a", "i-0000000000000000b");
    let statuses = || [a, b].map(|id| v1(imds.endpoint_of(id).unwrap(), "/latest/meta-data/instance-id"));
    assert_eq!(statuses(), [200, 200]);
    let required = || Options::new().http_tokens(HttpTokens::Required);
    for (options, expected) in [
        (required().instance(b), [200, 401]),
        (required(), [401, 401]),
        (Options::new().http_tokens(HttpTokens::Optional).instance(a), [200, 401]),
        (Options::new().http_endpoint(false).instance(a).instance(b), [403, 403]),
        (Options::new().http_endpoint(true), [200, 401]),
        (Options::new().http_protocol_ipv6(true).instance(a), [200, 401]),
    ] {
        imds.modify(options.clone()).unwrap();
        assert_eq!(statuses(), expected, "{options:?}");
    }
    let described = action(imds.admin(), "ec2", "DescribeInstances", &[("InstanceId.1", a)]);
    assert!(described.contains("<httpProtocolIpv6>enabled"), "{described}");
    // By the door, as software under test would.
    let modify = [("InstanceId", a), ("HttpTokens", "required")];
    action(imds.admin(), "ec2", "ModifyInstanceMetadataOptions", &modify);
    assert_eq!(statuses(), [401, 401]);
    imds.modify(Options::new().http_tokens(HttpTokens::Optional).instance(b)).unwrap();
    for (options, sentence) in [
        (
            required().instance(b).instance("i-0000000000000000c"),
            "there is no instance i-0000000000000000c; those that there are: i-0000000000000000a, i-0000000000000000b",
        ),
        (required().instance("x"), "there is no instance x; those"),
        (Options::new().hop_limit(65), "a number from 1 to 64"),
        (Options::new(), "at least one of the metadata options"),
    ] {
        let error = imds.modify(options).unwrap_err().to_string();
        assert!(error.contains(sentence) && !error.contains("--region"), "{error}");
    }
    assert_eq!(statuses(), [401, 200], "nothing was done for those that there are");
}

#[test]
fn an_event_comes_at_its_second_for_those_it_is_for() {
    let imds = Imds::builder().config(TWO).spawn().unwrap();
    let (a, b) = ("i-0000000000000000a", "i-0000000000000000b");
    let interrupted =
        || [a, b].map(|id| v1(imds.endpoint_of(id).unwrap(), "/latest/meta-data/spot/instance-action"));
    let stop = Event::spot_interruption().action("stop").after(10 * MINUTE).instance(b);
    let id = imds.event(stop).unwrap();
    assert_eq!(interrupted(), [404, 404]);
    imds.advance(8 * MINUTE).unwrap();
    assert_eq!(interrupted(), [404, 200]);
    let answer = get(imds.endpoint_of(b).unwrap(), "/latest/meta-data/spot/instance-action", None);
    assert!(answer.contains("\"action\":\"stop\"") || answer.contains("\"action\": \"stop\""), "{answer}");
    imds.cancel(&id).unwrap();
    assert_eq!(interrupted(), [404, 404]);

    let at = |path: &str| v1(imds.endpoint_of(a).unwrap(), path);
    for (event, path) in [
        (Event::rebalance(), "/latest/meta-data/events/recommendations/rebalance"),
        (Event::asg_lifecycle("Terminated"), "/latest/meta-data/autoscaling/target-lifecycle-state"),
    ] {
        assert_eq!(at(path), 404, "{path}");
        imds.event(event).unwrap();
        assert_eq!(at(path), 200, "{path}");
    }
    let maintenance = Event::maintenance().code("system-reboot").description("Work").notice(9 * MINUTE);
    imds.event(maintenance.after(10 * MINUTE).duration(MINUTE)).unwrap();
    let scheduled =
        || get(imds.endpoint_of(a).unwrap(), "/latest/meta-data/events/maintenance/scheduled", None);
    assert!(!scheduled().contains("system-reboot"));
    imds.advance(Duration::from_millis(59_001)).unwrap();
    assert!(scheduled().contains("system-reboot"), "{}", scheduled());

    for (event, sentence) in [
        (Event::rebalance().instance("i-0000000c"), "i-0000000c"),
        (Event::asg_lifecycle("Elsewhere"), "Elsewhere"),
        (Event::rebalance().action("stop"), "action"),
        (Event::spot_interruption().at("yesterday"), "a time is like"),
    ] {
        let error = imds.event(event).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
    assert!(imds.cancel("event-00").is_err());
}

#[test]
fn the_clock_stands_still_goes_on_and_goes_faster() {
    let imds = Imds::builder().spawn().unwrap();
    imds.pause().unwrap();
    let now = imds.now();
    assert!(now.len() == 20 && now.ends_with('Z'), "{now}");
    let rebalance = || v1(imds.endpoint(), "/latest/meta-data/events/recommendations/rebalance");
    imds.advance(MINUTE).unwrap();
    let then = imds.now();
    assert!(now < then, "{now} {then}");
    imds.pause().unwrap();
    assert_eq!(imds.now(), then);
    imds.event(Event::rebalance().at(&then)).unwrap();
    assert_eq!(rebalance(), 200);
    imds.event(Event::asg_lifecycle("Terminated").after(10 * MINUTE)).unwrap();
    imds.pace(86_400).unwrap();
    assert_eq!(imds.now(), then);
    imds.resume().unwrap();
    let end = Instant::now() + MINUTE;
    while v1(imds.endpoint(), "/latest/meta-data/autoscaling/target-lifecycle-state") != 200 {
        assert!(Instant::now() < end, "it stands still");
    }
    for by in [Duration::ZERO, 3_650 * 24 * 60 * MINUTE + Duration::from_secs(1), Duration::MAX] {
        let error = imds.advance(by).unwrap_err().to_string();
        let expected = "a clock is advanced by more than nothing, and by 3,650 days at most at once: not by ";
        assert_eq!(error, format!("{expected}{by:?}"));
    }
    imds.advance(3_650 * 24 * 60 * MINUTE).unwrap();
    assert!(imds.pace(0).unwrap_err().to_string().contains("1x to 86400x"));
}

#[test]
fn one_that_is_launched_is_known_and_has_no_endpoint_of_its_own() {
    let imds = Imds::builder().spawn().unwrap();
    let launch = [("ImageId", "ami-0abcdef1234567890"), ("MinCount", "1"), ("MaxCount", "1")];
    let launched = action(imds.admin(), "ec2", "RunInstances", &launch);
    let id = launched.split_once("<instanceId>").unwrap().1.split_once('<').unwrap().0;
    let refused = imds.endpoint_of(id).unwrap_err().to_string();
    assert_eq!(refused, format!("the configuration has no instance {id}; those that it has: {INSTANCE}"));
    assert_eq!(imds.endpoint_of(INSTANCE).unwrap(), imds.endpoint());
    assert_eq!(imds.calls_of(id).unwrap(), []);
    action(imds.admin(), "ec2", "TerminateInstances", &[("InstanceId.1", id)]);
    assert_eq!(imds.calls_of(id).unwrap(), []);
    assert!(imds.endpoint_of("i-typo").is_err());
}

#[test]
fn a_fault_strikes_whom_it_is_for_and_as_often_as_it_may() {
    let imds = Imds::builder().spawn().unwrap();
    let id = || v1(imds.endpoint(), "/latest/meta-data/instance-id");
    let fault = Fault::status(503).path("/latest/meta-data/").method("GET").instance(INSTANCE).count(2);
    let number = imds.fault(fault).unwrap();
    assert_eq!([id(), id(), id()], [503, 503, 200]);
    let struck: Vec<_> = imds.calls().unwrap().into_iter().map(|call| call.fault).collect();
    assert_eq!(struck, [Some("status".to_owned()), Some("status".to_owned()), None]);
    imds.remove_fault(number).unwrap();
    assert!(imds.remove_fault(number).is_err());

    imds.fault(Fault::empty().probability(1.0).lasting(60 * MINUTE)).unwrap();
    assert!(get(imds.endpoint(), "/latest/meta-data/instance-id", None).ends_with("\r\n\r\n"));
    imds.remove_faults().unwrap();
    // Five packets a call, and one a second comes back: a machine may be as slow as that, but not for ever.
    imds.fault(Fault::throttle(1).per("packets").answer("429")).unwrap();
    let end = Instant::now() + 5 * MINUTE;
    while id() != 429 {
        assert!(Instant::now() < end, "there is always room");
    }
    imds.remove_faults().unwrap();
    imds.fault(Fault::truncate().after_bytes(3)).unwrap();
    assert!(get(imds.endpoint(), "/latest/meta-data/instance-id", None).ends_with("\r\n\r\ni-1"));

    for (fault, sentence) in [
        (Fault::status(200), "400"),
        (Fault::latency(61 * Duration::from_secs(1)), "60s at most"),
        (Fault::reset().count(0), "count"),
        (Fault::drop().path("meta-data"), "meta-data"),
        (Fault::truncate().after_bytes(u64::MAX), "after"),
        (Fault::stale_credentials().instance("i-0000000c"), "i-0000000c"),
    ] {
        let error = imds.fault(fault).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
}

#[test]
fn an_instance_has_the_keys_of_its_profile_and_new_ones_in_time() {
    let imds = Imds::builder().spawn().unwrap();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let (role, profile) = (("RoleName", "web"), ("InstanceProfileName", "web"));
    action(imds.admin(), "iam", "CreateRole", &[role, ("AssumeRolePolicyDocument", trust)]);
    action(imds.admin(), "iam", "CreateInstanceProfile", &[profile]);
    action(imds.admin(), "iam", "AddRoleToInstanceProfile", &[role, profile]);
    let associated = [("InstanceId", INSTANCE), ("IamInstanceProfile.Name", "web")];
    action(imds.admin(), "ec2", "AssociateIamInstanceProfile", &associated);
    let keys = || {
        let answer = get(imds.endpoint(), "/latest/meta-data/iam/security-credentials/web", None);
        assert!(answer.contains("\"Success\""), "{answer}");
        answer.split("\"AccessKeyId\"").nth(1).unwrap()[..40].to_owned()
    };
    let first = keys();
    assert_eq!(keys(), first);
    imds.advance(330 * MINUTE).unwrap();
    assert_ne!(keys(), first, "renewed after five hours");
}

#[test]
fn an_environment_comes_up_in_the_background() {
    let imds = Imds::builder().config(TWO).spawn().unwrap();
    let (application, name) = (("ApplicationName", "shop"), ("EnvironmentName", "shop-dev"));
    let stack = ("SolutionStackName", "64bit Amazon Linux 2023 v4.7.0 running Python 3.11");
    action(imds.admin(), "elasticbeanstalk", "CreateApplication", &[application]);
    action(imds.admin(), "elasticbeanstalk", "CreateEnvironment", &[application, name, stack]);
    let end = Instant::now() + MINUTE;
    while !action(imds.admin(), "elasticbeanstalk", "DescribeEnvironments", &[]).contains("<Status>Ready<") {
        assert!(Instant::now() < end, "it does not come up");
        std::thread::sleep(Duration::from_millis(10));
    }
    let launched = action(imds.admin(), "ec2", "DescribeInstances", &[]);
    assert!(launched.contains("shop-dev"), "{launched}");
}

#[tokio::test]
async fn all_can_be_called_from_asynchronous_tests() {
    let imds = Imds::builder().config("[[instance]]\ntags = { Name = \"web\" }").spawn().unwrap();
    imds.modify(Options::new().hop_limit(2).instance_metadata_tags(true)).unwrap();
    imds.event(Event::rebalance()).unwrap();
    imds.fault(Fault::reset().path("/nowhere")).unwrap();
    imds.advance(MINUTE).unwrap();
    assert_eq!(v1(imds.endpoint(), "/latest/meta-data/tags/instance/"), 200);
    assert_eq!(imds.calls().unwrap().len(), 1);
    imds.reset().unwrap();
    put_token(imds.endpoint());
    imds.assert_only_v2();
    // Nor does the end of one have to wait for this thread.
    drop(imds);
}
