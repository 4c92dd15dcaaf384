//! The journal: each worker writes its calls down, and one thread remembers the last of them.
//!
//! A worker has a buffer of its own, which it hands on when it is full, and when somebody asks: so an answer holds every
//! call that had been answered before the question, and nobody waits for anybody.

mod desk;
mod entry;
mod ring;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use imds_core::audit::{Call, Recorded, Whose};

pub use desk::Desk;

/// Bytes that are handed on at once.
const FULL: usize = 32 * 1024;
/// More than the bytes of any call.
const ROOM: usize = 1024;
/// Full pieces that may wait to be read.
const PIECES: usize = 64;

/// The calls of one worker, handed in pieces to the one who remembers them.
pub struct Journal {
    calls: Vec<u8>,
    count: u64,
    sink: Sink,
}

/// Where pieces are handed to.
#[derive(Clone)]
pub struct Sink {
    messages: Sender<Message>,
    waiting: Arc<AtomicUsize>,
    /// What calls are ordered by is the time since then, on a clock that is never set.
    origin: Instant,
}

/// One who may ask.
pub struct Reader {
    sink: Sink,
    asked: u64,
}

/// What somebody wants of the calls, and where the answer goes.
enum Wish {
    /// To be told of them.
    Tell(Whose, Box<dyn FnOnce(Vec<Recorded>) + Send>),
    /// That all be forgotten.
    Forget(Box<dyn FnOnce() + Send>),
}

/// What the one who remembers is told.
enum Message {
    /// Calls of a worker whose buffer was full.
    Piece(Vec<u8>),
    /// Somebody asks: `workers` marks follow.
    Asked { question: u64, wish: Wish, workers: usize },
    /// All calls that a worker had ended `until` then; whatever it tells later ended later.
    Mark { question: u64, until: u64, calls: Vec<u8> },
}

/// A journal, which holds nothing yet: where workers hand their calls to, one who may ask, and what a thread has to keep.
#[must_use]
pub fn open() -> (Sink, Reader, Desk) {
    let (messages, told) = channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let sink = Sink { messages, waiting: Arc::clone(&waiting), origin: Instant::now() };
    (sink.clone(), Reader { sink, asked: 0 }, Desk::new(told, waiting))
}

impl Journal {
    /// A journal that hands its calls to `sink`.
    #[must_use]
    pub fn new(sink: Sink) -> Self {
        Self { calls: Vec::with_capacity(FULL + ROOM), count: 0, sink }
    }

    /// Writes a call down that ended at `done`; hands all of them on when there are many. Returns how many were lost.
    pub fn record(&mut self, call: &Call<'_>, done: Instant) -> u64 {
        entry::write(&mut self.calls, call, self.sink.time(done));
        self.count += 1;
        if self.calls.len() >= FULL { self.hand_on() } else { 0 }
    }

    /// Hands the calls on for a question, however many wait to be read: there are no more questions than are asked.
    pub fn mark(&mut self, question: u64) {
        let until = self.sink.time(Instant::now());
        self.count = 0;
        // It is mostly far from full, and a copy is as long as it must be.
        let calls = self.calls.clone();
        self.calls.clear();
        self.sink.tell(Message::Mark { question, until, calls });
    }

    /// Hands the calls on, or forgets them if those before were not read yet.
    fn hand_on(&mut self) -> u64 {
        let count = std::mem::take(&mut self.count);
        if self.sink.waiting.fetch_add(1, Relaxed) >= PIECES {
            self.sink.waiting.fetch_sub(1, Relaxed);
            self.calls.clear();
            return count;
        }
        let calls = std::mem::replace(&mut self.calls, Vec::with_capacity(FULL + ROOM));
        if self.sink.tell(Message::Piece(calls)) { 0 } else { count }
    }
}

impl Sink {
    fn time(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX)
    }

    /// False when nobody remembers any longer.
    fn tell(&self, message: Message) -> bool {
        self.messages.send(message).is_ok()
    }
}

impl Reader {
    /// Asks whose calls there are, oldest first. Each of so many `workers` is to be told the number of the question then,
    /// and the answer holds all that they had answered when it was asked.
    pub fn ask(
        &mut self,
        of: Whose,
        workers: usize,
        answer: impl FnOnce(Vec<Recorded>) + Send + 'static,
    ) -> u64 {
        self.wish(Wish::Tell(of, Box::new(answer)), workers)
    }

    /// Asks that all calls be forgotten that the workers had answered when it was asked. Numbers go on. Else as
    /// [`Reader::ask`].
    pub fn forget(&mut self, workers: usize, done: impl FnOnce() + Send + 'static) -> u64 {
        self.wish(Wish::Forget(Box::new(done)), workers)
    }

    fn wish(&mut self, wish: Wish, workers: usize) -> u64 {
        self.asked += 1;
        let question = self.asked;
        self.sink.tell(Message::Asked { question, wish, workers });
        question
    }

    /// A worker that is gone will not hear of a question.
    pub fn pass_over(&self, question: u64) {
        self.sink.tell(Message::Mark { question, until: u64::MAX, calls: Vec::new() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::audit::Version;
    use imds_core::testing::noon;

    const TOKEN: &str = "AQAEAAABCQkJCQkJCQkJCQkJ6r1gIMZ1G-wEfeNIH-__jW_nHryL_g==";

    fn call<'a>(path: &'a [u8], user_agent: &'a [u8]) -> Call<'a> {
        Call {
            at: noon(),
            instance: None,
            source: [10, 0, 0, 7].into(),
            method: "GET",
            path,
            status: 401,
            version: Version::V2,
            user_agent,
            micros: 12,
            fault: None,
        }
    }

    /// Does what has been told, and gives the last answer to a question of strangers' calls.
    fn asked(reader: &mut Reader, desk: &mut Desk, journals: &mut [&mut Journal]) -> Vec<Recorded> {
        let (sender, answer) = channel();
        let question = reader.ask(Whose::Strangers, journals.len(), move |calls| sender.send(calls).unwrap());
        journals.iter_mut().for_each(|journal| journal.mark(question));
        desk.catch_up();
        answer.try_recv().unwrap()
    }

    #[test]
    fn a_token_is_taken_out_and_fields_are_cut_as_in_the_log() {
        let (sink, mut reader, mut desk) = open();
        let mut journal = Journal::new(sink);
        let long = format!("/{}{TOKEN}", "x".repeat(250));
        let paths = [
            format!("/latest/{TOKEN}/a"),
            format!("/{TOKEN}{TOKEN}"),
            long,
            format!("/{}", &TOKEN[..40]),
            "/\"\u{e9}\n".into(),
        ];
        for path in &paths {
            assert_eq!(journal.record(&call(path.as_bytes(), TOKEN.as_bytes()), Instant::now()), 0);
        }
        assert!(!String::from_utf8_lossy(&journal.calls).contains("AQAEA"), "not even in the buffer");
        let calls = asked(&mut reader, &mut desk, &mut [&mut journal]);
        let paths: Vec<_> = calls.iter().map(|call| &*call.path).collect();
        let cut = format!("/{}[toke", "x".repeat(250));
        assert_eq!(paths, ["/latest/[token]/a", "/[token]", &cut, "/[token]", "/\\\"\\xc3\\xa9\\n"]);
        assert!(calls.iter().all(|call| call.user_agent == "[token]"), "{calls:?}");
    }

    #[test]
    fn workers_that_tell_late_are_put_in_order() {
        let (sink, mut reader, mut desk) = open();
        let [mut one, mut two] = [(); 2].map(|()| Journal::new(sink.clone()));
        let mut numbered = Vec::new();
        for round in 0..3 {
            for step in 0..10 {
                let path = format!("/{round}/{step}");
                let journal = if step % 3 == 0 { &mut one } else { &mut two };
                journal.record(&call(path.as_bytes(), b""), Instant::now());
            }
            let calls = asked(&mut reader, &mut desk, &mut [&mut two, &mut one]);
            numbered.extend(calls.into_iter().skip(numbered.len()).map(|call| (call.number, call.path)));
        }
        let expected = (0..30)
            .map(|index| (u64::try_from(index).unwrap() + 1, format!("/{}/{}", index / 10, index % 10)));
        assert_eq!(numbered, expected.collect::<Vec<_>>());
    }

    #[test]
    fn what_is_not_read_in_time_is_counted_and_a_question_is_still_answered() {
        let (sink, mut reader, mut desk) = open();
        let mut journal = Journal::new(sink);
        let path = "/x".repeat(128);
        let mut lost = 0;
        let mut made = 0_u64;
        while lost == 0 {
            lost = journal.record(&call(path.as_bytes(), b""), Instant::now());
            made += 1;
        }
        let full = u64::try_from(PIECES).unwrap();
        assert_eq!(made, lost * (full + 1), "all pieces are as long, and the last was lost");
        journal.record(&call(b"/last", b""), Instant::now());
        let calls = asked(&mut reader, &mut desk, &mut [&mut journal]);
        assert_eq!(calls.last().unwrap().path, "/last");
        assert_eq!(calls.len(), 100);
        // There is room again.
        assert!((0..lost).all(|_| journal.record(&call(path.as_bytes(), b""), Instant::now()) == 0));
        // Without anybody who remembers all are lost, and nothing else happens.
        drop(desk);
        assert_eq!(
            (0..lost).map(|_| journal.record(&call(path.as_bytes(), b""), Instant::now())).sum::<u64>(),
            lost
        );
    }
}
