//! `/api/v1/`: what AWS has no action for, as JSON. Ids of instances are enough there: the region does not matter.

mod calls;
mod clock;
mod console;
mod events;
mod faults;
mod history;
mod instance;
mod instances;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::door::Door;
use crate::query;

/// The routes below `/api/v1`.
pub(crate) fn router() -> Router<Door> {
    Router::new()
        .route("/calls", get(calls::list).delete(calls::forget))
        .route("/clock", get(clock::show).post(clock::change))
        .route("/console", post(console::begin))
        .route("/events", get(events::list).post(events::plan))
        .route("/events/{id}", delete(events::cancel))
        .route("/faults", get(faults::list).post(faults::add).delete(faults::remove_all))
        .route("/faults/{id}", delete(faults::remove))
        .route("/instances", get(instances::list))
        .route("/instances/{id}", patch(instance::change))
        .route("/instances/{id}/history", get(history::list))
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path has no such method")
        })
}

/// Why a request was refused: `{"error": "…"}`.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    why: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }
}

impl From<query::Error> for Refusal {
    fn from(error: query::Error) -> Self {
        let is_absent = error.code.ends_with(".NotFound");
        Self::new(if is_absent { StatusCode::NOT_FOUND } else { error.status }, error.message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.why }))).into_response()
    }
}

/// Does what may wait for the disk where it holds up nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request to /api/v1 failed");
        Err(query::Error::internal().into())
    })
}

/// A body of JSON, of which `form` says the form.
fn json_body<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    form: &str,
) -> Result<T, Refusal> {
    // A form of a page can send three types, and this is none of them.
    let content = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let why = "the content type must be application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let body = body.map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
    serde_json::from_slice(&body)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, format!("the body is not {form}: {error}")))
}

/// There is no such instance.
fn unknown(id: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("there is no instance {id}"))
}
