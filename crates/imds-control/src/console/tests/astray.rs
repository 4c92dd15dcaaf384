//! Addresses that are nearly right.

use super::super::testing::send;
use crate::testing::{door, keep_machine};

#[tokio::test]
async fn a_slash_too_many_leads_to_the_page_without_it() {
    let door = door();
    keep_machine(&door);
    for (path, to) in [
        ("/console/", Some("/console")),
        ("/console/?lang=ja", Some("/console?lang=ja")),
        ("/console/instances/", Some("/console/instances")),
        ("/console/instances///", Some("/console/instances")),
        ("/console/instances/?find=a%2Fb&show=v1", Some("/console/instances?find=a%2Fb&show=v1")),
        (
            "/console/instances/i-12345678901234567/calls/",
            Some("/console/instances/i-12345678901234567/calls"),
        ),
        ("/console/environments/new/", Some("/console/environments/new")),
        // None of these leads anywhere.
        ("/console//evil.test/", None),
        ("/console/..//evil.test/", None),
        ("/console/%0d%0aX:1/", None),
        ("/console//evil/", None),
        ("/console/./instances/", None),
        ("/console/%2e%2e/", None),
        ("//evil.test/", None),
        ("//evil.test//console/", None),
        ("/console/nothing", None),
        ("/console/nothing?a=/", None),
    ] {
        for method in ["GET", "HEAD"] {
            let (status, headers, page) = send(&door, method, path, &[], "").await;
            let went = headers.get("location").map(|to| to.to_str().unwrap());
            assert_eq!(went, to, "{method} {path}");
            assert_eq!(status.as_u16(), if to.is_some() { 303 } else { 404 }, "{method} {path} {page}");
        }
    }
    let cookie = ("cookie", "imds-session=0123456789abcdef0123456789abcdef");
    let seal = format!("seal={}", door.sessions.seal("0123456789abcdef0123456789abcdef"));
    let form = ("content-type", "application/x-www-form-urlencoded");
    for path in ["/console/", "/console/environments/new/"] {
        let (status, headers, _) = send(&door, "POST", path, &[cookie, form], &seal).await;
        assert_eq!((status.as_u16(), headers.get("location")), (404, None), "{path}");
    }
}

#[tokio::test]
async fn a_browser_at_the_door_is_led_to_the_console_and_nobody_else() {
    let door = door();
    let chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
    for (method, path, accept, status) in [
        ("GET", "/", chrome, 303),
        ("GET", "/?lang=ja", "application/xml, TEXT/HTML;q=0.5", 303),
        ("GET", "/", "*/*", 405),
        ("GET", "/", "image/avif,image/webp,*/*;q=0.8", 405),
        ("GET", "/", "text/htmlx", 405),
        ("GET", "/", "", 405),
        ("GET", "/?Action=DescribeInstances&Version=2016-11-15", "application/json", 405),
        // This one is signed, badly.
        ("GET", "/?Action=DescribeInstances&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", chrome, 400),
        ("PUT", "/", chrome, 405),
    ] {
        let (told, headers, page) = send(&door, method, path, &[("accept", accept)], "").await;
        assert_eq!(told.as_u16(), status, "{method} {path} {accept} {page}");
        let went = headers.get("location").map(|to| to.to_str().unwrap());
        assert_eq!(went, (status == 303).then_some("/console"), "{method} {path} {accept}");
    }
}

#[tokio::test]
async fn a_form_that_is_stale_leads_back_to_where_it_is() {
    let door = door();
    keep_machine(&door);
    let cookie = ("cookie", "imds-session=0123456789abcdef0123456789abcdef; lang=ja");
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (path, is_form) in [
        ("/console/environments/new", true),
        ("/console/instances/i-12345678901234567/metadata-options", true),
        ("/console/instances/i-12345678901234567/state", true),
        ("/console/leave", false),
    ] {
        let (status, _, page) = send(&door, "POST", path, &[cookie, form], "seal=old").await;
        assert_eq!(status.as_u16(), 403, "{path}");
        let link = format!("<a href=\"{path}\">フォームに戻る</a>");
        assert_eq!(page.contains(&link), is_form, "{path} {page}");
        if is_form {
            let (status, ..) = send(&door, "GET", path, &[cookie], "").await;
            assert!(status.is_success() || status.is_redirection(), "{path} {status}");
        }
    }
    // Whoever has no session is shown the way in.
    let (_, _, page) = send(&door, "POST", "/console/%22%3E%3Cimg/src=x%3E", &[cookie, form], "").await;
    assert!(!page.contains("<img/"), "{page}");
}
