//! *Actions* of an environment: *Abort current operation*, *Rebuild environment*, *Terminate environment*.

use axum::extract::Path;
use axum::response::Response;

use super::super::failure::Failure;
use super::super::form::Form;
use super::super::visit::{Visit, go};
use super::{overview, path, refusal};
use crate::query::Service;

/// The page of the environment.
pub(super) async fn back(Path(name): Path<String>) -> Response {
    go(&path(&name))
}

/// `AbortEnvironmentUpdate`
pub(super) async fn abort(visit: Visit, Path(name): Path<String>, _: Form) -> Result<Response, Failure> {
    perform(&visit, &name, "AbortEnvironmentUpdate", "aborting").await
}

/// `RebuildEnvironment`
pub(super) async fn rebuild(visit: Visit, Path(name): Path<String>, _: Form) -> Result<Response, Failure> {
    perform(&visit, &name, "RebuildEnvironment", "rebuilding").await
}

/// `TerminateEnvironment`
pub(super) async fn terminate(visit: Visit, Path(name): Path<String>, _: Form) -> Result<Response, Failure> {
    perform(&visit, &name, "TerminateEnvironment", "terminating").await
}

/// Performs an action that needs nothing but the name, and shows how it goes on.
async fn perform(visit: &Visit, name: &str, action: &'static str, done: &str) -> Result<Response, Failure> {
    let params = vec![("EnvironmentName".to_owned(), name.to_owned())];
    match visit.perform(Service::ElasticBeanstalk, action, params).await {
        Ok(_) => Ok(go(&format!("{}?done={done}", path(name)))),
        Err(failure) => overview::refused(visit, name, refusal(failure)?).await,
    }
}
