//! `RebuildEnvironment`: everything of an environment goes and comes anew.

use imds_core::environment::{Severity, Status};
use imds_store::record::environment::Task;
use imds_store::record::{Batch, Environment};

use super::{environment, event};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = environment::named(call, params)?;
    let mut changed = found.record.clone();
    environment::ready(&changed)?;
    environment::begin(call, &mut changed, Task::Rebuild, Status::Updating);
    let mut batch = Batch::default();
    event::tell(call, &mut changed, &mut batch, Severity::Info, "rebuildEnvironment is starting.");
    batch.replace(&Environment::record_name(call.region, &changed.id), &found, &changed);
    Ok(Outcome { batch, body: Xml::query() })
}
