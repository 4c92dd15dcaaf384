//! What failed or was aborted is taken back.

use imds_core::environment::{Health, Severity, Status};
use imds_store::record::environment::{Phase, Task};

use super::fleet::{self, PROFILE};
use super::step::Step;
use crate::query::Error;

/// It failed, and why: nothing of the step that failed was done.
pub(super) fn fail(step: &mut Step<'_>, why: &Error) -> Result<(), Error> {
    let group = &step.environment.group;
    let verb = match step.environment.template_version {
        0 => "Creating",
        _ => "Updating",
    };
    let message = match why.code == PROFILE {
        true => why.message.clone(),
        // The form of the sentence is CloudFormation's.
        false => format!("{verb} Auto Scaling group named: {group} failed Reason: {}", why.message),
    };
    step.tell(Severity::Error, message);
    step.work()?.phase = Phase::Failed;
    step.wait()
}

/// What was launched is terminated, and what was deployed stays.
pub(super) fn take_back(step: &mut Step<'_>) -> Result<(), Error> {
    let work = step.work()?.clone();
    step.terminate(&work.launched)?;
    if work.template_version != 0 {
        fleet::take_back(step, work.template_version)?;
    }
    step.point()?;
    // That one without instances is left so, to be updated, rebuilt or terminated, is [assumed].
    let health = if step.environment.instances.is_empty() { Health::Red } else { Health::Green };
    step.settle(Status::Ready, health);
    match work.task {
        Task::Create | Task::Rebuild => step.tell(Severity::Error, "Failed to launch environment."),
        Task::Update => {
            step.tell(Severity::Error, "Failed to deploy configuration.");
            step.say("The environment was reverted to the previous configuration setting.");
        }
        Task::Abort => step.say("The environment was reverted to the previous configuration setting."),
        Task::Restart | Task::Terminate => {}
    }
    Ok(())
}
