//! The metadata process, as the door knows it: how far it has followed the store, and what it has counted.

use std::time::Duration;

use axum::http::StatusCode;
use imds_core::audit::{Counts, Recorded, Tallies, Whose};
use imds_core::id::InstanceId;
use imds_core::view::View;
use imds_store::Revision;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::query::Error;

/// The metadata process.
#[derive(Debug, Clone)]
pub struct Plane {
    applied: watch::Receiver<Revision>,
    questions: mpsc::Sender<Question>,
}

/// What the door asks the metadata process, with where the answer goes.
#[derive(Debug)]
pub enum Question {
    /// The counters.
    Tallies(oneshot::Sender<Tallies>),
    /// The counters of an instance.
    Tally {
        /// The instance.
        instance: InstanceId,
        /// `None` for an instance that guests cannot be.
        answer: oneshot::Sender<Option<Counts>>,
    },
    /// The calls that are remembered, oldest first.
    Calls {
        /// Whose.
        of: Whose,
        /// All of them.
        answer: oneshot::Sender<Vec<Recorded>>,
    },
    /// How often each fault struck, by its number.
    Faults(oneshot::Sender<Vec<(u64, u64)>>),
    /// That the calls so far be forgotten.
    Forget(oneshot::Sender<()>),
    /// What an instance is answered.
    View {
        /// The instance.
        instance: InstanceId,
        /// The path, beginning with a slash.
        path: String,
        /// `None` for an instance that guests cannot be.
        answer: oneshot::Sender<Option<View>>,
    },
}

/// The metadata process is gone, or does not answer a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// The metadata process does not follow: what was committed stays, but guests do not see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Behind;

/// How long it is waited for. It takes well below a millisecond; one that takes this long has come to harm.
const PATIENCE: Duration = Duration::from_secs(10);

impl From<Gone> for Error {
    fn from(_: Gone) -> Self {
        tracing::error!("the metadata process does not answer; restart the service");
        unavailable("The metadata process does not answer; restart the service")
    }
}

impl From<Behind> for Error {
    fn from(_: Behind) -> Self {
        tracing::error!("the metadata process does not follow; restart the service");
        unavailable(
            "What was asked for is kept, but the metadata process does not follow; restart the service",
        )
    }
}

fn unavailable(why: &str) -> Error {
    Error { status: StatusCode::SERVICE_UNAVAILABLE, ..Error::new("Unavailable", why) }
}

impl Plane {
    /// What follows the store as `applied` tells, and answers `questions` with its counters.
    #[must_use]
    pub fn new(applied: watch::Receiver<Revision>, questions: mpsc::Sender<Question>) -> Self {
        Self { applied, questions }
    }

    /// Waits until a commit is what guests see.
    pub(crate) async fn reached(&self, revision: Revision) -> Result<(), Behind> {
        let mut applied = self.applied.clone();
        let reached = timeout(PATIENCE, applied.wait_for(|applied| *applied >= revision)).await;
        reached.map_err(|_| Behind)?.map(|_| ()).map_err(|_| Behind)
    }

    /// Waits until a commit is what guests see; false when the metadata process does not follow.
    pub async fn follows(&self, revision: Revision) -> bool {
        self.reached(revision).await.is_ok()
    }

    /// The counters now.
    pub(crate) async fn tallies(&self) -> Result<Tallies, Gone> {
        self.ask(Question::Tallies).await
    }

    /// The counters of an instance now; `None` for an instance that guests cannot be.
    pub(crate) async fn tally(&self, instance: InstanceId) -> Result<Option<Counts>, Gone> {
        self.ask(|answer| Question::Tally { instance, answer }).await
    }

    /// The calls that are remembered, oldest first.
    pub(crate) async fn calls(&self, of: Whose) -> Result<Vec<Recorded>, Gone> {
        self.ask(|answer| Question::Calls { of, answer }).await
    }

    /// How often each fault struck, by its number. Whatever was told of faults before is in force then.
    pub(crate) async fn faults(&self) -> Result<Vec<(u64, u64)>, Gone> {
        self.ask(Question::Faults).await
    }

    /// Forgets the calls so far.
    pub(crate) async fn forget(&self) -> Result<(), Gone> {
        self.ask(Question::Forget).await
    }

    /// What an instance is answered at a path, which begins with a slash; `None` for an instance that guests cannot be.
    pub(crate) async fn view(&self, instance: InstanceId, path: String) -> Result<Option<View>, Gone> {
        self.ask(|answer| Question::View { instance, path, answer }).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Result<T, Gone> {
        let (answer, told) = oneshot::channel();
        let asked = async {
            self.questions.send(question(answer)).await.map_err(|_| Gone)?;
            told.await.map_err(|_| Gone)
        };
        timeout(PATIENCE, asked).await.map_err(|_| Gone)?
    }

    /// One that has always followed already, has counted nothing, remembers nothing, and knows no instance.
    #[cfg(test)]
    pub(crate) fn immediate() -> Self {
        Self::answering(|question| match question {
            Question::Tallies(answer) => drop(answer.send(Tallies::default())),
            Question::Tally { answer, .. } => drop(answer.send(None)),
            Question::Calls { answer, .. } => drop(answer.send(Vec::new())),
            Question::Faults(answer) => drop(answer.send(Vec::new())),
            Question::Forget(answer) => {
                let _ = answer.send(());
            }
            Question::View { answer, .. } => drop(answer.send(None)),
        })
    }

    /// One that has always followed already, and answers so.
    #[cfg(test)]
    pub(crate) fn answering(answer: impl Fn(Question) + Send + 'static) -> Self {
        let (_, applied) = watch::channel(Revision::MAX);
        let (questions, mut asked) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(question) = asked.recv().await {
                answer(question);
            }
        });
        Self::new(applied, questions)
    }
}
