//! `TerminateInstances`: the addresses are free at once; the instances are shown for a while ([`crate::retention`]).

use imds_core::lifecycle::State;

use super::transition;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    // All or none; EC2 goes by availability zone.
    let (batch, body) = transition::enter(call, params, State::ShuttingDown, |machine| {
        if machine.is_termination_disabled {
            Err(transition::protected(machine, "terminated", "disableApiTermination"))
        } else {
            Ok(())
        }
    })?;
    Ok(Outcome { batch, body })
}
