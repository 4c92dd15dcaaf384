//! `RebootInstances`: nothing that the metadata service tells changes by it.

use imds_store::record::Batch;

use super::transition;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    for found in call.machines(&transition::named(params)?)? {
        if !found.record.state.is_running() {
            // The code is EC2's, the words are [assumed].
            return Err(transition::no_way(&found.record, "rebooted"));
        }
    }
    Ok(Outcome::done(Batch::default()))
}
