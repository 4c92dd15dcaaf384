//! The file and what is kept (docs/interface.md, "The file and the API"): an entry that changed sets its instance, and
//! all else belongs to the API.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::super::{Api, Guest, kill, option, state, tag, text};
use super::{A, B, start};
use crate::serve::{Files, Watched, until};
use crate::support::IMDS;

const ONE: &str = "i-0000000a";
const TWO: &str = "i-0000000b";

/// Two instances, the first with more of its own.
fn two(more: &str) -> String {
    format!("{}\n{}", entry(ONE, A, more), entry(TWO, B, ""))
}

fn entry(id: &str, address: Ipv4Addr, more: &str) -> String {
    format!("[[instance]]\ninstance-id = \"{id}\"\nlocal-ipv4 = \"{address}\"\n{more}\n")
}

/// A service with the file, and with flags.
fn open(files: &Files, flags: &[&str]) -> Watched {
    let config = files.path("imds.toml");
    start(files, &[&["--config", config.to_str().unwrap()], flags].concat())
}

/// Puts a file in the place of the one before, which is never seen by halves.
fn write(files: &Files, text: &str) {
    fs::write(files.path("beside"), text).unwrap();
    fs::rename(files.path("beside"), files.path("imds.toml")).unwrap();
}

/// A process that does not outlive its test.
struct Bounded(Child);

impl Drop for Bounded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The tokens and the hop limit of an instance.
fn options(api: &mut Api, id: &str) -> (String, String) {
    let instance = api.instance(id);
    (option(&instance, "httpTokens").to_owned(), option(&instance, "httpPutResponseHopLimit").to_owned())
}

fn pair(tokens: &str, hops: &str) -> (String, String) {
    (tokens.to_owned(), hops.to_owned())
}

#[test]
fn an_unchanged_file_changes_nothing() {
    let files = Files::new(&[("imds.toml", &two("tags = { Name = \"web\" }"))]);
    let first = open(&files, &[]);
    let mut api = Api::of(&first);
    api.modify(ONE, "HttpTokens=required");
    api.well(&format!("Action=CreateTags&ResourceId.1={ONE}&Tag.1.Key=Name&Tag.1.Value=db"));
    api.send("StopInstances", TWO);
    kill(first);
    // Words, blanks and the order of keys are no change.
    write(&files, &format!("# words\n{}", two("  tags    = { Name = \"web\" }")));
    let second = open(&files, &[]);
    let mut api = Api::of(&second);
    assert_eq!(options(&mut api, ONE), pair("required", "1"));
    assert_eq!(tag(&api.instance(ONE), "Name"), Some("db"));
    assert_eq!(state(&api.instance(TWO)), "stopped");
    assert_eq!(Guest::at(&second, A).status(None), 401);
    assert_eq!(Guest::at(&second, B).status(None), 404);
    assert_eq!(api.history(ONE).len(), 1);
}

#[test]
fn a_changed_entry_sets_its_instance_and_no_other() {
    let files = Files::new(&[("imds.toml", &two(""))]);
    let first = open(&files, &[]);
    let mut api = Api::of(&first);
    for id in [ONE, TWO] {
        api.modify(id, "HttpTokens=required&HttpPutResponseHopLimit=9");
    }
    kill(first);
    write(&files, &two("metadata-options = { http-put-response-hop-limit = 3 }"));
    let second = open(&files, &[]);
    let mut api = Api::of(&second);
    assert_eq!(options(&mut api, ONE), pair("optional", "3"), "what it leaves out is as at a launch");
    assert_eq!(options(&mut api, TWO), pair("required", "9"));
    let by_file = api.history(ONE).split_off(2);
    assert_eq!(by_file.len(), 2);
    assert!(
        by_file.iter().all(|change| change.address == "file" && change.access_key.is_none()),
        "{by_file:?}"
    );
    assert_eq!((Guest::at(&second, A).status(None), Guest::at(&second, B).status(None)), (200, 401));
}

#[test]
fn an_entry_that_is_gone_terminates_and_one_that_is_new_is_a_launch() {
    let files = Files::new(&[("imds.toml", &two(""))]);
    let first = open(&files, &[]);
    let mut api = Api::of(&first);
    let own = api.launch(Ipv4Addr::new(127, 0, 7, 20), "");
    api.well("Action=ModifyInstanceMetadataDefaults&HttpTokens=required&HttpPutResponseHopLimit=5");
    kill(first);
    let third = Ipv4Addr::new(127, 0, 7, 12);
    write(&files, &format!("{}{}", entry(TWO, B, ""), entry("i-0000000c", third, "")));
    let second = open(&files, &[]);
    let mut api = Api::of(&second);
    assert_eq!(state(&api.instance(ONE)), "terminated");
    assert_eq!(options(&mut api, TWO), pair("optional", "1"), "it was launched before");
    assert_eq!(
        options(&mut api, "i-0000000c"),
        pair("required", "5"),
        "the account's defaults, as at any launch"
    );
    assert_eq!(state(&api.instance(&own)), "running", "the file says nothing of what the API launched");
    assert_eq!(Guest::at(&second, third).id(), "i-0000000c");
    // An address that is free again can be anybody's.
    let next = api.launch(A, "");
    assert_eq!(Guest::at(&second, A).id(), next);
}

#[test]
fn flags_count_as_if_they_were_written() {
    let files = Files::new(&[("imds.toml", &two(""))]);
    let first = open(&files, &["--http-tokens", "required"]);
    Api::of(&first).modify(ONE, "HttpTokens=optional");
    kill(first);
    let second = open(&files, &["--http-tokens", "required"]);
    assert_eq!((Guest::at(&second, A).status(None), Guest::at(&second, B).status(None)), (200, 401));
    kill(second);
    let third = open(&files, &["--http-tokens", "required", "--hop-limit", "2"]);
    assert_eq!(options(&mut Api::of(&third), ONE), pair("required", "2"));
    kill(third);
    let fourth = open(&files, &[]);
    assert_eq!(options(&mut Api::of(&fourth), ONE), pair("optional", "1"));
}

#[test]
fn it_is_the_same_while_the_service_runs() {
    let files = Files::new(&[("imds.toml", &two(""))]);
    let service = open(&files, &[]);
    let mut api = Api::of(&service);
    for id in [ONE, TWO] {
        api.modify(id, "HttpTokens=required");
    }
    write(&files, &two("metadata-options = { http-put-response-hop-limit = 3 }"));
    until("the changed entry is set", || (options(&mut api, ONE) == pair("optional", "3")).then_some(()));
    until("and served", || (Guest::at(&service, A).status(None) == 200).then_some(()));
    assert_eq!(Guest::at(&service, B).status(None), 401);
    api.modify(ONE, "HttpTokens=required");
    write(&files, &format!("# words\n{}", two("metadata-options = { http-put-response-hop-limit = 3 }")));
    until("the file is read", || {
        (service.said().matches("the configuration changed").count() == 2).then_some(())
    });
    assert_eq!(Guest::at(&service, A).status(None), 401, "words are no change");
    write(&files, &entry(TWO, B, ""));
    until("it is terminated", || (state(&api.instance(ONE)) == "terminated").then_some(()));
    assert_eq!(Guest::at(&service, B).status(None), 401);
    let next = api.launch(A, "");
    assert_eq!(Guest::at(&service, A).id(), next);
    // Its entry comes back, and its address is another's by now.
    write(&files, &two(""));
    until("a refusal", || service.said().contains("the configuration was refused").then_some(()));
    let said = service.said();
    assert!(said.contains(&A.to_string()) && said.contains("terminate"), "{said}");
    assert_eq!(Guest::at(&service, A).id(), next);
    api.send("TerminateInstances", &next);
    write(&files, &two("instance-type = \"t3.nano\""));
    until("it is launched", || {
        (Guest::at(&service, A).get("meta-data/instance-id", None).1 == ONE).then_some(())
    });
    assert_eq!(text(&api.instance(ONE), "instanceType"), Some("t3.nano"));
}

#[test]
fn what_is_planned_or_fails_changes_nothing_else() {
    let files = Files::new(&[("imds.toml", &two(""))]);
    let service = open(&files, &[]);
    let mut api = Api::of(&service);
    api.modify(ONE, "HttpTokens=required&HttpPutResponseHopLimit=9");
    let guest = Guest::at(&service, A);
    let told = |path: &str| guest.get(&format!("meta-data/{path}"), Some(&guest.token())).0;
    let rebalance = "[[timeline]]\nkind = \"rebalance\"\nin = \"0s\"\n";
    let state = "[[timeline]]\nkind = \"asg-lifecycle\"\nstate = \"Standby\"\nin = \"0s\"\n";
    let fault = "[[fault]]\nkind = \"status\"\nstatus = 503\npath = \"*/ami-id\"\n";
    let (first, second) = ("events/recommendations/rebalance", "autoscaling/target-lifecycle-state");
    for (more, statuses) in [
        (rebalance.to_owned(), [200, 404, 200]),
        (format!("{state}{rebalance}"), [200, 200, 200]),
        (format!("{fault}{state}"), [404, 200, 503]),
        (String::new(), [404, 404, 200]),
    ] {
        write(&files, &format!("{}{more}", two("")));
        until("it is as the file says", || {
            ([told(first), told(second), told("ami-id")] == statuses).then_some(())
        });
        assert_eq!(options(&mut api, ONE), pair("required", "9"), "{more}");
    }
    assert_eq!(api.history(ONE).len(), 2, "the API's alone");
}

#[test]
fn an_entry_that_cannot_be_done_stops_the_start_and_nothing_of_it_is_done() {
    let files = Files::new(&[("imds.toml", &entry(TWO, B, ""))]);
    let first = open(&files, &[]);
    let own = Api::of(&first).launch(A, "");
    kill(first);
    write(&files, &two(""));
    let (config, kept) = (files.path("imds.toml"), files.path("state"));
    let mut refused = Command::new(IMDS)
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--vpc-cidr", "127.0.0.0/8"])
        .args(["--config", config.to_str().unwrap(), "--state", kept.to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .map(Bounded)
        .unwrap();
    let status = until("it does not start", || refused.0.try_wait().unwrap());
    let mut said = String::new();
    refused.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("{} line 1: ", config.display())) && said.contains(&A.to_string()),
        "{said}"
    );
    write(&files, &entry(TWO, B, ""));
    let second = open(&files, &[]);
    assert_eq!(Guest::at(&second, A).id(), own);
    assert_eq!(Guest::at(&second, B).id(), TWO);
}

#[test]
fn a_file_that_is_emptied_before_it_is_written_ends_no_instance() {
    let files = Files::new(&[("imds.toml", &two(""))]);
    let service = open(&files, &[]);
    let mut api = Api::of(&service);
    api.modify(ONE, "HttpTokens=required&HttpPutResponseHopLimit=9");
    let launched = text(&api.instance(ONE), "launchTime").unwrap().to_owned();
    // As editors and shells write: for a moment there is nothing in it.
    for round in 0..8 {
        let mut file = fs::File::create(files.path("imds.toml")).unwrap();
        thread::sleep(Duration::from_millis(round * 3));
        file.write_all(format!("# {round}\n{}", two("")).as_bytes()).unwrap();
        drop(file);
        thread::sleep(Duration::from_millis(200));
    }
    write(&files, &two("instance-type = \"t3.nano\""));
    until("the last one is read", || {
        (text(&api.instance(ONE), "instanceType") == Some("t3.nano")).then_some(())
    });
    assert_eq!(api.history(TWO), [], "nothing was done to the other");
    let instance = api.instance(ONE);
    assert_eq!((state(&instance), text(&instance, "launchTime")), ("running", Some(launched.as_str())));
    let by_file: Vec<_> = api.history(ONE).into_iter().filter(|change| change.address == "file").collect();
    assert_eq!(by_file.len(), 2, "both options once: {by_file:?}");
}
