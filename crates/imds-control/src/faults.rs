//! The faults that are on request: those of the file and those of calls. They live as long as the service.

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imds_core::fault::{Draft, MOST};

/// Who tells the metadata process of all of them, each with its number.
pub type Teller = Box<dyn Fn(Vec<(u64, Draft)>) -> io::Result<()> + Send + Sync>;

/// All faults that were asked for and not removed.
pub struct Faults {
    /// Held while they are told, so that the last change is what is told last.
    board: Mutex<Board>,
    tell: Teller,
}

#[derive(Default)]
struct Board {
    last: u64,
    all: Vec<Posted>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) id: u64,
    pub(crate) draft: Draft,
    pub(crate) is_of_file: bool,
    since: Instant,
    lasts: Option<Duration>,
}

/// Why a fault is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It says something that is not permitted: what is.
    #[error("{0}")]
    Refused(String),
    /// The metadata process cannot be told.
    #[error("faults cannot be told to the metadata process: {0}")]
    Told(#[from] io::Error),
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("all", &self.list()).finish_non_exhaustive()
    }
}

impl Posted {
    /// Is its time over, or has it struck as often as it may?
    pub(crate) fn is_spent(&self, struck: u64) -> bool {
        self.lasts.is_some_and(|lasts| self.since.elapsed() >= lasts)
            || self.draft.count.is_some_and(|count| struck >= count)
    }
}

impl Board {
    fn add(&mut self, draft: Draft, is_of_file: bool) -> Result<u64, String> {
        let rule = draft.rule()?;
        self.last += 1;
        let id = self.last;
        self.all.push(Posted { id, draft, is_of_file, since: Instant::now(), lasts: rule.lasts });
        Ok(id)
    }
}

impl Faults {
    /// None yet.
    #[must_use]
    pub fn new(tell: Teller) -> Self {
        Self { board: Mutex::default(), tell }
    }

    /// Asks for one; its number.
    ///
    /// # Errors
    /// When it is not permitted, or there are [`MOST`] already.
    pub fn add(&self, draft: Draft) -> Result<u64, Error> {
        let mut board = self.board();
        if board.all.len() >= MOST {
            // What is over by its time makes room.
            board.all.retain(|posted| posted.is_of_file || !posted.is_spent(0));
        }
        if board.all.len() >= MOST {
            let why = format!("there are {MOST} faults already, which is the most; remove some first");
            return Err(Error::Refused(why));
        }
        let id = board.add(draft, false).map_err(Error::Refused)?;
        self.tell(&board)?;
        Ok(id)
    }

    /// Those of the file are these. Those that it had before go on as they are.
    ///
    /// # Errors
    /// As [`Faults::add`].
    pub fn set_file(&self, drafts: &[Draft]) -> Result<(), Error> {
        let mut board = self.board();
        let mut new = drafts.to_vec();
        let before = board.all.len();
        board.all.retain(|posted| {
            let known = new.iter().position(|draft| posted.is_of_file && *draft == posted.draft);
            !posted.is_of_file || known.map(|index| new.remove(index)).is_some()
        });
        if new.is_empty() && board.all.len() == before {
            return Ok(());
        }
        for draft in new {
            board.add(draft, true).map_err(Error::Refused)?;
        }
        Ok(self.tell(&board)?)
    }

    /// Removes one, or all; how many that were.
    ///
    /// # Errors
    /// When the metadata process cannot be told.
    pub(crate) fn remove(&self, id: Option<u64>) -> io::Result<usize> {
        let mut board = self.board();
        let before = board.all.len();
        board.all.retain(|posted| id.is_some_and(|id| posted.id != id));
        let removed = before - board.all.len();
        if removed > 0 {
            self.tell(&board)?;
        }
        Ok(removed)
    }

    /// All of them, in the order in which they are looked at.
    pub(crate) fn list(&self) -> Vec<Posted> {
        self.board().all.clone()
    }

    fn tell(&self, board: &Board) -> io::Result<()> {
        (self.tell)(board.all.iter().map(|posted| (posted.id, posted.draft.clone())).collect())
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A board, and the numbers that it told, each time.
    fn board() -> (Faults, Arc<Mutex<Vec<Vec<u64>>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&told);
        let tell = move |all: Vec<(u64, Draft)>| {
            into.lock().unwrap().push(all.into_iter().map(|(id, _)| id).collect());
            Ok(())
        };
        (Faults::new(Box::new(tell)), told)
    }

    fn draft(kind: &str) -> Draft {
        Draft { kind: kind.into(), ..Draft::default() }
    }

    #[test]
    fn the_file_and_calls_do_not_undo_each_other() {
        let (faults, told) = board();
        faults.set_file(&[draft("drop"), draft("drop")]).unwrap();
        faults.add(draft("reset")).unwrap();
        faults.set_file(&[draft("drop"), draft("drop")]).unwrap();
        faults.set_file(&[draft("empty"), draft("drop")]).unwrap();
        assert_eq!(faults.remove(Some(3)).unwrap(), 1);
        assert_eq!(faults.remove(Some(3)).unwrap(), 0);
        faults.set_file(&[]).unwrap();
        assert_eq!(faults.remove(None).unwrap(), 0);
        let expected: [&[u64]; 5] = [&[1, 2], &[1, 2, 3], &[1, 3, 4], &[1, 4], &[]];
        assert_eq!(*told.lock().unwrap(), expected);
    }

    #[test]
    fn ten_thousand_are_too_many_and_those_that_are_over_make_room() {
        let (faults, _) = board();
        let refused = (0..10_000).filter(|_| faults.add(draft("drop")).is_err());
        assert_eq!(refused.count(), 10_000 - MOST);
        assert_eq!(faults.list().len(), MOST);
        faults.remove(None).unwrap();
        let short = Draft { lasts: Some("1ms".into()), ..draft("drop") };
        for _ in 0..MOST {
            faults.add(short.clone()).unwrap();
        }
        let over = faults.list()[MOST - 1].since + Duration::from_millis(1);
        while Instant::now() < over {
            std::hint::spin_loop();
        }
        faults.add(draft("drop")).unwrap();
        assert_eq!(faults.list().len(), 1);
        assert!(
            matches!(faults.add(draft("boom")), Err(Error::Refused(why)) if why.contains("stale-credentials"))
        );
    }
}
