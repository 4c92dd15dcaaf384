//! The calls that are remembered: so many of each instance, and so many in all.

use std::collections::{BTreeMap, HashMap, VecDeque};

use imds_core::audit::{REMEMBERED as TOLD, Recorded, Whose};

use super::entry::Entry;

/// Calls of each that are held: while some come that are too late for an answer, it still has all that it should.
const HELD: usize = TOLD + 28;
/// Calls of one answer, of which the last are told. However hostile they are, they have no more than some 40 million bytes.
pub(super) const ANSWER: usize = 10_000;
/// Calls in all, of which the oldest goes first. The longest has some 850 bytes, most have 150.
pub(super) const BOUND: usize = 100_000;

/// When a call ended, and which one it was to come here: the later of two has the higher.
type Key = (u64, u64);

/// What is remembered.
pub(super) struct Ring {
    calls: BTreeMap<Key, Held>,
    /// The keys of each owner's calls, in order.
    owners: HashMap<Box<[u8]>, VecDeque<Key>>,
    bound: usize,
    came: u64,
    /// The last call that has a number, and the number.
    numbered: Option<Key>,
    number: u64,
}

struct Held {
    /// 0 until it has one: only then all that came before it is known.
    number: u64,
    bytes: Box<[u8]>,
}

impl Ring {
    /// One that holds so many in all.
    pub(super) fn new(bound: usize) -> Self {
        let (calls, owners) = (BTreeMap::new(), HashMap::new());
        Self { calls, owners, bound, came: 0, numbered: None, number: 0 }
    }

    /// Takes the calls of one worker, in the order in which it made them.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        let mut entries = Vec::new();
        while let Some((entry, rest)) = Entry::first(bytes) {
            entries.push(entry);
            bytes = rest;
            self.came += 1;
        }
        let mut came = self.came;
        // The last first: of an instance that is asked a lot, the others then need no room.
        for entry in entries.iter().rev() {
            came -= 1;
            self.insert((entry.done, came), entry);
        }
    }

    fn insert(&mut self, key: Key, entry: &Entry<'_>) {
        // One that was so late that later ones have been told comes after them: numbers that were told stay.
        let key = self.numbered.filter(|told| key < *told).map_or(key, |told| (told.0, key.1));
        if !self.owners.contains_key(entry.owner) {
            self.owners.insert(entry.owner.into(), VecDeque::new());
        }
        let Some(keys) = self.owners.get_mut(entry.owner) else { return };
        if keys.len() >= HELD && keys.front().is_some_and(|oldest| key < *oldest) {
            return;
        }
        keys.insert(keys.partition_point(|known| *known < key), key);
        self.calls.insert(key, Held { number: 0, bytes: entry.bytes.into() });
        if keys.len() > HELD
            && let Some(oldest) = keys.pop_front()
        {
            self.calls.remove(&oldest);
        }
        while self.calls.len() > self.bound {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, held)) = self.calls.pop_first() else { return };
        let Some((entry, _)) = Entry::first(&held.bytes) else { return };
        // It is its owner's oldest, too.
        if let Some(keys) = self.owners.get_mut(entry.owner) {
            keys.pop_front();
            if keys.is_empty() {
                self.owners.remove(entry.owner);
            }
        }
    }

    /// Whose calls there are that ended `until` then, oldest first. All of them must have come: numbers are given in the
    /// order of their ends.
    pub(super) fn tell(&mut self, of: &Whose, until: u64) -> Vec<Recorded> {
        self.give_numbers(until);
        let owner = match of {
            Whose::All => None,
            Whose::Instance(id) => Some(id.as_str().as_bytes()),
            Whose::Strangers => Some(&b""[..]),
        };
        let mut keys = Vec::new();
        match owner {
            Some(owner) => keys.extend(self.owners.get(owner).into_iter().flat_map(|keys| self.last(keys))),
            None => keys.extend(self.owners.values().flat_map(|keys| self.last(keys))),
        }
        keys.sort_unstable();
        keys.drain(..keys.len().saturating_sub(ANSWER));
        let recorded = |key| {
            let held = self.calls.get(key)?;
            Entry::first(&held.bytes)?.0.recorded(held.number)
        };
        keys.iter().filter_map(recorded).collect()
    }

    /// Forgets the calls that ended `until` then, and those that have been told. All of them must have come: they get
    /// their numbers first, and the next call has a higher one.
    pub(super) fn forget(&mut self, until: u64) {
        self.give_numbers(until);
        while self
            .numbered
            .is_some_and(|last| self.calls.first_key_value().is_some_and(|(key, _)| *key <= last))
        {
            self.forget_oldest();
        }
    }

    /// The last of an owner's calls that have numbers.
    fn last<'k>(&self, keys: &'k VecDeque<Key>) -> impl Iterator<Item = Key> + use<'k> {
        let end = self.numbered.map_or(0, |last| keys.partition_point(|key| *key <= last));
        keys.range(end.saturating_sub(TOLD)..end).copied()
    }

    fn give_numbers(&mut self, until: u64) {
        let start = self.numbered.map_or((0, 0), |(done, came)| (done, came + 1));
        let end = (until, u64::MAX);
        if start > end {
            return;
        }
        for (key, held) in self.calls.range_mut(start..=end) {
            self.number += 1;
            held.number = self.number;
            self.numbered = Some(*key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::entry::write;
    use imds_core::audit::{Call, Version};
    use imds_core::id::InstanceId;
    use imds_core::testing::noon;

    fn id(number: usize) -> InstanceId {
        format!("i-{number:017x}").parse().unwrap()
    }

    /// Calls of one owner that ended at these times, each of which is its path.
    fn piece(instance: Option<&InstanceId>, ends: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for done in ends {
            let path = format!("/{done}");
            let call = Call {
                at: noon(),
                instance,
                source: [10, 0, 0, 1].into(),
                method: "GET",
                path: path.as_bytes(),
                status: 200,
                version: Version::V1,
                user_agent: b"",
                micros: 1,
                fault: None,
            };
            write(&mut bytes, &call, done);
        }
        bytes
    }

    fn paths(calls: &[Recorded]) -> Vec<u64> {
        calls.iter().map(|call| call.path[1..].parse().unwrap()).collect()
    }

    #[test]
    fn the_last_hundred_of_each_owner_are_told_in_order() {
        let mut ring = Ring::new(BOUND);
        let [one, two] = [1, 2].map(id);
        // Pieces of two workers that worked at the same time, of which the one that ended later comes first.
        ring.take(&piece(Some(&one), (0..400).filter(|end| end % 2 == 1)));
        ring.take(&piece(Some(&one), (0..400).filter(|end| end % 2 == 0)));
        ring.take(&piece(None, 400..650));
        ring.take(&piece(Some(&two), 650..653));
        let all = ring.tell(&Whose::All, u64::MAX);
        let expected: Vec<_> = (300..400).chain(550..653).collect();
        assert_eq!(paths(&all), expected);
        assert!(all.windows(2).all(|pair| pair[0].number < pair[1].number));
        for (of, range) in [
            (Whose::Instance(one), 300..400),
            (Whose::Strangers, 550..650),
            (Whose::Instance(two), 650..653),
            (Whose::Instance(id(3)), 0..0),
        ] {
            let calls = ring.tell(&of, u64::MAX);
            assert_eq!(paths(&calls), range.collect::<Vec<_>>(), "{of:?}");
            assert!(calls.iter().all(|call| all.contains(call)), "{of:?}: told the same");
        }
        assert!(ring.calls.len() <= 3 * HELD);
    }

    #[test]
    fn what_ended_too_late_waits_and_pushes_nobody_out() {
        let mut ring = Ring::new(BOUND);
        ring.take(&piece(None, 0..110));
        let before = ring.tell(&Whose::Strangers, 104);
        assert_eq!(paths(&before), (5..105).collect::<Vec<_>>());
        // One who told nothing until now has older ones. They are later than all that was told, and no number changes.
        ring.take(&piece(None, [3, 4]));
        let after = ring.tell(&Whose::Strangers, u64::MAX);
        let late: Vec<_> = after.iter().skip(93).map(|call| call.path.clone()).collect();
        assert_eq!(late, ["/3", "/4", "/105", "/106", "/107", "/108", "/109"]);
        assert!(after.windows(2).all(|pair| pair[0].number < pair[1].number));
        assert_eq!(after[..93], before[7..], "as they were told");
        assert_eq!(ring.tell(&Whose::Strangers, 0), after, "what was told once is there");
    }

    #[test]
    fn what_is_forgotten_gives_its_numbers_to_no_other() {
        let mut ring = Ring::new(BOUND);
        ring.take(&piece(None, 0..10));
        ring.take(&piece(Some(&id(1)), 10..20));
        ring.forget(14);
        assert_eq!(paths(&ring.tell(&Whose::All, u64::MAX)), [15, 16, 17, 18, 19]);
        assert_eq!(ring.owners.len(), 1);
        // What was told already is gone, however early the end is; a call that comes late is not.
        ring.forget(0);
        assert_eq!(ring.tell(&Whose::All, u64::MAX), []);
        ring.take(&piece(None, [3]));
        let late = ring.tell(&Whose::All, u64::MAX);
        assert_eq!((late[0].number, paths(&late)), (21, vec![3]));
        let mut ring = Ring::new(BOUND);
        ring.forget(u64::MAX);
        ring.take(&piece(None, [1]));
        assert_eq!(ring.tell(&Whose::All, u64::MAX)[0].number, 1);
    }

    #[test]
    fn there_is_a_bound_in_all_and_the_oldest_goes_first() {
        let mut ring = Ring::new(1_000);
        for round in 0..50_u64 {
            ring.take(&piece(Some(&id(usize::try_from(round).unwrap())), round * 90..round * 90 + 90));
            assert!(ring.calls.len() <= 1_000);
        }
        assert_eq!(paths(&ring.tell(&Whose::All, u64::MAX)), (3_500..4_500).collect::<Vec<_>>());
        assert_eq!(ring.owners.len(), 12, "who has no calls needs no place");
        // An answer has a bound, too.
        ring = Ring::new(BOUND);
        for owner in 0..101_u64 {
            let ends = owner * 100..owner * 100 + 100;
            ring.take(&piece(Some(&id(usize::try_from(owner).unwrap())), ends));
        }
        assert_eq!(paths(&ring.tell(&Whose::All, u64::MAX)), (100..10_100).collect::<Vec<_>>());
        // The oldest of all are too old to be held.
        ring = Ring::new(10);
        ring.take(&piece(None, 100..110));
        ring.take(&piece(Some(&id(1)), 0..10));
        assert_eq!(paths(&ring.tell(&Whose::All, u64::MAX)), (100..110).collect::<Vec<_>>());
        assert_eq!(ring.owners.len(), 1);
    }
}
