//! Where signatures are asked for: how somebody comes in, as whom, and when he is out again.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use imds_core::credentials::{Credentials, Secret};
use imds_core::session::Session;
use imds_core::{Machine, Timestamp};
use imds_store::access_key::{AccessKey, AccessKeys};
use imds_store::record::{self, Address, Batch, Trace};
use tower::ServiceExt as _;

use super::super::failure::Failure;
use super::super::receive;
use super::super::testing::send;
use super::super::visit::Visit;
use crate::authz::Authority;
use crate::door::{Door, Peer};
use crate::query::{Service, Signer};
use crate::testing::{door, keep_machine, keep_role};

const API: &str = "/api/v1/console";
pub(super) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const ID: &str = "i-12345678901234567";
/// Pages, forms, and what is none.
const PATHS: &[&str] =
    &["/console", "/console/", "/console/instances", "/console/leave", "/console/nothing", "/console/x/../y"];

/// Those of the account itself and of `ann`.
pub(super) fn keys() -> AccessKeys {
    let mut keys = AccessKeys::new(&[7; 32]);
    for (id, user) in [("AKIAROOT", None), ("AKIAANN", Some("ann"))] {
        assert!(keys.add(key(id, user, "SECRET")));
    }
    keys
}

pub(super) fn key(id: &str, user: Option<&str>, secret: &str) -> AccessKey {
    AccessKey::new(id, Secret::new(secret.to_owned()), user, Timestamp::UNIX_EPOCH).unwrap()
}

/// A door that asks for signatures, and a role `web`.
pub(super) fn closed() -> Door {
    let door = Door { authority: Arc::new(Authority::new(keys(), true)), ..door() };
    keep_role(&door, "web");
    door
}

/// Temporary keys of the role, which end in so many seconds.
pub(super) fn temporary(door: &Door, left: u64) -> Credentials {
    let expires = Timestamp::now() + Duration::from_secs(left);
    let session = Session {
        account: "123456789012".parse().unwrap(),
        role: "web".into(),
        role_id: "AROAEXAMPLE0000000000".into(),
        name: ID.into(),
        issued: expires - Duration::from_secs(3_600),
        expires,
    };
    door.authority.issuer().issue(&session, [1; 12])
}

/// What is told to who asks for the way in.
pub(super) async fn ask(
    door: &Door,
    method: Method,
    id: &str,
    secret: &str,
    token: Option<&str>,
) -> (StatusCode, String) {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("127.0.0.1:1339"));
    let signer = Signer { access_key: id, secret, token, region: "us-east-1", service: "ec2" };
    signer.sign(&method, &Uri::from_static(API), &mut headers, b"", Timestamp::now()).unwrap();
    headers.remove("host");
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let (status, _, told) = send(door, method.as_str(), API, &headers, "").await;
    (status, told)
}

/// A one-time address, for this key.
pub(super) async fn address(door: &Door, id: &str) -> String {
    of(ask(door, Method::POST, id, "SECRET", None).await)
}

pub(super) fn of((status, told): (StatusCode, String)) -> String {
    assert_eq!(status, StatusCode::OK, "{told}");
    let path = told.strip_prefix(r#"{"path":""#).and_then(|told| told.strip_suffix(r#""}"#));
    path.unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// Presses the button of a one-time address, with these cookies: the status, and the cookie that was given.
async fn press(door: &Door, address: &str, cookies: &str) -> (StatusCode, Option<String>) {
    let form = address.split_once('?').unwrap().1;
    let (status, headers, _) = send(door, "POST", "/console/enter", &[FORM, ("cookie", cookies)], form).await;
    (status, given(&headers))
}

/// The session of a response's cookie.
fn given(headers: &HeaderMap) -> Option<String> {
    let mut cookies = headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let cookie = cookies.find_map(|cookie| cookie.strip_prefix("imds-session="))?;
    let (name, rest) = cookie.split_once(';').unwrap();
    assert_eq!(rest, " Path=/console; HttpOnly; SameSite=Strict");
    Some(name.to_owned())
}

/// Begins a session with this address: its name.
pub(super) async fn begun(door: &Door, address: &str) -> String {
    let (status, name) = press(door, address, "").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    name.unwrap()
}

/// What a session sees at the dashboard.
pub(super) async fn sees(door: &Door, session: &str) -> StatusCode {
    send(door, "GET", "/console", &[("cookie", &format!("imds-session={session}"))], "").await.0
}

#[tokio::test]
async fn a_one_time_address_shows_a_button_and_the_button_works_once() {
    let door = closed();
    let address = address(&door, "AKIAANN").await;
    let ticket = address.strip_prefix("/console/enter?ticket=").unwrap();
    assert!(ticket.len() == 32 && ticket.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ticket}");
    // A browser that fetches ahead, and a program that shows what a link leads to.
    for (method, language, text) in
        [("GET", "en", "Sign in"), ("HEAD", "en", ""), ("GET", "ja", "サインイン"), ("GET", "en", "Sign in")]
    {
        let (status, headers, page) =
            send(&door, method, &format!("{address}&lang={language}"), &[], "").await;
        assert_eq!((status, given(&headers)), (StatusCode::OK, None));
        assert_eq!(
            (&headers["cache-control"], &headers["referrer-policy"]),
            (&"no-store".parse().unwrap(), &"same-origin".parse().unwrap())
        );
        assert!(page.contains(text), "{page}");
        if method == "GET" {
            for part in [
                "AKIAANN",
                "arn:aws:iam::123456789012:user/ann",
                "method=\"post\" action=\"/console/enter\"",
                ticket,
            ] {
                assert!(page.contains(part), "{part}: {page}");
            }
            assert!(!page.contains("SECRET") && !page.contains("/console/instances"), "{page}");
        }
    }
    let name = begun(&door, &address).await;
    assert_ne!(name, ticket);
    let cookie = format!("imds-session={name}");
    let (status, _, page) = send(&door, "GET", "/console", &[("cookie", &cookie)], "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("AKIAANN") && page.contains("/console/leave"), "{page}");
    // The second one who opens it is told, and gets nothing; who is in stays in.
    assert_eq!(press(&door, &address, "").await, (StatusCode::GONE, None));
    assert_eq!(press(&door, &address, &cookie).await, (StatusCode::GONE, None));
    for (language, text) in [("en", "was opened already"), ("ja", "すでに使用された")] {
        let (status, _, page) = send(&door, "GET", &format!("{address}&lang={language}"), &[], "").await;
        assert_eq!(status, StatusCode::GONE);
        assert!(page.contains(text) && page.contains("imds console"), "{page}");
    }
    assert_eq!(sees(&door, &name).await, StatusCode::OK);
}

#[tokio::test]
async fn an_address_may_lead_to_a_region() {
    let door = closed();
    for (region, to) in [("eu-west-1", "/console?region=eu-west-1"), ("%0d%0aX%3a", "/console")] {
        let address = format!("{}&region={region}", address(&door, "AKIAANN").await);
        let (_, _, page) = send(&door, "GET", &address, &[], "").await;
        let field = format!(r#"name="region" value="{region}""#);
        assert_eq!(page.contains(&field), to != "/console", "{page}");
        let form = address.split_once('?').unwrap().1;
        let (status, headers, _) = send(&door, "POST", "/console/enter", &[FORM], form).await;
        assert_eq!((status, headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, to));
    }
}

#[tokio::test]
async fn what_is_no_good_ticket_gives_no_session() {
    let door = closed();
    let good = address(&door, "AKIAANN").await;
    let ticket = good.split_once('=').unwrap().1;
    for bad in [
        "",
        "ticket=",
        "ticket=x",
        "other=1",
        &format!("ticket={ticket}0"),
        &format!("ticket={}", &ticket[1..]),
        &format!("Ticket={ticket}"),
        &format!("ticket=x&ticket={ticket}"),
        "ticket=%00",
        "ticket=\u{1f4a3}",
    ] {
        let (status, headers, page) = send(&door, "POST", "/console/enter", &[FORM], bad).await;
        assert_eq!((status, given(&headers)), (StatusCode::GONE, None), "{bad} {page}");
    }
    // Only a form is one, and only a page of ours sends it.
    let own = good.split_once('?').unwrap().1;
    for (headers, expected) in [
        (vec![], 403),
        (vec![("content-type", "text/plain")], 403),
        (vec![("content-type", "application/json")], 403),
        (vec![FORM, ("origin", "null")], 403),
        (vec![FORM, ("origin", "http://evil.test")], 403),
        (vec![FORM, ("origin", "http://127.0.0.1:8080")], 403),
        (vec![FORM, ("sec-fetch-site", "cross-site")], 403),
        (vec![FORM, ("sec-fetch-site", "same-site")], 403),
        (vec![FORM, ("origin", "http://127.0.0.1:1339"), ("sec-fetch-site", "same-origin")], 303),
    ] {
        let (status, ..) = send(&door, "POST", "/console/enter", &headers, own).await;
        assert_eq!(status.as_u16(), expected, "{headers:?}");
    }
}

#[tokio::test]
async fn who_is_not_in_sees_nothing_and_is_told_the_way() {
    let door = closed();
    let mut machine = keep_machine(&door);
    machine.instance.placement.region = "eu-north-1".into();
    let mut batch = Batch::default();
    batch.put(ID, &machine);
    door.store.commit(batch.writes()).unwrap();
    let before = door.store.revision().unwrap();
    let address = address(&door, "AKIAANN").await;
    let ticket = format!("imds-session={}", address.split_once('=').unwrap().1);
    let good = format!("imds-session={}", begun(&door, &self::address(&door, "AKIAANN").await).await);
    let twice = format!("{good}; imds-session=0123456789abcdef0123456789abcdef");
    let strange = "imds-session=0123456789abcdef0123456789abcdef";
    for cookie in ["", "imds-session=", strange, &ticket, &twice, "imds-session=../../x"] {
        for path in PATHS {
            for method in ["GET", "HEAD", "POST", "PUT", "DELETE"] {
                let seal = format!("seal={}", door.sessions.seal("0123456789abcdef0123456789abcdef"));
                let headers = [FORM, ("cookie", cookie)];
                let (status, headers, page) = send(&door, method, path, &headers, &seal).await;
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path} {cookie}");
                assert_eq!(given(&headers), None);
                assert!(method == "HEAD" || page.contains("imds console"), "{page}");
                assert!(!page.contains("eu-north-1\" selected") && !page.contains(ID), "{page}");
            }
        }
    }
    for (language, text) in [("en", "Nobody is signed in here."), ("ja", "サインインしていません。")]
    {
        let (_, _, page) = send(&door, "GET", &format!("/console?lang={language}"), &[], "").await;
        assert!(page.contains(text), "{page}");
    }
    assert_eq!(door.store.revision().unwrap(), before);
}

#[tokio::test]
async fn whoever_leaves_is_out() {
    let door = closed();
    let (one, other) = (
        begun(&door, &address(&door, "AKIAANN").await).await,
        begun(&door, &address(&door, "AKIAROOT").await).await,
    );
    let cookie = format!("imds-session={one}");
    let leave = async |seal: &str| {
        let form = format!("seal={seal}");
        send(&door, "POST", "/console/leave", &[FORM, ("cookie", &cookie)], &form).await
    };
    for seal in ["", "x", &door.sessions.seal(&other)] {
        assert_eq!(leave(seal).await.0, StatusCode::FORBIDDEN);
    }
    assert_eq!(
        send(&door, "GET", "/console/leave", &[("cookie", &cookie)], "").await.0,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(sees(&door, &one).await, StatusCode::OK);
    let (status, headers, _) = leave(&door.sessions.seal(&one)).await;
    assert_eq!(
        (status, headers["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/console/enter?done=left")
    );
    let taken = "imds-session=; Path=/console; HttpOnly; SameSite=Strict; Max-Age=0";
    assert!(headers.get_all("set-cookie").iter().any(|cookie| cookie == taken), "{headers:?}");
    assert_eq!(
        (sees(&door, &one).await, sees(&door, &other).await),
        (StatusCode::UNAUTHORIZED, StatusCode::OK)
    );
    for (language, text) in [("en", "You are signed out."), ("ja", "サインアウトしました。")] {
        let (status, _, page) =
            send(&door, "GET", &format!("/console/enter?done=left&lang={language}"), &[], "").await;
        assert!(status == StatusCode::OK && page.contains(text) && page.contains("imds console"), "{page}");
    }
}

#[tokio::test]
async fn whoever_signs_in_anew_has_one_session() {
    let door = closed();
    let before = begun(&door, &address(&door, "AKIAANN").await).await;
    let cookie = format!("imds-session={before}");
    let (status, after) = press(&door, &address(&door, "AKIAROOT").await, &cookie).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(sees(&door, &before).await, StatusCode::UNAUTHORIZED);
    assert_eq!(sees(&door, &after.unwrap()).await, StatusCode::OK);
}

#[tokio::test]
async fn the_way_in_is_told_to_whoever_signs_a_post() {
    let open = door();
    assert_eq!(send(&open, "POST", API, &[], "").await.2, r#"{"path":"/console"}"#);
    assert_eq!(send(&open, "GET", API, &[], "").await.0, StatusCode::METHOD_NOT_ALLOWED);
    let door = closed();
    let (status, _, told) = send(&door, "POST", API, &[], "").await;
    assert!(status == StatusCode::FORBIDDEN && told.contains("MissingAuthenticationToken"), "{told}");
    let (status, told) = ask(&door, Method::POST, "AKIAANN", "ANOTHER", None).await;
    assert!(status == StatusCode::FORBIDDEN && !told.contains("ticket"), "{told}");
    assert_eq!(ask(&door, Method::GET, "AKIAANN", "SECRET", None).await.0, StatusCode::METHOD_NOT_ALLOWED);
    // A session of the console is no signature.
    let cookie = format!("imds-session={}", begun(&door, &address(&door, "AKIAANN").await).await);
    for path in [API, "/metrics", "/api/v1/calls", "/"] {
        assert_eq!(
            send(&door, "POST", path, &[("cookie", &cookie)], "").await.0,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
}

#[tokio::test]
async fn where_nothing_is_signed_nobody_needs_to_sign_in() {
    let door = door();
    let name = "0123456789abcdef0123456789abcdef";
    let (cookie, seal) = (format!("imds-session={name}"), format!("seal={}", door.sessions.seal(name)));
    for (method, path) in
        [("GET", "/console/enter"), ("GET", "/console/enter?ticket=x"), ("POST", "/console/enter")]
    {
        let (status, headers, _) = send(&door, method, path, &[FORM, ("cookie", &cookie)], &seal).await;
        assert_eq!(
            (status, headers["location"].to_str().unwrap()),
            (StatusCode::SEE_OTHER, "/console"),
            "{method} {path}"
        );
    }
    let page = send(&door, "GET", "/console", &[("cookie", &cookie)], "").await.2;
    assert!(!page.contains("/console/leave"), "there is nothing to leave");
}

#[tokio::test]
async fn what_is_done_in_the_console_is_his_who_signed() {
    let door = closed();
    keep_machine(&door);
    let options = async |visit: Visit| {
        let params = [("InstanceId", ID), ("HttpTokens", "required")];
        let params = params.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let name = "ModifyInstanceMetadataOptions";
        visit.perform(Service::Ec2, name, params.into()).await.map(|_| "done")
    };
    let pages = Router::new().route("/console/try", post(options).get(async || Failure::NothingHere));
    let pages =
        pages.layer(from_fn_with_state(door.clone(), receive::receive)).with_state::<()>(door.clone());
    let name = begun(&door, &address(&door, "AKIAANN").await).await;
    let request = Request::post("/console/try")
        .header("cookie", format!("imds-session={name}"))
        .header(FORM.0, FORM.1)
        .extension(Peer([127, 0, 0, 1].into()))
        .body(Body::from(format!("seal={}", door.sessions.seal(&name))))
        .unwrap();
    assert_eq!(pages.oneshot(request).await.unwrap().status(), StatusCode::OK);
    let machine = record::get::<Machine>(&*door.store, ID).unwrap().unwrap().record;
    assert_eq!(machine.instance.options.http_tokens.to_string(), "required");
    let traces = record::list::<Trace>(&*door.store, "").unwrap();
    let [(_, trace)] = &traces[..] else { panic!("{traces:?}") };
    let by = &trace.record.by;
    assert_eq!((by.access_key.as_deref(), by.address.as_str()), (Some("AKIAANN"), "127.0.0.1"));
}

#[tokio::test]
async fn a_guest_does_not_come_in() {
    let door = closed();
    keep_machine(&door);
    let address = address(&door, "AKIAANN").await;
    let cookie = format!("imds-session={}", begun(&door, &self::address(&door, "AKIAANN").await).await);
    let mut batch = Batch::default();
    batch.put("127.0.0.1", &Address { instance: ID.to_owned() });
    door.store.commit(batch.writes()).unwrap();
    for path in [PATHS, &[&*address, "/console/enter", API, "/console/assets/console.css"]].concat() {
        for method in ["GET", "POST"] {
            let (status, headers, told) = send(&door, method, path, &[FORM, ("cookie", &cookie)], "").await;
            assert_eq!((status, given(&headers)), (StatusCode::FORBIDDEN, None), "{path} {told}");
        }
    }
}
