//! `POST /`: a call of an AWS Query API. Read, decide, commit, wait until guests see it, answer.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use imds_core::Timestamp;
use imds_store::record::Caller;
use imds_store::store::Error as StoreError;
use imds_store::{Revision, Store};

use crate::action;
use crate::call::{Call, Outcome, request_id};
use crate::query::{Error, Params, Scope, Service, envelope};
use crate::service::{Door, Peer};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The account of every call, as long as keys mean nothing.
pub(crate) const ACCOUNT: &str = "123456789012";

/// How often a call is decided anew because others changed what it read.
const TRIES: u32 = 64;

/// A call that is to be answered.
struct Answer {
    service: Service,
    action: String,
    outcome: Result<Outcome, Error>,
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
    // The store may wait for the disk.
    let decided =
        tokio::task::spawn_blocking(move || decide(&door, authorization.as_deref(), address, &body)).await;
    let mut answer = decided.unwrap_or_else(|error| {
        tracing::error!(%error, "a call to the control API failed");
        Answer {
            service: Service::Ec2,
            action: String::new(),
            outcome: Err(Error::internal()),
            revision: None,
        }
    });
    if let Some(revision) = answer.revision
        && plane.reached(revision).await.is_err()
    {
        answer.outcome = Err(Error::internal());
    }
    let (status, document) = match &answer.outcome {
        Ok(outcome) => {
            (StatusCode::OK, envelope::answer(answer.service, &answer.action, &outcome.body, &request_id))
        }
        Err(error) => (error.status, envelope::error(answer.service, error, &request_id)),
    };
    document_response(status, document, &request_id)
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

fn decide(door: &Door, authorization: Option<&str>, address: String, body: &[u8]) -> Answer {
    let refused = |service, outcome| Answer { service, action: String::new(), outcome, revision: None };
    let params = match Params::parse(body) {
        Ok(params) => params,
        Err(error) => return refused(Service::Ec2, Err(error)),
    };
    let scope = Scope::of(authorization, &params);
    // A service that is not there is answered in a form that clients of most read.
    let Some(service) = scope.service else {
        let action = params.get("Action").unwrap_or_default();
        return refused(Service::Iam, Err(Error::invalid_action(action)));
    };
    let caller = Caller { access_key: scope.access_key, address };
    match act(door, service, &scope.region, &caller, &params) {
        Ok((action, outcome, revision)) => {
            Answer { service, action: action.to_owned(), outcome: Ok(outcome), revision }
        }
        Err(error) => refused(service, Err(error)),
    }
}

fn act<'p>(
    door: &Door,
    service: Service,
    region: &str,
    caller: &Caller,
    params: &'p Params,
) -> Result<(&'p str, Outcome, Option<Revision>), Error> {
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
    for _ in 0..TRIES {
        let now = Timestamp::now();
        let call = Call { store: &*door.store, region, account: &account, now, caller, vpc: door.vpc };
        let outcome = handler(&call, params)?;
        if is_dry_run {
            return Err(Error::dry_run());
        }
        match commit(&*door.store, &outcome)? {
            Committed::Yes(revision) => return Ok((action, outcome, Some(revision))),
            Committed::Conflict => {}
        }
    }
    Err(Error::new("RequestLimitExceeded", "Others changed the same thing again and again; try again"))
}

enum Committed {
    Yes(Revision),
    Conflict,
}

fn commit(store: &dyn Store, outcome: &Outcome) -> Result<Committed, Error> {
    if outcome.batch.is_empty() {
        // What others committed and this call has seen must be what guests see, too.
        return Ok(Committed::Yes(store.revision()?));
    }
    match store.commit(outcome.batch.writes()) {
        Ok(revision) => Ok(Committed::Yes(revision)),
        Err(StoreError::Conflict { .. }) => Ok(Committed::Conflict),
        Err(error @ (StoreError::Io(_) | StoreError::Damaged { .. })) => Err(error.into()),
    }
}
