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
use axum::response::Response;
use axum::routing::get;

use super::failure::Failure;
use super::preference;
use super::shell::{Section, Shell};
use super::visit::{Visit, go};
use crate::door::Door;
use crate::query::Error;

/// The namespace of the box, and of most of what is said of instances.
const LAUNCH: &str = "aws:autoscaling:launchconfiguration";
/// The option that is the box: *Disabled*.
const DISABLE: &str = "DisableIMDSv1";

/// The list of them.
pub(in crate::console) const LIST: &str = "/console/environments";

/// Its routes.
pub(super) fn router() -> Router<Door> {
    let one = |rest: &str| format!("/console/environments/{{name}}{rest}");
    Router::new()
        .route(LIST, get(list::show))
        .route("/console/environments/new", get(create::show).post(create::create))
        .route(&one(""), get(overview::show))
        .route(&one("/configuration"), get(configuration::show))
        .route(&one("/configuration/instances"), get(edit::show).post(edit::apply))
        // Who was refused there, and then opens the address anew, is shown the environment.
        .route(&one("/abort"), get(act::back).post(act::abort))
        .route(&one("/rebuild"), get(act::back).post(act::rebuild))
        .route(&one("/terminate"), get(act::back).post(act::terminate))
}

/// What is around the pages of one environment, which is of its region, in whichever language.
fn shell(visit: &Visit) -> Shell {
    let region = (preference::REGION, visit.region.clone());
    visit.shell(Section::Environments).of_one(LIST).keeping([region])
}

/// The path of an environment's page. Its name is letters, digits and hyphens when it was made here.
pub(in crate::console) fn path(name: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/console/environments/{}", name.replace('+', "%20"))
}

/// The word of `?done=`, which says what was done before this page was shown.
fn done(uri: &Uri) -> Option<String> {
    preference::field(uri, "done")
}

/// Goes on to a page of this visit's region, which says what was done.
fn gone_on(visit: &Visit, page: &str, done: &str) -> Response {
    go(&format!("{page}?done={done}&{}={}", preference::REGION, visit.region))
}

/// Why an action refused what it was asked, for the page that shows the form again. Whatever else failed is a page of its own:
/// it may have been done all the same.
///
/// # Errors
/// When it is no refusal of a client's error.
pub(in crate::console) fn refusal(failure: Failure) -> Result<Error, Failure> {
    match failure {
        Failure::Refused(error) if error.status.is_client_error() => Ok(error),
        Failure::Refused(_)
        | Failure::NothingHere
        | Failure::NotSignedIn
        | Failure::NotOurs
        | Failure::Elsewhere { .. } => Err(failure),
    }
}
