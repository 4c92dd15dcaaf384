//! Where a signature is asked for: before every path but those that see to it themselves.

use axum::body::{Body, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::api::Refusal;
use crate::door::Door;
use crate::query::sigv4::Request;

/// Lets on what is signed, where it must be. `/` sees to itself, since AWS's services have words of their own for it, and so
/// does the console, since browsers sign nothing; whether the service is well anybody may ask.
pub(crate) async fn signed(State(door): State<Door>, request: HttpRequest, next: Next) -> Response {
    let path = request.uri().path();
    let is_console = path == "/console" || path.starts_with("/console/");
    if !door.authority.is_required() || is_console || matches!(path, "/" | "/healthz") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // It is whole already, and within its limit.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // The store may wait for the disk.
    let verified = tokio::task::spawn_blocking(move || {
        let request =
            Request { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body: &body };
        let pass = door.authority.pass(&*door.store, &request, door.clock.now()).map(|(pass, _)| pass);
        (pass, parts, body)
    });
    let verified =
        verified.await.inspect_err(|error| tracing::error!(%error, "a signature could not be verified"));
    let Ok((pass, mut parts, body)) = verified else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let error = match pass {
        Ok(pass) => {
            // Whoever begins a session of the console needs to know whose it is.
            parts.extensions.insert(pass);
            return next.run(HttpRequest::from_parts(parts, Body::from(body))).await;
        }
        Err(error) => error.of(None),
    };
    if parts.uri.path().starts_with("/api/") {
        return Refusal::new(error.status, error.to_string()).into_response();
    }
    (error.status, format!("{error}\n")).into_response()
}
