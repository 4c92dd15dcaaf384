//! Receives who comes: finds his session, reads his form, and lets him on. What comes back goes out with the headers of the
//! console, and a failure as a page.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, ALLOW, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use imds_core::Timestamp;
use imds_core::language::Language;
use imds_store::record::Caller;

use super::enter::ENTER;
use super::failure::Failure;
use super::form::Form;
use super::preference::usual_region;
use super::visit::Visit;
use super::{commands, cookie, failure, page, preference};
use crate::authz::{Identity, Pass};
use crate::call::random_hex;
use crate::door::{Door, Peer};
use crate::query::Error;

/// What a form carries to show that it is of its session.
const SEAL: &str = "seal";

/// Between the door and the pages.
pub(super) async fn receive(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // The store may wait for the disk.
    let looked = tokio::task::spawn_blocking(move || Ok::<_, Error>((Came::of(&door, &parts)?, parts)));
    let looked = looked.await.unwrap_or_else(|error| {
        tracing::error!(%error, "who comes to the console could not be found out");
        Err(Error::internal())
    });
    let mut response = match looked {
        Ok((came, parts)) => came.answered(Request::from_parts(parts, body), next).await,
        // In which language, is not known either.
        Err(error) => (error.status, format!("{error}\n")).into_response(),
    };
    page::guard(&mut response);
    response
}

/// Who came.
struct Came {
    visit: Visit,
    /// What his browser is to keep.
    cookies: Vec<String>,
}

impl Came {
    fn of(door: &Door, parts: &Parts) -> Result<Self, Error> {
        let (headers, named) = (&parts.headers, cookie::session(&parts.headers));
        let mut cookies = Vec::new();
        let (session, pass) = if door.authority.is_required() {
            named.map(|name| known(door, name)).transpose()?.flatten().unzip()
        } else {
            let name = named.map_or_else(random_hex, |name| Ok(name.to_owned()))?;
            if named.is_none() {
                cookies.push(cookie::giving(&name));
            }
            (Some(name), None)
        };
        if let Some(chosen) = preference::chosen_language(&parts.uri) {
            cookies.push(cookie::keeping(preference::LANGUAGE, &chosen));
        }
        let kept = cookie::once(headers, preference::REGION);
        let region = preference::chosen_region(&parts.uri)
            .or_else(|| kept.and_then(preference::region).map(str::to_owned))
            // Who is not in learns nothing of what there is.
            .or_else(|| (session.is_some() && is_arrival(parts, named)).then(|| usual_region(&*door.store)));
        if let Some(region) = region.as_deref()
            && session.is_some()
            && kept != Some(region)
        {
            cookies.push(cookie::keeping(preference::REGION, region));
        }
        let peer = parts.extensions.get::<Peer>();
        let caller = Caller {
            access_key: pass.as_ref().map(|pass| pass.access_key().to_owned()),
            address: peer.map_or_else(|| "unknown".to_owned(), |Peer(address)| address.to_string()),
        };
        let visit = Visit {
            door: door.clone(),
            identity: pass.as_ref().map_or(Identity::Root, Pass::identity),
            who: caller.access_key.clone(),
            caller: Arc::new(caller),
            seal: session.as_deref().map(|name| door.sessions.seal(name)).unwrap_or_default(),
            session,
            language: language(headers, &parts.uri),
            region: region.unwrap_or_else(|| crate::query::REGION.to_owned()),
            host: commands::host(headers),
            path: parts.uri.path().to_owned(),
        };
        Ok(Self { visit, cookies })
    }

    async fn answered(self, request: Request, next: Next) -> Response {
        let method = request.method().clone();
        let mut response = match admitted(&self.visit, request).await {
            Ok(request) => next.run(request).await,
            Err(failure) => failure.into_response(),
        };
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            // A page that only takes a form, for one: somebody reads this.
            let allowed = response.headers_mut().remove(ALLOW);
            response = failure::page(&self.visit, &method, &Failure::NothingHere);
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            let allowed = allowed.unwrap_or(HeaderValue::from_static("GET, HEAD, POST"));
            response.headers_mut().insert(ALLOW, allowed);
        } else if let Some(failure) = response.extensions_mut().remove::<Failure>() {
            response = failure::page(&self.visit, &method, &failure);
        }
        for cookie in &self.cookies {
            cookie::set(&mut response, cookie);
        }
        response
    }
}

/// Whose session this is, if whoever signed for it would still be let in. Otherwise it ends. While that cannot be read,
/// it stays, and nothing is done in it.
fn known(door: &Door, name: &str) -> Result<Option<(String, Pass)>, Error> {
    // A session lasts as long as a person sits there, and keys as long as the service says.
    let Some(pass) = door.sessions.visitor(name, Timestamp::now()) else { return Ok(None) };
    if door.authority.admits(&*door.store, &pass, door.clock.now())? {
        return Ok(Some((name.to_owned(), pass)));
    }
    door.sessions.leave(name);
    Ok(None)
}

fn language(headers: &HeaderMap, uri: &Uri) -> Language {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    preference::chosen_language(uri)
        .or_else(|| cookie::once(headers, preference::LANGUAGE).and_then(preference::language_tag))
        .map_or_else(|| preference::accepted(accepted.unwrap_or_default()), preference::language)
}

/// Does somebody come to look around, so that it is worth looking for where there is something? Only the first page that
/// he sees, and the dashboard, ask the store for it.
fn is_arrival(parts: &Parts, named: Option<&str>) -> bool {
    parts.method == Method::GET && (named.is_none() || parts.uri.path() == "/console")
}

/// A request that may go on, with its form if it has one. Whatever changes something must have a form that the session was
/// shown; one that begins a session brings a ticket instead, and is sent by nobody's page but ours (`crate::site`).
async fn admitted(visit: &Visit, request: Request) -> Result<Request, Failure> {
    let is_entering = visit.path == ENTER;
    if visit.session.is_none() && !is_entering {
        return Err(Failure::NotSignedIn);
    }
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(visit.clone());
    match parts.method {
        Method::GET | Method::HEAD => return Ok(Request::from_parts(parts, body)),
        Method::POST => {}
        _ => return Err(wrong_method().into()),
    }
    // It is whole already, and within its limit.
    let body = to_bytes(body, usize::MAX).await.map_err(|_| Failure::NotOurs)?;
    let form = is_form(&parts.headers).then(|| Form::read(&body)).ok_or(Failure::NotOurs)?;
    if !is_entering && !is_sealed(visit, &form) {
        return Err(Failure::NotOurs);
    }
    parts.extensions.insert(form);
    Ok(Request::from_parts(parts, Body::empty()))
}

fn wrong_method() -> Error {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Error { status, ..Error::new("InvalidRequest", "the console takes GET and POST") }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn is_sealed(visit: &Visit, form: &Form) -> bool {
    let seal = form.get(SEAL).unwrap_or_default();
    visit.session.as_deref().is_some_and(|name| visit.door.sessions.is_sealed(name, seal))
}
