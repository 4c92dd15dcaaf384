//! `POST /`: a call of an AWS Query API. Read, see who asks, decide, commit, wait until guests see it, answer. `GET /` too, if
//! it is signed.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{ACCEPT, ALLOW, AUTHORIZATION, AsHeaderName, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use imds_store::Revision;
use imds_store::record::Caller;

use crate::act::{self, Behalf};
use crate::action;
use crate::authz::Identity;
use crate::call::request_id;
use crate::door::{Door, Peer};
use crate::query::sigv4::{self, Request};
use crate::query::{Error, Params, Scope, Service, Xml, envelope};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// A service that is not there is answered in a form that clients of most read.
const STRANGER: Service = Service::Iam;

/// A call that is to be answered, once guests have seen a commit.
struct Answer {
    service: Service,
    status: StatusCode,
    document: String,
    revision: Option<Revision>,
}

/// A call as it came.
struct Came {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    /// Where from.
    address: String,
}

impl Came {
    /// The parameters: the body's, and those of a query string that is signed.
    fn params(&self) -> Result<Params, Error> {
        match self.uri.query() {
            Some(query) if sigv4::is_signed(&self.uri) => {
                Params::parse(&[query.as_bytes(), &self.body].join(&b'&'))
            }
            Some(_) | None => Params::parse(&self.body),
        }
    }

    fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn request(&self) -> Request<'_> {
        Request { method: &self.method, uri: &self.uri, headers: &self.headers, body: &self.body }
    }
}

/// Answers a call.
pub(crate) async fn handle(
    State(door): State<Door>,
    peer: Option<Extension<Peer>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let address = peer.map_or_else(|| "unknown".to_owned(), |Extension(Peer(address))| address.to_string());
    let came = Came { method, uri, headers, body, address };
    let request_id = request_id();
    let plane = door.plane.clone();
    let id = request_id.clone();
    // The store may wait for the disk, and an answer may be long.
    let decide = move || decide(&door, came, &id);
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

/// Answers a GET whose query string is signed, and verified whoever may come in. A browser that somebody types the address
/// into is sent to the console; all others are refused, since an image in a page can send them.
pub(crate) async fn signed(
    state: State<Door>,
    peer: Option<Extension<Peer>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method == Method::GET && sigv4::is_signed(&uri) {
        return handle(state, peer, method, uri, headers, body).await;
    }
    if is_somebodys(&method, &headers) {
        return Redirect::to("/console").into_response();
    }
    let request_id = request_id();
    let error = Error {
        status: StatusCode::METHOD_NOT_ALLOWED,
        ..Error::new(
            "InvalidRequest",
            "GET performs no action here, unless its query string is signed; send the parameters in the body of a POST",
        )
    };
    let document = envelope::error(Service::Ec2, &error, &request_id);
    let mut response = document_response(error.status, document, &request_id);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

/// Does a browser ask for a page to be read?
fn is_somebodys(method: &Method, headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(',')).filter_map(|kind| kind.split(';').next());
    matches!(*method, Method::GET | Method::HEAD)
        && kinds.any(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
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

fn decide(door: &Door, came: Came, request_id: &str) -> Answer {
    let params = match came.params() {
        Ok(params) => params,
        Err(error) => return refused(Service::Ec2, &error, request_id),
    };
    let (scope, identity) = match identified(door, &came, &params) {
        Ok(identified) => identified,
        Err((service, error)) => return refused(service.unwrap_or(STRANGER), &error, request_id),
    };
    let Some(service) = scope.service else {
        let error = Error::invalid_action(params.get("Action").unwrap_or_default());
        return refused(STRANGER, &error, request_id);
    };
    let caller = Caller { access_key: scope.access_key, address: came.address };
    match act(door, service, &scope.region, &caller, &identity, request_id, &params) {
        Ok((action, body, revision)) => Answer {
            service,
            status: StatusCode::OK,
            document: envelope::answer(service, action, &body, request_id),
            revision: Some(revision),
        },
        Err(error) => refused(service, &error, request_id),
    }
}

/// What a call is for and whose it is: verified where it must be, else as it says. A refusal comes with the service that it
/// says it is for.
fn identified(
    door: &Door,
    came: &Came,
    params: &Params,
) -> Result<(Scope, Identity), (Option<Service>, Error)> {
    let (presumed, now) = (Scope::of(came.header(AUTHORIZATION), params), door.clock.now());
    if door.authority.is_required() || came.method != Method::POST {
        let verified = door.authority.verified(&*door.store, &came.request(), now);
        let (identity, credential) =
            verified.map_err(|error| (presumed.service, error.of(presumed.service)))?;
        return Ok((Scope::verified(credential), identity));
    }
    let token = came.header(&sigv4::TOKEN).or_else(|| params.get("X-Amz-Security-Token"));
    let identity = door.authority.presumed(&*door.store, presumed.access_key.as_deref(), token, now);
    Ok((presumed, identity))
}

fn act<'p>(
    door: &Door,
    service: Service,
    region: &str,
    caller: &Caller,
    identity: &Identity,
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
    let behalf = Behalf { region, caller, identity, request_id };
    let (body, revision) = act::perform(door, &behalf, handler, params, is_dry_run)?;
    Ok((action, body, revision))
}
