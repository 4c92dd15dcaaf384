//! The metadata process, as the door knows it: how far it has followed the store, and what it has counted.

use std::time::Duration;

use axum::http::StatusCode;
use imds_core::audit::Tallies;
use imds_store::Revision;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::query::Error;

/// The metadata process.
#[derive(Debug, Clone)]
pub struct Plane {
    applied: watch::Receiver<Revision>,
    questions: mpsc::Sender<oneshot::Sender<Tallies>>,
}

/// The metadata process is gone, or does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// How long it is waited for. It takes well below a millisecond; one that takes this long has come to harm.
const PATIENCE: Duration = Duration::from_secs(10);

impl From<Gone> for Error {
    fn from(_: Gone) -> Self {
        tracing::error!("the metadata process does not follow; restart the service");
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            ..Self::new(
                "Unavailable",
                "What was asked for is kept, but the metadata process does not follow; restart the service",
            )
        }
    }
}

impl Plane {
    /// What follows the store as `applied` tells, and answers `questions` with its counters.
    #[must_use]
    pub fn new(
        applied: watch::Receiver<Revision>,
        questions: mpsc::Sender<oneshot::Sender<Tallies>>,
    ) -> Self {
        Self { applied, questions }
    }

    /// Waits until a commit is what guests see.
    pub(crate) async fn reached(&self, revision: Revision) -> Result<(), Gone> {
        let mut applied = self.applied.clone();
        let reached = timeout(PATIENCE, applied.wait_for(|applied| *applied >= revision)).await;
        reached.map_err(|_| Gone)?.map(|_| ()).map_err(|_| Gone)
    }

    /// Waits until a commit is what guests see; false when the metadata process does not follow.
    pub async fn follows(&self, revision: Revision) -> bool {
        self.reached(revision).await.is_ok()
    }

    /// The counters now.
    pub(crate) async fn tallies(&self) -> Result<Tallies, Gone> {
        let (answer, tallies) = oneshot::channel();
        let asked = async {
            self.questions.send(answer).await.map_err(|_| Gone)?;
            tallies.await.map_err(|_| Gone)
        };
        timeout(PATIENCE, asked).await.map_err(|_| Gone)?
    }

    /// One that has always followed already, and counted nothing.
    #[cfg(test)]
    pub(crate) fn immediate() -> Self {
        let (_, applied) = watch::channel(Revision::MAX);
        let (questions, mut asked) = mpsc::channel::<oneshot::Sender<Tallies>>(1);
        tokio::spawn(async move {
            while let Some(answer) = asked.recv().await {
                let _ = answer.send(Tallies::default());
            }
        });
        Self::new(applied, questions)
    }
}
