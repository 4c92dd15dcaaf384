//! One step: the environment as it was found, as it is to be, and what is committed with it.

use imds_core::environment::{Health, Severity, Status};
use imds_core::{Machine, Timestamp};
use imds_store::record::environment::Work;
use imds_store::record::{self, Batch, Environment, Found};

use super::size;
use crate::call::Call;
use crate::ec2::transition;
use crate::elasticbeanstalk::{environment, event};
use crate::query::Error;

/// A step that is being decided.
pub(super) struct Step<'a> {
    /// What the step knows.
    pub(super) call: &'a Call<'a>,
    found: &'a Found<Environment>,
    /// The environment as it is to be.
    pub(super) environment: Environment,
    /// What is changed besides it.
    pub(super) batch: Batch,
    /// What was launched by this step.
    pub(super) launched: Vec<Machine>,
}

/// An instance of an environment.
pub(super) enum Member {
    /// It runs.
    Running(Found<Machine>),
    /// It does not; it may be started again by its owner, but is not waited for.
    Stopped(Found<Machine>),
    /// It is terminated, or was so long ago that it is not kept any more: since when.
    Gone(Option<Timestamp>),
}

impl<'a> Step<'a> {
    /// Nothing is decided yet.
    pub(super) fn new(call: &'a Call<'a>, found: &'a Found<Environment>) -> Self {
        let environment = found.record.clone();
        Self { call, found, environment, batch: Batch::default(), launched: Vec::new() }
    }

    /// What is being done.
    pub(super) fn work(&mut self) -> Result<&mut Work, Error> {
        self.environment.work.as_mut().ok_or_else(Error::internal)
    }

    /// The next step is due when this one has had its time.
    pub(super) fn wait(&mut self) -> Result<(), Error> {
        let due = environment::later(self.call);
        self.work()?.due = due;
        Ok(())
    }

    /// Adds an event.
    pub(super) fn tell(&mut self, severity: Severity, message: impl Into<String>) {
        event::tell(self.call, &mut self.environment, &mut self.batch, severity, message);
    }

    /// Adds an event that is no more than what happened.
    pub(super) fn say(&mut self, message: impl Into<String>) {
        self.tell(Severity::Info, message);
    }

    /// The same step, with nothing decided.
    pub(super) fn anew(&self) -> Self {
        Self::new(self.call, self.found)
    }

    /// Nothing is being done any longer.
    pub(super) fn settle(&mut self, status: Status) -> Result<(), Error> {
        let health = match status {
            Status::Terminated => Health::Grey,
            Status::Launching | Status::Updating | Status::Aborting | Status::Ready | Status::Terminating => {
                size::health(&self.environment)?
            }
        };
        self.environment.work = None;
        self.environment.status = status.to_string();
        self.environment.health = health.to_string();
        self.environment.updated = self.call.now;
        Ok(())
    }

    /// How one of the instances is.
    pub(super) fn member(&self, id: &str) -> Result<Member, Error> {
        let found = record::get::<Machine>(self.call.store, id)?;
        Ok(match found {
            Some(found) if found.record.state.is_running() => Member::Running(found),
            Some(found) if found.record.state.is_terminated() => Member::Gone(Some(found.record.state_since)),
            Some(found) => Member::Stopped(found),
            None => Member::Gone(None),
        })
    }

    /// Those of these instances that run.
    pub(super) fn running(&self, ids: &[String]) -> Result<Vec<String>, Error> {
        let mut running = Vec::new();
        for id in ids {
            if let Member::Running(_) = self.member(id)? {
                running.push(id.clone());
            }
        }
        Ok(running)
    }

    /// Terminates instances, wherever they are.
    pub(super) fn terminate(&mut self, ids: &[String]) -> Result<(), Error> {
        for id in ids {
            match self.member(id)? {
                Member::Running(found) | Member::Stopped(found) => {
                    transition::terminate(self.call, &found, &mut self.batch)?;
                }
                Member::Gone(_) => {}
            }
        }
        Ok(())
    }

    /// Tells where the environment is reached: at its first instance.
    pub(super) fn point(&mut self) -> Result<(), Error> {
        let first = self.environment.instances.first();
        let new =
            self.launched.iter().find(|machine| Some(machine.instance.id.as_str()) == first.map(|id| &**id));
        let machine = match (new, first) {
            (Some(machine), _) => Some(machine.clone()),
            (None, Some(id)) => record::get::<Machine>(self.call.store, id)?.map(|found| found.record),
            (None, None) => None,
        };
        let address = machine.and_then(|machine| machine.instance.local_ipv4());
        self.environment.endpoint = address.map(|address| address.to_string());
        Ok(())
    }

    /// What is to be committed.
    pub(super) fn batch(mut self) -> Batch {
        let name = Environment::record_name(&self.environment.region, &self.environment.id);
        self.batch.replace(&name, self.found, &self.environment);
        self.batch
    }
}
