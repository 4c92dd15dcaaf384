//! `RunInstances` (docs/control-api.md).

use imds_core::Machine;
use imds_store::record::Batch;

use super::claim;
use super::instance::{self, Moment};
use super::launch::Plan;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const ACTION: &str = "RunInstances";

/// Instances that one call launches at most.
const MOST: u32 = 1_000;

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    if let Some(ids) = claim::made(call, params, ACTION)? {
        return again(call, &ids);
    }
    let (least, most) = counts(params)?;
    let mut batch = Batch::default();
    // What the plan reads after this must still be so when it is done: enforcement has no gap.
    batch.expect(call.region, call.defaults()?.as_ref());
    let plan = Plan::of(call, params)?;
    if plan.address().is_some() && most > 1 {
        // The code is EC2's, the words are [assumed].
        return Err(Error::new(
            "InvalidParameterCombination",
            "A private IP address can be specified only when one instance is launched",
        ));
    }
    let machines = plan.launch(call, least, most, &mut batch)?;
    let ids = machines.iter().map(|machine| machine.instance.id.to_string()).collect();
    claim::keep(call, params, ACTION, ids, &mut batch)?;
    Ok(Outcome { batch, body: told(&machines, Moment::Launch) })
}

/// The answer of a call that was answered before.
fn again(call: &Call<'_>, ids: &[String]) -> Result<Outcome, Error> {
    let mut machines = Vec::new();
    for id in ids {
        match call.machine(id) {
            Ok(found) => machines.push(found.record),
            // It was terminated so long ago that it is not shown any more.
            Err(error) if error.code == "InvalidInstanceID.NotFound" => {}
            Err(error) => return Err(error),
        }
    }
    if machines.iter().all(|machine| machine.state.is_terminated()) {
        // The code is EC2's, the words are [assumed].
        return Err(Error::new(
            "IdempotentInstanceTerminated",
            "The instance that was launched with this client token has been terminated",
        ));
    }
    Ok(Outcome::told(told(&machines, Moment::Later)))
}

fn told(machines: &[Machine], moment: Moment) -> Xml {
    let mut xml = Xml::ec2();
    instance::write_reservation(&mut xml, &machines.iter().collect::<Vec<_>>(), moment);
    xml
}

/// `MinCount` and `MaxCount`. The words are [assumed] but for the codes.
fn counts(params: &Params) -> Result<(u32, u32), Error> {
    let count = |name: &str, parameter: &str| {
        let text = params.need(name)?;
        text.parse::<u32>().ok().filter(|count| *count > 0).ok_or_else(|| {
            Error::invalid_value(format!(
                "Value ({text}) for parameter {parameter} is invalid. It must be at least 1."
            ))
        })
    };
    let (least, most) = (count("MinCount", "minCount")?, count("MaxCount", "maxCount")?);
    if least > most {
        return Err(Error::invalid_value(format!(
            "Value ({most}) for parameter maxCount is invalid. It must be at least that of minCount ({least})."
        )));
    }
    if least > MOST {
        return Err(Error::new(
            "InstanceLimitExceeded",
            format!("You have requested more instances ({least}) than one call launches ({MOST})"),
        ));
    }
    Ok((least, most.min(MOST)))
}

#[cfg(test)]
mod tests;
