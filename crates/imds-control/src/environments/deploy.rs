//! Creating, updating and rebuilding: what is new is launched first, and takes over with a later step, so that at every
//! moment something answers.

use imds_core::environment::Status;
use imds_store::record::Environment;
use imds_store::record::environment::{Phase, Task, Work};

use super::fleet::{self, Source};
use super::size::{self, platform};
use super::step::Step;
use crate::elasticbeanstalk::option;
use crate::query::Error;

/// What was asked for is begun: what it takes is launched.
pub(super) fn prepare(step: &mut Step<'_>) -> Result<(), Error> {
    let work = step.work()?.clone();
    if work.task == Task::Rebuild && !step.environment.is_unlaunched {
        return clear(step);
    }
    announce(step, &work);
    let count = size::count(&work.solution_stack, &work.settings)?;
    let mut launched = Vec::new();
    let mut version = 0;
    if is_replaced(&step.environment, &work)? {
        let source = Source::new(step, &work.solution_stack, &work.settings)?;
        version = source.version;
        launched = source.launch(step, count)?;
    } else {
        let running = step.running(&step.environment.instances)?;
        let missing = count.saturating_sub(number(&running));
        if missing > 0 {
            launched = kept_or_new(step)?.launch(step, missing)?;
        }
    }
    if !launched.is_empty() {
        step.say("Waiting for EC2 instances to launch. This may take a few minutes.");
    }
    let work = step.work()?;
    work.launched = launched;
    work.template_version = version;
    work.phase = Phase::Prepared;
    step.wait()
}

/// What was launched has had its time: it takes over, and what it replaces is terminated. Where some of it was lost
/// meanwhile, more is launched and gets its time.
pub(super) fn finish(step: &mut Step<'_>) -> Result<(), Error> {
    let work = step.work()?.clone();
    let is_replaced = work.template_version != 0;
    let before = step.environment.instances.clone();
    let all: Vec<_> = before.iter().chain(&work.launched).cloned().collect();
    let mut running = step.running(if is_replaced { &work.launched } else { &all })?;
    let count = size::count(&work.solution_stack, &work.settings)?;
    let missing = count.saturating_sub(number(&running));
    if missing > 0 {
        let lost: Vec<_> = work.launched.iter().filter(|id| !running.contains(id)).cloned().collect();
        step.terminate(&lost)?;
        let source = if is_replaced { Source::prepared(step, &work)? } else { kept_or_new(step)? };
        let more = source.launch(step, missing)?;
        let launched = &mut step.work()?.launched;
        launched.retain(|id| !lost.contains(id));
        launched.extend(more);
        return step.wait();
    }
    // Of those that are too many the oldest go, as in an Auto Scaling group.
    let kept = running.split_off(running.len() - count as usize);
    let gone: Vec<_> = all.into_iter().filter(|id| !kept.contains(id)).collect();
    step.terminate(&gone)?;
    tell_change(step, &before, &kept);
    step.environment.instances = kept;
    if is_replaced {
        fleet::replace_version(step, work.template_version)?;
    }
    let environment = &mut step.environment;
    environment.is_unlaunched = false;
    let changed = changed(environment, &work);
    environment.settings = work.settings;
    environment.solution_stack = work.solution_stack;
    environment.version = work.version;
    if let Some(description) = work.description {
        environment.description = description;
    }
    step.point()?;
    step.settle(Status::Ready)?;
    conclude(step, work.task, changed);
    Ok(())
}

/// Everything of an environment that is rebuilt goes before it comes anew.
fn clear(step: &mut Step<'_>) -> Result<(), Error> {
    let gone = std::mem::take(&mut step.environment.instances);
    step.terminate(&gone)?;
    fleet::delete_template(step)?;
    step.environment.endpoint = None;
    step.environment.is_unlaunched = true;
    if !gone.is_empty() {
        step.say("Waiting for EC2 instances to terminate. This may take a few minutes.");
        tell_change(step, &gone, &[]);
    }
    step.wait()
}

/// Do the instances have to be others?
fn is_replaced(environment: &Environment, work: &Work) -> Result<bool, Error> {
    let stack = &environment.solution_stack;
    let severity = option::severity(&platform(stack)?, &environment.settings, &work.settings);
    Ok(environment.is_unlaunched
        || *stack != work.solution_stack
        || severity == Some(option::Severity::RestartEnvironment))
}

/// What instances are launched from while nothing of that changes. Where the owner has deleted it, it is made anew.
pub(super) fn kept_or_new(step: &mut Step<'_>) -> Result<Source, Error> {
    if let Some(source) = Source::kept(step)? {
        return Ok(source);
    }
    let (stack, settings) = (step.environment.solution_stack.clone(), step.environment.settings.clone());
    let source = Source::new(step, &stack, &settings)?;
    step.environment.template_version = source.version;
    Ok(source)
}

/// What differs from what is deployed.
#[derive(Clone, Copy)]
struct Changed {
    settings: bool,
    version: bool,
}

fn changed(environment: &Environment, work: &Work) -> Changed {
    let settings = environment.settings != work.settings || environment.solution_stack != work.solution_stack;
    Changed { settings, version: environment.version != work.version }
}

fn announce(step: &mut Step<'_>, work: &Work) {
    match work.task {
        Task::Create | Task::Rebuild => {
            let (group, security_group) =
                (step.environment.group.clone(), fleet::security_group(&step.environment));
            step.say(format!("Created security group named: {security_group}"));
            step.say(format!("Created Auto Scaling group named: {group}"));
        }
        Task::Update => {
            let changed = changed(&step.environment, work);
            if changed.settings {
                let name = &step.environment.name;
                step.say(format!("Updating environment {name}'s configuration settings."));
            }
            if changed.version {
                step.say("Deploying new version to instance(s).");
            }
        }
        Task::Abort | Task::Restart | Task::Terminate => {}
    }
}

/// Tells which instances came and which went.
pub(super) fn tell_change(step: &mut Step<'_>, before: &[String], after: &[String]) {
    let told = |ids: Vec<&str>| match ids.len() {
        1 => format!("instance [{}]", ids[0]),
        _ => format!("instances [{}]", ids.join(", ")),
    };
    let less = |all: &[String], but: &[String]| -> Option<String> {
        let ids: Vec<_> = all.iter().filter(|id| !but.contains(id)).map(String::as_str).collect();
        Some(ids).filter(|ids| !ids.is_empty()).map(told)
    };
    if let Some(added) = less(after, before) {
        step.say(format!("Added {added} to your environment."));
    }
    if let Some(removed) = less(before, after) {
        step.say(format!("Removed {removed} from your environment."));
    }
}

fn conclude(step: &mut Step<'_>, task: Task, changed: Changed) {
    match task {
        Task::Create => tell_launch(step),
        Task::Update => {
            if changed.settings {
                step.say("Successfully deployed new configuration to environment.");
            }
            if changed.version {
                step.say("New application version was deployed to running EC2 instances.");
            }
            step.say("Environment update completed successfully.");
        }
        Task::Rebuild => {
            // The words are [assumed]. `eb` waits for those after it.
            step.say("rebuildEnvironment completed successfully.");
            tell_launch(step);
        }
        Task::Abort | Task::Restart | Task::Terminate => {}
    }
}

fn tell_launch(step: &mut Step<'_>) {
    let name = &step.environment.name;
    step.say(format!("Successfully launched environment: {name}"));
}

pub(super) fn number(ids: &[String]) -> u32 {
    u32::try_from(ids.len()).unwrap_or(u32::MAX)
}
