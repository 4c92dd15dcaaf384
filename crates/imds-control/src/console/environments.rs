//! `/console/environments`: Elastic Beanstalk: environments, their configuration, progress and events.

mod act;
mod commands;
mod configuration;
mod create;
mod edit;
mod events;
mod found;
mod list;
mod overview;
mod progress;
mod state;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::http::Uri;
use axum::routing::get;

use super::failure::Failure;
use crate::door::Door;
use crate::query::Error;

/// The namespace of the box, and of most of what is said of instances.
const LAUNCH: &str = "aws:autoscaling:launchconfiguration";
/// The option that is the box: *Disabled*.
const DISABLE: &str = "DisableIMDSv1";

/// Its routes.
pub(super) fn router() -> Router<Door> {
    let one = |rest: &str| format!("/console/environments/{{name}}{rest}");
    Router::new()
        .route("/console/environments", get(list::show))
        .route("/console/environments/new", get(create::show).post(create::create))
        .route(&one(""), get(overview::show))
        .route(&one("/configuration"), get(configuration::show))
        .route(&one("/configuration/instances"), get(edit::show).post(edit::apply))
        // Who was refused there, and then opens the address anew, is shown the environment.
        .route(&one("/abort"), get(act::back).post(act::abort))
        .route(&one("/rebuild"), get(act::back).post(act::rebuild))
        .route(&one("/terminate"), get(act::back).post(act::terminate))
}

/// The path of an environment's page. Its name is letters, digits and hyphens when it was made here.
fn path(name: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/console/environments/{}", name.replace('+', "%20"))
}

/// The word of `?done=`, which says what was done before this page was shown.
fn done(uri: &Uri) -> Option<String> {
    let query = uri.query()?.as_bytes();
    form_urlencoded::parse(query).find(|(name, _)| name == "done").map(|(_, word)| word.into_owned())
}

/// Why an action refused, for the page that has its form; whatever else failed is a page of its own.
fn refusal(failure: Failure) -> Result<Error, Failure> {
    match failure {
        Failure::Refused(error) if error.status.is_client_error() => Ok(error),
        Failure::Refused(_) | Failure::NothingHere | Failure::NotSignedIn | Failure::NotOurs => Err(failure),
    }
}
