//! `AbortEnvironmentUpdate`: an update that is under way is taken back.

use imds_core::environment::{Severity, Status};
use imds_store::record::environment::{Phase, Task};
use imds_store::record::{Batch, Environment};

use super::{environment, event};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = environment::named(call, params)?;
    let mut changed = found.record.clone();
    let is_abortable = environment::is_abortable(&changed);
    let Some(work) = changed.work.as_mut().filter(|_| is_abortable) else {
        // The words are AWS's.
        return Err(Error::invalid_value(format!(
            "Environment named {} is in an invalid state for this operation. Must be pending deployment.",
            changed.name
        )));
    };
    // It keeps the id of the update's request: who follows that is to hear how it ends.
    work.task = Task::Abort;
    work.phase = Phase::Begun;
    work.due = environment::later(call);
    changed.status = Status::Aborting.to_string();
    let mut batch = Batch::default();
    // The words are [assumed].
    event::tell(call, &mut changed, &mut batch, Severity::Info, "Environment update is being aborted.");
    batch.replace(&Environment::record_name(call.region, &changed.id), &found, &changed);
    Ok(Outcome { batch, body: Xml::query() })
}
