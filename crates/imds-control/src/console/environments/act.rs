//! *Actions* of an environment: *Abort current operation*, *Rebuild environment*, *Terminate environment*.

use axum::extract::Path;
use axum::response::Response;

use super::{found, gone_on, overview, path, refusal};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::instances::where_shown;
use crate::console::visit::{Visit, go};
use crate::query::Service;

/// The page of the environment.
pub(super) async fn back(Path(name): Path<String>) -> Response {
    go(&path(&name))
}

/// `AbortEnvironmentUpdate`
pub(super) async fn abort(visit: Visit, Path(name): Path<String>, form: Form) -> Result<Response, Failure> {
    act(&where_shown(&visit, &form), &name, &form, "AbortEnvironmentUpdate", "aborting").await
}

/// `RebuildEnvironment`
pub(super) async fn rebuild(visit: Visit, Path(name): Path<String>, form: Form) -> Result<Response, Failure> {
    act(&where_shown(&visit, &form), &name, &form, "RebuildEnvironment", "rebuilding").await
}

/// `TerminateEnvironment`
pub(super) async fn terminate(
    visit: Visit,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    act(&where_shown(&visit, &form), &name, &form, "TerminateEnvironment", "terminating").await
}

/// Performs an action that needs nothing but the environment that was shown, and shows how it goes on.
async fn act(
    visit: &Visit,
    name: &str,
    form: &Form,
    action: &'static str,
    done: &str,
) -> Result<Response, Failure> {
    match perform(visit, name, form, action).await {
        Ok(()) => Ok(gone_on(visit, &path(name), done)),
        Err(failure) => overview::refused(visit, name, refusal(failure)?).await,
    }
}

async fn perform(visit: &Visit, name: &str, form: &Form, action: &'static str) -> Result<(), Failure> {
    let id = found::shown(visit, name, form).await?;
    let params = vec![("EnvironmentId".to_owned(), id)];
    visit.perform(Service::ElasticBeanstalk, action, params).await.map(|_| ())
}
