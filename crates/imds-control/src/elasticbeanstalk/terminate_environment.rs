//! `TerminateEnvironment`: an environment whose end begins. Its names are free when it has ended.

use imds_core::environment::{Severity, Status};
use imds_store::record::environment::Task;
use imds_store::record::{Batch, Environment, Found};

use super::{environment, event};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

/// Calls that ask again, and are told the end.
const MOST_FOLLOWERS: usize = 64;

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
        _ if found.record.is_terminated() => again(call, &found, &mut batch),
        Some(Task::Terminate) => again(call, &found, &mut batch),
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
fn again(call: &Call<'_>, found: &Found<Environment>, batch: &mut Batch) -> Environment {
    let mut changed = found.record.clone();
    event::tell(call, &mut changed, batch, Severity::Info, STARTING);
    match &mut changed.work {
        Some(work) if work.followers.len() < MOST_FOLLOWERS => {
            work.followers.push(call.request_id.to_owned());
        }
        Some(_) => {}
        None => event::tell(call, &mut changed, batch, Severity::Info, COMPLETED),
    }
    batch.replace(&Environment::record_name(call.region, &changed.id), found, &changed);
    changed
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
    // What was to take over goes with the rest.
    changed.instances.extend(work.into_iter().flat_map(|work| work.launched));
    environment::begin(call, &mut changed, Task::Terminate, Status::Terminating).keeps_resources =
        keeps_resources;
    event::tell(call, &mut changed, batch, Severity::Info, STARTING);
    batch.replace(&Environment::record_name(call.region, &changed.id), found, &changed);
    changed
}
