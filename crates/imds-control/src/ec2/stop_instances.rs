//! `StopInstances`

use imds_core::lifecycle::State;

use super::transition;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let (batch, body) = transition::enter(call, params, State::Stopping, |machine| {
        if machine.state.is_terminated() {
            Err(transition::no_way(machine, "stopped"))
        } else if machine.is_stop_disabled {
            Err(transition::protected(machine, "stopped", "disableApiStop"))
        } else {
            Ok(())
        }
    })?;
    Ok(Outcome { batch, body })
}
