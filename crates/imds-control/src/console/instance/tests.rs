//! The pages of an instance, with a metadata process that answers as the tests say.

use axum::http::StatusCode;
use imds_core::Machine;
use imds_core::audit::{Counts, Tallies};
use imds_core::lifecycle::State;
use imds_core::options::{HttpTokens, MetadataOptions, Switch};
use imds_core::testing::{everything, keyring, launch, noon};
use imds_core::view::{self, Side, View};
use imds_store::record::{Batch, Caller, Trace, trace_name};
use tokio::sync::{mpsc, watch};

use crate::console::testing::Browser;
use crate::door::Door;
use crate::plane::{Plane, Question};
use crate::testing::{door, keep_machine};

mod calls;

const PAGE: &str = "/console/instances/i-12345678901234567";
const HOSTILE: &str = "\"><script>alert('1')</script>&";

/// A door to this machine.
fn with(machine: &Machine) -> Door {
    let door = door();
    let mut batch = Batch::default();
    batch.put(machine.instance.id.as_str(), machine);
    door.store.commit(batch.writes()).unwrap();
    door
}

fn running() -> Machine {
    Machine { state: State::Running, ..Machine::launched(everything()) }
}

/// The metadata process, as it is of a machine.
fn plane(machine: &Machine) -> Plane {
    let instance = machine.instance.clone();
    Plane::answering(move |question| match question {
        Question::Faults(answer) => drop(answer.send(Vec::new())),
        Question::Tallies(answer) => drop(answer.send(Tallies::default())),
        Question::Tally { answer, .. } => drop(answer.send(None)),
        Question::Calls { answer, .. } => drop(answer.send(Vec::new())),
        Question::Forget(answer) => {
            let _ = answer.send(());
        }
        Question::View { path, answer, .. } => {
            let view = view::of(&instance, path.as_bytes(), &keyring(), noon(), || [3; 12]);
            drop(answer.send(Some(view)));
        }
    })
}

/// One that answers every path with this.
fn saying(status: u16, body: &[u8]) -> Plane {
    let side = Side { status, body: Some(body.to_vec()) };
    Plane::answering(move |question| match question {
        Question::View { answer, .. } => {
            drop(answer.send(Some(View { v1: side.clone(), v2: side.clone() })));
        }
        Question::Faults(answer) => drop(answer.send(Vec::new())),
        Question::Tallies(answer) => drop(answer.send(Tallies::default())),
        Question::Tally { answer, .. } => drop(answer.send(None)),
        Question::Calls { answer, .. } => drop(answer.send(Vec::new())),
        Question::Forget(answer) => {
            let _ = answer.send(());
        }
    })
}

async fn get(door: &Door, path: &str) -> String {
    let (status, page) = Browser::new(door, "en").get(path).await;
    assert_eq!(status, StatusCode::OK, "{path} {page}");
    page
}

#[tokio::test]
async fn every_page_is_there_in_both_languages() {
    let machine = running();
    let door = Door { plane: plane(&machine), ..with(&machine) };
    for (path, en, ja) in [
        ("", "Details", "詳細"),
        ("/metadata", "Metadata", "メタデータ"),
        ("/commands", "Commands", "コマンド"),
        ("/calls", "Calls", "呼び出し"),
    ] {
        for (language, title) in [("en", en), ("ja", ja)] {
            let (status, page) = Browser::new(&door, language).get(&format!("{PAGE}{path}")).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(
                page.contains(&format!("<title>i-12345678901234567 · {title} · OpenIMDS</title>")),
                "{page}"
            );
            let here = format!("href=\"{PAGE}{path}\" aria-current=\"page\">{title}</a>");
            assert!(page.contains(&here), "{page}");
        }
    }
}

#[tokio::test]
async fn an_instance_that_is_not_there_and_an_id_that_is_none_are_told_so() {
    let door = door();
    for language in ["en", "ja"] {
        for page in ["", "/metadata", "/commands", "/calls"] {
            for (id, status, told) in [
                ("i-0123456789abcdef0", 404, "The instance ID &#39;i-0123456789abcdef0&#39; does not exist"),
                ("nonsense", 400, "Invalid id: &#34;nonsense&#34;"),
                ("%3Cscript%3E", 400, "Invalid id: &#34;&#60;script&#62;&#34;"),
                ("%ff", 404, ""),
            ] {
                let path = format!("/console/instances/{id}{page}");
                let (status_told, page) = Browser::new(&door, language).get(&path).await;
                assert_eq!(status_told.as_u16(), status, "{path}");
                assert!(page.contains(told) && page.contains("</html>"), "{path} {page}");
            }
        }
    }
}

#[tokio::test]
async fn without_the_metadata_process_the_service_is_unavailable_and_the_details_say_so() {
    let (_, applied) = watch::channel(0);
    let (questions, asked) = mpsc::channel(1);
    drop(asked);
    let door = Door { plane: Plane::new(applied, questions), ..with(&running()) };
    for page in ["/metadata", "/calls"] {
        let (status, page) = Browser::new(&door, "en").get(&format!("{PAGE}{page}")).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(page.contains("restart the service"), "{page}");
    }
    assert!(get(&door, PAGE).await.contains("The metadata process does not answer; restart the service."));
    assert!(get(&door, &format!("{PAGE}/commands")).await.contains("imds exec"));
}

#[tokio::test]
async fn the_details_are_those_of_the_instance_wherever_it_is() {
    let mut machine = running();
    machine.instance.placement.region = "eu-west-1".into();
    let page = get(&with(&machine), PAGE).await;
    for told in [
        "172.31.16.10",
        "203.0.113.25",
        "2001:db8::10",
        "t3.micro",
        "ami-0abcdef1234567890",
        "us-east-1a",
        "<option value=\"eu-west-1\" selected>",
        "<dt>IMDSv2</dt><dd>Optional</dd>",
        "<dt>Allow tags in metadata</dt><dd>Enabled</dd>",
        "<td>Name</td><td>web</td>",
        "2026-11-24 12:00:00 UTC",
    ] {
        assert!(page.contains(told), "{told} {page}");
    }
    assert!(!page.contains("changed options are applied"));
    machine.state = State::Stopped;
    machine.set_options(
        MetadataOptions { http_tokens: HttpTokens::Required, ..machine.instance.options },
        noon(),
    );
    let page = get(&with(&machine), PAGE).await;
    assert!(page.contains("changed options are applied") && page.contains("<dd>Required</dd>"), "{page}");
    machine.state = State::Terminated;
    let page = get(&with(&machine), PAGE).await;
    assert!(!page.contains("172.31.16.10") && page.contains("Terminated"), "{page}");
}

#[tokio::test]
async fn the_history_is_told_newest_first_and_not_endlessly() {
    let door = with(&running());
    let mut batch = Batch::default();
    for number in 0..60_u64 {
        let by = match number {
            58 => Caller { access_key: Some(HOSTILE.into()), address: "127.0.0.1".into() },
            59 => Caller { access_key: None, address: "file".into() },
            _ => Caller { access_key: None, address: "10.0.0.1".into() },
        };
        let (option, old) = ("HttpPutResponseHopLimit".to_owned(), format!("old{number}"));
        let trace = Trace { at: noon(), option, old, new: HOSTILE.into(), by };
        batch.put(&trace_name(&launch().id, number, 0), &trace);
    }
    door.store.commit(batch.writes()).unwrap();
    let page = get(&door, PAGE).await;
    let order: Vec<_> = ["old59", "old58", "old10"].iter().map(|old| page.find(old).unwrap()).collect();
    assert!(order.is_sorted() && !page.contains("old9<"), "{page}");
    assert!(page.contains("configuration file") && page.contains("not signed in"));
    assert!(!page.contains("<script>alert"), "{page}");
}

#[tokio::test]
async fn only_what_was_done_is_said_to_be_done() {
    let door = with(&running());
    for (word, is_told) in [("stop", true), ("%3Cscript%3E", false), ("nonsense", false)] {
        let page = get(&door, &format!("{PAGE}?done={word}")).await;
        assert_eq!(page.contains("role=\"status\""), is_told, "{word}");
        assert!(!page.contains("nonsense") && !page.contains("<script>"), "{page}");
    }
}

#[tokio::test]
async fn what_a_tag_or_a_name_holds_is_text() {
    let mut machine = running();
    machine.instance.options.instance_metadata_tags = Switch::Disabled;
    machine.instance.tags.insert("Name".into(), HOSTILE.into());
    machine.instance.tags.insert(HOSTILE.into(), "\"onmouseover=\"x".into());
    machine.instance.tags.insert("elasticbeanstalk:environment-name".into(), "$(reboot)".into());
    machine.instance.options.http_tokens = HttpTokens::Required;
    let door = Door { plane: plane(&machine), ..with(&machine) };
    for page in ["", "/metadata", "/commands", "/calls"] {
        let page = get(&door, &format!("{PAGE}{page}")).await;
        assert!(page.contains("&#60;script&#62;alert"), "{page}");
        assert!(!page.contains("<script>alert") && !page.contains("\"onmouseover"), "{page}");
        assert!(!page.contains("environment-name $(reboot)"), "{page}");
    }
}

#[tokio::test]
async fn a_listing_leads_on() {
    let machine = running();
    let door = Door { plane: plane(&machine), ..with(&machine) };
    for (path, leads) in [
        ("/", &["%2Flatest%2F", "%2F1.0%2F"][..]),
        ("/latest", &["%2Flatest%2Fmeta-data%2F", "%2Flatest%2Fdynamic%2F", "%2Flatest%2Fuser-data"]),
        ("/latest/meta-data", &["%2Flatest%2Fmeta-data%2Fami-id", "%2Flatest%2Fmeta-data%2Fiam%2F"]),
        ("/latest/meta-data/public-keys/", &["%2Flatest%2Fmeta-data%2Fpublic-keys%2F0%2F"]),
        ("/latest/meta-data/public-keys/0", &["%2Flatest%2Fmeta-data%2Fpublic-keys%2F0%2Fopenssh-key"]),
        (
            "/latest/meta-data/iam/security-credentials/",
            &["%2Flatest%2Fmeta-data%2Fiam%2Fsecurity-credentials%2Fweb"],
        ),
        ("/latest/meta-data/tags/instance/", &["%2Flatest%2Fmeta-data%2Ftags%2Finstance%2FName"]),
        (
            "//latest//meta-data/network/interfaces/",
            &["%2Flatest%2Fmeta-data%2Fnetwork%2Finterfaces%2Fmacs%2F"],
        ),
    ] {
        let page = get(&door, &format!("{PAGE}/metadata?path={path}")).await;
        for lead in leads {
            let link = format!("<li><a href=\"{PAGE}/metadata?path={lead}\"><code>");
            assert_eq!(page.matches(&link).count(), 2, "{path} {lead} {page}");
        }
    }
    // A leaf is text, with a slash too.
    for path in ["/latest/meta-data/ami-id", "/latest/meta-data/ami-id/"] {
        let page = get(&door, &format!("{PAGE}/metadata?path={path}")).await;
        assert!(page.contains("<code>ami-0abcdef1234567890</code></pre>"), "{page}");
    }
}

#[tokio::test]
async fn each_version_is_answered_for_itself_and_a_refusal_is_explained() {
    for (tokens, endpoint, path, statuses, en, ja) in [
        (HttpTokens::Optional, Switch::Enabled, "/latest/meta-data/ami-id", [200, 200], "", ""),
        (
            HttpTokens::Required,
            Switch::Enabled,
            "/latest/meta-data/ami-id",
            [401, 200],
            "This instance requires IMDSv2, and the request came without a token.",
            "このインスタンスでは IMDSv2 が必須ですが、リクエストにトークンがありません。",
        ),
        (
            HttpTokens::Optional,
            Switch::Disabled,
            "/latest/",
            [403, 403],
            "The metadata endpoint of this instance is disabled.",
            "このインスタンスのメタデータエンドポイントは無効になっています。",
        ),
        (HttpTokens::Optional, Switch::Enabled, "/latest/../etc/passwd", [404, 404], "", ""),
    ] {
        let mut machine = running();
        (machine.instance.options.http_tokens, machine.instance.options.http_endpoint) = (tokens, endpoint);
        let door = Door { plane: plane(&machine), ..with(&machine) };
        for (language, told) in [("en", en), ("ja", ja)] {
            let (_, page) = Browser::new(&door, language).get(&format!("{PAGE}/metadata?path={path}")).await;
            let badges = page.split("lang=\"en\">").skip(1).filter_map(|rest| rest.split(' ').next());
            let shown: Vec<_> = badges.filter_map(|status| status.parse::<u16>().ok()).collect();
            assert_eq!(shown, statuses, "{path} {page}");
            assert!(page.contains(told), "{told} {page}");
        }
    }
}

#[tokio::test]
async fn keys_are_not_shown() {
    let machine = running();
    let door = Door { plane: plane(&machine), ..with(&machine) };
    for path in [
        "/latest/meta-data/iam/security-credentials/web",
        "/latest/meta-data/iam/security-credentials/web/",
        "//2021-07-15//meta-data/iam//security-credentials/web",
    ] {
        let page = get(&door, &format!("{PAGE}/metadata?path={path}")).await;
        assert!(page.contains("••••") && page.contains("AccessKeyId"), "{path} {page}");
        for secret in ["wJalrXUtnFEMI-example", "IQoJb3JpZ2luX2Vj-example"] {
            assert!(!page.contains(secret), "{path} {page}");
        }
    }
    let door = Door { plane: saying(200, b"SecretAccessKey = wJalr"), ..with(&machine) };
    let path = format!("{PAGE}/metadata?path=/latest/meta-data/iam/security-credentials/web");
    let page = get(&door, &path).await;
    assert!(page.contains("It holds keys, and is not shown.") && !page.contains("wJalr"), "{page}");
}

#[tokio::test]
async fn a_body_is_shown_as_text_cut_or_counted() {
    let door = with(&running());
    let long = [b"<b>".repeat(10_000), b"end".to_vec()].concat();
    for (body, path, told, untold) in [
        (&b"<script>alert('1')</script>"[..], "/latest/user-data", "&#60;script&#62;", "<script>alert"),
        (b"\x1f\x8b\0", "/latest/user-data", "3 bytes of data", "\u{1f}"),
        (b"esc \x1b[31m", "/latest/meta-data/ami-id", "9 bytes of data", "\u{1b}"),
        (&long, "/latest/user-data", "of 30003 bytes.", "end</code>"),
        (b"\"><script>\n/", "/latest/", "&#34;&#62;&#60;script&#62;", "\"><script>"),
    ] {
        let door = Door { plane: saying(200, body), ..door.clone() };
        let page = get(&door, &format!("{PAGE}/metadata?path={path}")).await;
        assert!(page.contains(told) && !page.contains(untold), "{told} {page}");
    }
}

#[tokio::test]
async fn a_path_that_is_none_is_refused_and_nothing_of_it_runs() {
    let machine = running();
    let door = Door { plane: plane(&machine), ..with(&machine) };
    let huge = format!("/{}", "a".repeat(2_000));
    for path in
        ["", "latest", "%00", "/%0a", "/%C3%A9", "/%ff", "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", &huge]
    {
        for (language, told) in [("en", "A path begins with /"), ("ja", "パスは / で始まる")] {
            let (status, page) =
                Browser::new(&door, language).get(&format!("{PAGE}/metadata?path={path}")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
            assert!(
                page.contains(told) && !page.contains("<script>alert") && !page.contains(&huge),
                "{page}"
            );
        }
    }
    for path in ["/latest/%3Cscript%3Ealert(1)%3C/script%3E", "/../../etc", "/%22onfocus=x%20y=%22"] {
        let page = get(&door, &format!("{PAGE}/metadata?path={path}")).await;
        assert!(!page.contains("<script>alert") && !page.contains("\"onfocus"), "{page}");
        assert!(page.contains("404 Not Found"), "{page}");
    }
}

#[tokio::test]
async fn an_instance_that_does_not_run_has_no_metadata() {
    let machine = Machine { state: State::Stopped, ..running() };
    let page = get(&with(&machine), &format!("{PAGE}/metadata")).await;
    assert!(page.contains("does not run"), "{page}");
    let page = get(&with(&machine), &format!("{PAGE}/commands")).await;
    assert!(page.contains("Nothing is answered now: the instance does not run."), "{page}");
}

#[tokio::test]
async fn commands_are_for_this_instance_and_this_door() {
    let door = door();
    keep_machine(&door);
    let page = get(&door, &format!("{PAGE}/commands")).await;
    for command in [
        "\"exec-shell\">imds exec i-12345678901234567</code>",
        "imds exec i-12345678901234567 -- curl -f http://169.254.169.254/latest/meta-data/</code>",
        "imds instance set i-12345678901234567 --metadata-version v2 --region us-east-1</code>",
        "aws ec2 describe-instances --instance-ids i-12345678901234567 \
         --endpoint-url http://127.0.0.1:1339 --region us-east-1</code>",
        "TOKEN=$(curl -f -X PUT",
        "It is answered now: IMDSv2 is optional.",
    ] {
        assert!(page.contains(command), "{command} {page}");
    }
    assert_eq!(page.matches("data-copy=").count(), page.matches(" hidden>").count());
}

#[test]
fn a_host_that_a_shell_would_read_otherwise_is_not_written_into_a_command() {
    use axum::http::{HeaderMap, HeaderValue, header::HOST};
    for (host, taken) in [
        ("localhost:8000", "localhost:8000"),
        ("[::1]:1339", "[::1]:1339"),
        ("imds.test", "imds.test"),
        ("", "127.0.0.1:1339"),
        ("a;reboot", "127.0.0.1:1339"),
        ("$(reboot)", "127.0.0.1:1339"),
        ("<script>", "127.0.0.1:1339"),
    ] {
        let headers: HeaderMap = [(HOST, HeaderValue::from_static(host))].into_iter().collect();
        assert_eq!(super::host(&headers), taken);
    }
    assert_eq!(super::host(&HeaderMap::new()), "127.0.0.1:1339");
}

#[tokio::test]
async fn the_counters_are_those_of_the_instance() {
    let plane = Plane::answering(|question| match question {
        Question::Tally { instance, answer } => {
            assert_eq!(instance, launch().id);
            let counts = Counts {
                metadata_no_token: 41,
                metadata_no_token_rejected: 42,
                tokens_issued: 43,
                ..Counts::default()
            };
            drop(answer.send(Some(counts)));
        }
        // Those of everybody are not asked for.
        Question::Tallies(_)
        | Question::Calls { .. }
        | Question::Faults(_)
        | Question::Forget(_)
        | Question::View { .. } => {}
    });
    let page = get(&Door { plane, ..with(&running()) }, PAGE).await;
    for count in [41, 42, 43] {
        assert!(page.contains(&format!("<dd>{count}</dd>")), "{count} {page}");
    }
}

#[tokio::test]
async fn every_command_that_scrolls_has_a_name() {
    let machine = running();
    let door = Door { plane: plane(&machine), ..with(&machine) };
    for path in ["/commands", "/metadata?path=/latest/nothing", "/calls"] {
        let page = get(&door, &format!("{PAGE}{path}")).await;
        for block in page.split("<pre ").skip(1) {
            let tag = block.split('>').next().unwrap();
            assert!(
                tag.contains("role=\"region\" aria-label") || tag.contains("role=\"group\" aria-label"),
                "{path} {tag}"
            );
        }
    }
}
