//! The style sheet and the script, from the binary.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::page;
use crate::door::Door;

const STYLE: &str = include_str!("../../assets/console.css");
const SCRIPT: &str = include_str!("../../assets/console.js");
const ICON: &str = include_str!("../../assets/icon.svg");

/// Their routes. Whoever may not come in may still see how the page that says so looks.
pub(super) fn router() -> Router<Door> {
    Router::new()
        .route("/console/assets/console.css", get(async || asset("text/css; charset=utf-8", STYLE)))
        .route("/console/assets/console.js", get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/console/assets/icon.svg", get(async || asset("image/svg+xml", ICON)))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    // A newer service may have others at the same address.
    let mut response = ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response();
    page::guard(&mut response);
    response
}
