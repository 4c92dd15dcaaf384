//! What is done to environments after the call that asked for it: step by step, each step one commit.

mod agenda;
mod deploy;
mod fleet;
mod heal;
mod revert;
mod size;
mod step;
mod tags;
mod terminate;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use imds_core::Timestamp;
use imds_core::environment::Status;
use imds_store::record::environment::{Phase, Task};
use imds_store::record::{self, Batch, Caller, Environment, Found, Record as _};
use imds_store::{Error, Store};

use crate::authz::{Authority, Identity};
use crate::call::{ACCOUNT, Call};
use crate::commit;
use crate::elasticbeanstalk::environment;
use crate::query;
pub use agenda::Agenda;
use agenda::{Look, Next};
pub(crate) use fleet::{instance_type_of, own_tags};
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

/// Does every step that is due at `now`, and every one that follows from what the agenda has heard. It is to be called at
/// the start, at [`Agenda::next`], and when the agenda has heard of something to look at.
///
/// What is wrong with one environment is logged, and does not stop the others.
///
/// # Errors
/// When the store cannot be read. What was done is kept; the rest is left for the next call.
pub fn proceed(
    agenda: &mut Agenda,
    store: &dyn Store,
    surroundings: Surroundings<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    if agenda.begin(now) {
        let all = store.list(&format!("{}/", Environment::KIND))?;
        agenda.all(all.iter().map(|(key, _)| Arc::from(&key[Environment::KIND.len() + 1..])), now);
    }
    for name in agenda.due(now) {
        match whole(|| steps(store, surroundings, now, &name)) {
            Ok(Some(look)) => agenda.looked(&name, look),
            Ok(None) => agenda.forget(&name),
            Err(error) => {
                tracing::error!(%error, environment = &*name, "an environment cannot be worked on; it is tried again");
                // Others are faster again and again, or it is damaged.
                let is_busy = error.status == StatusCode::SERVICE_UNAVAILABLE;
                let wait = if is_busy { SOON } else { AGAIN };
                agenda.put_off(&name, now.checked_add(wait).unwrap_or(Timestamp::MAX));
            }
        }
    }
    Ok(())
}

/// Does every step that is due at `now` with nothing in mind, and says when the next one is; `None` while nothing is being
/// done.
#[cfg(test)]
fn advance(
    store: &dyn Store,
    surroundings: Surroundings<'_>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let mut agenda = Agenda::default();
    proceed(&mut agenda, store, surroundings, now)?;
    Ok(agenda.first())
}

/// A step that ends in a panic, which is our own fault, has not committed: it is an error like others. The panic itself is
/// told by its hook.
fn whole<T>(step: impl FnOnce() -> Result<T, query::Error>) -> Result<T, query::Error> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| Err(query::Error::internal()))
}

/// Does what is due of one environment; `None` when there is no such environment.
fn steps(
    store: &dyn Store,
    surroundings: Surroundings<'_>,
    now: Timestamp,
    name: &str,
) -> Result<Option<Look>, query::Error> {
    let mut look = None;
    for _ in 0..STEPS {
        (look, _) = commit::decided(store, || decide(store, surroundings, now, name))?;
        if !look.as_ref().is_some_and(|look| look.next == Next::At(now)) {
            break;
        }
    }
    Ok(look)
}

/// What is due of one environment, and when it is to be looked at next: at once, after something was done.
fn decide(
    store: &dyn Store,
    surroundings: Surroundings<'_>,
    now: Timestamp,
    name: &str,
) -> Result<(Batch, Option<Look>), query::Error> {
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
        issuer: &surroundings.authority.issuer(),
        environment_delay: surroundings.delay,
        vpc: surroundings.vpc,
    };
    let due = match work {
        Some(work) => Some(work.due),
        None => heal::due(&Step::new(&call, &found))?,
    };
    // What is done now changes them: it is looked at again.
    let look = |next| Some(Look { next, instances: found.record.instances.clone() });
    if !due.is_some_and(|due| environment::is_due(&call, due)) {
        return Ok((Batch::default(), look(due.map_or(Next::Changed, Next::At))));
    }
    let mut step = Step::new(&call, &found);
    match act(&mut step) {
        Ok(()) => Ok((step.batch(), look(Next::At(now)))),
        // What is our own fault is no answer to what was asked for.
        Err(error) if error.status.is_server_error() => Err(error),
        Err(error) => {
            let (batch, next) = refused(&call, &found, error)?;
            Ok((batch, look(next)))
        }
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
    step.settle(Status::Ready)?;
    step.say("restartAppServer completed successfully.");
    Ok(())
}

/// A step cannot be done, and nothing of it was.
fn refused(
    call: &Call<'_>,
    found: &Found<Environment>,
    why: query::Error,
) -> Result<(Batch, Next), query::Error> {
    let mut step = Step::new(call, found);
    match &found.record.work {
        None if heal::give_up(&mut step, &why)? => Ok((step.batch(), Next::At(call.now))),
        None => Ok((Batch::default(), Next::At(call.now.checked_add(AGAIN).unwrap_or(Timestamp::MAX)))),
        Some(work) if work.phase == Phase::Failed => Err(why),
        Some(_) => {
            revert::fail(&mut step, &why)?;
            Ok((step.batch(), Next::At(call.now)))
        }
    }
}
