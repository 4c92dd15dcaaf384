//! How many instances an environment has, and what follows from that for its health.

use imds_core::environment::Health;
use imds_store::record::Environment;
use imds_store::record::environment::Settings;

use crate::elasticbeanstalk::option;
use crate::elasticbeanstalk::platform::Platform;
use crate::query::Error;

/// Instances that one environment has at most, as many as one call launches.
const MOST: u32 = 1_000;

/// How many instances an environment is to have.
///
/// # Errors
/// When it is too many, or the solution stack is none.
pub(super) fn count(solution_stack: &str, settings: &Settings) -> Result<u32, Error> {
    if option::is_single(settings) {
        return Ok(1);
    }
    let least = option::value(&platform(solution_stack)?, settings, "aws:autoscaling:asg", "MinSize");
    let least = least.and_then(|least| least.parse().ok()).unwrap_or(1).max(1);
    if least > MOST {
        // The code is EC2's, the words are [assumed].
        return Err(Error::new(
            "InstanceLimitExceeded",
            format!("An environment has {MOST} instances at most; {least} were to be launched"),
        ));
    }
    Ok(least)
}

/// What the number of its instances makes of an environment's health.
///
/// # Errors
/// As of [`count`].
pub(super) fn health(environment: &Environment) -> Result<Health, Error> {
    // One that could not be launched may ask for what there cannot be.
    if environment.instances.is_empty() {
        return Ok(Health::Red);
    }
    let count = count(&environment.solution_stack, &environment.settings)?;
    Ok(if environment.instances.len() < count as usize { Health::Yellow } else { Health::Green })
}

/// The platform of a solution stack that was one when it was kept.
pub(super) fn platform(solution_stack: &str) -> Result<Platform, Error> {
    Platform::by_stack(solution_stack).map_err(|error| {
        tracing::error!(%error, "an environment in the store is damaged");
        Error::internal()
    })
}
