//! A door with nothing behind it but memory, for tests of actions.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use imds_core::lifecycle::State;
use imds_core::session::Session;
use imds_core::testing::{launch, noon};
use imds_core::{Machine, Timestamp};
use imds_store::record::{self, Batch, Environment, InstanceProfile, Role, role::record_name};
use imds_store::{Memory, ServiceClock};
use tower::ServiceExt as _;

use crate::authz::Authority;
use crate::door::{Door, Peer};
use crate::faults::Faults;
use crate::plane::Plane;
use crate::service::router;
use crate::sessions::Sessions;

/// An empty door.
pub(crate) fn door() -> Door {
    let clock = Arc::<ServiceClock>::default();
    Door {
        store: Arc::new(Memory::default()),
        plane: Plane::immediate(),
        authority: Arc::new(Authority::open(&[7; 32])),
        clock: Arc::clone(&clock),
        environment_delay: Duration::from_millis(500),
        faults: Arc::new(Faults::new(clock, Box::new(|_| Ok(())))),
        server_name: Some("imds.test".into()),
        sessions: Arc::new(Sessions::new(&[9; 32])),
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

/// What was begun with an environment is done, as if by itself.
pub(crate) fn make_ready(door: &Door) {
    let mut batch = Batch::default();
    for (name, found) in record::list::<Environment>(&*door.store, "").unwrap() {
        let settings = found.record.work.clone().map_or(found.record.settings.clone(), |work| work.settings);
        let status = "Ready".into();
        let health = "Green".into();
        batch.put(&name, &Environment { status, health, settings, work: None, ..found.record });
    }
    door.store.commit(batch.writes()).unwrap();
}

/// Sends a call of EC2, unsigned, so to us-east-1: the status and the document.
pub(crate) async fn ec2(door: &Door, form: &str) -> (StatusCode, String) {
    send(door, None, &format!("{form}&Version=2016-11-15")).await
}

/// Sends a call of Elastic Beanstalk, unsigned, so to us-east-1: the status and the document.
pub(crate) async fn beanstalk(door: &Door, form: &str) -> (StatusCode, String) {
    send(door, None, &format!("{form}&Version=2010-12-01")).await
}

/// Sends a call of IAM, unsigned: the status and the document.
pub(crate) async fn iam(door: &Door, form: &str) -> (StatusCode, String) {
    send(door, None, &format!("{form}&Version=2010-05-08")).await
}

/// Sends a call of STS, unsigned, so by the account itself: the status and the document.
pub(crate) async fn sts(door: &Door, form: &str) -> (StatusCode, String) {
    send(door, None, &format!("{form}&Version=2011-06-15")).await
}

/// Sends a call to a service with the keys of a session `one` of the role `web`, which is made if it is not there.
pub(crate) async fn by_session(door: &Door, service: &str, form: &str) -> (StatusCode, String) {
    if Role::find(&*door.store, "web").unwrap().is_none() {
        keep_role(door, "web");
    }
    let issued = Timestamp::now();
    let session = Session {
        account: "123456789012".parse().unwrap(),
        role: "web".to_owned(),
        role_id: "AROAEXAMPLE0000000000".to_owned(),
        name: "one".to_owned(),
        issued,
        expires: issued + Duration::from_secs(3_600),
    };
    let keys = door.authority.issuer().issue(&session, [3; 12]);
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={}/20261124/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0",
        keys.access_key_id
    );
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("authorization", &scope),
        ("x-amz-security-token", keys.session_token.expose()),
    ];
    request(door, "POST", "/", &headers, form).await
}

/// A role that EC2 and everybody of the account may assume, in this door's store.
pub(crate) fn keep_role(door: &Door, name: &str) -> Role {
    let trust_policy = r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":
                          {"Service":"ec2.amazonaws.com","AWS":"123456789012"}}}"#;
    let role = Role {
        name: name.to_owned(),
        path: "/".to_owned(),
        id: "AROAEXAMPLE0000000000".to_owned(),
        created: noon(),
        trust_policy: trust_policy.to_owned(),
        description: String::new(),
        max_session_duration: 3_600,
        attached_policies: Vec::new(),
        permissions_boundary: None,
        inline_policies: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    let mut batch = Batch::default();
    batch.put(&record_name(name), &role);
    door.store.commit(batch.writes()).unwrap();
    role
}

/// An instance profile with a role of the same name, in this door's store.
pub(crate) fn keep_profile(door: &Door, name: &str) -> InstanceProfile {
    keep_role(door, name);
    let profile = InstanceProfile {
        name: name.to_owned(),
        path: "/".to_owned(),
        id: "AIPAEXAMPLE0000000000".to_owned(),
        created: noon(),
        role: Some(name.to_owned()),
        tags: BTreeMap::new(),
    };
    let mut batch = Batch::default();
    batch.put(&record_name(name), &profile);
    door.store.commit(batch.writes()).unwrap();
    profile
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
