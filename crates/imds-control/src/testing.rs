//! A door with nothing behind it but memory, for tests of actions.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use imds_core::Machine;
use imds_core::lifecycle::State;
use imds_core::testing::launch;
use imds_store::Memory;
use imds_store::record::Batch;
use tower::ServiceExt as _;

use crate::authz::Authority;
use crate::door::{Door, Peer};
use crate::plane::Plane;
use crate::service::router;

/// An empty door.
pub(crate) fn door() -> Door {
    Door {
        store: Arc::new(Memory::default()),
        plane: Plane::immediate(),
        authority: Arc::new(Authority::open(&[7; 32])),
        environment_delay: Duration::from_millis(500),
        server_name: Some("imds.test".into()),
        vpc: (Ipv4Addr::new(172, 31, 0, 0), 16),
    }
}

/// The machine of [`launch`], `i-12345678901234567` in us-east-1, running, in this door's store.
pub(crate) fn keep_machine(door: &Door) -> Machine {
    let mut machine = Machine::launched(launch().instance());
    machine.state = State::Running;
    let mut batch = Batch::default();
    batch.put(machine.instance.id.as_str(), &machine);
    door.store.commit(batch.writes()).unwrap();
    machine
}

/// Sends a call of EC2, unsigned, so to us-east-1: the status and the document.
pub(crate) async fn ec2(door: &Door, form: &str) -> (StatusCode, String) {
    send(door, None, &format!("{form}&Version=2016-11-15")).await
}

/// Sends a call with a credential scope of this service and region.
pub(crate) async fn signed(door: &Door, region: &str, service: &str, form: &str) -> (StatusCode, String) {
    let scope =
        format!("AWS4-HMAC-SHA256 Credential=AKID/20261124/{region}/{service}/aws4_request, Signature=0");
    send(door, Some(&scope), form).await
}

async fn send(door: &Door, authorization: Option<&str>, form: &str) -> (StatusCode, String) {
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    headers.extend(authorization.map(|authorization| ("authorization", authorization)));
    request(door, "POST", "/", &headers, form).await
}

/// Sends a request from this machine, to `127.0.0.1:1339` unless the headers name another host: the status and the body.
pub(crate) async fn request(
    door: &Door,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(path).extension(Peer([127, 0, 0, 1].into()));
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "127.0.0.1:1339");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = router(door.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The text of the first element with this name.
pub(crate) fn text<'d>(document: &'d str, name: &str) -> Option<&'d str> {
    let (_, after) = document.split_once(&format!("<{name}>"))?;
    after.split_once(&format!("</{name}>")).map(|(text, _)| text)
}
