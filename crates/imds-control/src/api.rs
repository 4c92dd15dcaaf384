//! `/api/v1/`: what AWS has no action for, as JSON.

use axum::Router;

use crate::service::Door;

/// The routes below `/api/v1`.
pub(crate) fn router() -> Router<Door> {
    Router::new()
}
