//! Terminating: first the instances, then what is left.

use imds_core::environment::{Severity, Status};
use imds_store::record::environment::Phase;
use imds_store::record::{self, EnvironmentCname, EnvironmentName};

use super::fleet;
use super::step::Step;
use crate::call::Call;
use crate::elasticbeanstalk::terminate_environment::COMPLETED;
use crate::elasticbeanstalk::{application, environment, event};
use crate::query::Error;

/// The instances are terminated, unless they are to outlive the environment.
pub(super) fn begin(step: &mut Step<'_>) -> Result<(), Error> {
    if !step.work()?.keeps_resources {
        let all = step.environment.instances.clone();
        step.terminate(&all)?;
        step.say("Waiting for EC2 instances to terminate. This may take a few minutes.");
    }
    step.work()?.phase = Phase::Prepared;
    step.wait()
}

/// The rest goes, and the names are free.
pub(super) fn finish(step: &mut Step<'_>) -> Result<(), Error> {
    let work = step.work()?.clone();
    if !work.keeps_resources {
        // One that came back from the configuration file is terminated again.
        let all = std::mem::take(&mut step.environment.instances);
        step.terminate(&all)?;
        fleet::delete_template(step)?;
        let group = step.environment.group.clone();
        step.say(format!("Deleted Auto Scaling group named: {group}"));
        let group = fleet::security_group(&step.environment);
        step.say(format!("Deleted security group named: {group}"));
    }
    free_names(step)?;
    step.environment.endpoint = None;
    step.settle(Status::Terminated)?;
    step.say(COMPLETED);
    for request_id in &work.followers {
        let call = Call { request_id, ..*step.call };
        event::tell(&call, &mut step.environment, &mut step.batch, Severity::Info, COMPLETED);
    }
    application::finish_deletion(step.call, &step.environment, &mut step.batch)
}

fn free_names(step: &mut Step<'_>) -> Result<(), Error> {
    let (store, id) = (step.call.store, &step.environment.id);
    let name = environment::name_key(step.call, &step.environment.name);
    if let Some(found) = record::get::<EnvironmentName>(store, &name)?.filter(|found| found.record.id == *id)
    {
        step.batch.remove(&name, &found);
    }
    let name = environment::cname_key(step.call, &step.environment.cname_prefix);
    if let Some(found) = record::get::<EnvironmentCname>(store, &name)?.filter(|found| found.record.id == *id)
    {
        step.batch.remove(&name, &found);
    }
    Ok(())
}
