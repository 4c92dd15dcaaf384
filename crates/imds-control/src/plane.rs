//! The metadata process, as the door knows it: how far it has followed the store, and what it has counted.

use imds_core::audit::Tallies;
use imds_store::Revision;
use tokio::sync::{mpsc, oneshot, watch};

/// The metadata process.
#[derive(Debug, Clone)]
pub struct Plane {
    applied: watch::Receiver<Revision>,
    questions: mpsc::Sender<oneshot::Sender<Tallies>>,
}

/// The metadata process is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

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
        self.applied.clone().wait_for(|applied| *applied >= revision).await.map(|_| ()).map_err(|_| Gone)
    }

    /// The counters now.
    pub(crate) async fn tallies(&self) -> Result<Tallies, Gone> {
        let (answer, tallies) = oneshot::channel();
        self.questions.send(answer).await.map_err(|_| Gone)?;
        tallies.await.map_err(|_| Gone)
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
