//! What is known of guests: counters, the last calls, how often faults struck, and what an instance would be answered. It
//! is told to who asks, in this process or another.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use imds_control::Question;
use imds_core::audit::{Counts, Recorded, Tallies, Whose};
use imds_core::id::InstanceId;
use imds_core::options::HttpTokens;
use imds_core::token::NONCE_LEN;
use imds_core::view::{self, View};
use imds_server::Shared;
use imds_server::journal::{self, Reader, Sink};
use imds_store::Snapshot;
use tokio::sync::oneshot;

use crate::listen::Callers;
use crate::thread;

/// Who knows it.
pub(crate) struct Witness {
    shared: Arc<Shared>,
    callers: Callers,
    /// Who asks for the calls, if they are remembered.
    journal: Option<Reader>,
}

impl Witness {
    /// Of a service whose workers are `callers`.
    pub(crate) fn new(shared: Arc<Shared>, callers: Callers, journal: Option<Reader>) -> Self {
        Self { shared, callers, journal }
    }

    /// Answers what the door asks, now or when every worker has told what it knows. Who has given up waiting hears
    /// nothing.
    pub(crate) fn answer(&mut self, question: Question) {
        match question {
            Question::Tallies(asker) => told(asker, self.tallies()),
            Question::Tally { instance, answer } => {
                let counts = self.tally(instance.as_str()).instances.pop().map(|(_, _, counts)| counts);
                told(answer, counts);
            }
            Question::Calls { of, answer } => self.calls(of, |calls| told(answer, calls)),
            Question::Faults(asker) => told(asker, self.struck()),
            Question::Forget(asker) => self.forget(|| told(asker, ())),
            Question::View { instance, path, answer } => told(answer, self.view(instance.as_str(), &path)),
        }
    }

    /// The calls that are remembered, with all that have been answered already.
    pub(crate) fn calls(&mut self, of: Whose, answer: impl FnOnce(Vec<Recorded>) + Send + 'static) {
        let Some(journal) = &mut self.journal else { return answer(Vec::new()) };
        let question = journal.ask(of, self.callers.count(), answer);
        hand_on(&self.callers, journal, question);
    }

    /// Forgets them.
    pub(crate) fn forget(&mut self, done: impl FnOnce() + Send + 'static) {
        let Some(journal) = &mut self.journal else { return done() };
        let question = journal.forget(self.callers.count(), done);
        hand_on(&self.callers, journal, question);
    }

    /// How often each fault struck, by its number.
    pub(crate) fn struck(&self) -> Vec<(u64, u64)> {
        self.shared.faults.struck()
    }

    /// What an instance is answered. It is no call: nobody counts it, and nobody is told.
    pub(crate) fn view(&self, instance: &str, path: &str) -> Option<View> {
        let registry = &self.shared.registry;
        let snapshot = registry.by_id(&instance.parse().ok()?)?;
        let mut nonce = [0; NONCE_LEN];
        imds_server::random::fill(&mut nonce).ok()?;
        Some(view::of(&snapshot.instance, path.as_bytes(), &registry.keyring(), registry.now(), || nonce))
    }

    /// All counters now.
    pub(crate) fn tallies(&self) -> Tallies {
        Tallies {
            instances: self.shared.registry.all().iter().map(|snapshot| counts(snapshot)).collect(),
            strangers: self.shared.strangers.read(),
            traffic: self.shared.traffic.read(),
        }
    }

    /// The counters of an instance now, and nothing of the others.
    pub(crate) fn tally(&self, instance: &str) -> Tallies {
        let snapshot = instance.parse().ok().and_then(|id| self.shared.registry.by_id(&id));
        Tallies {
            instances: snapshot.iter().map(|snapshot| counts(snapshot)).collect(),
            ..Tallies::default()
        }
    }
}

/// Tells an answer, unless nobody waits for it any longer.
fn told<T>(asker: oneshot::Sender<T>, answer: T) {
    let _ = asker.send(answer);
}

/// What was counted of an instance.
fn counts(snapshot: &Snapshot) -> (InstanceId, HttpTokens, Counts) {
    (snapshot.instance.id.clone(), snapshot.instance.options.http_tokens, snapshot.tally.read())
}

/// Has every worker hand its calls on for a question.
fn hand_on(callers: &Callers, journal: &Reader, question: u64) {
    for _ in 0..callers.hand_on(question) {
        journal.pass_over(question);
    }
}

/// Starts the thread that remembers calls: where they go, and who may ask for them. It ends when both are gone.
pub(crate) fn remember() -> io::Result<(Sink, Reader, JoinHandle<()>)> {
    let (sink, reader, desk) = journal::open();
    let thread = thread::start("imds-journal", move || desk.keep())?;
    Ok((sink, reader, thread))
}
