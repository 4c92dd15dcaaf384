//! The story, with the command line: an environment whose instance refuses IMDSv1, and the box that changes it.

use super::super::cli::{Said, imds, said};
use super::super::{Api, Guest};
use super::{DELAY, start};
use crate::serve::Watched;

/// A service with environments, and a user of it.
struct User(Watched);

impl User {
    fn new() -> Self {
        Self(start(DELAY))
    }

    /// Of a service whose environments have time to be looked at between two steps.
    fn patient() -> Self {
        Self(start("2s"))
    }

    /// `imds environment` with these words, separated by spaces, for this service.
    fn imds(&self, words: &str) -> Said {
        let words = words.split_whitespace();
        said(imds().arg("environment").args(words).env("IMDS_ADMIN", format!("http://{}", self.0.admin)))
    }

    /// The environment as it is shown to programs.
    fn show(&self, name: &str) -> serde_json::Value {
        self.imds(&format!("show {name} --json")).json()
    }

    /// The instances of an environment: id and what a call without a token meets.
    fn instances(&self, name: &str) -> Vec<(String, u16)> {
        let shown = self.show(name);
        let all = shown["Instances"].as_array().unwrap().iter();
        all.map(|instance| {
            let address = instance["PrivateIpAddress"].as_str().unwrap().parse().unwrap();
            let id = instance["InstanceId"].as_str().unwrap().to_owned();
            let guest = Guest::at(&self.0, address);
            assert_eq!(guest.id(), id);
            (id, guest.status(None))
        })
        .collect()
    }
}

/// The messages that were told, one a line behind time and severity.
fn messages(told: &str) -> Vec<&str> {
    told.lines().map(|line| &line["2026-11-24T12:00:00.000Z  INFO   ".len()..]).collect()
}

#[test]
fn an_instance_refuses_v1_until_the_box_is_unticked() {
    let user = User::new();
    let told = user.imds("create shop-dev --application shop").well();
    let last = *messages(&told).last().unwrap();
    assert!(last.starts_with("Successfully launched environment: shop-dev"), "{told}");
    let [(old, 401)] = &user.instances("shop-dev")[..] else { panic!("{:?}", user.instances("shop-dev")) };

    let told = user.imds("set shop-dev --imdsv1 enabled").well();
    assert_eq!(messages(&told).last(), Some(&"Environment update completed successfully."), "{told}");
    let [(new, 200)] = &user.instances("shop-dev")[..] else { panic!("{:?}", user.instances("shop-dev")) };
    assert_ne!(old, new, "the instance is replaced");

    let told = user.imds("set shop-dev --imdsv1 disabled").well();
    assert!(told.lines().count() > 1, "{told}");
    assert!(matches!(user.instances("shop-dev")[..], [(_, 401)]));
    let told = user.imds("terminate shop-dev").well();
    assert_eq!(messages(&told).last(), Some(&"terminateEnvironment completed successfully."), "{told}");
    assert!(super::alive(&Api::of(&user.0).well("Action=DescribeInstances")).is_empty());
}

#[test]
fn what_is_listed_and_shown_is_what_there_is() {
    let user = User::new();
    assert_eq!(user.imds("list").well().lines().count(), 1);
    let made = user.imds("create shop-dev --application shop --single --tag Team=blue --json").json();
    assert_eq!(
        (made["Status"].as_str(), made["IMDSv1"].as_str()),
        (Some("Ready"), Some("disabled")),
        "{made}"
    );
    user.imds("create other --imdsv1 enabled --min-size 2 --instance-type m7i.large").well();

    let list = user.imds("list").well();
    let line = |name: &str| list.lines().find(|line| line.starts_with(name)).unwrap();
    for (name, words) in [
        ("shop-dev", ["shop", "Ready", "Green", "disabled", "Amazon Linux 2023"]),
        ("other", ["other", "Ready", "Green", "enabled", "Amazon Linux 2023"]),
    ] {
        for word in words {
            assert!(line(name).contains(word), "{name}: {word}: {list}");
        }
    }
    let listed = user.imds("list --application other --json").json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed[0]["EnvironmentName"], &listed[0]["IMDSv1"]), (&"other".into(), &"enabled".into()));

    let other = user.show("other");
    let types: Vec<_> =
        other["Instances"].as_array().unwrap().iter().map(|one| &one["InstanceType"]).collect();
    assert_eq!(types, ["m7i.large", "m7i.large"]);
    assert_eq!(other["Instances"][0]["MetadataOptions"]["HttpTokens"], "optional");
    let id = made["EnvironmentId"].as_str().unwrap();
    let shown = user.show(id);
    assert_eq!((&shown["EnvironmentName"], &shown["IMDSv1Pending"]), (&"shop-dev".into(), &().into()));
    assert_eq!(shown["Instances"][0]["Tags"]["Team"], "blue");
    let text = user.imds("show shop-dev").well();
    for word in ["IMDSv1", "disabled", "V2 (token required)", "127.", "Successfully launched environment"] {
        assert!(text.contains(word), "{word}: {text}");
    }

    user.imds("terminate shop-dev").well();
    assert!(!user.imds("list").well().contains("shop-dev"));
    let all = user.imds("list --all").well();
    assert!(all.lines().any(|line| line.starts_with("shop-dev") && line.contains("Terminated")), "{all}");
    assert_eq!(user.show("shop-dev")["Status"], "Terminated");
    // The name is free, and means the new one.
    let again = user.imds("create shop-dev --application shop --json").json();
    assert_ne!(again["EnvironmentId"], id);
    assert_eq!(user.show("shop-dev")["EnvironmentId"], again["EnvironmentId"]);
    assert_eq!(user.show(id)["Status"], "Terminated");
}

#[test]
fn one_who_does_not_wait_is_told_the_id_at_once() {
    let user = User::patient();
    let id = user.imds("create shop-dev --no-wait").well();
    assert_eq!(user.show(id.trim())["Status"], "Launching");
    let sentence = user.imds("set shop-dev --imdsv1 enabled").sentence();
    assert!(sentence.contains("Must be Ready") && sentence.contains("`imds environment show`"), "{sentence}");
    Api::of(&user.0).until("shop-dev", "Ready");
    assert_eq!(user.imds("set shop-dev --imdsv1 enabled --no-wait").well(), "");
    let shown = user.show("shop-dev");
    assert_eq!(
        (&shown["Status"], &shown["IMDSv1"], &shown["IMDSv1Pending"]),
        (&"Updating".into(), &"disabled".into(), &"enabled".into())
    );
    let sentence = user.imds("terminate shop-dev").sentence();
    assert!(
        sentence.contains("pending deployment") && sentence.contains("`imds environment show`"),
        "{sentence}"
    );
    Api::of(&user.0).until("shop-dev", "Ready");
    // Whoever waits too short a time is told so, and the change goes on.
    let said = user.imds("terminate shop-dev --timeout 1ms");
    assert_eq!((said.code, said.err.lines().count()), (Some(1), 1), "{said:?}");
    assert!(said.err.contains("is still Terminating") && said.err.contains("--timeout"), "{said:?}");
    Api::of(&user.0).until("shop-dev", "Terminated");
}

#[test]
fn a_refusal_has_its_reason_and_its_cure() {
    let user = User::new();
    user.imds("create shop-dev").well();
    for (words, reason, cure) in [
        ("show nobodys", "there is no environment `nobodys` in us-east-1", "`imds environment list`"),
        (
            "set nobodys --imdsv1 enabled",
            "No Environment found for EnvironmentName = 'nobodys'",
            "`imds environment list`",
        ),
        (
            "terminate nobodys",
            "No Environment found for EnvironmentName = 'nobodys'",
            "`imds environment list`",
        ),
        ("create shop-dev", "Environment shop-dev already exists", "`imds environment set`"),
        (
            "set shop-dev --option aws:nothing:x=1",
            "Unknown configuration setting",
            "describe-configuration-options",
        ),
        (
            "create left-over --option aws:nothing:x=1",
            "Unknown configuration setting",
            "describe-configuration-options",
        ),
        (
            "set shop-dev --option aws:autoscaling:launchconfiguration:DisableIMDSv1=bogus",
            "Invalid option value: 'bogus'",
            "describe-configuration-options",
        ),
    ] {
        let sentence = user.imds(words).sentence();
        assert!(sentence.contains(reason) && sentence.contains(cure), "{words}: {sentence}");
    }
    let applications = Api::of(&user.0).bean("Action=DescribeApplications");
    assert!(!applications.contains("left-over"), "it was made for what was refused: {applications}");
    let said = user.imds("create other --min-size 5 --option aws:autoscaling:asg:MinSize=2");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("aws:autoscaling:asg:MinSize is given twice"), "{said:?}");
}

#[test]
fn an_update_that_is_taken_back_is_a_failure_with_its_reason() {
    let user = User::new();
    user.imds("create shop-dev").well();
    Api::of(&user.0).well("Action=ModifyInstanceMetadataDefaults&HttpTokensEnforced=enabled");
    let said = user.imds("set shop-dev --imdsv1 enabled");
    assert_eq!((said.code, said.err.lines().count()), (Some(1), 1), "{said:?}");
    assert!(said.err.starts_with("imds: shop-dev was not updated: "), "{said:?}");
    assert!(said.err.contains("`imds environment show shop-dev`"), "{said:?}");
    assert!(said.out.contains("ERROR"), "{said:?}");
    let shown = user.show("shop-dev");
    assert_eq!((&shown["Status"], &shown["IMDSv1"]), (&"Ready".into(), &"disabled".into()));
    assert!(matches!(user.instances("shop-dev")[..], [(_, 401)]));
}
