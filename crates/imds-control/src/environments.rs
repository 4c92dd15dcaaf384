//! What is done to environments after the call that asked for it: step by step, each step one commit.

mod deploy;
mod fleet;
mod heal;
mod revert;
mod step;
mod tags;
mod terminate;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::http::StatusCode;
use imds_core::Timestamp;
use imds_core::environment::{Health, Status};
use imds_store::record::environment::{Phase, Task};
use imds_store::record::{self, Batch, Caller, Environment, Found, Record as _};
use imds_store::{Error, Store};

use crate::authz::{Authority, Identity};
use crate::call::Call;
use crate::commit;
use crate::elasticbeanstalk::environment;
use crate::post::ACCOUNT;
use crate::query;
pub(crate) use fleet::own_tags;
use step::Step;
pub(crate) use tags::retag;

/// How long what cannot be done is left alone.
const AGAIN: Duration = Duration::from_secs(60);
/// How long what others prevent is left alone.
const SOON: Duration = Duration::from_secs(1);

/// Steps of one environment at one time, before the others are looked at.
const STEPS: u32 = 8;

/// What the steps need to know of the service.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The default VPC's block: network address and prefix length.
    pub vpc: (Ipv4Addr, u8),
    /// How long each step takes; more than nothing.
    pub delay: Duration,
    /// Whose keys are taken.
    pub authority: &'a Authority,
}

/// Does every step that is due at `now`, and says when the next one is; `None` while nothing is being done. It is to be
/// called at the start, at that time, and when an environment or a machine has changed.
///
/// What is wrong with one environment is logged, and does not stop the others.
///
/// # Errors
/// When the store cannot be read. What was done is kept; the rest is left for the next call.
pub fn advance(
    store: &dyn Store,
    surroundings: Surroundings<'_>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let mut next: Option<Timestamp> = None;
    for (key, _) in store.list(&format!("{}/", Environment::KIND))? {
        let name = &key[Environment::KIND.len() + 1..];
        let due = steps(store, surroundings, now, name).unwrap_or_else(|error| {
            tracing::error!(%error, environment = name, "an environment cannot be worked on; it is tried again");
            // Others are faster again and again, or it is damaged.
            let is_busy = error.status == StatusCode::SERVICE_UNAVAILABLE;
            now.checked_add(if is_busy { SOON } else { AGAIN }).ok()
        });
        next = next.into_iter().chain(due).min();
    }
    Ok(next)
}

/// Does what is due of one environment: when the next step is.
fn steps(
    store: &dyn Store,
    surroundings: Surroundings<'_>,
    now: Timestamp,
    name: &str,
) -> Result<Option<Timestamp>, query::Error> {
    let mut next = None;
    for _ in 0..STEPS {
        (next, _) = commit::decided(store, || decide(store, surroundings, now, name))?;
        if next.is_none_or(|due| due > now) {
            break;
        }
    }
    Ok(next)
}

/// What is due of one environment, and when it is to be looked at next: at once, after something was done.
fn decide(
    store: &dyn Store,
    surroundings: Surroundings<'_>,
    now: Timestamp,
    name: &str,
) -> Result<(Batch, Option<Timestamp>), query::Error> {
    let Some(found) = record::get::<Environment>(store, name)? else {
        return Ok((Batch::default(), None));
    };
    let work = found.record.work.as_ref();
    let call = Call {
        store,
        region: &found.record.region,
        account: &ACCOUNT.parse().map_err(|_| query::Error::internal())?,
        now,
        caller: &Caller { access_key: None, address: "elasticbeanstalk".to_owned() },
        identity: &Identity::Root,
        request_id: work.map_or("", |work| &work.request_id),
        issuer: surroundings.authority.issuer(),
        environment_delay: surroundings.delay,
        vpc: surroundings.vpc,
    };
    let due = match work {
        Some(work) => Some(work.due),
        None => heal::due(&Step::new(&call, &found))?,
    };
    if !due.is_some_and(|due| environment::is_due(&call, due)) {
        return Ok((Batch::default(), due));
    }
    let mut step = Step::new(&call, &found);
    match act(&mut step) {
        Ok(()) => Ok((step.batch(), Some(now))),
        // What is our own fault is no answer to what was asked for.
        Err(error) if error.status.is_server_error() => Err(error),
        Err(error) => refused(&call, &found, error),
    }
}

fn act(step: &mut Step<'_>) -> Result<(), query::Error> {
    let Some(work) = &step.environment.work else { return heal::replace(step) };
    match (work.task, work.phase) {
        (Task::Create | Task::Update | Task::Rebuild, Phase::Begun) => deploy::prepare(step),
        (Task::Create | Task::Update | Task::Rebuild, Phase::Prepared) => deploy::finish(step),
        (Task::Create | Task::Update | Task::Rebuild, Phase::Failed) | (Task::Abort, _) => {
            revert::take_back(step)
        }
        (Task::Restart, _) => restart(step),
        (Task::Terminate, Phase::Begun) => terminate::begin(step),
        (Task::Terminate, Phase::Prepared | Phase::Failed) => terminate::finish(step),
    }
}

/// The application servers have been restarted: there is none here. The words are [assumed].
fn restart(step: &mut Step<'_>) -> Result<(), query::Error> {
    let health = if step.environment.instances.is_empty() { Health::Red } else { Health::Green };
    step.settle(Status::Ready, health);
    step.say("restartAppServer completed successfully.");
    Ok(())
}

/// A step cannot be done, and nothing of it was.
fn refused(
    call: &Call<'_>,
    found: &Found<Environment>,
    why: query::Error,
) -> Result<(Batch, Option<Timestamp>), query::Error> {
    let mut step = Step::new(call, found);
    match &found.record.work {
        None if heal::give_up(&mut step, &why)? => Ok((step.batch(), Some(call.now))),
        None => Ok((Batch::default(), call.now.checked_add(AGAIN).ok())),
        Some(work) if work.phase == Phase::Failed => Err(why),
        Some(_) => {
            revert::fail(&mut step, &why)?;
            Ok((step.batch(), Some(call.now)))
        }
    }
}
