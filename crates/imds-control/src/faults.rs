//! The faults that are on request: those of the file and those of calls. They live as long as the service.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imds_core::Timestamp;
use imds_core::fault::{Draft, MOST, Requested, full};
use imds_store::ServiceClock;

/// Who tells the metadata process of all of them.
pub type Teller = Box<dyn Fn(Vec<Requested>) -> io::Result<()> + Send + Sync>;

/// All faults that were asked for and not removed.
pub struct Faults {
    /// Held while they are told, so that the last change is what is told last.
    board: Mutex<Board>,
    /// What the time of each goes by.
    clock: Arc<ServiceClock>,
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
    pub(crate) asked: Requested,
    pub(crate) is_of_file: bool,
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
    pub(crate) fn is_spent(&self, struck: u64, now: Timestamp) -> bool {
        self.asked.is_over(now) || self.asked.draft.count.is_some_and(|count| struck >= count)
    }
}

impl Board {
    fn add(&mut self, draft: Draft, is_of_file: bool, now: Timestamp) -> Result<u64, String> {
        let lasts = draft.rule()?.lasts;
        self.last += 1;
        let number = self.last;
        // What would end beyond all time does not end.
        let until = lasts.and_then(|lasts| now.checked_add(lasts).ok());
        self.all.push(Posted { asked: Requested { number, draft, until }, is_of_file });
        Ok(number)
    }

    /// How many more there may be, where the file has as many as this. What is over by its time makes room.
    fn room(&mut self, of_file: usize, now: Timestamp) -> Option<usize> {
        let of_calls = |board: &Self| board.all.iter().filter(|posted| !posted.is_of_file).count();
        if of_calls(self) + of_file >= MOST {
            self.all.retain(|posted| posted.is_of_file || !posted.asked.is_over(now));
        }
        MOST.checked_sub(of_calls(self) + of_file)
    }
}

/// Room for the faults of a file, which nobody takes meanwhile.
#[must_use = "the file's faults are not there yet"]
pub struct Room<'f> {
    faults: &'f Faults,
    board: MutexGuard<'f, Board>,
    drafts: &'f [Draft],
}

impl Faults {
    /// None yet. Their time goes by this clock.
    #[must_use]
    pub fn new(clock: Arc<ServiceClock>, tell: Teller) -> Self {
        Self { board: Mutex::default(), clock, tell }
    }

    /// Asks for one; its number.
    ///
    /// # Errors
    /// When it is not permitted, or there are [`MOST`] already.
    pub fn add(&self, draft: Draft) -> Result<u64, Error> {
        let (mut board, now) = (self.board(), self.clock.now());
        let of_file = board.all.iter().filter(|posted| posted.is_of_file).count();
        if board.room(of_file, now).is_none_or(|room| room == 0) {
            return Err(Error::Refused(full()));
        }
        let id = board.add(draft, false, now).map_err(Error::Refused)?;
        self.tell(&board)?;
        Ok(id)
    }

    /// Room for those of the file, beside those of calls.
    ///
    /// # Errors
    /// When together they would be more than [`MOST`].
    pub fn room_for_file<'f>(&'f self, drafts: &'f [Draft]) -> Result<Room<'f>, Error> {
        let mut board = self.board();
        match board.room(drafts.len(), self.clock.now()) {
            Some(_) => Ok(Room { faults: self, board, drafts }),
            None => Err(Error::Refused(full())),
        }
    }

    /// Removes one, or all; how many that were.
    ///
    /// # Errors
    /// When the metadata process cannot be told.
    pub(crate) fn remove(&self, id: Option<u64>) -> io::Result<usize> {
        let mut board = self.board();
        let before = board.all.len();
        board.all.retain(|posted| id.is_some_and(|id| posted.asked.number != id));
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
        (self.tell)(board.all.iter().map(|posted| posted.asked.clone()).collect())
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room<'_> {
    /// Those of the file are these. Those that it had before go on as they are.
    ///
    /// # Errors
    /// When one is not permitted, or the metadata process cannot be told.
    pub fn take(self) -> Result<(), Error> {
        let Self { faults, mut board, drafts } = self;
        let mut new = drafts.to_vec();
        let before = board.all.len();
        board.all.retain(|posted| {
            let known = new.iter().position(|draft| posted.is_of_file && *draft == posted.asked.draft);
            !posted.is_of_file || known.map(|index| new.remove(index)).is_some()
        });
        if new.is_empty() && board.all.len() == before {
            return Ok(());
        }
        let now = faults.clock.now();
        for draft in new {
            board.add(draft, true, now).map_err(Error::Refused)?;
        }
        Ok(faults.tell(&board)?)
    }
}

#[cfg(test)]
mod tests {
    use imds_core::clock::Clock;

    use super::*;

    /// A board, and the numbers that it told, each time.
    fn board() -> (Faults, Arc<Mutex<Vec<Vec<u64>>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&told);
        let tell = move |all: Vec<Requested>| {
            into.lock().unwrap().push(all.into_iter().map(|asked| asked.number).collect());
            Ok(())
        };
        (Faults::new(Arc::default(), Box::new(tell)), told)
    }

    impl Faults {
        fn set_file(&self, drafts: &[Draft]) -> Result<(), Error> {
            self.room_for_file(drafts)?.take()
        }

        /// Makes it so much later.
        fn advance(&self, by: &str) {
            let machine = Timestamp::now();
            let clock: Clock = self.clock.clock(machine);
            self.clock.set(clock.advanced(machine, by.parse().unwrap()).unwrap());
        }
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
        let short = Draft { lasts: Some("1h".into()), ..draft("drop") };
        for _ in 0..MOST {
            faults.add(short.clone()).unwrap();
        }
        faults.advance("59m");
        assert!(faults.add(draft("drop")).is_err());
        faults.advance("1m");
        faults.add(draft("drop")).unwrap();
        assert_eq!(faults.list().len(), 1);
        assert!(
            matches!(faults.add(draft("boom")), Err(Error::Refused(why)) if why.contains("stale-credentials"))
        );
    }

    #[test]
    fn one_bound_is_for_the_file_and_calls_together() {
        let (faults, told) = board();
        let of_file = vec![draft("drop"); MOST - 1];
        faults.set_file(&of_file).unwrap();
        faults.add(draft("reset")).unwrap();
        let is_full = |result: Result<(), Error>| matches!(result, Err(Error::Refused(why)) if why.contains("more than 256 faults, by the file and by calls together"));
        assert!(is_full(faults.add(draft("reset")).map(|_| ())));
        let before = told.lock().unwrap().len();
        assert!(is_full(faults.set_file(&vec![draft("drop"); MOST])));
        assert_eq!((faults.list().len(), told.lock().unwrap().len()), (MOST, before), "nothing was done");
        // What is over by its time makes room for the file, too, and the file's own does not count twice.
        faults.remove(None).unwrap();
        faults.add(Draft { lasts: Some("1h".into()), ..draft("reset") }).unwrap();
        assert!(is_full(faults.set_file(&vec![draft("drop"); MOST])));
        faults.advance("1h");
        faults.set_file(&vec![draft("drop"); MOST]).unwrap();
        faults.set_file(&vec![draft("empty"); MOST]).unwrap();
        assert!(faults.list().iter().all(|posted| posted.is_of_file));
    }
}
