//! A browser, as far as the tests of pages need one.

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::door::{Door, Peer};
use crate::service::router;

/// The session of every [`Browser`].
const SESSION: &str = "0123456789abcdef0123456789abcdef";

/// Sends a request as a browser does: status, headers, body.
pub(super) async fn send(
    door: &Door,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path).extension(Peer([127, 0, 0, 1].into()));
    request = request.header("host", "127.0.0.1:1339");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response =
        router(door.clone()).oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// A person with a session and a language.
pub(super) struct Browser<'d> {
    door: &'d Door,
    cookies: String,
}

impl<'d> Browser<'d> {
    /// Somebody who reads this language: `en` or `ja`.
    pub(super) fn new(door: &'d Door, language: &str) -> Self {
        Self { door, cookies: format!("imds-session={SESSION}; lang={language}; region=us-east-1") }
    }

    /// Looks at a page.
    pub(super) async fn get(&self, path: &str) -> (StatusCode, String) {
        let (status, _, page) = send(self.door, "GET", path, &[("cookie", &self.cookies)], "").await;
        (status, page)
    }

    /// Sends a form that the page had: the status, where it leads, and the page if it leads nowhere.
    pub(super) async fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> (StatusCode, Option<String>, String) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("seal", &self.door.sessions.seal(SESSION)).extend_pairs(fields);
        let headers = [
            ("cookie", self.cookies.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", "http://127.0.0.1:1339"),
        ];
        let (status, headers, page) = send(self.door, "POST", path, &headers, &form.finish()).await;
        let to = headers.get("location").and_then(|to| to.to_str().ok()).map(str::to_owned);
        (status, to, page)
    }
}
