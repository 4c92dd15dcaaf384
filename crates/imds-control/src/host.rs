//! The `Host` of a request: a web page can point a name of its own at this machine, and must not get in by it.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Lets a request on if its host is loopback's, or the service's own name.
pub(crate) async fn check(State(name): State<Option<String>>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().map(HeaderValue::to_str);
    match (host, hosts.next()) {
        (Some(Ok(host)), None) if is_own(host, name.as_deref()) => next.run(request).await,
        _ => (
            StatusCode::FORBIDDEN,
            "the host is neither a loopback address nor this service's --server-name\n",
        )
            .into_response(),
    }
}

fn is_own(host: &str, name: Option<&str>) -> bool {
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    };
    let address =
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || name.is_some_and(|name| host.eq_ignore_ascii_case(name))
        || address.is_ok_and(|address| address.is_loopback())
}
