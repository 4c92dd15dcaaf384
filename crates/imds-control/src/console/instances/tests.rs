//! The pages of instances: what they show, what their forms do, and what a hostile one does not.

use axum::http::StatusCode;
use imds_core::Machine;
use imds_core::language::Language;
use imds_core::options::HttpTokens;
use imds_store::record::{self, Batch};
use imds_store::store::{Effect, Expected, Write};

use crate::console::testing::{Browser, send};
use crate::door::Door;
use crate::testing::{door, ec2, keep_machine};

mod dialogs;
mod launches;

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
async fn a_page_of_an_environments_instance_leads_to_where_its_setting_is() {
    let door = door();
    let mut machine = keep_machine(&door);
    let keep = |machine: &Machine| {
        let mut batch = Batch::default();
        batch.put(ID, machine);
        door.store.commit(batch.writes()).unwrap();
    };
    let visitor = Browser::new(&door, "en");
    for (name, is_one) in [("shop-dev", true), ("../x", false), (HOSTILE, false), ("", false)] {
        machine.instance.tags.insert("elasticbeanstalk:environment-name".to_owned(), name.to_owned());
        keep(&machine);
        for page in ["", "/metadata-options"] {
            let (_, page) = visitor.get(&format!("{AT}{page}")).await;
            let at = format!("href=\"/console/environments/{name}");
            for link in ["?region=us-east-1\"", "/configuration?region=us-east-1\""] {
                assert_eq!(page.contains(&format!("{at}{link}")), is_one, "{name} {page}");
            }
            assert!(is_safe(&page), "{page}");
        }
    }
}

#[tokio::test]
async fn another_region_is_chosen_for_the_list_and_not_for_a_page_of_one_instance() {
    let door = door();
    keep_machine(&door);
    let visitor = Browser::new(&door, "en");
    for (page, to) in [
        (AT.to_owned(), "/console/instances"),
        (format!("{AT}/commands"), "/console/instances"),
        (format!("{AT}/metadata-options"), "/console/instances"),
        (format!("{AT}/allow-tags"), "/console/instances"),
        ("/console/instances/launch".to_owned(), "/console/instances/launch"),
        ("/console/defaults".to_owned(), "/console/defaults"),
    ] {
        let (_, told) = visitor.get(&page).await;
        let form = format!("<form class=\"choice\" method=\"get\" action=\"{to}\">");
        assert!(told.contains(&form), "{page} {told}");
    }
}

#[tokio::test]
async fn whoever_reads_a_refused_change_of_state_in_another_language_comes_to_the_instance() {
    let door = door();
    keep_machine(&door);
    let visitor = Browser::new(&door, "en");
    let path = format!("{AT}/state?lang=ja");
    let cookie = [("cookie", "imds-session=0123456789abcdef0123456789abcdef")];
    let (status, headers, _) = send(&door, "GET", &path, &cookie, "").await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, AT));
    assert_eq!(visitor.get("/console/instances/i-00000000000000000/state").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_damaged_is_left_out_and_said_so() {
    let door = door();
    keep_machine(&door);
    let damaged = Write {
        key: "machine/i-00000000000000001".to_owned(),
        expected: Expected::Any,
        effect: Effect::Set(b"{"[..].into()),
    };
    door.store.commit(&[damaged]).unwrap();
    for (language, told) in
        [("en", "1 instance could not be read"), ("ja", "1 件のインスタンスを読み込めませんでした")]
    {
        for path in ["/console", "/console/instances"] {
            let (status, page) = Browser::new(&door, language).get(path).await;
            assert!(status == StatusCode::OK && page.contains(told), "{page}");
        }
    }
    assert!(Browser::new(&door, "en").get("/console/instances").await.1.contains(ID));
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

#[test]
fn what_was_done_is_told_by_words_that_are_known() {
    for language in [Language::En, Language::Ja] {
        let words = super::actions::ActionWords::of(language);
        for word in ["launched", "options", "tags", "unchanged", "start", "stop", "reboot", "terminate"] {
            assert!(words.done(word).is_some(), "{word}");
        }
        assert_eq!((words.done(""), words.done(HOSTILE)), (None, None));
    }
}
