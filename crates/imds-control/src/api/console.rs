//! `POST /api/v1/console`: the way into the console for whoever signs it. Browsers sign nothing; `imds console` does it for
//! them, and what it is told can be opened once.
//!
//! Temporary keys are taken too, those of an instance's role among them: they open everything else of the door as well, and
//! the session ends with them.

use axum::extract::State;
use axum::{Extension, Json};
use imds_core::Timestamp;
use serde::Serialize;

use super::Refusal;
use crate::authz::Pass;
use crate::console;
use crate::door::Door;
use crate::query::Error;

#[derive(Serialize)]
pub(super) struct Way {
    /// Where the console is to be opened, from the door on.
    path: String,
}

/// A one-time path, or, where nobody needs to sign, that of the console.
pub(super) async fn begin(
    State(door): State<Door>,
    pass: Option<Extension<Pass>>,
) -> Result<Json<Way>, Refusal> {
    if !door.authority.is_required() {
        return Ok(Json(Way { path: "/console".to_owned() }));
    }
    // Nobody comes here without one: the gate has seen to it.
    let Extension(pass) = pass.ok_or_else(Error::internal)?;
    Ok(Json(Way { path: console::address(&door.sessions.ticket(pass, Timestamp::now())?) }))
}
