//! Changes: guests meet them by the time that the command ends.

use super::User;

#[test]
fn what_is_not_named_stays_and_every_change_is_kept() {
    let mut user = User::new();
    let id = user.launch("--metadata-version v2 --hop-limit 2");
    assert_eq!(user.get("meta-data/").0, 401);
    user.key = Some("AKIDEXAMPLE");
    let told = user.imds(&format!("instance set {id} --metadata-version v1-and-v2")).well();
    assert!(told.contains("V1 and V2 (token optional)  2 "), "{told}");
    assert_eq!(user.get("meta-data/").0, 200);
    assert_eq!(user.show(&id)["MetadataOptions"]["HttpPutResponseHopLimit"], 2);
    user.key = None;
    user.imds(&format!("instance set {id} --hop-limit 64 --http-endpoint disabled")).well();
    assert_eq!(user.get("meta-data/").0, 403);
    let list = user.imds("instance list").well();
    assert!(list.lines().any(|line| line.starts_with(&id) && line.contains("  disabled  ")), "{list}");

    let history = user.imds(&format!("instance history {id} --json")).json();
    let changes: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            ["option", "old", "new", "access_key", "address"].map(|name| change[name].as_str().unwrap())
        })
        .collect();
    assert_eq!(changes[0], ["HttpTokens", "required", "optional", "AKIDEXAMPLE", "127.0.0.1"]);
    assert_eq!(changes.len(), 3);
    assert!(changes.contains(&["HttpPutResponseHopLimit", "2", "64", "imds", "127.0.0.1"]), "{changes:?}");
    assert!(changes.contains(&["HttpEndpoint", "enabled", "disabled", "imds", "127.0.0.1"]), "{changes:?}");
    let text = user.imds(&format!("instance history {id}")).well();
    assert!(text.starts_with("TIME ") && text.lines().count() == 4, "{text}");
}

#[test]
fn several_are_set_and_one_that_cannot_be_is_told() {
    let user = User::new();
    let ids = user.imds("instance launch --count 2").well();
    let [one, other] = ids.lines().collect::<Vec<_>>()[..] else { panic!("{ids}") };
    user.imds(&format!("instance set {one} {other} --http-tokens required")).well();
    user.imds(&format!("instance terminate {other}")).well();
    let said = user.imds(&format!("instance set {other} {one} --hop-limit 5"));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.starts_with(&format!("imds: {other}: IncorrectInstanceState: ")), "{said:?}");
    assert_eq!(user.show(one)["MetadataOptions"]["HttpPutResponseHopLimit"], 5);
}

#[test]
fn a_stopped_instance_is_served_nothing_until_it_starts() {
    let user = User::new();
    let id = user.launch("");
    let row = |was: &str, is: &str| format!("{id}  {was}  {is}");
    let told = |verb: &str| user.imds(&format!("instance {verb} {id}")).well();
    assert!(told("stop").contains(&row("running", "stopping")));
    assert_eq!(user.show(&id)["State"], "stopped");
    assert_eq!(user.get("meta-data/instance-id").0, 404);
    assert!(told("start").contains(&row("stopped", "pending")));
    assert_eq!(user.get("meta-data/instance-id"), (200, id.clone()));
    assert!(told("terminate").contains(&row("running", "shutting-down")));
    assert_eq!(user.show(&id)["State"], "terminated");
    assert_ne!(user.get("meta-data/instance-id").1, id);
}

#[test]
fn tags_come_and_go() {
    let user = User::new();
    let id = user.launch("--instance-metadata-tags enabled");
    user.imds(&format!("instance tag {id} Name=web a=b=c empty=")).well();
    assert_eq!(user.show(&id)["Tags"], serde_json::json!({ "Name": "web", "a": "b=c", "empty": "" }));
    assert_eq!(user.get("meta-data/tags/instance/a"), (200, "b=c".into()));
    user.imds(&format!("instance tag {id} Name=db --remove a --remove empty")).well();
    assert_eq!(user.show(&id)["Tags"], serde_json::json!({ "Name": "db" }));
    assert_eq!(user.get("meta-data/tags/instance/"), (200, "Name".into()));
}
