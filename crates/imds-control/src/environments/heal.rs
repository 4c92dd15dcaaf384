//! What an Auto Scaling group does by itself: an instance that was terminated or stopped is replaced.

use imds_core::Timestamp;
use imds_core::environment::{Health, Severity, Status};
use imds_store::record::Environment;

use super::deploy::{kept_or_new, number, tell_change};
use super::size;
use super::step::{Member, Step};
use crate::call::Call;
use crate::elasticbeanstalk::environment::{after, is_due};
use crate::query::Error;

/// When something is to be replaced, if anything is.
pub(super) fn due(step: &Step<'_>) -> Result<Option<Timestamp>, Error> {
    let environment = &step.environment;
    if environment.status != Status::Ready.as_str() {
        return Ok(None);
    }
    let mut due = lack(environment)?.then_some(step.call.now);
    for id in &environment.instances {
        let lost = lost(step, id)?;
        due = due.into_iter().chain(lost).min();
    }
    Ok(due)
}

/// Replaces what is lost. What cannot be replaced is told, once, and tried again with the next look.
pub(super) fn replace(step: &mut Step<'_>) -> Result<(), Error> {
    let before = remove(step, is_due)?;
    launch_missing(step)?;
    let after = step.environment.instances.clone();
    tell_change(step, &before, &after);
    step.environment.health = size::health(&step.environment)?.to_string();
    step.point()
}

/// In the midst of something else: removes what does not run, and replaces it with what is deployed. False if there is
/// nothing to be done.
pub(super) fn restore(step: &mut Step<'_>) -> Result<bool, Error> {
    let before = remove(step, |_, _| true)?;
    launch_missing(step)?;
    let after = step.environment.instances.clone();
    tell_change(step, &before, &after);
    step.point()?;
    Ok(before != after)
}

/// Launches as many as are missing.
fn launch_missing(step: &mut Step<'_>) -> Result<(), Error> {
    let environment = &step.environment;
    let count = size::count(&environment.solution_stack, &environment.settings)?;
    let missing = count.saturating_sub(number(&environment.instances));
    if missing > 0 {
        let launched = kept_or_new(step)?.launch(step, missing)?;
        step.environment.instances.extend(launched);
    }
    Ok(())
}

/// There is nothing to replace it with: it is removed, and why is told. False if that was told before.
pub(super) fn give_up(step: &mut Step<'_>, why: &Error) -> Result<bool, Error> {
    let before = remove(step, is_due)?;
    let after = step.environment.instances.clone();
    if before == after && step.environment.health != Health::Green.as_str() {
        return Ok(false);
    }
    tell_loss(step, &before, why);
    step.environment.health = size::health(&step.environment)?.to_string();
    step.point()?;
    Ok(true)
}

/// The same in the midst of something else.
pub(super) fn give_up_now(step: &mut Step<'_>, why: &Error) -> Result<(), Error> {
    let before = remove(step, |_, _| true)?;
    // What was missing before was told before.
    if before != step.environment.instances {
        tell_loss(step, &before, why);
    }
    step.point()
}

fn tell_loss(step: &mut Step<'_>, before: &[String], why: &Error) {
    let after = step.environment.instances.clone();
    tell_change(step, before, &after);
    // The words are [assumed].
    step.tell(Severity::Error, format!("Launching a replacement instance failed. Reason: {}", why.message));
}

/// Removes what is lost and has had its time, and says what there was before.
fn remove(
    step: &mut Step<'_>,
    has_had_its_time: impl Fn(&Call<'_>, Timestamp) -> bool,
) -> Result<Vec<String>, Error> {
    let before = step.environment.instances.clone();
    let mut lost_now = Vec::new();
    for id in &before {
        if lost(step, id)?.is_some_and(|due| has_had_its_time(step.call, due)) {
            lost_now.push(id.clone());
        }
    }
    step.terminate(&lost_now)?;
    step.environment.instances.retain(|id| !lost_now.contains(id));
    Ok(before)
}

/// When an instance that does not run is to be replaced: one that was stopped by mistake can be started in time.
fn lost(step: &Step<'_>, id: &str) -> Result<Option<Timestamp>, Error> {
    let call = step.call;
    Ok(match step.member(id)? {
        Member::Running(_) => None,
        Member::Stopped(found) => Some(after(call, found.record.state_since)),
        Member::Gone(Some(since)) => Some(after(call, since)),
        Member::Gone(None) => Some(call.now),
    })
}

/// Are there fewer than there should be? One whose launch has failed is left so.
fn lack(environment: &Environment) -> Result<bool, Error> {
    if environment.is_unlaunched {
        return Ok(false);
    }
    let count = size::count(&environment.solution_stack, &environment.settings)?;
    Ok(environment.instances.len() < count as usize)
}
