//! Events on a timeline, from outside: a table of times and paths for each kind, with the service's clock.

use std::net::Ipv4Addr;

use rustix::process::Signal;
use serde_json::Value;

use super::clock::{clock, verb};
use super::{Api, Guest, kill, serve};
use crate::run::Said as Ran;
use crate::serve::kept::header;
use crate::serve::{Files, Watched, until};

const A: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 9);
const B: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 10);

/// A service whose clock stands still, with two instances.
struct Stage {
    service: Watched,
    a: String,
    b: String,
}

impl Stage {
    fn new(args: &[&str]) -> Self {
        let service = serve(args);
        let mut api = Api::of(&service);
        let (a, b) = (api.launch(A, ""), api.launch(B, ""));
        clock(&service, "pause");
        Self { service, a, b }
    }

    /// Plans an event for the first instance, and gives what is told of it.
    #[track_caller]
    fn plan(&self, words: &str) -> Value {
        let (kind, options) = words.split_once(' ').unwrap_or((words, ""));
        let words = format!("event {kind} {} {options} --json", self.a);
        verb(&self.service, words.trim().replace("  ", " ").as_str()).json()
    }

    /// What both instances get below `meta-data/`, nothing where it is 404.
    fn both(&self, path: &str) -> [Option<String>; 2] {
        [A, B].map(|address| {
            let (status, told) = Guest::at(&self.service, address).get(&format!("meta-data/{path}"), None);
            assert!([200, 404].contains(&status), "{path} {status} {told}");
            (status == 200).then_some(told)
        })
    }

    /// Whether each instance lists a directory or a leaf below `meta-data/`.
    fn lists(&self, path: &str) -> [bool; 2] {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_in = |listing: Option<String>| {
            listing.is_some_and(|listing| listing.lines().any(|line| line.trim_end_matches('/') == name))
        };
        self.both(&format!("{directory}/")).map(is_in)
    }

    /// From then on there is something at a path for the first instance, or not; never for the second.
    #[track_caller]
    fn check(&self, path: &str, is_there: bool, when: &str) {
        let found = self.both(path).map(|told| told.is_some());
        assert_eq!((found, self.lists(path)), ([is_there, false], [is_there, false]), "{path} {when}");
    }
}

const ACTION: &str = "spot/instance-action";
const TERMINATION: &str = "spot/termination-time";
const REBALANCE: &str = "events/recommendations/rebalance";
const STATE: &str = "autoscaling/target-lifecycle-state";

#[test]
fn each_kind_comes_at_its_second_for_those_who_were_chosen_and_goes_when_canceled() {
    let stage = Stage::new(&[]);
    let states = ["Detached", "InService", "Standby", "Terminated"];
    let warmed = ["Hibernated", "Running", "Stopped", "Terminated"].map(|state| format!("Warmed:{state}"));
    let states = states.map(str::to_owned).into_iter().chain(warmed);
    let mut kinds: Vec<(String, Vec<&str>, &str)> = vec![
        ("spot-interruption --in 10m".into(), vec![ACTION, TERMINATION, "spot"], ""),
        ("spot-interruption --in 10m --action stop".into(), vec![ACTION, "spot"], TERMINATION),
        ("spot-interruption --in 10m --action hibernate".into(), vec![ACTION, "spot"], TERMINATION),
        ("rebalance --in 8m".into(), vec![REBALANCE, "events/recommendations"], ""),
    ];
    kinds.extend(
        states
            .map(|state| (format!("asg-lifecycle --in 8m --state {state}"), vec![STATE, "autoscaling"], "")),
    );
    for (words, paths, never) in &kinds {
        let told = stage.plan(words);
        for (advance, is_there) in [("7m59s", false), ("1s", true), ("5m", true)] {
            // Each is noticed after eight minutes.
            clock(&stage.service, &format!("advance {advance}"));
            paths.iter().for_each(|path| stage.check(path, is_there, words));
            if !never.is_empty() {
                stage.check(never, false, words);
            }
        }
        if let Some(state) = told["state"].as_str() {
            assert_eq!(stage.both(STATE)[0].as_deref(), Some(state));
        }
        let listed = verb(&stage.service, &format!("event list --instance {}", stage.a)).well();
        assert!(listed.contains(told["id"].as_str().unwrap()), "{listed}");
        verb(&stage.service, &format!("event cancel {}", told["id"].as_str().unwrap())).well();
        paths.iter().for_each(|path| stage.check(path, false, words));
    }
    assert_eq!(verb(&stage.service, "event list --json").json(), serde_json::json!([]));
}

#[test]
fn what_is_told_says_when() {
    let stage = Stage::new(&[]);
    let spot = stage.plan("spot-interruption");
    let at = spot["at"].as_str().unwrap();
    let expected = format!(r#"{{"action": "terminate", "time": "{at}"}}"#);
    assert_eq!(stage.both(ACTION), [Some(expected), None]);
    assert_eq!(stage.both(TERMINATION), [Some(at.to_owned()), None]);
    let rebalance = stage.plan("rebalance");
    let expected = format!(r#"{{"noticeTime": "{}"}}"#, rebalance["at"].as_str().unwrap());
    assert_eq!(stage.both(REBALANCE), [Some(expected), None]);
    // `Last-Modified` is when it came.
    clock(&stage.service, "advance 1h");
    stage.plan("rebalance --in 1m");
    clock(&stage.service, "advance 2m");
    let request = "GET /latest/meta-data/spot/instance-action HTTP/1.1\r\n\r\n";
    let answer = Guest::at(&stage.service, A).ask(request);
    let date = |name| imds_core::date::parse_http_date(header(&answer, name).unwrap()).unwrap();
    assert_eq!(date("Date").as_second() - date("Last-Modified").as_second(), 60, "{answer}");
}

#[test]
fn maintenance_is_scheduled_then_history_and_told_by_ec2_too() {
    let stage = Stage::new(&[]);
    let [scheduled, history] = ["scheduled", "history"].map(|name| format!("events/maintenance/{name}"));
    let has = |path: &str| {
        let [a, b] = stage.both(path);
        assert_eq!(b.as_deref(), Some("[]"), "{path}");
        a.unwrap()
    };
    stage.plan("maintenance --code system-reboot --in 10m --duration 1h --description moved");
    let second = stage.plan("maintenance --code instance-stop --in 20m");
    for (advance, in_schedule, in_history) in [
        ("7m59s", &[][..], &[][..]),
        ("1s", &["system-reboot"], &[]),
        ("10m", &["system-reboot", "instance-stop"], &[]),
        ("2m", &["system-reboot"], &["instance-stop"]),
        ("49m59s", &["system-reboot"], &["instance-stop"]),
        ("1s", &[], &["system-reboot", "instance-stop"]),
    ] {
        clock(&stage.service, &format!("advance {advance}"));
        for (path, codes) in [(&scheduled, in_schedule), (&history, in_history)] {
            let told: Value = serde_json::from_str(&has(path)).unwrap();
            let found: Vec<_> =
                told.as_array().unwrap().iter().map(|entry| entry["Code"].as_str().unwrap()).collect();
            assert_eq!(found, codes, "{path} after {advance}");
        }
        let form = format!("Action=DescribeInstanceStatus&InstanceId.1={}", stage.a);
        let status = Api::of(&stage.service).well(&form);
        let all = [in_schedule, in_history].concat();
        assert!(all.iter().all(|code| status.contains(&format!("<code>{code}</code>"))), "{status}");
    }
    assert!(has(&history).contains("[Completed] moved"), "{}", has(&history));
    let third = stage.plan("maintenance --in 1m");
    verb(&stage.service, &format!("event cancel {}", third["id"].as_str().unwrap())).well();
    assert_eq!(has(&scheduled), "[]");
    assert!(has(&history).contains("\"State\" : \"canceled\""), "{}", has(&history));
    verb(&stage.service, &format!("event cancel {}", second["id"].as_str().unwrap())).well();
    assert!(has(&history).contains("[Canceled] "));
}

#[test]
fn what_is_planned_outlives_a_crash() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let args = ["--state", state.to_str().unwrap()];
    let stage = Stage::new(&args);
    let planned = stage.plan("spot-interruption --in 10m");
    let (a, b) = (stage.a.clone(), stage.b.clone());
    let canceled = stage.plan("rebalance");
    verb(&stage.service, &format!("event cancel {}", canceled["id"].as_str().unwrap())).well();
    kill(stage.service);
    let stage = Stage { service: serve(&args), a, b };
    let listed = verb(&stage.service, "event list --json").json();
    assert_eq!((listed[0]["id"].clone(), listed.as_array().unwrap().len()), (planned["id"].clone(), 1));
    stage.check(ACTION, false, "before");
    stage.check(REBALANCE, false, "canceled");
    clock(&stage.service, "advance 8m");
    stage.check(ACTION, true, "after");
    stage.service.end(Signal::TERM);
}

#[test]
fn all_is_everybody_and_what_cannot_be_is_said() {
    let stage = Stage::new(&[]);
    let told = verb(&stage.service, "event rebalance --all --json").json();
    assert_eq!(told["instances"].as_array().unwrap().len(), 3, "the built-in one too");
    assert!(stage.both(REBALANCE).iter().all(Option::is_some));
    let line = verb(&stage.service, "event rebalance --all").well();
    assert!(line.contains("3 instances"), "{line}");
    for (words, code, why) in [
        ("event rebalance", 2, "<INSTANCE|--all>"),
        ("event rebalance --all i-0000000a", 2, "cannot be used with"),
        ("event rebalance i-0000000a", 1, "there is no instance i-0000000a"),
        ("event rebalance x", 2, "instance id"),
        ("event rebalance --all --in soon", 2, "a time is like"),
        ("event rebalance --all --at tomorrow", 2, "a time is like 2026-11-24T12:00:00Z"),
        ("event rebalance --all --in 1m --at 2026-11-24T12:00:00Z", 2, "cannot be used with"),
        ("event rebalance --all --at 2200-01-02T00:00:00Z", 1, "from 1970 to 2199"),
        ("event spot-interruption --all --action reboot", 2, "an action: "),
        ("event maintenance --all --code reboot", 2, "a code: "),
        ("event asg-lifecycle --all", 2, "--state"),
        ("event asg-lifecycle --all --state Pending", 2, "a lifecycle state: "),
        ("event cancel event-0000000000000000a", 1, "there is no event"),
        ("event cancel ../clock", 2, "an event is called"),
        ("event list --instance i-0000000a", 1, "there is no instance"),
    ] {
        let said = verb(&stage.service, words);
        assert_eq!((said.code, said.err.contains(why)), (Some(code), true), "{words}: {said:?}");
    }
}

const FILE: &str = "
[[instance]]
instance-id = \"i-0000000a\"
default = true
local-ipv4 = \"127.0.7.9\"
[[instance]]
instance-id = \"i-0000000b\"
local-ipv4 = \"127.0.7.10\"
";

#[test]
fn the_file_plans_too_and_what_the_api_planned_is_the_apis() {
    let files = Files::new(&[]);
    let write = |more: &str| std::fs::write(files.path("imds.toml"), format!("{FILE}{more}")).unwrap();
    write(
        "[[timeline]]\nkind = \"spot-interruption\"\ninstances = [\"i-0000000a\"]\nin = \"10m\"\naction = \"stop\"\n",
    );
    let service = Watched::with(&files, &["--vpc-cidr", "127.0.0.0/8"]);
    clock(&service, "pause");
    let stage = Stage { service, a: "i-0000000a".into(), b: "i-0000000b".into() };
    stage.check(ACTION, false, "planned");
    clock(&stage.service, "advance 9m");
    stage.check(ACTION, true, "noticed");
    stage.plan("rebalance");
    let list = || verb(&stage.service, "event list --json").json();
    let id =
        list().as_array().unwrap().iter().find(|event| event["kind"] == "spot-interruption").unwrap()["id"]
            .clone();
    verb(&stage.service, &format!("event cancel {}", id.as_str().unwrap())).well();
    stage.check(ACTION, false, "canceled");
    // For all of the file.
    write("[[timeline]]\nkind = \"asg-lifecycle\"\nstate = \"Standby\"\nin = \"0s\"\n");
    until("the file is followed", || {
        stage.both(STATE)[1].as_deref().filter(|state| *state == "Standby").map(|_| ())
    });
    assert_eq!(stage.both(STATE)[0].as_deref(), Some("Standby"));
    stage.check(REBALANCE, true, "the API's stays");
    let kinds: Vec<_> = list().as_array().unwrap().iter().map(|event| event["kind"].to_string()).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    write("");
    until("what is not in the file any longer is gone", || stage.both(STATE)[1].is_none().then_some(()));
    stage.check(REBALANCE, true, "still the API's");
}

#[test]
fn what_the_file_plans_as_before_goes_on_when_an_entry_changes_and_after_a_restart() {
    let planned = "[[timeline]]\nkind = \"spot-interruption\"\nin = \"10m\"\n\
                   [[timeline]]\nkind = \"asg-lifecycle\"\nstate = \"Standby\"\nin = \"10m\"\n";
    let first = "[[timeline]]\nkind = \"rebalance\"\ninstances = [\"i-0000000b\"]\nin = \"1h\"\n";
    let files = Files::new(&[("imds.toml", &format!("{FILE}{planned}"))]);
    let state = files.text("state");
    let args = ["--vpc-cidr", "127.0.0.0/8", "--state", &state];
    let service = Watched::with(&files, &args);
    clock(&service, "pause");
    let list = |service: &Watched| verb(service, "event list --json").json();
    let times = |told: &Value| -> Vec<(String, String, String)> {
        let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
        let events = told.as_array().unwrap().iter().filter(|event| event["kind"] != "rebalance");
        events.map(|event| (text(event, "id"), text(event, "at"), text(event, "progress"))).collect()
    };
    clock(&service, "advance 9m");
    let id = times(&list(&service))[1].0.clone();
    verb(&service, &format!("event cancel {id}")).well();
    let before = times(&list(&service));
    assert_eq!([&before[0].2, &before[1].2], ["noticed", "canceled"]);
    // Another tag, another order, and one thing more that comes first.
    let tagged = FILE.replace("default = true", "default = true\ntags = { a = \"b\" }");
    files.replace("imds.toml", &format!("{tagged}{first}{planned}"));
    until("the file is followed", || (list(&service).as_array().unwrap().len() == 3).then_some(()));
    assert_eq!(times(&list(&service)), before);
    clock(&service, "advance 2m");
    let (status, told) = Guest::at(&service, A).get("meta-data/autoscaling/target-lifecycle-state", None);
    assert_eq!(status, 404, "it was canceled: {told}");
    service.end(Signal::TERM);
    files.replace("imds.toml", &format!("{FILE}{planned}"));
    let service = Watched::with(&files, &args);
    let after = times(&list(&service));
    assert_eq!(
        [(&after[0].1, &*after[0].2), (&after[1].1, &*after[1].2)],
        [(&before[0].1, "happened"), (&before[1].1, "canceled")]
    );
}

#[test]
fn a_file_is_good_when_the_clock_is_near_its_end() {
    let planned = "[[timeline]]\nkind = \"maintenance\"\nin = \"3650d\"\nduration = \"2h\"\n";
    let files = Files::new(&[("imds.toml", &format!("{FILE}{planned}"))]);
    let state = files.text("state");
    let args = ["--vpc-cidr", "127.0.0.0/8", "--state", &state];
    let service = Watched::with(&files, &args);
    for _ in 0..17 {
        clock(&service, "advance 3650d --far");
    }
    let list = |service: &Watched| verb(service, "event list --json").json();
    let before = list(&service);
    // One thing more, that would come after the last moment.
    let more = "[[timeline]]\nkind = \"rebalance\"\nin = \"3650d\"\n";
    files.replace("imds.toml", &format!("{FILE}{planned}{more}"));
    let count = |told: &Value| told.as_array().unwrap().len();
    let told = until("the file is followed", || {
        let told = list(&service);
        (count(&told) > count(&before)).then_some(told)
    });
    let rebalance = told.as_array().unwrap().iter().find(|event| event["kind"] == "rebalance").unwrap();
    assert_eq!(rebalance["at"], "2200-01-01T00:00:00Z");
    service.end(Signal::TERM);
    let service = Watched::with(&files, &args);
    assert_eq!(list(&service), told);
}

#[test]
fn a_file_that_plans_what_cannot_be_is_refused_at_its_line() {
    for (more, why) in [
        ("kind = \"reboot\"", "a kind is"),
        ("kind = \"rebalance\"\ninstances = [\"i-0000000c\"]", "i-0000000c is no instance of this file"),
        ("kind = \"rebalance\"\ninstances = [\"x\"]", "instance id"),
        ("kind = \"rebalance\"\nin = \"1m\"\nat = \"2026-11-24T12:00:00Z\"", "both say when"),
        ("kind = \"asg-lifecycle\"\nstate = \"Pending\"", "a lifecycle state"),
        ("kind = \"maintenance\"\nwhen = \"now\"", "unknown field"),
    ] {
        let text = format!("{FILE}[[timeline]]\n{more}\n");
        let files = Files::new(&[("imds.toml", &text)]);
        let mut command = std::process::Command::new(crate::support::IMDS);
        let said = Ran::by(command.arg("serve").arg("--config").arg(files.path("imds.toml")));
        assert_eq!(said.code, Some(1), "{more} {said:?}");
        assert!(said.err.contains("imds.toml line ") && said.err.contains(why), "{more}: {}", said.err);
    }
}
