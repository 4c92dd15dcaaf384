//! `SwapEnvironmentCNAMEs`: each of two environments gets the host name of the other, at once.

use imds_core::environment::Severity;
use imds_store::record::{self, Batch, Environment, EnvironmentCname};

use super::{environment, event};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = |whose: &str| {
        let text = |what: &str| params.text(&format!("{whose}Environment{what}"));
        environment::by(call, text("Id"), text("Name"))
    };
    let found = [found("Source")?, found("Destination")?];
    let [mut source, mut destination] = found.each_ref().map(|found| found.record.clone());
    if source.id == destination.id {
        // The words are [assumed].
        return Err(Error::invalid_value("The source and destination environments must be different."));
    }
    for environment in [&source, &destination] {
        environment::ready(environment)?;
        if environment.cname_prefix.is_empty() {
            // The words are [assumed].
            let why = format!("Environment {} has no CNAME to swap.", environment.name);
            return Err(Error::invalid_value(why));
        }
    }
    std::mem::swap(&mut source.cname_prefix, &mut destination.cname_prefix);
    let done =
        format!("Completed swapping CNAMEs for environments '{}' and '{}'.", source.name, destination.name);
    let mut batch = Batch::default();
    for (found, mut changed) in found.iter().zip([source, destination]) {
        let key = environment::cname_key(call, &changed.cname_prefix);
        let held = record::get::<EnvironmentCname>(call.store, &key)?.ok_or_else(Error::internal)?;
        batch.replace(&key, &held, &EnvironmentCname { id: changed.id.clone() });
        changed.updated = call.now;
        // Who follows the call looks for what is later than its first event.
        let begin = "swapEnvironmentCNAMEs is starting.";
        event::tell(call, &mut changed, &mut batch, Severity::Info, begin);
        event::tell(call, &mut changed, &mut batch, Severity::Info, &done);
        batch.replace(&Environment::record_name(call.region, &changed.id), found, &changed);
    }
    Ok(Outcome { batch, body: Xml::query() })
}
