//! `POST /`: a call of an AWS Query API. Read, decide, commit, wait until guests see it, answer.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use imds_core::Timestamp;
use imds_store::Revision;
use imds_store::record::Caller;

use crate::authz::Identity;
use crate::call::{Call, request_id};
use crate::door::{Door, Peer};
use crate::query::{Error, Params, Scope, Service, Xml, envelope};
use crate::{action, commit};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The account of every call, as long as keys mean nothing.
pub(crate) const ACCOUNT: &str = "123456789012";

/// A call that is to be answered, once guests have seen a commit.
struct Answer {
    service: Service,
    status: StatusCode,
    document: String,
    revision: Option<Revision>,
}

/// Answers a call.
pub(crate) async fn handle(
    State(door): State<Door>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let address = peer.map_or_else(|| "unknown".to_owned(), |Extension(Peer(address))| address.to_string());
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request_id = request_id();
    let plane = door.plane.clone();
    let id = request_id.clone();
    // The store may wait for the disk, and an answer may be long.
    let decide = move || decide(&door, authorization.as_deref(), address, &body, &id);
    let mut answer = tokio::task::spawn_blocking(decide).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call to the control API failed");
        refused(Service::Ec2, &Error::internal(), &request_id)
    });
    if let Some(revision) = answer.revision
        && let Err(error) = plane.reached(revision).await
    {
        answer = refused(answer.service, &error.into(), &request_id);
    }
    document_response(answer.status, answer.document, &request_id)
}

/// Refuses a GET, which an image in a page can send: it performs no action.
pub(crate) async fn refuse_get() -> Response {
    let request_id = request_id();
    let error = Error {
        status: StatusCode::METHOD_NOT_ALLOWED,
        ..Error::new(
            "InvalidRequest",
            "GET performs no action here; send the parameters in the body of a POST",
        )
    };
    let document = envelope::error(Service::Ec2, &error, &request_id);
    let mut response = document_response(error.status, document, &request_id);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

fn document_response(status: StatusCode, document: String, request_id: &str) -> Response {
    let mut response = (status, [(CONTENT_TYPE, "text/xml;charset=UTF-8")], document).into_response();
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(&REQUEST_ID, id);
    }
    response
}

fn refused(service: Service, error: &Error, request_id: &str) -> Answer {
    let document = envelope::error(service, error, request_id);
    Answer { service, status: error.status, document, revision: None }
}

fn decide(
    door: &Door,
    authorization: Option<&str>,
    address: String,
    body: &[u8],
    request_id: &str,
) -> Answer {
    let params = match Params::parse(body) {
        Ok(params) => params,
        Err(error) => return refused(Service::Ec2, &error, request_id),
    };
    let scope = Scope::of(authorization, &params);
    // A service that is not there is answered in a form that clients of most read.
    let Some(service) = scope.service else {
        let error = Error::invalid_action(params.get("Action").unwrap_or_default());
        return refused(Service::Iam, &error, request_id);
    };
    let caller = Caller { access_key: scope.access_key, address };
    match act(door, service, &scope.region, &caller, request_id, &params) {
        Ok((action, body, revision)) => Answer {
            service,
            status: StatusCode::OK,
            document: envelope::answer(service, action, &body, request_id),
            revision: Some(revision),
        },
        Err(error) => refused(service, &error, request_id),
    }
}

fn act<'p>(
    door: &Door,
    service: Service,
    region: &str,
    caller: &Caller,
    request_id: &str,
    params: &'p Params,
) -> Result<(&'p str, Xml, Revision), Error> {
    let action = params.text("Action").ok_or_else(|| Error::missing("Action"))?;
    match params.text("Version") {
        None => return Err(Error::missing("Version")),
        Some(version) if version != service.version() => {
            return Err(Error::new(
                "NoSuchVersion",
                format!("The requested version ({version}) of this service does not exist"),
            ));
        }
        Some(_) => {}
    }
    let handler = action::find(service, action).ok_or_else(|| Error::invalid_action(action))?;
    let is_dry_run = service == Service::Ec2 && params.flag("DryRun")? == Some(true);
    let account = ACCOUNT.parse().map_err(|_| Error::internal())?;
    let identity = Identity::Root;
    let store = &*door.store;
    let (body, revision) = commit::decided(store, || {
        let call = Call {
            store,
            region,
            account: &account,
            now: Timestamp::now(),
            caller,
            identity: &identity,
            request_id,
            issuer: door.authority.issuer(),
            environment_delay: door.environment_delay,
            vpc: door.vpc,
        };
        let outcome = handler(&call, params)?;
        if is_dry_run { Err(Error::dry_run()) } else { Ok((outcome.batch, outcome.body)) }
    })?;
    Ok((action, body, revision))
}
