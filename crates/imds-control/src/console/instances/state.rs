//! *Instance state*: start, stop, reboot, terminate.

use axum::extract::Path;
use axum::response::Response;

use super::find;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::visit::{Visit, go};
use crate::query::{Error, Service};

/// Back to the instance: who reads a refusal in another language comes here.
pub(super) async fn back(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let (_, machine) = find(&visit, id).await?;
    Ok(go(&format!("/console/instances/{}", machine.instance.id)))
}

/// Does it, and goes back to the instance.
pub(super) async fn submit(visit: Visit, Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let (visit, machine) = find(&visit, id).await?;
    let to = form.get("to").unwrap_or_default();
    let action = match to {
        "start" => "StartInstances",
        "stop" => "StopInstances",
        "reboot" => "RebootInstances",
        "terminate" => "TerminateInstances",
        // Only a form that is not ours has another.
        to => return Err(Error::invalid_value(format!("There is no state '{to}' to go to.")).into()),
    };
    let id = machine.instance.id.to_string();
    visit.perform(Service::Ec2, action, vec![("InstanceId.1".to_owned(), id.clone())]).await?;
    Ok(go(&format!("/console/instances/{id}?done={to}")))
}
