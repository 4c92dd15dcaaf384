//! The service's clock: both processes go by it, and whatever has a time comes or ends when it is advanced.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use imds_core::date::parse_http_date;
use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::Value;

use super::cli::{Said, imds, said};
use super::{Api, Guest, kill, serve, text};
use crate::run::Said as Ran;
use crate::serve::kept::header;
use crate::serve::{Files, Watched, until};
use crate::support::{IMDS, status};

const A: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 9);

/// Runs a verb against a service.
pub(super) fn verb(service: &Watched, words: &str) -> Said {
    said(imds().args(words.split(' ')).arg("--admin").arg(format!("http://{}", service.admin)))
}

/// What `imds clock` says.
#[track_caller]
pub(crate) fn clock(service: &Watched, words: &str) -> Value {
    verb(service, &format!("clock {words} --json")).json()
}

fn time(told: &Value, name: &str) -> Timestamp {
    told[name].as_str().unwrap().parse().unwrap()
}

/// What the metadata process and the door say that the date is.
fn dates(service: &Watched) -> [Timestamp; 2] {
    let door = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answers = [service.get("/latest/meta-data/", None), crate::support::exchange(service.admin, door)];
    answers.map(|answer| {
        let date = header(&answer, "Date").or_else(|| header(&answer, "date"));
        parse_http_date(date.unwrap()).unwrap()
    })
}

#[track_caller]
fn assert_near(date: Timestamp, expected: Timestamp, what: &str) {
    let apart = date.duration_since(expected).as_secs().abs();
    assert!(apart <= 20, "{what}: {date} and not {expected}");
}

#[test]
fn both_processes_are_told_before_a_change_is_answered() {
    let service = serve(&[]);
    let mut expected = Timestamp::now();
    for (words, by) in
        [("show", 0), ("advance 2m", 120), ("advance 1h30m", 5_400), ("advance 3650d --far", 315_360_000)]
    {
        let told = clock(&service, words);
        expected += Duration::from_secs(by);
        assert_near(time(&told, "now"), expected, words);
        for date in dates(&service) {
            assert_near(date, expected, words);
        }
    }
    let paused = time(&clock(&service, "pause"), "now");
    assert_eq!(dates(&service).map(Timestamp::as_second), [paused.as_second(); 2]);
    assert_eq!(time(&clock(&service, "show"), "now"), paused);
    let told = clock(&service, "advance 1s");
    assert_eq!(time(&told, "now"), paused + Duration::from_secs(1));
    assert_eq!((&told["paused"], &told["pace"]), (&true.into(), &1.into()));
    clock(&service, "resume");
    let begin = time(&clock(&service, "pace 86400x"), "now");
    until("a day in a second", || {
        let day = Duration::from_secs(86_400);
        dates(&service).iter().all(|date| *date >= begin + day).then_some(())
    });
    clock(&service, "pace 1x");
    for (words, why) in [
        ("clock advance -2m", 2),
        ("clock advance 0s", 2),
        ("clock advance 4000d", 2),
        ("clock advance 3650d", 1),
        ("clock advance 367d", 1),
        ("clock pace 0x", 2),
        ("clock pace 86401x", 2),
        ("clock", 2),
    ] {
        assert_eq!(verb(&service, words).code, Some(why), "{words}");
    }
    let far = verb(&service, "clock advance 367d").err;
    assert!(far.ends_with("if that is meant, say so with --far\n"), "{far}");
}

#[test]
fn a_service_starts_at_a_pace_and_goes_on_from_its_time_after_a_crash() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let args = ["--state", state.to_str().unwrap()];
    let service = serve(&[&args[..], &["--clock", "60x"]].concat());
    assert_eq!(clock(&service, "show")["pace"], 60);
    let day = clock(&service, "advance 30d");
    let paused = clock(&service, "pause");
    assert!(time(&paused, "now") >= time(&day, "now"));
    kill(service);
    let service = serve(&args);
    let again = clock(&service, "show");
    assert_eq!(
        (time(&again, "now"), &again["pace"], &again["paused"]),
        (time(&paused, "now"), &60.into(), &true.into())
    );
    assert_eq!(dates(&service)[0].as_second(), time(&paused, "now").as_second());
    service.end(Signal::TERM);
    let service = serve(&[&args[..], &["--clock", "1x"]].concat());
    assert_eq!(clock(&service, "resume")["pace"], 1);
    assert!(time(&clock(&service, "show"), "now") >= time(&paused, "now"));
    for bad in ["0x", "", "86401x", "1.5", "-1"] {
        let refused = Ran::by(Command::new(IMDS).args(["serve", "--clock", bad]));
        assert_eq!(refused.code, Some(2), "{bad} {refused:?}");
    }
}

#[test]
fn without_its_store_a_service_is_back_at_the_machine_s_time_and_keys_stay() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let args = ["--state", state.to_str().unwrap()];
    let key = Ran::by(Command::new(IMDS).args(["keys", "add", "--json", "--state"]).arg(&state)).well();
    let service = serve(&args);
    clock(&service, "advance 300d");
    let ahead = service.token();
    service.end(Signal::TERM);
    std::fs::remove_file(state.join("store.redb")).unwrap();
    let service = serve(&args);
    assert_near(time(&clock(&service, "show"), "now"), Timestamp::now(), "as if it had not been advanced");
    assert_eq!(status(&service.get("/latest/meta-data/", Some(&ahead))), 401, "sealed in another time");
    assert_eq!(status(&service.get("/latest/meta-data/", Some(&service.token()))), 200);
    let kept = Ran::by(Command::new(IMDS).args(["keys", "list", "--state"]).arg(&state)).well();
    let key: Value = serde_json::from_str(&key).unwrap();
    assert!(kept.contains(key["AccessKeyId"].as_str().unwrap()), "{kept}");
}

#[test]
fn a_token_ends_when_the_clock_is_past_its_time() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    api.launch(A, "&MetadataOptions.HttpTokens=required");
    let guest = Guest::at(&service, A);
    let token = guest.token();
    clock(&service, "pause");
    for (words, expected) in [("show", 200), ("advance 5h59m", 200), ("advance 61s", 401), ("resume", 401)] {
        clock(&service, words);
        assert_eq!(guest.status(Some(&token)), expected, "{words}");
    }
    assert_eq!(guest.status(Some(&guest.token())), 200);
}

#[test]
fn keys_of_a_role_are_renewed_before_an_advance_is_answered() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    api.profile("web");
    api.launch(A, "&IamInstanceProfile.Name=web");
    let guest = Guest::at(&service, A);
    let keys = || {
        let (status, told) = guest.get("meta-data/iam/security-credentials/web", None);
        assert_eq!(status, 200, "{told}");
        serde_json::from_str::<Value>(&told).unwrap()
    };
    let mut last = keys();
    for (words, is_renewed) in
        [("advance 4h59m", false), ("advance 2m", true), ("advance 30d", true), ("advance 1m", false)]
    {
        let now = time(&clock(&service, words), "now");
        let told = keys();
        assert_eq!(told["AccessKeyId"] != last["AccessKeyId"], is_renewed, "{words}: {told}");
        assert!(time(&told, "Expiration") > now + Duration::from_secs(300), "{words}: {told}");
        assert!(time(&told, "LastUpdated") <= now, "{words}: {told}");
        last = told;
    }
    clock(&service, "pace 86400x");
    let mut seen = vec![last];
    until("renewed again and again, with nobody changing anything", || {
        let told = keys();
        if seen.last() != Some(&told) {
            seen.push(told);
        }
        (seen.len() > 5).then_some(())
    });
}

#[test]
fn environments_are_done_sooner() {
    let service = serve(&["--environment-delay", "3600"]);
    let mut api = Api::of(&service);
    let mut beanstalk = |form: &str| api.post("elasticbeanstalk", "2010-12-01", form).unwrap().well();
    let stack = beanstalk("Action=ListAvailableSolutionStacks");
    let stack = text(&stack, "member").unwrap().replace(' ', "+");
    beanstalk("Action=CreateApplication&ApplicationName=a");
    beanstalk(&format!(
        "Action=CreateEnvironment&ApplicationName=a&EnvironmentName=slow-1&SolutionStackName={stack}"
    ));
    let mut status = || text(&beanstalk("Action=DescribeEnvironments"), "Status").unwrap().to_owned();
    assert_eq!(status(), "Launching");
    // Each step may take its hour.
    until("the environment is ready", || {
        clock(&service, "advance 1h");
        (status() == "Ready").then_some(())
    });
}

#[test]
fn signed_calls_go_by_the_service_s_clock_and_our_own_verbs_follow() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let key = Ran::by(Command::new(IMDS).args(["keys", "add", "--json", "--state"]).arg(&state)).well();
    let key: Value = serde_json::from_str(&key).unwrap();
    let field = |name: &str| key[name].as_str().unwrap().to_owned();
    let (id, secret) = (field("AccessKeyId"), field("SecretAccessKey"));
    let service = serve(&["--state", state.to_str().unwrap(), "--auth", "sigv4"]);
    let run = |words: &str| {
        let mut command = imds();
        command.args(words.split(' ')).arg("--admin").arg(format!("http://{}", service.admin));
        said(command.env("AWS_ACCESS_KEY_ID", &id).env("AWS_SECRET_ACCESS_KEY", &secret))
    };
    let before = time(&run("clock show --json").json(), "now");
    run("clock advance 30d").well();
    let now = time(&run("clock show --json").json(), "now");
    assert!(now >= before + Duration::from_secs(30 * 86_400));
    assert!(run("instance list").well().contains("i-"));
    // Who has no key is refused as before, and not asked twice.
    assert_eq!(verb(&service, "clock advance 1h").code, Some(1));
    assert_eq!(status(&service.get("/latest/meta-data/", None)), 200);
}
