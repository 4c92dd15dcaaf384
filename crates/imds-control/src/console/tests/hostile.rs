//! What pages of other sites, other ports, and people with too much time send.

use axum::http::StatusCode;

use super::super::testing::send;
use super::enter::closed;
use crate::testing::{door, keep_machine, request};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const NAME: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn a_form_counts_only_from_a_page_of_the_console() {
    let door = door();
    let (cookie, seal) = (format!("imds-session={NAME}"), format!("seal={}", door.sessions.seal(NAME)));
    let twice = format!("{cookie}; {cookie}");
    let other = format!("imds-session={}", NAME.replace('0', "1"));
    let two = format!("seal=x&{seal}");
    let base = ("cookie", &*cookie);
    for (headers, body, status) in [
        // As our own page sends it, and as a program does.
        (
            vec![base, FORM, ("origin", "http://127.0.0.1:1339"), ("sec-fetch-site", "same-origin")],
            &seal,
            404,
        ),
        (vec![base, FORM], &seal, 404),
        (vec![base, ("content-type", "Application/X-WWW-Form-Urlencoded ; charset=utf-8")], &seal, 404),
        // From elsewhere, even with what only our page knows.
        (vec![base, FORM, ("origin", "null")], &seal, 403),
        (vec![base, FORM, ("origin", "http://localhost:1339")], &seal, 403),
        (vec![base, FORM, ("origin", "http://127.0.0.1:1340")], &seal, 403),
        (vec![base, FORM, ("origin", "https://127.0.0.1:1339")], &seal, 403),
        (vec![base, FORM, ("origin", "http://127.0.0.1:1339"), ("origin", "http://evil.test")], &seal, 403),
        (vec![base, FORM, ("sec-fetch-site", "same-site")], &seal, 403),
        (vec![base, FORM, ("sec-fetch-site", "cross-site")], &seal, 403),
        // Not as a form, or without what our page knows.
        (vec![base], &seal, 403),
        (vec![base, ("content-type", "text/plain")], &seal, 403),
        (vec![base, ("content-type", "multipart/form-data; boundary=x")], &seal, 403),
        (vec![base, ("content-type", "application/json")], &seal, 403),
        (vec![base, ("content-type", "application/x-www-form-urlencodedx")], &seal, 403),
        (vec![base, FORM], &String::new(), 403),
        (vec![base, FORM], &two, 403),
        (vec![("cookie", &twice), FORM], &seal, 403),
        (vec![("cookie", &other), FORM], &seal, 403),
        (vec![base, ("cookie", &other), FORM], &seal, 403),
        (vec![FORM], &seal, 403),
    ] {
        let (told, ..) = send(&door, "POST", "/console/nothing", &headers, body).await;
        assert_eq!(told.as_u16(), status, "{headers:?} {body}");
    }
    // In the address it is worth nothing.
    let path = format!("/console/nothing?{seal}");
    assert_eq!(send(&door, "POST", &path, &[base, FORM], "").await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn only_post_changes_anything() {
    let door = door();
    keep_machine(&door);
    let before = door.store.revision().unwrap();
    let (cookie, seal) = (format!("imds-session={NAME}"), format!("seal={}", door.sessions.seal(NAME)));
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post"] {
        for path in ["/console", "/console/enter", "/console/leave", "/console/instances", "/console/nothing"]
        {
            let headers = [FORM, ("cookie", &cookie)];
            let (status, headers, page) = send(&door, method, path, &headers, &seal).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(headers.contains_key("allow") && page.contains("<h1>"), "{headers:?} {page}");
            assert_eq!(headers["x-frame-options"], "DENY");
        }
    }
    for path in ["/console/leave", "/console"] {
        for method in ["GET", "HEAD"] {
            let (_, headers, _) = send(&door, method, path, &[("cookie", &cookie)], &seal).await;
            let taken = headers
                .get_all("set-cookie")
                .iter()
                .any(|cookie| cookie.to_str().unwrap().contains("Max-Age=0"));
            assert!(!taken, "{method} {path}");
        }
    }
    assert_eq!(door.store.revision().unwrap(), before);
}

#[tokio::test]
async fn no_spelling_of_a_path_gets_around_the_session_or_the_signature() {
    let (open, closed) = (door(), closed());
    for path in [
        "/console/",
        "/console//",
        "/console/.",
        "/console/..",
        "/console/../",
        "/console/../api/v1/calls",
        "/console/%2e%2e/api/v1/calls",
        "/console/%2e%2e%2fmetrics",
        "/console/..%5cmetrics",
        "/console/%00",
        "/console/%ff",
        "/console/%0d%0aX-Evil:%20yes",
        "/console/%3Cscript%3Ealert(1)%3C/script%3E",
        "/console/\"onfocus=\"alert(1)",
        "/console/enter/",
        "/console/enter/x",
        "/console/Enter",
        "/console/%65nter",
        "/console/assets/",
        "/console/assets/../../metrics",
        "/console/instances/..;/x",
        "//console",
        "//console/enter",
        "/./console",
        "/CONSOLE",
        "/consolex",
        "/console;x",
        "/console%2fenter",
        "/%63onsole",
        "/api/../console",
    ] {
        let (status, headers, page) = send(&closed, "GET", path, &[], "").await;
        let expected = if path.starts_with("/console/") { 401 } else { 403 };
        assert_eq!(status.as_u16(), expected, "{path} {page}");
        assert!(!headers.contains_key("location"), "{path}");
        let (status, headers, page) = send(&open, "GET", path, &[], "").await;
        let is_led_on = || {
            let to = headers["location"].to_str().unwrap();
            ["/console", "/console/enter", "/console/assets"].contains(&to)
        };
        assert!(status.is_client_error() || is_led_on(), "{path} {status} {headers:?}");
        assert!(!headers.contains_key("x-evil"), "{path}");
        assert!(!page.contains("<script>") && !page.contains("\"alert(1)"), "{path} {page}");
    }
}

#[tokio::test]
async fn nothing_that_is_sent_comes_back_as_it_was() {
    let door = door();
    let long = "x".repeat(30_000);
    for query in [
        "lang=ja%0d%0aSet-Cookie:%20evil=1",
        "lang=%3Cscript%3E",
        "region=%0d%0aX-Evil:1",
        "region=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "region=us-east-1;%20Domain=evil.test",
        "region=../..",
        "region=US-EAST-1",
        "done=%3Cscript%3Ealert(1)%3C/script%3E",
        "next=//evil.test&to=http://evil.test&ticket=%3Cscript%3Ealert(1)%3C/script%3E",
        "path=/latest/%3Cscript%3Ealert(1)%3C/script%3E&show=%3Cscript%3Ealert(1)%3C/script%3E",
        "find=%3Cscript%3Ealert(1)%3C/script%3E&image=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "page=%3Cscript%3Ealert(1)%3C/script%3E",
        &long,
        &format!("lang={long}&region={long}"),
        "&&&=&==;%%%",
        "\u{1f4a3}=%f0",
    ] {
        for path in ["/console", "/console/enter", "/console/nothing"] {
            let uri: String = format!("{path}?{query}").chars().filter(char::is_ascii).collect();
            let (status, headers, page) = send(&door, "GET", &uri, &[], "").await;
            assert!(!status.is_server_error(), "{uri:.80}");
            assert!(!page.contains("alert(1)") && !page.contains("evil.test"), "{uri:.80} {page}");
            assert!(!headers.contains_key("x-evil"), "{headers:?}");
            if let Some(to) = headers.get("location") {
                assert_eq!(to, "/console");
            }
            for cookie in headers.get_all("set-cookie") {
                let cookie = cookie.to_str().unwrap();
                let known = cookie.starts_with("imds-session=")
                    || cookie.starts_with("region=us-east-1; Path=/console;");
                assert!(
                    known && !cookie.contains("Domain") && cookie.contains("SameSite=Strict"),
                    "{cookie}"
                );
            }
        }
    }
    for cookie in [
        "lang=\"><script>alert(1)</script>",
        "region=\"><script>alert(1)</script>",
        "region=A",
        "lang=fr",
        "=",
        ";;;",
        "imds-session=<script>alert(1)</script>",
    ] {
        let (status, _, page) = send(&door, "GET", "/console", &[("cookie", cookie)], "").await;
        assert!(status == StatusCode::OK && !page.contains("alert(1)"), "{cookie} {page}");
        assert!(page.contains("us-east-1\" selected") && page.contains("lang=\"en\""), "{cookie} {page}");
    }
}

/// What ends an attribute and an element, where it is not escaped.
const HOSTILE: &str = "\"'><script>alert(1)</script>&";

#[tokio::test]
async fn what_is_shown_of_an_address_is_escaped() {
    let (open, closed) = (door(), closed());
    keep_machine(&open);
    let id = "i-12345678901234567";
    let instance = format!("/console/instances/{id}");
    let (metadata, new) = (format!("{instance}/metadata"), "/console/environments/new".to_owned());
    let list = "/console/instances".to_owned();
    let fields =
        ["path", "find", "image", "show", "page", "ticket", "done", "lang", "region", "state", "name"];
    for (door, path, shown) in [
        (&open, "/console".to_owned(), &[][..]),
        (&open, list, &["find"]),
        (&open, "/console/instances/launch".into(), &[]),
        (&open, instance.clone(), &[]),
        (&open, format!("{instance}/calls"), &[]),
        (&open, metadata, &["path"]),
        (&open, "/console/environments".into(), &[]),
        (&open, new, &[]),
        (&open, "/console/defaults".into(), &[]),
        (&closed, "/console/enter".into(), &[]),
    ] {
        for field in fields {
            let value = if field == "path" { format!("/latest/{HOSTILE}") } else { HOSTILE.to_owned() };
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(field, &value).finish();
            let (status, headers, page) = send(door, "GET", &format!("{path}?{query}"), &[], "").await;
            assert!(!status.is_server_error(), "{path} {field}");
            for raw in ["<script>alert", "\"'>", "'><"] {
                assert!(!page.contains(raw), "{path} {field} {page}");
            }
            let is_shown = page.contains("&#34;&#39;&#62;&#60;script&#62;alert(1)");
            assert!(is_shown || !shown.contains(&field), "{path} {field} is not shown: {page}");
            assert!(!format!("{headers:?}").contains("alert"), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn a_session_that_somebody_else_chose_is_worth_nothing_to_him() {
    // Whoever listens at another port of the host can set a cookie there.
    let (open, closed) = (door(), closed());
    let cookie = format!("imds-session={NAME}");
    let page = send(&open, "GET", "/console/nothing", &[("cookie", &cookie)], "").await;
    assert_eq!(page.0, StatusCode::NOT_FOUND);
    // He knows the name; what forms carry he would have to read from a page of another origin than his.
    let (_, headers, _) = page;
    assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
    assert!(!headers.contains_key("access-control-allow-origin"));
    let own = crate::sessions::Sessions::new(&[1; 32]).seal(NAME);
    let headers = [FORM, ("cookie", &*cookie)];
    let (status, ..) = send(&open, "POST", "/console/nothing", &headers, &format!("seal={own}")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    // Where signatures are asked for it never becomes a session.
    let seal = format!("seal={}", closed.sessions.seal(NAME));
    assert_eq!(send(&closed, "POST", "/console/leave", &headers, &seal).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_name_that_was_pointed_here_shows_no_page() {
    let door = door();
    for host in [
        "evil.test",
        "127.0.0.1.evil.test:1339",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "0.0.0.0:1339",
        "",
        "127.0.0.1:1339:80",
        "localhost.",
        "localhost@evil.test",
        "127.1",
    ] {
        for path in ["/console", "/console/enter?ticket=x", "/console/assets/console.js"] {
            let (status, told) = request(&door, "GET", path, &[("host", host)], "").await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{host} {told}");
        }
    }
}

#[tokio::test]
async fn no_page_is_kept_and_none_is_framed() {
    let (open, closed) = (door(), closed());
    for door in [&open, &closed] {
        for (method, path) in [
            ("GET", "/console"),
            ("GET", "/console/enter?ticket=x"),
            ("GET", "/console/nothing"),
            ("POST", "/console/nothing"),
            ("POST", "/console/enter"),
            ("PUT", "/console"),
        ] {
            let asked = [
                FORM,
                ("if-none-match", "*"),
                ("if-modified-since", "Tue, 01 Jan 2999 00:00:00 GMT"),
                ("range", "bytes=0-1"),
            ];
            let (status, headers, _) = send(door, method, path, &asked, "").await;
            assert!(status != StatusCode::NOT_MODIFIED && status != StatusCode::PARTIAL_CONTENT, "{path}");
            for (name, value) in [
                ("cache-control", "no-store"),
                ("x-frame-options", "DENY"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(
                    headers.get(name).map(|value| value.to_str().unwrap()),
                    Some(value),
                    "{method} {path}"
                );
            }
            let policy = headers["content-security-policy"].to_str().unwrap();
            for part in
                ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"]
            {
                assert!(policy.contains(part), "{policy}");
            }
        }
    }
}
