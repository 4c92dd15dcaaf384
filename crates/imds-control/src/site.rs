//! Where a request comes from. A page in a browser on this machine can send one here, or point a name of its own at this
//! machine; an instance on loopback can connect here. Neither must get in.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use imds_store::Store;
use imds_store::record::{self, Address};

use crate::door::{Door, Peer};
use crate::early;

static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request on if it was sent to the door by its own name, by nobody's page but its own, and by no guest.
pub(crate) async fn check(State(door): State<Door>, request: Request, next: Next) -> Response {
    let refused = |why| early::refused(StatusCode::FORBIDDEN, "AccessDenied", request.uri().path(), why);
    if let Some(why) = refusal(request.method(), request.headers(), door.server_name.as_deref()) {
        return refused(why);
    }
    let peer = request.extensions().get::<Peer>().copied();
    if peer.is_some_and(|Peer(address)| is_guest(&*door.store, address)) {
        return refused("this is the private address of an instance, and guests do not come in here");
    }
    next.run(request).await
}

/// Does an instance have this address? One that cannot be looked up may be a guest's.
fn is_guest(store: &dyn Store, address: IpAddr) -> bool {
    !matches!(record::get::<Address>(store, &address.to_string()), Ok(None))
}

fn refusal(method: &Method, headers: &HeaderMap, name: Option<&str>) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter().map(HeaderValue::to_str);
    let host = match (hosts.next(), hosts.next()) {
        (Some(Ok(host)), None) if is_own(host, name) => host,
        _ => return Some("the host is neither a loopback address nor this service's --server-name"),
    };
    let own = format!("http://{host}");
    if headers.get_all(ORIGIN).iter().any(|origin| !origin.as_bytes().eq_ignore_ascii_case(own.as_bytes())) {
        return Some("the request comes from a page of another site");
    }
    // A page at another port is of the same site. It may lead a person here, and send nothing.
    let is_foreign = |site: &HeaderValue| {
        let is = |name: &[u8]| site.as_bytes().eq_ignore_ascii_case(name);
        is(b"cross-site") || is(b"same-site") && !method.is_safe()
    };
    headers
        .get_all(&FETCH_SITE)
        .iter()
        .any(is_foreign)
        .then_some("the request comes from a page of another site")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_in_only_from_the_door_itself() {
        for (origin, site, is_refused) in [
            (None, None, (false, false)),
            (Some("http://localhost:1339"), Some("same-origin"), (false, false)),
            (None, Some("none"), (false, false)),
            (None, Some("same-site"), (false, true)),
            (None, Some("Same-Site"), (false, true)),
            (Some("http://localhost:8080"), None, (true, true)),
            (Some("http://localhost:8080"), Some("same-site"), (true, true)),
            (Some("https://localhost:1339"), None, (true, true)),
            (Some("http://evil.test"), None, (true, true)),
            (Some("null"), None, (true, true)),
            (Some(""), None, (true, true)),
            (None, Some("cross-site"), (true, true)),
            (Some("http://localhost:1339"), Some("cross-site"), (true, true)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("localhost:1339"));
            origin.map(|origin| headers.insert(ORIGIN, HeaderValue::from_static(origin)));
            site.map(|site| headers.insert(&FETCH_SITE, HeaderValue::from_static(site)));
            let refused =
                [Method::GET, Method::POST].map(|method| refusal(&method, &headers, None).is_some());
            assert_eq!((refused[0], refused[1]), is_refused, "{origin:?} {site:?}");
        }
    }
}
