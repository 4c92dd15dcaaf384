//! The frame of the console: sessions, forms, headers, languages.

mod enter;
mod hostile;

use super::testing::send;
use crate::testing::door;

#[tokio::test]
async fn every_page_can_do_nothing_but_what_it_is_for() {
    let door = door();
    for (path, status) in [("/console", 200), ("/console/nothing", 404), ("/console/assets/console.css", 200)]
    {
        let (told, headers, _) = send(&door, "GET", path, &[], "").await;
        assert_eq!(told.as_u16(), status, "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-frame-options"], "DENY");
    }
}

#[tokio::test]
async fn the_language_is_the_browsers_until_it_is_chosen() {
    let door = door();
    let japanese = "<html lang=\"ja\">";
    let accept = ("accept-language", "ja,en;q=0.5");
    assert!(send(&door, "GET", "/console", &[accept], "").await.2.contains(japanese));
    let (_, headers, page) = send(&door, "GET", "/console?lang=en", &[accept], "").await;
    assert!(page.contains("<html lang=\"en\">"));
    let chosen =
        headers.get_all("set-cookie").iter().any(|cookie| cookie.to_str().unwrap().starts_with("lang=en;"));
    assert!(chosen, "{headers:?}");
    let cookie = ("cookie", "lang=ja");
    assert!(send(&door, "GET", "/console", &[cookie], "").await.2.contains(japanese));
}

#[tokio::test]
async fn a_form_that_the_session_was_not_shown_changes_nothing() {
    let door = door();
    let (name, other) = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let (session, text) = (format!("imds-session={name}"), ("content-type", "text/plain"));
    let seal = |name: &str| format!("seal={}", door.sessions.seal(name));
    for (headers, body, status) in [
        (vec![form], seal(name), 403),
        (vec![form, ("cookie", &session)], String::new(), 403),
        (vec![form, ("cookie", &session)], seal(other), 403),
        (vec![text, ("cookie", &session)], seal(name), 403),
        // With its own it gets as far as the pages.
        (vec![form, ("cookie", &session)], seal(name), 404),
    ] {
        let (told, ..) = send(&door, "POST", "/console/nothing", &headers, &body).await;
        assert_eq!(told.as_u16(), status, "{headers:?} {body}");
    }
}
