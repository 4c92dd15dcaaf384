//! Waiting until a change of an environment is done, and telling each event as it comes.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use imds_core::environment::Status;

use super::super::json;
use super::description::{self, Description};
use super::event::{self, Event};
use super::show;
use crate::admin::{Admin, Form, Outcome};
use crate::app::{fail, print};
use crate::args::environment::Waiting;

/// How often it is asked: several times in each step of a service that was told nothing else.
const EVERY: Duration = Duration::from_millis(200);

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Create,
    Update,
    Terminate,
}

/// A change that was asked for.
pub(super) struct Change {
    task: Task,
    name: String,
    id: String,
    request_id: String,
}

/// How a change ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Done,
    /// Why it failed.
    Failed(String),
}

impl Change {
    /// What an action answered that makes a change.
    pub(super) fn of(task: Task, outcome: &Outcome) -> Self {
        let text = |name| outcome.result.text(name).unwrap_or_default().to_owned();
        Self {
            task,
            name: text("EnvironmentName"),
            id: text("EnvironmentId"),
            request_id: outcome.request_id.clone(),
        }
    }

    /// The environment's id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Waits for its end, unless that is not wanted, and tells of it.
    pub(super) fn finish(&self, admin: &Admin, waiting: &Waiting) -> anyhow::Result<ExitCode> {
        if !waiting.no_wait {
            let tell = |event: &Event| {
                if !waiting.json {
                    print(event.line().as_bytes());
                }
            };
            if let Some(why) = self.follow(admin, waiting.timeout.0, tell)? {
                return Ok(fail(why));
            }
        }
        if waiting.json {
            let environment = description::find(admin, &self.id)?;
            print(json(&show::Shown::of(admin, environment)?)?.as_bytes());
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Waits for its end: why it is not what was asked for, if it is not.
    fn follow(
        &self,
        admin: &Admin,
        patience: Duration,
        mut tell: impl FnMut(&Event),
    ) -> anyhow::Result<Option<String>> {
        let end = Instant::now() + patience;
        let mut told = Vec::new();
        loop {
            // The status first: what led to it is among the events then.
            let form = Form::default().list("EnvironmentIds.member", [&self.id]);
            let environment = description::describe(admin, &form)?.pop();
            for event in event::of_call(admin, &self.request_id)? {
                if !told.contains(&event) {
                    tell(&event);
                    told.push(event);
                }
            }
            match verdict(self.task, environment.as_ref(), &told) {
                Some(End::Done) => return Ok(None),
                Some(End::Failed(why)) => return Ok(Some(self.failure(&why))),
                None if Instant::now() >= end => {
                    let status = environment.map_or_else(|| "gone".to_owned(), |found| found.status);
                    return Ok(Some(self.silence(&status, patience)));
                }
                None => thread::sleep(EVERY.min(end.saturating_duration_since(Instant::now()))),
            }
        }
    }

    fn failure(&self, why: &str) -> String {
        let what = match self.task {
            Task::Create => "launched",
            Task::Update => "updated",
            Task::Terminate => "terminated",
        };
        let (name, why) = (&self.name, crate::admin::printable(why));
        let why = why.trim_end_matches('.');
        format!("{name} was not {what}: {why}; `imds environment show {name}` tells what it is now")
    }

    fn silence(&self, status: &str, patience: Duration) -> String {
        let name = &self.name;
        format!(
            "{name} is still {status} after {patience:?}, and it goes on; `imds environment show {name}` tells how far it \
             is, --timeout waits longer"
        )
    }
}

/// Has it ended, and how? One whose status is no word that is known is not waited for.
fn verdict(task: Task, environment: Option<&Description>, events: &[Event]) -> Option<End> {
    let status = match environment.map(|environment| environment.status.parse::<Status>()) {
        None => Status::Terminated,
        Some(Ok(status)) => status,
        Some(Err(error)) => return Some(End::Failed(error.to_string())),
    };
    let failure = || events.iter().find(|event| event.is_failure()).map(|event| event.message.clone());
    let failed = |why: &str| Some(End::Failed(failure().unwrap_or_else(|| why.to_owned())));
    match (task, status) {
        (_, Status::Launching | Status::Updating | Status::Aborting) => None,
        (Task::Terminate, Status::Terminating) => None,
        (Task::Terminate, Status::Terminated) => Some(End::Done),
        (Task::Terminate, Status::Ready) => failed("it is Ready again"),
        (Task::Create | Task::Update, Status::Ready) => Some(failure().map_or(End::Done, End::Failed)),
        (Task::Create | Task::Update, Status::Terminating | Status::Terminated) => {
            failed("it was terminated meanwhile")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::description::tests::two;
    use super::super::event::tests::event;
    use super::*;

    #[test]
    fn an_end_is_told_by_the_status_and_a_failure_by_an_event() {
        let (good, bad) = (event(1, "INFO", "x"), event(2, "ERROR", "no"));
        let failed = |why: &str| Some(End::Failed(why.to_owned()));
        for (task, status, is_bad, expected) in [
            (Task::Create, "Launching", false, None),
            (Task::Create, "Launching", true, None),
            (Task::Create, "Ready", false, Some(End::Done)),
            (Task::Create, "Ready", true, failed("no")),
            (Task::Create, "Terminated", true, failed("no")),
            (Task::Update, "Updating", true, None),
            (Task::Update, "Aborting", false, None),
            (Task::Update, "Ready", false, Some(End::Done)),
            (Task::Update, "Terminating", false, failed("it was terminated meanwhile")),
            (Task::Terminate, "Terminating", false, None),
            (Task::Terminate, "Terminated", false, Some(End::Done)),
            (Task::Terminate, "Ready", true, failed("no")),
        ] {
            let mut environment = two().remove(0);
            environment.status = status.to_owned();
            let events = if is_bad { vec![good.clone(), bad.clone()] } else { vec![good.clone()] };
            assert_eq!(verdict(task, Some(&environment), &events), expected, "{task:?} {status} {is_bad}");
        }
        let mut environment = two().remove(0);
        environment.status = "LinkingFrom".to_owned();
        assert!(matches!(verdict(Task::Create, Some(&environment), &[]), Some(End::Failed(_))));
        assert_eq!(verdict(Task::Terminate, None, &[]), Some(End::Done));
        assert!(matches!(verdict(Task::Update, None, &[]), Some(End::Failed(_))));
    }

    #[test]
    fn what_is_said_has_a_reason_and_a_cure() {
        let change = Change {
            task: Task::Update,
            name: "shop".into(),
            id: "e-abcdefgh12".into(),
            request_id: "U".into(),
        };
        insta::assert_snapshot!(change.failure("It cannot be."), @"shop was not updated: It cannot be; `imds environment show shop` tells what it is now");
        insta::assert_snapshot!(change.silence("Updating", Duration::from_secs(600)), @"shop is still Updating after 600s, and it goes on; `imds environment show shop` tells how far it is, --timeout waits longer");
    }
}
