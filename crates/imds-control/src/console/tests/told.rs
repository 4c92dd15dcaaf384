//! What a page says that could not be shown, or of what could not be done.

use std::sync::Arc;

use axum::http::StatusCode;
use imds_core::Machine;
use imds_core::lifecycle::State;
use imds_store::Revision;
use imds_store::record;
use tokio::sync::{mpsc, watch};

use super::super::testing::{Browser, send};
use super::enter::closed;
use crate::authz::Authority;
use crate::door::Door;
use crate::plane::Plane;
use crate::testing::{door, keep_machine, request};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PAGE: &str = "/console/instances/i-12345678901234567";
const NOT_DONE: [&str; 2] = ["It was not done", "実行されませんでした"];
const NOT_KNOWN: [&str; 2] =
    ["It is not known whether it was done", "実行されたかどうかを確認できませんでした"];
const NOT_SHOWN: [&str; 2] = ["This page cannot be shown", "表示できません"];

/// A door to a machine, and to a metadata process that is gone.
fn alone() -> Door {
    let (_, applied) = watch::channel(Revision::MIN);
    let (questions, _) = mpsc::channel(1);
    let door = Door { plane: Plane::new(applied, questions), ..door() };
    keep_machine(&door);
    door
}

/// One of the three headings, and no other.
fn assert_heading(page: &str, heading: [&str; 2], language: usize) {
    for other in [NOT_DONE, NOT_KNOWN, NOT_SHOWN] {
        assert_eq!(page.contains(other[language]), other == heading, "{} {page}", other[language]);
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_not_said_not_to_be() {
    for (language, tag) in ["en", "ja"].into_iter().enumerate() {
        let door = alone();
        let browser = Browser::new(&door, tag);
        let options = [("imdsv2", "required"), ("endpoint", "enabled"), ("hops", "1")];
        for (path, fields) in [("state", &[("to", "stop")][..]), ("allow-tags", &[("allow", "enabled")])] {
            let (status, _, page) = browser.post(&format!("{PAGE}/{path}"), fields).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path} {page}");
            assert_heading(&page, NOT_KNOWN, language);
            assert!(page.contains("is kept") && page.contains("lang=\"en\">"), "{page}");
        }
        let machine = record::get::<Machine>(&*door.store, "i-12345678901234567").unwrap().unwrap().record;
        assert!(matches!(machine.state, State::Stopping | State::Stopped), "{:?}", machine.state);
        // What is refused is not done.
        let (status, _, page) = browser.post(&format!("{PAGE}/state"), &[("to", "nowhere")]).await;
        assert!(status.is_client_error(), "{page}");
        assert_heading(&page, NOT_DONE, language);
        let (_, _, page) = send(&door, "POST", &format!("/console/x?lang={tag}"), &[FORM], "").await;
        assert_heading(&page, NOT_DONE, language);
        let (status, _, page) = browser.post("/console/nothing", &options).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_heading(&page, NOT_SHOWN, language);
    }
}

#[tokio::test]
async fn a_question_without_an_answer_is_no_change_that_was_kept() {
    let door = alone();
    for (language, tag) in ["en", "ja"].into_iter().enumerate() {
        for path in ["calls", "metadata?path=/latest/"] {
            let (status, page) = Browser::new(&door, tag).get(&format!("{PAGE}/{path}")).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_heading(&page, NOT_SHOWN, language);
            let why = "<p lang=\"en\">The metadata process does not answer; restart the service</p>";
            assert!(page.contains(why) && !page.contains("is kept"), "{page}");
        }
        let (status, page) = Browser::new(&door, tag).get("/console/nothing").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_heading(&page, NOT_SHOWN, language);
        // What is ours is said in the page's language.
        assert!(!page.contains("<p lang=\"en\">"), "{page}");
    }
    let (status, told) = request(&door, "GET", "/api/v1/calls", &[], "").await;
    assert!(status == StatusCode::SERVICE_UNAVAILABLE && !told.contains("is kept"), "{told}");
}

#[tokio::test]
async fn who_is_not_in_is_shown_no_way_to_pages_that_he_cannot_see() {
    let (open, closed) = (door(), closed());
    let evil = ("origin", "http://evil.test");
    for (method, path, headers, status) in [
        ("PUT", "/console/enter", vec![], 405),
        ("POST", "/console/enter", vec![], 403),
        ("POST", "/console/enter", vec![("content-type", "text/plain")], 403),
        ("GET", "/console", vec![], 401),
        ("POST", "/console/leave", vec![FORM], 401),
    ] {
        let (told, _, page) = send(&closed, method, path, &headers, "").await;
        assert_eq!(told.as_u16(), status, "{method} {path}");
        assert!(page.contains("<h1>") && !page.contains("/console/instances"), "{page}");
        assert!(!page.contains("name=\"region\""), "{page}");
    }
    assert_eq!(send(&closed, "POST", "/console/enter", &[FORM, evil], "").await.0, StatusCode::FORBIDDEN);
    let (_, _, page) = send(&open, "PUT", "/console", &[], "").await;
    assert!(page.contains("/console/instances"), "{page}");
}

#[tokio::test]
async fn the_way_in_is_to_the_door_that_was_called() {
    let door = closed();
    for (host, command) in [
        ("127.0.0.1:1339", "<code>imds console</code>"),
        ("localhost:1340", "<code>imds console --admin http://localhost:1340</code>"),
        ("127.0.0.1:8080", "<code>imds console --admin http://127.0.0.1:8080</code>"),
        ("[::1]:1340", "<code>imds console --admin &#39;http://[::1]:1340&#39;</code>"),
    ] {
        for path in ["/console", "/console/enter", "/console/enter?ticket=x"] {
            let (_, page) = request(&door, "GET", path, &[("host", host)], "").await;
            assert!(page.contains(command), "{host} {path} {page}");
        }
    }
    // What is no host is in no command.
    let (_, page) = request(
        &Door { authority: Arc::new(Authority::new(super::enter::keys(), true)), ..door },
        "GET",
        "/console",
        &[("host", "localhost;reboot")],
        "",
    )
    .await;
    assert!(!page.contains("reboot"), "{page}");
}
