//! `TerminateEnvironment`: an environment whose end begins. Its names are free when it has ended.

use imds_core::environment::{Severity, Status};
use imds_store::record::environment::Task;
use imds_store::record::{Batch, Environment, Found};

use super::{environment, event};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

/// Calls that ask again, and are told the end.
pub(crate) const MOST_FOLLOWERS: usize = 64;

const STARTING: &str = "terminateEnvironment is starting.";
/// `eb` waits for these words.
pub(crate) const COMPLETED: &str = "terminateEnvironment completed successfully.";

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    // No environment depends on another one here, so that there is nothing to be forced.
    params.flag("ForceTerminate")?;
    let keeps_resources = params.flag("TerminateResources")? == Some(false);
    let found = match params.text("EnvironmentId") {
        // Terraform may send it again when it is done already.
        Some(id) => environment::by_id(call, id)?.filter(|found| found.record.is_terminated()),
        None => None,
    };
    let found = found.map_or_else(|| environment::named(call, params), Ok)?;
    let mut batch = Batch::default();
    let task = found.record.work.as_ref().map(|work| work.task);
    let changed = match task {
        _ if found.record.is_terminated() => again(call, &found, &mut batch)?,
        Some(Task::Terminate) => again(call, &found, &mut batch)?,
        Some(Task::Update | Task::Abort) => {
            // The words are AWS's.
            return Err(Error::invalid_value(format!(
                "Cannot terminate environment named {}. It is currently pending deployment.",
                found.record.name
            )));
        }
        Some(Task::Create | Task::Rebuild | Task::Restart) | None => {
            begin(call, &found, keeps_resources, &mut batch)
        }
    };
    Ok(Outcome { body: environment::told(call, &changed), batch })
}

/// It was asked for before: who asks again follows this request, and is told how it ends.
fn again(call: &Call<'_>, found: &Found<Environment>, batch: &mut Batch) -> Result<Environment, Error> {
    let mut changed = found.record.clone();
    event::tell(call, &mut changed, batch, Severity::Info, STARTING);
    match &mut changed.work {
        Some(work) if work.followers.len() < MOST_FOLLOWERS => {
            work.followers.push(call.request_id.to_owned());
        }
        // What begins without an end would be followed for minutes.
        Some(_) => return Err(too_many()),
        None => event::tell(call, &mut changed, batch, Severity::Info, COMPLETED),
    }
    batch.replace(&Environment::record_name(call.region, &changed.id), found, &changed);
    Ok(changed)
}

/// Nobody else can be told the end. The words are [assumed].
pub(super) fn too_many() -> Error {
    Error::invalid_value(format!(
        "It was asked for already, by {MOST_FOLLOWERS} other calls that wait for its end."
    ))
}

/// Begins to terminate an environment, whatever is being done to it. One that is being terminated stays as it is.
pub(crate) fn begin(
    call: &Call<'_>,
    found: &Found<Environment>,
    keeps_resources: bool,
    batch: &mut Batch,
) -> Environment {
    let mut changed = found.record.clone();
    let work = changed.work.take();
    if changed.is_terminated() || work.as_ref().is_some_and(|work| work.task == Task::Terminate) {
        return found.record.clone();
    }
    if let Some(work) = work {
        // Who waits for what is not done any more is told so.
        let call = Call { request_id: &work.request_id, ..*call };
        for (severity, message) in undone(work.task) {
            event::tell(&call, &mut changed, batch, *severity, *message);
        }
        // What was to take over goes with the rest.
        changed.instances.extend(work.launched);
    }
    environment::begin(call, &mut changed, Task::Terminate, Status::Terminating).keeps_resources =
        keeps_resources;
    event::tell(call, &mut changed, batch, Severity::Info, STARTING);
    batch.replace(&Environment::record_name(call.region, &changed.id), found, &changed);
    changed
}

/// What is told at the end of something that could not be done or was given up.
pub(crate) fn undone(task: Task) -> &'static [(Severity, &'static str)] {
    const REVERTED: (Severity, &str) =
        (Severity::Info, "The environment was reverted to the previous configuration setting.");
    match task {
        Task::Create | Task::Rebuild => &[(Severity::Error, "Failed to launch environment.")],
        Task::Update => &[(Severity::Error, "Failed to deploy configuration."), REVERTED],
        Task::Abort => &[REVERTED],
        // That it is this one is [assumed]; `eb` stops with it.
        Task::Restart => &[(Severity::Error, "Failed to deploy application.")],
        Task::Terminate => &[],
    }
}
