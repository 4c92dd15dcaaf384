//! What happened: events of environments and applications, which clients follow by the id of the request that they follow
//! from (docs/elastic-beanstalk.md).

use imds_core::Timestamp;
use imds_core::environment::Severity;
use imds_store::record::{Batch, Environment, EnvironmentEvent};

use crate::call::{Call, random_hex};
use crate::query::Error;

/// Adds an event of an environment, which follows from this call. No two of one environment are at the same millisecond:
/// who has read one asks for those from the next millisecond on.
///
/// The environment is to be committed with the batch: it remembers the time.
pub(crate) fn tell(
    call: &Call<'_>,
    environment: &mut Environment,
    batch: &mut Batch,
    severity: Severity,
    message: impl Into<String>,
) {
    let last = environment.last_event.as_millisecond();
    let at = milliseconds(call.now.as_millisecond().max(last + 1));
    environment.last_event = at;
    let event = EnvironmentEvent {
        at,
        application: environment.application.clone(),
        environment: Some((environment.name.clone(), environment.id.clone())),
        version: environment.version.clone(),
        solution_stack: Some(environment.solution_stack.clone()),
        severity: severity.to_string(),
        message: message.into(),
        request_id: request_id(call),
    };
    batch.create(&EnvironmentEvent::record_name(&environment.region, at, &environment.id), &event);
}

/// Adds an event that concerns an application alone.
pub(crate) fn tell_of_application(
    call: &Call<'_>,
    application: &str,
    batch: &mut Batch,
    severity: Severity,
    message: impl Into<String>,
) -> Result<(), Error> {
    let at = milliseconds(call.now.as_millisecond());
    let event = EnvironmentEvent {
        at,
        application: application.to_owned(),
        environment: None,
        version: None,
        solution_stack: None,
        severity: severity.to_string(),
        message: message.into(),
        request_id: request_id(call),
    };
    batch.create(&EnvironmentEvent::record_name(call.region, at, &random_hex()?), &event);
    Ok(())
}

/// What happens by itself follows from no request.
fn request_id(call: &Call<'_>) -> Option<String> {
    Some(call.request_id).filter(|id| !id.is_empty()).map(str::to_owned)
}

/// A time without what is less than a millisecond: none is told.
fn milliseconds(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}
