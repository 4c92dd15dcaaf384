//! `StartInstances`

use imds_core::lifecycle::State;

use super::transition;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let (batch, body) = transition::enter(call, params, State::Pending, |machine| {
        if machine.state.is_terminated() { Err(transition::no_way(machine, "started")) } else { Ok(()) }
    })?;
    Ok(Outcome { batch, body })
}
