//! A request's body, read whole before anything is done: in time, and within its limit.

use std::time::Duration;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::early;

/// Bytes of a body: user data has 16 KiB, in base64, and a launch template may hold much else.
const LIMIT: usize = 256 * 1024;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads the body and lets the request on.
pub(crate) async fn whole(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // A length that is announced needs not be waited for.
    if body.size_hint().lower() > LIMIT as u64 {
        return too_long(parts.uri.path());
    }
    match tokio::time::timeout(PATIENCE, to_bytes(body, LIMIT)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Ok(Err(_)) => too_long(parts.uri.path()),
        Err(_) => refused(
            StatusCode::REQUEST_TIMEOUT,
            "RequestTimeout",
            parts.uri.path(),
            "the body did not come in time",
        ),
    }
}

fn too_long(path: &str) -> Response {
    let why = "the body has more than 256 KiB";
    refused(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", path, why)
}

/// A refusal, after which what is left of the body is not waited for.
fn refused(status: StatusCode, code: &'static str, path: &str, why: &str) -> Response {
    let mut response = early::refused(status, code, path, why);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
