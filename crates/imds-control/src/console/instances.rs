//! `/console/instances`: the list, *Launch an instance*, and what is done to one: *Modify instance metadata options*, tags in
//! metadata, start, stop, reboot, terminate.

pub(in crate::console) mod actions;
mod allow_tags;
pub(in crate::console) mod environment;
pub(in crate::console) mod field;
mod launch;
mod list;
mod metadata_options;
pub(in crate::console) mod option;
pub(in crate::console) mod shown;
mod state;
pub(in crate::console) mod summary;

use axum::Router;
use axum::routing::get;
use imds_core::Machine;
use imds_store::record;

use super::failure::Failure;
use super::form::Form;
use super::preference;
use super::visit::Visit;
use crate::call::instance_id;
use crate::door::Door;
use crate::query::Error;

/// The list, where one goes from an instance for those of another region.
pub(in crate::console) const INSTANCES: &str = "/console/instances";

/// Its routes.
pub(super) fn router() -> Router<Door> {
    Router::new()
        .route("/console/instances", get(list::show))
        .route("/console/instances/launch", get(launch::show).post(launch::submit))
        .route(
            "/console/instances/{id}/metadata-options",
            get(metadata_options::show).post(metadata_options::submit),
        )
        .route("/console/instances/{id}/allow-tags", get(allow_tags::show).post(allow_tags::submit))
        .route("/console/instances/{id}/state", get(state::back).post(state::submit))
}

/// The machine with this id, wherever it is, and the visit to its region.
pub(in crate::console) async fn find(visit: &Visit, id: String) -> Result<(Visit, Machine), Failure> {
    let machine = visit
        .ask(move |call| {
            let id = instance_id(&id)?;
            let found = record::get::<Machine>(call.store, id.as_str())?;
            // In EC2's words.
            let unknown = || format!("The instance ID '{id}' does not exist");
            Ok(found.ok_or_else(|| Error::new("InvalidInstanceID.NotFound", unknown()))?.record)
        })
        .await?;
    Ok((visit.in_region(&machine.instance.placement.region), machine))
}

/// The visit to the region that a form was shown for, whatever was chosen on another page since.
pub(in crate::console) fn where_shown(visit: &Visit, form: &Form) -> Visit {
    let region = form.get("region").and_then(preference::region);
    visit.in_region(region.unwrap_or(&visit.region))
}

#[cfg(test)]
mod tests;
