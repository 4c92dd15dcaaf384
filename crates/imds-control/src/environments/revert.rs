//! What failed or was aborted is taken back.

use imds_core::environment::{Severity, Status};
use imds_store::record::environment::Phase;

use super::fleet::{self, PROFILE};
use super::heal;
use super::step::Step;
use crate::elasticbeanstalk::terminate_environment::undone;
use crate::query::Error;

/// It failed, and why: nothing of the step that failed was done.
pub(super) fn fail(step: &mut Step<'_>, why: &Error) -> Result<(), Error> {
    let group = &step.environment.group;
    let verb = if step.environment.is_unlaunched { "Creating" } else { "Updating" };
    let message = match why.code == PROFILE {
        true => why.message.clone(),
        // The form of the sentence is CloudFormation's.
        false => format!("{verb} Auto Scaling group named: {group} failed Reason: {}", why.message),
    };
    step.tell(Severity::Error, message);
    step.work()?.phase = Phase::Failed;
    step.wait()
}

/// What was launched is terminated, and what was deployed stays. Where some of that was lost meanwhile, it is launched
/// again first and gets its time, so that at every moment something answers.
pub(super) fn take_back(step: &mut Step<'_>) -> Result<(), Error> {
    let work = step.work()?.clone();
    if !step.environment.is_unlaunched {
        let mut restored = step.anew();
        match heal::restore(&mut restored) {
            Ok(true) => {
                *step = restored;
                return step.wait();
            }
            Ok(false) => {}
            Err(error) if error.status.is_server_error() => return Err(error),
            // It cannot be had: it is tried again, and what nobody wants any more does not stay for that.
            Err(why) => heal::give_up_now(step, &why)?,
        }
    }
    step.terminate(&work.launched)?;
    if work.template_version != 0 && work.template_version != step.environment.template_version {
        fleet::take_back(step, work.template_version)?;
    }
    step.point()?;
    // That one that was never launched is left so, to be updated, rebuilt or terminated, is [assumed].
    step.settle(Status::Ready)?;
    for (severity, message) in undone(work.task) {
        step.tell(*severity, *message);
    }
    Ok(())
}
