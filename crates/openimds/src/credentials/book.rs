//! Who has keys from where, and when those are to be had anew. It reads no clock and fetches nothing: it says what is due,
//! and is told what came.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use imds_core::Timestamp;
use imds_core::credentials::{Credentials, Grant, Role};
use imds_core::id::InstanceId;

use super::{Failure, Lent, Source};

/// How long before their end keys are renewed at the least, as EC2 promises.
const PROMISED: Duration = Duration::from_secs(300);
/// How long before, where they live long enough. botocore looks at keys that it was given for the next time after up to ten
/// minutes, even if they end before (`_evaluate_expiration` of its `InstanceMetadataFetcher`).
const AHEAD: Duration = Duration::from_secs(600);
/// Keys that live that long are renewed so far ahead: those of STS' shortest sessions, which come a little older.
const LONG_ENOUGH: Duration = Duration::from_secs(840);
/// How long at the most, of keys that live long: an hour.
const FAR_AHEAD: Duration = Duration::from_secs(3_600);
/// How often keys are asked for that do not say when they end [assumed].
const ENDLESS: Duration = Duration::from_secs(3_600);
/// The longest pause after a failure.
const PAUSE: Duration = Duration::from_secs(60);
/// The shortest pause after anything.
const LEAST: Duration = Duration::from_secs(1);

/// What is said while the first keys are being fetched.
const NOT_YET: &str = "There are no credentials yet.";
/// What is said while it takes longer to fetch newer ones than those before were good.
const ENDED: &str = "The credentials have ended, and newer ones have not come yet.";

/// All of it.
#[derive(Debug, Default)]
pub struct Book {
    holders: BTreeMap<InstanceId, Lent>,
    loans: HashMap<Source, Loan>,
}

/// The keys of one source.
#[derive(Debug)]
struct Loan {
    keys: Option<Credentials>,
    /// Why there are no newer ones, and when that was found.
    failure: Option<(Failure, Timestamp)>,
    /// How often in a row that was so.
    failures: u32,
    /// When they are to be had anew.
    due: Timestamp,
    /// Is somebody fetching them?
    is_out: bool,
    /// When there were none at first, or none any longer.
    since: Timestamp,
    /// Were there some before?
    have_ended: bool,
}

impl Book {
    /// These instances have roles of which the keys come from elsewhere, and no others. What is new is due at once.
    pub fn set(&mut self, wanted: impl IntoIterator<Item = (InstanceId, Lent)>, now: Timestamp) {
        self.holders = wanted.into_iter().filter(|(_, lent)| lent.source.is_some()).collect();
        let sources = || self.holders.values().filter_map(|lent| lent.source.as_ref());
        let mut loans = HashMap::new();
        for source in sources() {
            if !loans.contains_key(source) {
                let new = || Loan {
                    keys: None,
                    failure: None,
                    failures: 0,
                    due: now,
                    is_out: false,
                    since: now,
                    have_ended: false,
                };
                loans.insert(source.clone(), self.loans.remove(source).unwrap_or_else(new));
            }
        }
        self.loans = loans;
    }

    /// What each of them is to be told.
    pub fn roles(&self) -> impl Iterator<Item = (InstanceId, Role)> {
        self.holders.keys().filter_map(|id| Some((id.clone(), self.role(id)?)))
    }

    /// What an instance is to be told.
    #[must_use]
    pub fn role(&self, id: &InstanceId) -> Option<Role> {
        let lent = self.holders.get(id)?;
        let loan = self.loans.get(lent.source.as_ref()?)?;
        let role = lent.role.clone();
        Some(lent.with(match (&loan.keys, &loan.failure) {
            (Some(credentials), _) => Grant::Keys { role, credentials: credentials.clone() },
            (None, Some((Failure::Denied(_), since))) => Grant::Untrusted { role, since: *since },
            (None, Some((failure @ Failure::Other(_), since))) => Grant::Failed {
                role,
                message: format!("There are no credentials: {failure}."),
                since: *since,
            },
            (None, None) => {
                let message = if loan.have_ended { ENDED } else { NOT_YET };
                Grant::Failed { role, message: message.to_owned(), since: loan.since }
            }
        }))
    }

    /// What is to be fetched now, of those that are `ready`. It counts as being fetched from here on.
    pub fn take_due(&mut self, now: Timestamp, ready: impl Fn(&Source) -> bool) -> Vec<Source> {
        let due = self.loans.iter_mut().filter(|(_, loan)| !loan.is_out && loan.due <= now);
        due.filter(|(source, _)| ready(source))
            .map(|(source, loan)| {
                loan.is_out = true;
                source.clone()
            })
            .collect()
    }

    /// Is anything being fetched?
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.loans.values().any(|loan| loan.is_out)
    }

    /// When there is something to do with those that are `ready`, or keys end, unless something comes before.
    #[must_use]
    pub fn next(&self, ready: impl Fn(&Source) -> bool) -> Option<Timestamp> {
        let due = self.loans.iter().filter(|(source, loan)| !loan.is_out && ready(source));
        let due = due.map(|(_, loan)| loan.due);
        let ends = self.loans.values().filter_map(|loan| loan.keys.as_ref()?.expiration);
        due.chain(ends).min()
    }

    /// Is this how it failed the last time, and has since?
    #[must_use]
    pub fn knows(&self, source: &Source, failure: &Failure) -> bool {
        let known = self.loans.get(source).and_then(|loan| loan.failure.as_ref());
        known.is_some_and(|(known, _)| known == failure)
    }

    /// Takes in what was fetched, by the same clock as all the rest, and says who is to be told. `dice` is a random number: not all come at once.
    pub fn came(
        &mut self,
        source: &Source,
        result: Result<Credentials, Failure>,
        now: Timestamp,
        dice: u8,
    ) -> Vec<InstanceId> {
        // Nobody wants it any longer.
        let Some(loan) = self.loans.get_mut(source).filter(|loan| loan.is_out) else { return Vec::new() };
        loan.is_out = false;
        // The clock may have jumped while they were on their way.
        let ended = |keys: &Credentials| keys.expiration.is_some_and(|end| end <= now);
        let result = result.and_then(|keys| if ended(&keys) { Err(Failure::ended()) } else { Ok(keys) });
        match result {
            Ok(keys) => {
                loan.due = later(now, renewal(keys.expiration.map(|end| until(now, end)), dice));
                (loan.keys, loan.failure, loan.failures) = (Some(keys), None, 0);
                self.holders_of(source)
            }
            Err(failure) => {
                loan.due = later(now, pause(loan.failures, dice));
                loan.failures = loan.failures.saturating_add(1);
                let has_keys = loan.keys.is_some();
                // As long as it is the same, it was found when it was found.
                if loan.failure.as_ref().is_none_or(|(before, _)| *before != failure) {
                    loan.failure = Some((failure, now));
                }
                // The keys before are good until they end.
                if has_keys { Vec::new() } else { self.holders_of(source) }
            }
        }
    }

    /// Lets keys go that have ended, and says who is to be told.
    pub fn expire(&mut self, now: Timestamp) -> Vec<InstanceId> {
        let has_ended = |loan: &Loan| {
            let end = loan.keys.as_ref().and_then(|keys| keys.expiration);
            end.is_some_and(|end| end <= now)
        };
        let ended: Vec<_> =
            self.loans.iter().filter(|(_, loan)| has_ended(loan)).map(|(source, _)| source.clone()).collect();
        let mut told = Vec::new();
        for source in &ended {
            if let Some(loan) = self.loans.get_mut(source) {
                (loan.keys, loan.since, loan.have_ended) = (None, now, true);
            }
            told.extend(self.holders_of(source));
        }
        told
    }

    /// Keys of these sources are worth nothing any longer: they are due.
    pub fn outdate(&mut self, is_meant: impl Fn(&Source) -> bool, now: Timestamp) {
        for (_, loan) in self.loans.iter_mut().filter(|(source, _)| is_meant(source)) {
            (loan.due, loan.failures) = (now, 0);
        }
    }

    /// Those of these sources that failed are due, as what was in the way may have gone.
    pub fn retry(&mut self, is_meant: impl Fn(&Source) -> bool, now: Timestamp) {
        let failed = |loan: &Loan| loan.failure.is_some();
        for (_, loan) in self.loans.iter_mut().filter(|(source, loan)| failed(loan) && is_meant(source)) {
            (loan.due, loan.failures) = (now, 0);
        }
    }

    fn holders_of(&self, source: &Source) -> Vec<InstanceId> {
        let holders = self.holders.iter().filter(|(_, lent)| lent.source.as_ref() == Some(source));
        holders.map(|(id, _)| id.clone()).collect()
    }
}

fn until(now: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(now)).unwrap_or_default()
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// How long keys that live so long are kept before they are renewed: ten minutes before their end, or earlier, so that
/// there is time for several failures; of keys that hardly live that long, half of their life, and if possible five minutes.
fn renewal(left: Option<Duration>, dice: u8) -> Duration {
    let Some(left) = left else { return ENDLESS - ENDLESS / 2560 * u32::from(dice) };
    let ahead =
        if left >= LONG_ENOUGH { (left / 4).clamp(AHEAD, FAR_AHEAD) } else { (left / 2).max(PROMISED) };
    // Up to a tenth earlier.
    let ahead = ahead + ahead / 2560 * u32::from(dice);
    if left > PROMISED + PROMISED / 10 { left - ahead } else { (left / 2).max(LEAST) }
}

/// How long to wait after so many failures before this one: 1, 2, 4 … seconds, a minute at most, up to a quarter less.
fn pause(failures: u32, dice: u8) -> Duration {
    let whole = LEAST.saturating_mul(2_u32.saturating_pow(failures)).min(PAUSE);
    whole - whole / 1024 * u32::from(dice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Origin, Timekeeper};
    use imds_core::credentials::Secret;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn id(last: char) -> InstanceId {
        format!("i-1234567890123456{last}").parse().unwrap()
    }

    fn source(name: &str) -> Source {
        Source { origin: Origin::Profile(name.to_owned()), timekeeper: Timekeeper::Service }
    }

    fn lent(name: &str) -> Lent {
        Lent {
            instance_profile_arn: "arn".into(),
            instance_profile_id: "AIPA".into(),
            role: "web".into(),
            source: Some(source(name)),
        }
    }

    fn keys(end: Option<i64>) -> Credentials {
        Credentials {
            access_key_id: "ASIA".into(),
            secret_access_key: Secret::new("s".into()),
            session_token: Secret::new("t".into()),
            issued: None,
            expiration: end.map(at),
        }
    }

    fn all(_: &Source) -> bool {
        true
    }

    fn told(book: &Book) -> &'static str {
        match book.role(&id('1')).unwrap().grant {
            Grant::Keys { .. } => "keys",
            Grant::Untrusted { .. } => "untrusted",
            Grant::Failed { message, .. } if message == NOT_YET => "not yet",
            Grant::Failed { message, .. } if message == ENDED => "ended",
            Grant::Failed { .. } => "failed",
            Grant::Empty { .. } | Grant::Gone { .. } => "nothing",
        }
    }

    #[test]
    fn keys_are_renewed_ten_minutes_before_their_end_or_five_at_least() {
        for (left, earliest, latest) in [
            (Some(6 * 3_600), 6 * 3_600 - 3_960, 6 * 3_600 - 3_600),
            (Some(3_600), 3_600 - 990, 3_600 - 900),
            (Some(900), 900 - 660, 300),
            (Some(899), 899 - 660, 299),
            (Some(840), 840 - 660, 240),
            (Some(839), 839 - 462, 420),
            (Some(600), 600 - 330, 300),
            (Some(331), 1, 31),
            (Some(330), 165, 165),
            (Some(301), 150, 150),
            (Some(10), 5, 5),
            (Some(1), 1, 1),
            (Some(0), 1, 1),
            (None, 3_240, 3_600),
        ] {
            for dice in [0, 1, 128, 255] {
                let wait = renewal(left.map(Duration::from_secs), dice).as_secs();
                assert!((earliest..=latest).contains(&wait), "{left:?} {dice}: {wait}");
            }
        }
        assert!(renewal(Some(Duration::from_secs(900)), 255) < renewal(Some(Duration::from_secs(900)), 0));
    }

    #[test]
    fn failures_are_further_and_further_apart() {
        for (failures, latest) in [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (31, 60), (u32::MAX, 60)] {
            assert_eq!(pause(failures, 0), Duration::from_secs(latest));
            let earlier = pause(failures, 255);
            assert!(
                earlier < pause(failures, 0) && earlier * 4 > pause(failures, 0) * 2,
                "{failures}: {earlier:?}"
            );
        }
    }

    #[test]
    fn a_failure_keeps_the_keys_until_they_end_and_a_success_is_told() {
        let mut book = Book::default();
        book.set([(id('1'), lent("a")), (id('2'), lent("a")), (id('3'), lent("b"))], at(0));
        assert_eq!((told(&book), book.next(all)), ("not yet", Some(at(0))));
        assert_eq!(book.take_due(at(0), all).len(), 2, "each source once");
        assert!(book.take_due(at(100), all).is_empty() && book.is_waiting(), "it is being fetched");
        let other = || Err(Failure::new("x"));
        // Not before: told at once.
        assert_eq!(book.came(&source("a"), other(), at(1), 0), [id('1'), id('2')]);
        assert_eq!((told(&book), book.next(all)), ("failed", Some(at(2))));
        assert_eq!(book.take_due(at(2), all), [source("a")]);
        assert_eq!(book.came(&source("a"), Err(Failure::Denied("x".into())), at(2), 0).len(), 2);
        assert_eq!((told(&book), book.next(all)), ("untrusted", Some(at(4))));
        assert_eq!(book.take_due(at(4), all), [source("a")]);
        assert_eq!(book.came(&source("a"), Ok(keys(Some(904))), at(4), 0).len(), 2);
        assert_eq!((told(&book), book.next(all)), ("keys", Some(at(304))));
        // From here on it fails, until the end and beyond.
        let mut now = 304;
        while now < 904 {
            assert!(book.expire(at(now)).is_empty(), "{now}");
            for due in book.take_due(at(now), all) {
                assert!(book.came(&due, other(), at(now), 0).is_empty(), "nobody sees it");
            }
            assert_eq!(told(&book), "keys", "{now}");
            now = book.next(all).unwrap().as_second();
        }
        assert_eq!(now, 904, "the end is seen in its second");
        assert_eq!(book.expire(at(now)), [id('1'), id('2')]);
        assert_eq!(told(&book), "failed");
        let later = at(now + 60);
        for due in book.take_due(later, all) {
            book.came(&due, Ok(keys(Some(3_000))), later, 0);
        }
        assert_eq!(told(&book), "keys");
    }

    #[test]
    fn who_rests_is_left_out_and_a_failure_is_known_until_it_is_another_or_none() {
        let mut book = Book::default();
        book.set([(id('1'), lent("a")), (id('2'), lent("b"))], at(0));
        assert_eq!(book.take_due(at(5), |source| *source == self::source("b")), [source("b")]);
        assert_eq!((book.next(|_| false), book.next(all)), (None, Some(at(0))));
        assert_eq!(book.take_due(at(5), all), [source("a")]);
        let (one, other) = (Failure::new("x"), Failure::new("y"));
        for (result, knows_one) in
            [(Err(one.clone()), true), (Err(one.clone()), true), (Err(other), false), (Ok(keys(None)), false)]
        {
            book.came(&source("a"), result, at(6), 0);
            assert_eq!(book.knows(&source("a"), &one), knows_one);
            book.outdate(|_| true, at(6));
            book.take_due(at(6), all);
        }
        assert!(!book.knows(&source("c"), &one));
    }

    #[test]
    fn keys_that_end_while_they_are_fetched_are_gone() {
        let mut book = Book::default();
        book.set([(id('1'), lent("a"))], at(0));
        for due in book.take_due(at(0), all) {
            book.came(&due, Ok(keys(Some(900))), at(0), 0);
        }
        assert_eq!(book.take_due(at(600), all), [source("a")]);
        assert_eq!(book.next(all), Some(at(900)), "a process hangs");
        assert_eq!((book.expire(at(900)).len(), told(&book)), (1, "ended"));
        assert_eq!(book.next(all), None);
        let late = book.came(&source("a"), Ok(keys(Some(950))), at(950), 0);
        assert_eq!((&*late, told(&book)), (&[id('1')][..], "failed"), "the clock was quicker");
        assert_eq!(book.take_due(at(951), all), [source("a")]);
        assert_eq!(book.came(&source("a"), Ok(keys(None)), at(951), 0), [id('1')]);
        assert_eq!((told(&book), book.next(all)), ("keys", Some(at(951 + 3_600))));
    }

    #[test]
    fn what_nobody_has_any_longer_is_forgotten_and_what_stays_is_not_fetched_again() {
        let mut book = Book::default();
        book.set([(id('1'), lent("a")), (id('2'), lent("b"))], at(0));
        for due in book.take_due(at(0), all) {
            book.came(&due, Ok(keys(Some(900))), at(0), 0);
        }
        book.set([(id('1'), lent("a"))], at(10));
        assert!(book.take_due(at(10), all).is_empty() && told(&book) == "keys");
        assert!(book.role(&id('2')).is_none());
        assert!(book.came(&source("b"), Ok(keys(None)), at(10), 0).is_empty());
        book.retry(|_| true, at(19));
        assert!(book.take_due(at(19), all).is_empty(), "nothing has failed");
        book.outdate(|source| *source == self::source("a"), at(20));
        assert_eq!(book.take_due(at(20), all), [source("a")]);
        book.set([(id('1'), Lent { source: None, ..lent("a") })], at(30));
        assert!(book.role(&id('1')).is_none() && book.next(all).is_none());
    }
}
