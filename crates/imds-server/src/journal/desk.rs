//! Where calls and questions arrive: an answer is given when every worker has handed its calls on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::ring::{BOUND, Ring};
use super::{Message, Wish};

/// How long a worker is waited for. It takes well below a millisecond, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(1);

/// What remembers the calls, on a thread of its own.
pub struct Desk {
    ring: Ring,
    messages: Receiver<Message>,
    waiting: Arc<AtomicUsize>,
    open: BTreeMap<u64, Question>,
}

/// A question that has no answer yet.
struct Question {
    wish: Wish,
    /// Workers that have not handed their calls on.
    missing: usize,
    /// What ended until then is known of all that have.
    until: u64,
    /// When it is answered with what there is.
    end: Instant,
}

impl Desk {
    pub(super) fn new(messages: Receiver<Message>, waiting: Arc<AtomicUsize>) -> Self {
        Self { ring: Ring::new(BOUND), messages, waiting, open: BTreeMap::new() }
    }

    /// Remembers and answers until there is nobody left who could tell or ask anything.
    pub fn keep(mut self) {
        loop {
            let next = self.open.values().map(|question| question.end).min();
            let told = next.map_or_else(
                || self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                |end| self.messages.recv_timeout(end.saturating_duration_since(Instant::now())),
            );
            match told {
                Ok(message) => self.hear(message, Instant::now()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if !self.open.is_empty() {
                self.look(Instant::now());
            }
        }
    }

    /// Hears what has been told so far.
    #[cfg(test)]
    pub(super) fn catch_up(&mut self) {
        while let Ok(message) = self.messages.try_recv() {
            self.hear(message, Instant::now());
            self.look(Instant::now());
        }
    }

    fn hear(&mut self, message: Message, now: Instant) {
        match message {
            Message::Piece(calls) => {
                self.waiting.fetch_sub(1, Relaxed);
                self.ring.take(&calls);
            }
            Message::Asked { question, wish, workers } => {
                let asked = Question { wish, missing: workers, until: u64::MAX, end: now + PATIENCE };
                self.open.insert(question, asked);
            }
            Message::Mark { question, until, calls } => {
                self.ring.take(&calls);
                if let Some(question) = self.open.get_mut(&question) {
                    question.missing = question.missing.saturating_sub(1);
                    question.until = question.until.min(until);
                }
            }
        }
    }

    /// Answers what can be answered, or must be.
    fn look(&mut self, now: Instant) {
        let is_due = |question: &Question| question.missing == 0 || question.end <= now;
        for (_, question) in self.open.extract_if(.., |_, question| is_due(question)) {
            match question.wish {
                Wish::Tell(of, answer) => answer(self.ring.tell(&of, question.until)),
                Wish::Forget(done) => {
                    self.ring.forget(question.until);
                    done();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Journal, open};
    use imds_core::audit::{Call, Version, Whose};
    use imds_core::testing::noon;
    use std::sync::mpsc::channel;

    fn call() -> Call<'static> {
        Call {
            at: noon(),
            instance: None,
            source: [10, 0, 0, 1].into(),
            method: "GET",
            path: b"/",
            status: 200,
            version: Version::V1,
            user_agent: b"",
            micros: 1,
            fault: None,
        }
    }

    #[test]
    fn a_question_waits_for_every_worker_and_for_none_too_long() {
        let (sink, mut reader, mut desk) = open();
        let [mut quick, mut stuck] = [(); 2].map(|()| Journal::new(sink.clone()));
        let (sender, answers) = channel();
        let mut ask = |workers| {
            let sender = sender.clone();
            reader.ask(Whose::All, workers, move |calls| sender.send((workers, calls.len())).unwrap())
        };
        let start = Instant::now();
        quick.record(&call(), start);
        stuck.record(&call(), start);
        let both = ask(2);
        quick.mark(both);
        ask(0);
        quick.mark(99);
        while let Ok(message) = desk.messages.try_recv() {
            desk.hear(message, start);
        }
        desk.look(start + PATIENCE - Duration::from_millis(1));
        assert_eq!(answers.try_iter().collect::<Vec<_>>(), [(0, 1)], "one that waits holds up no other");
        desk.look(start + PATIENCE);
        assert_eq!(answers.try_iter().collect::<Vec<_>>(), [(2, 1)], "what there is");
        // What comes after the answer is for the next one.
        stuck.mark(both);
        let last = ask(2);
        quick.mark(last);
        reader.pass_over(last);
        desk.catch_up();
        assert_eq!(answers.try_iter().collect::<Vec<_>>(), [(2, 2)]);
        assert!(desk.open.is_empty());
    }

    #[test]
    fn what_was_answered_before_it_is_forgotten_and_nothing_else() {
        let (sink, mut reader, mut desk) = open();
        let [mut one, mut two] = [(); 2].map(|()| Journal::new(sink.clone()));
        let (sender, answers) = channel();
        for journal in [&mut one, &mut two] {
            journal.record(&call(), Instant::now());
        }
        let done = sender.clone();
        let question = reader.forget(2, move || done.send(Vec::new()).unwrap());
        one.mark(question);
        // This one was answered when the question had come to its worker already.
        one.record(&call(), Instant::now());
        desk.catch_up();
        assert!(answers.try_recv().is_err(), "one has not told what it knows");
        two.mark(question);
        desk.catch_up();
        assert_eq!(answers.try_recv().unwrap(), []);
        let question = reader.ask(Whose::All, 2, move |calls| sender.send(calls).unwrap());
        for journal in [&mut one, &mut two] {
            journal.mark(question);
        }
        desk.catch_up();
        let numbers: Vec<_> = answers.try_recv().unwrap().iter().map(|call| call.number).collect();
        assert_eq!(numbers, [3], "numbers go on");
    }

    #[test]
    fn it_ends_when_nobody_is_left() {
        let (sink, reader, desk) = open();
        let thread = std::thread::spawn(move || desk.keep());
        drop((sink, reader));
        thread.join().unwrap();
    }
}
