//! The pages of instances: what they show, what their forms do, and what a hostile one does not.

use axum::http::StatusCode;
use imds_core::Machine;
use imds_core::language::Language;
use imds_core::options::{HttpTokens, Switch};
use imds_store::record::{self, Batch, Trace};

use crate::console::testing::Browser;
use crate::door::Door;
use crate::testing::{door, ec2, keep_machine, keep_profile};

const ID: &str = "i-12345678901234567";
const AT: &str = "/console/instances/i-12345678901234567";
const HOSTILE: &str = "\"><img src=x onerror=alert(1)><script>alert(1)</script>";

fn kept(door: &Door) -> Vec<Machine> {
    let all = record::list::<Machine>(&*door.store, "").unwrap();
    all.into_iter().map(|(_, found)| found.record).collect()
}

fn is_safe(page: &str) -> bool {
    !page.contains("<img src=x") && !page.contains("<script>alert")
}

/// The value that a page's form has in a field.
fn field<'p>(page: &'p str, name: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split('"').next().unwrap()
}

#[tokio::test]
async fn every_page_is_there_in_both_languages() {
    let door = door();
    keep_machine(&door);
    for (path, titles) in [
        ("/console/instances", ["Instances", "インスタンス"]),
        ("/console/instances/launch", ["Launch an instance", "インスタンスを起動"]),
        (
            &format!("{AT}/metadata-options"),
            ["Modify instance metadata options", "インスタンスメタデータオプションの変更"],
        ),
        (
            &format!("{AT}/allow-tags"),
            ["Allow tags in instance metadata", "インスタンスメタデータのタグを許可"],
        ),
    ] {
        for (language, title) in ["en", "ja"].into_iter().zip(titles) {
            let (status, page) = Browser::new(&door, language).get(path).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(page.contains(&format!("<h1>{title}</h1>")), "{page}");
        }
    }
    let (_, page) = Browser::new(&door, "ja").get("/console/instances/launch").await;
    for word in
        ["高度な詳細", "メタデータのバージョン", "V1 および V2 (トークンはオプション)", "V2 (トークンは必須)"]
    {
        assert!(page.contains(word), "{word}");
    }
}

#[tokio::test]
async fn a_page_of_an_instance_that_is_not_there_says_so() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    for (id, status) in
        [("i-00000000000000000", 404), ("bogus", 400), ("%3Cscript%3Ealert(1)%3C%2Fscript%3E", 400)]
    {
        for page in ["metadata-options", "allow-tags"] {
            let (told, page) = visitor.get(&format!("/console/instances/{id}/{page}")).await;
            assert_eq!(told.as_u16(), status, "{id}");
            assert!(is_safe(&page), "{page}");
        }
        let (told, ..) = visitor.post(&format!("/console/instances/{id}/state"), &[("to", "stop")]).await;
        assert_eq!(told.as_u16(), status, "{id}");
    }
}

#[tokio::test]
async fn the_list_is_paged_and_found_in() {
    let door = door();
    let run = |count: u32, tokens: &str, name: &str| {
        format!(
            "Action=RunInstances&ImageId=ami-0abcdef1234567890&MinCount={count}&MaxCount={count}\
             &MetadataOptions.HttpTokens={tokens}&TagSpecification.1.ResourceType=instance\
             &TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value={name}"
        )
    };
    ec2(&door, &run(150, "required", "many")).await;
    ec2(
        &door,
        &run(1, "optional", "%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%3Cscript%3Ealert(1)%3C/script%3E"),
    )
    .await;
    let visitor = Browser::new(&door, "en");
    for (query, rows) in [
        ("", 100),
        ("?page=2", 51),
        ("?page=99", 51),
        ("?page=0", 100),
        ("?page=x", 100),
        ("?show=v1", 1),
        ("?show=bogus", 100),
        ("?find=MANY&page=2", 50),
        ("?find=%3Cscript%3E", 1),
        ("?find=nobody", 0),
        ("?find=%22%3E%3Cimg+src%3Dx", 1),
    ] {
        let (status, page) = visitor.get(&format!("/console/instances{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}");
        assert_eq!(page.matches("<a href=\"/console/instances/i-").count(), rows, "{query}");
        assert!(is_safe(&page), "{query}");
    }
    let (_, page) = visitor.get("/console/instances?find=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(is_safe(&page) && page.contains("No instance is such a one."), "{page}");
}

#[tokio::test]
async fn a_launch_says_only_what_was_chosen() {
    let door = door();
    keep_profile(&door, "web");
    let visitor = Browser::new(&door, "en");
    let al2023 = ("image", "ami-0abcdef1234562023");
    let nothing = ("tokens", "");
    for (fields, tokens, hops) in [
        (vec![al2023, nothing, ("hops", "")], HttpTokens::Required, 2),
        (vec![("image", "ami-0abcdef1234567890")], HttpTokens::Optional, 1),
        (vec![al2023, ("tokens", "optional")], HttpTokens::Optional, 2),
        (vec![al2023, ("hops", " 7 ")], HttpTokens::Required, 7),
    ] {
        let before = kept(&door);
        let (status, to, page) = visitor.post("/console/instances/launch", &fields).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let made: Vec<_> = kept(&door).into_iter().filter(|machine| !before.contains(machine)).collect();
        assert_eq!(made.len(), 1);
        let instance = &made[0].instance;
        assert_eq!(to, Some(format!("/console/instances/{}?done=launched", instance.id)));
        let options = instance.options;
        assert_eq!((options.http_tokens, options.http_put_response_hop_limit.hops()), (tokens, hops));
    }
    let all = [
        ("name", "web 1"),
        ("count", "2"),
        ("image", "ami-0abcdef1234567890"),
        ("type", "m5.large"),
        ("profile", "web"),
        ("endpoint", "disabled"),
        ("ipv6", "enabled"),
        ("tokens", "required"),
        ("hops", "3"),
        ("tags", "enabled"),
        ("user_data", "\r\n#!/bin/sh\r\necho hi\r\n"),
    ];
    let (status, to, page) = visitor.post("/console/instances/launch", &all).await;
    assert_eq!(
        (status, to.as_deref()),
        (StatusCode::SEE_OTHER, Some("/console/instances?done=launched")),
        "{page}"
    );
    let made: Vec<_> =
        kept(&door).into_iter().filter(|machine| machine.instance.instance_type == "m5.large").collect();
    assert_eq!(made.len(), 2);
    let (instance, options) = (&made[0].instance, made[0].instance.options);
    assert_eq!(instance.tags["Name"], "web 1");
    assert_eq!(instance.user_data.as_deref(), Some(&b"\n#!/bin/sh\necho hi\n"[..]));
    assert_eq!((options.http_endpoint, options.http_protocol_ipv6), (Switch::Disabled, Switch::Enabled));
    assert_eq!(
        (options.http_tokens, options.instance_metadata_tags),
        (HttpTokens::Required, Switch::Enabled)
    );
    assert!(made[0].profile.as_ref().is_some_and(|profile| profile.arn.ends_with("/web")));
}

#[tokio::test]
async fn a_form_that_is_sent_twice_launches_once() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    let (_, page) = visitor.get("/console/instances/launch").await;
    let once = field(&page, "once").to_owned();
    let fields = [("image", "ami-0abcdef1234562023"), ("once", once.as_str())];
    let first = visitor.post("/console/instances/launch", &fields).await;
    assert_eq!(visitor.post("/console/instances/launch", &fields).await.1, first.1);
    assert_eq!(kept(&door).len(), 1);
    assert_ne!(field(&visitor.get("/console/instances/launch").await.1, "once"), once);
}

#[tokio::test]
async fn a_launch_that_is_refused_is_shown_with_what_was_typed() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    for (name, value, code, wrong) in [
        ("image", "ami-00000000000000000", "InvalidAMIID.NotFound", "image"),
        ("image", HOSTILE, "InvalidAMIID.Malformed", "image"),
        ("type", HOSTILE, "InvalidParameterValue", "type"),
        ("type", "t4g.micro", "InvalidParameterValue", "type"),
        ("key", HOSTILE, "InvalidKeyPair.NotFound", "key"),
        ("profile", HOSTILE, "InvalidParameterValue", "profile"),
        ("count", HOSTILE, "InvalidParameterValue", "count"),
        ("count", "0", "InvalidParameterValue", "count"),
        ("endpoint", HOSTILE, "InvalidParameterValue", "endpoint"),
        ("ipv6", "on", "InvalidParameterValue", "ipv6"),
        ("tokens", HOSTILE, "InvalidParameterValue", "tokens"),
        ("hops", "65", "InvalidParameterValue", "hops"),
        ("hops", HOSTILE, "InvalidParameterValue", "hops"),
        ("tags", "allow", "InvalidParameterValue", "tags"),
        ("user_data", &"x".repeat(16_385), "InvalidParameterValue", "user_data"),
    ] {
        let fields = [("image", "ami-0abcdef1234562023"), ("name", "<b>typed</b>")];
        let fields: Vec<_> =
            fields.into_iter().filter(|(known, _)| *known != name).chain([(name, value)]).collect();
        let (status, to, page) = visitor.post("/console/instances/launch", &fields).await;
        assert_eq!((status, to), (StatusCode::BAD_REQUEST, None), "{name} {value}");
        assert!(page.contains("role=\"alert\"") && page.contains(code), "{name} {page}");
        assert!(is_safe(&page) && page.contains("&#60;b&#62;typed"), "{name} {page}");
        let (_, control) = page.split_once(&format!(" id=\"{wrong}\"")).unwrap();
        assert!(control.split('>').next().unwrap().contains("aria-invalid=\"true\""), "{name} {value}");
        assert_eq!(page.matches("aria-invalid").count(), 1, "{name}");
    }
    assert!(kept(&door).is_empty());
}

#[tokio::test]
async fn the_form_tells_which_default_applies_and_where_it_comes_from() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    let (image, plain) = ("ami-0abcdef1234562023", "ami-0abcdef1234567890");
    let v2 = "Default: V2 only (token required). It comes from the AMI: its ImdsSupport is v2.0.";
    let told = |page: &str, words: &str| assert!(page.contains(words), "{words}: {page}");
    let (_, page) = visitor.get("/console/instances/launch").await;
    told(&page, v2);
    told(&page, "Default: 2. It comes from the AMI");
    let (_, page) = visitor.get(&format!("/console/instances/launch?image={plain}")).await;
    told(&page, "Default: V1 and V2 (token optional). It comes from EC2 itself");
    told(&page, "Default: 1. It comes from EC2 itself");
    ec2(&door, "Action=ModifyInstanceMetadataDefaults&HttpTokens=required&HttpPutResponseHopLimit=9").await;
    ec2(&door, "Action=ModifyInstanceMetadataDefaults&HttpTokensEnforced=enabled").await;
    // A look launches nothing, and keeps what was typed.
    let fields = [("look", "1"), ("image", plain), ("name", "kept"), ("user_data", "  lines\r\n")];
    let (status, to, page) = visitor.post("/console/instances/launch", &fields).await;
    assert_eq!((status, to, kept(&door).len()), (StatusCode::OK, None, 0));
    told(
        &page,
        "Default: V2 only (token required). It comes from the account&#39;s IMDS defaults in this Region.",
    );
    told(&page, "Default: 9. It comes from the account");
    told(&page, "IMDSv2 is enforced in this Region");
    told(&page, "value=\"kept\"");
    told(&page, ">\n  lines\n</textarea>");
    let fields = [("image", image), ("tokens", "optional")];
    let (status, _, page) = visitor.post("/console/instances/launch", &fields).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    told(&page, "UnsupportedOperation");
}

#[tokio::test]
async fn the_dialog_saves_all_that_it_shows() {
    let door = door();
    keep_machine(&door);
    let visitor = Browser::new(&door, "ja");
    let at = format!("{AT}/metadata-options");
    let (_, page) = visitor.get(&at).await;
    assert!(page.contains("value=\"optional\" aria-describedby=\"tokens-optional-hint\" checked"), "{page}");
    let fields = [("endpoint", "enabled"), ("tokens", "required"), ("hops", "2")];
    for _ in 0..2 {
        // The second time nothing is to be changed.
        let (status, to, _) = visitor.post(&at, &fields).await;
        assert_eq!((status, to), (StatusCode::SEE_OTHER, Some(format!("{AT}?done=options"))));
        let options = kept(&door)[0].instance.options;
        assert_eq!((options.http_endpoint, options.http_tokens), (Switch::Enabled, HttpTokens::Required));
        assert_eq!(options.http_put_response_hop_limit.hops(), 2);
    }
    let traces = record::list::<Trace>(&*door.store, &format!("{ID}/")).unwrap();
    assert_eq!(traces.len(), 2, "tokens and hop limit, once");
    assert!(traces.iter().all(|(_, found)| found.record.by.address == "127.0.0.1"));
    visitor.post(&at, &[("ipv6", "enabled"), ("tokens", "required"), ("hops", "2")]).await;
    let options = kept(&door)[0].instance.options;
    assert_eq!((options.http_endpoint, options.http_protocol_ipv6), (Switch::Disabled, Switch::Enabled));
}

#[tokio::test]
async fn a_dialog_that_is_refused_changes_nothing() {
    let door = door();
    let before = keep_machine(&door);
    let visitor = Browser::new(&door, "en");
    let at = format!("{AT}/metadata-options");
    for (tokens, hops) in [
        ("", "1"),
        ("both", "1"),
        ("optional", ""),
        ("optional", "65"),
        (HOSTILE, "1"),
        ("optional", HOSTILE),
    ] {
        let fields = [("endpoint", "enabled"), ("tokens", tokens), ("hops", hops)];
        let (status, _, page) = visitor.post(&at, &fields).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{tokens} {hops}");
        assert!(page.contains("InvalidParameterValue") && is_safe(&page), "{page}");
        assert_eq!(page.contains("aria-invalid"), tokens == "optional", "{tokens} {hops}");
        assert_eq!(kept(&door), std::slice::from_ref(&before));
    }
}

#[tokio::test]
async fn tags_are_allowed_and_not() {
    let door = door();
    let mut machine = keep_machine(&door);
    let visitor = Browser::new(&door, "en");
    let at = format!("{AT}/allow-tags");
    for (fields, tags) in [(vec![("allow", "enabled")], Switch::Enabled), (vec![], Switch::Disabled)] {
        let (status, to, _) = visitor.post(&at, &fields).await;
        assert_eq!((status, to), (StatusCode::SEE_OTHER, Some(format!("{AT}?done=tags"))));
        assert_eq!(kept(&door)[0].instance.options.instance_metadata_tags, tags);
    }
    // A key that cannot be a path is refused, and told as it is.
    machine.instance.tags.insert("a b<script>alert(1)</script>".to_owned(), HOSTILE.to_owned());
    let mut batch = Batch::default();
    batch.put(ID, &machine);
    door.store.commit(batch.writes()).unwrap();
    let (status, _, page) = visitor.post(&at, &[("allow", "enabled")]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(page.contains("is not a valid tag key") && is_safe(&page), "{page}");
    assert!(page.contains("checked aria-invalid=\"true\""), "{page}");
}

#[tokio::test]
async fn the_state_is_changed_as_the_actions_do() {
    let door = door();
    keep_machine(&door);
    let visitor = Browser::new(&door, "en");
    let at = format!("{AT}/state");
    let go = async |to| visitor.post(&at, &[("to", to)]).await;
    for (to, state) in
        [("stop", "stopped"), ("start", "running"), ("reboot", "running"), ("terminate", "terminated")]
    {
        let (status, target, page) = go(to).await;
        assert_eq!((status, target), (StatusCode::SEE_OTHER, Some(format!("{AT}?done={to}"))), "{page}");
        assert_eq!(kept(&door)[0].state.settled().as_str(), state);
    }
    for to in ["start", "bogus", "", HOSTILE] {
        let (status, _, page) = go(to).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{to}");
        assert!(is_safe(&page), "{page}");
    }
    let (_, page) = visitor.get(&format!("{AT}/metadata-options")).await;
    assert!(page.contains("Nothing of a terminated instance can be changed."), "{page}");
}

#[tokio::test]
async fn an_instance_is_found_wherever_it_is() {
    let door = door();
    let mut machine = keep_machine(&door);
    machine.instance.placement.region = "eu-west-1".to_owned();
    let mut batch = Batch::default();
    batch.put(ID, &machine);
    door.store.commit(batch.writes()).unwrap();
    let visitor = Browser::new(&door, "en");
    let fields = [("endpoint", "enabled"), ("tokens", "required"), ("hops", "1")];
    assert_eq!(visitor.post(&format!("{AT}/metadata-options"), &fields).await.0, StatusCode::SEE_OTHER);
    assert_eq!(kept(&door)[0].instance.options.http_tokens, HttpTokens::Required);
    assert!(!visitor.get("/console/instances").await.1.contains(ID), "the list is of one region");
}

#[tokio::test]
async fn a_launch_is_in_the_region_that_was_shown() {
    let door = door();
    let visitor = Browser::new(&door, "en");
    let fields = [("image", "ami-0abcdef1234562023"), ("region", "eu-west-1")];
    visitor.post("/console/instances/launch", &fields).await;
    assert_eq!(kept(&door)[0].instance.placement.region, "eu-west-1");
}

#[test]
fn what_was_done_is_told_by_words_that_are_known() {
    for language in [Language::En, Language::Ja] {
        let words = super::actions::ActionWords::of(language);
        for word in ["launched", "options", "tags", "start", "stop", "reboot", "terminate"] {
            assert!(words.done(word).is_some(), "{word}");
        }
        assert_eq!((words.done(""), words.done(HOSTILE)), (None, None));
    }
}
