//! What every store promises. A new adapter is one more line in [`every_store`].

use std::collections::BTreeMap;
use std::thread;

use imds_store::store::{Effect, Error, Event, Expected, Kept, Revision, Store, Write};
use imds_store::{Embedded, Memory};

use crate::{delete, folder, put};
use Expected::{Absent, Any};

/// Runs a case on an empty store of each kind.
fn every_store(case: impl Fn(&dyn Store)) {
    let folder = folder();
    let stores: [(&str, Box<dyn Store>); 2] = [
        ("memory", Box::new(Memory::default())),
        ("embedded", Box::new(Embedded::open(folder.path()).unwrap())),
    ];
    for (name, store) in stores {
        eprintln!("with the {name} store");
        case(&*store);
    }
}

/// Everything in a store, as texts.
fn all(store: &dyn Store) -> Vec<(String, Revision, String)> {
    let text = |kept: Kept| String::from_utf8(kept.value.to_vec()).unwrap();
    store.list("").unwrap().into_iter().map(|(key, kept)| (key, kept.revision, text(kept))).collect()
}

fn keys(store: &dyn Store, prefix: &str) -> Vec<String> {
    store.list(prefix).unwrap().into_iter().map(|(key, _)| key).collect()
}

fn number(value: &[u8]) -> u64 {
    str::from_utf8(value).unwrap().parse().unwrap()
}

/// Adds one to a number, however often somebody else is quicker; the number and the commit.
fn add_one(store: &dyn Store, key: &str) -> (u64, Revision) {
    loop {
        let kept = store.get(key).unwrap();
        let expected = kept.as_ref().map_or(Absent, |kept| Expected::Revision(kept.revision));
        let next = kept.map_or(0, |kept| number(&kept.value)) + 1;
        let next = next.to_string();
        match store.commit(&[put(key, expected, &next), put("copy", Any, &next)]) {
            Ok(revision) => return (number(next.as_bytes()), revision),
            Err(Error::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_a_batch_depends_on_stays_as_it_is() {
    every_store(|store| {
        let expect = |key: &str, expected| Write { key: key.to_owned(), expected, effect: Effect::Keep };
        let first = store.commit(&[put("a", Absent, "1")]).unwrap();
        let events = store.watch();
        let second = store
            .commit(&[
                expect("a", Expected::Revision(first)),
                expect("b", Absent),
                expect("c", Any),
                put("d", Absent, "1"),
            ])
            .unwrap();
        assert_eq!(store.get("a").unwrap().unwrap().revision, first);
        assert_eq!(keys(store, ""), ["a", "d"]);
        let told = events.try_recv().unwrap();
        assert_eq!((told.revision, told.changes.len()), (second, 1), "what is kept is no change");
        for wrong in [expect("a", Absent), expect("a", Expected::Revision(second)), expect("d", Absent)] {
            let key = wrong.key.clone();
            let conflict = store.commit(&[put("e", Any, "1"), wrong]).unwrap_err();
            assert!(matches!(conflict, Error::Conflict { key: k } if k == key));
        }
        assert_eq!(keys(store, ""), ["a", "d"]);
    });
}

#[test]
fn the_last_commit_is_known() {
    every_store(|store| {
        assert_eq!(store.revision().unwrap(), 0);
        for _ in 0..3 {
            let (_, revision) = add_one(store, "number");
            assert_eq!(store.revision().unwrap(), revision);
        }
    });
}

#[test]
fn an_empty_store_has_nothing() {
    every_store(|store| {
        assert_eq!(store.get("machine/i-1").unwrap(), None);
        assert_eq!(all(store), []);
        assert_eq!(store.commit(&[put("machine/i-1", Any, "a")]).unwrap(), 1, "the first commit");
    });
}

#[test]
fn a_batch_commits_as_one() {
    every_store(|store| {
        let first = store.commit(&[put("a", Any, "1"), put("b", Any, "1"), put("c", Any, "1")]).unwrap();
        let second = store.commit(&[put("a", Any, "2"), delete("b", Any), put("d", Any, "2")]).unwrap();
        assert!(second > first);
        let expected = [("a", second, "2"), ("c", first, "1"), ("d", second, "2")];
        assert_eq!(all(store), expected.map(|(key, at, value)| (key.to_owned(), at, value.to_owned())));
        assert_eq!(store.get("c").unwrap(), Some(Kept { revision: first, value: b"1".as_slice().into() }));
        assert_eq!(store.get("b").unwrap(), None);
    });
}

#[test]
fn what_is_as_expected_is_written() {
    every_store(|store| {
        let at =
            store.commit(&[put("a", Absent, "1"), put("b", Any, "1"), delete("nothing", Absent)]).unwrap();
        let at = store.commit(&[put("a", Expected::Revision(at), "2"), put("b", Any, "2")]).unwrap();
        store.commit(&[delete("a", Expected::Revision(at)), delete("nothing", Any)]).unwrap();
        store.commit(&[put("a", Absent, "3")]).unwrap();
        assert_eq!(keys(store, ""), ["a", "b"]);
    });
}

#[test]
fn a_conflict_does_nothing() {
    every_store(|store| {
        let old = store.commit(&[put("a", Any, "1"), put("b", Any, "1")]).unwrap();
        let now = store.commit(&[put("a", Any, "2")]).unwrap();
        let heard = store.watch();
        let before = all(store);
        let untrue = [
            put("a", Absent, "x"),
            put("a", Expected::Revision(old), "x"),
            put("a", Expected::Revision(now + 1), "x"),
            put("nothing", Expected::Revision(now), "x"),
            delete("a", Absent),
            delete("b", Expected::Revision(now)),
        ];
        for write in untrue {
            let key = write.key.clone();
            let batch = [put("c", Any, "x"), delete("b", Any), write, put("z", Expected::Revision(9), "x")];
            // `b` comes once in a batch.
            let batch: Vec<Write> = batch.into_iter().filter(|w| key != "b" || w.expected != Any).collect();
            let error = store.commit(&batch).unwrap_err();
            assert!(matches!(&error, Error::Conflict { key: named } if *named == key), "{error}, not {key}");
            assert_eq!(all(store), before);
        }
        let next = store.commit(&[put("a", Expected::Revision(now), "3")]).unwrap();
        assert_eq!(heard.recv().unwrap().revision, next, "nobody heard of what was not done");
    });
}

#[test]
fn a_list_has_what_begins_so_in_order() {
    every_store(|store| {
        let written = [
            "machine/i-2",
            "machine/i-10",
            "machine",
            "machine/",
            "machine0",
            "defaults/x",
            "machine/é",
            "zone",
        ];
        store.commit(&written.map(|key| put(key, Absent, ""))).unwrap();
        assert_eq!(keys(store, "machine/"), ["machine/", "machine/i-10", "machine/i-2", "machine/é"]);
        assert_eq!(keys(store, "machine/i-1"), ["machine/i-10"]);
        assert_eq!(keys(store, "machine/i-3"), [""; 0]);
        assert_eq!(keys(store, "zz"), [""; 0]);
        let mut sorted = written.to_vec();
        sorted.sort_unstable();
        assert_eq!(keys(store, ""), sorted);
    });
}

#[test]
fn values_are_kept_whatever_their_size() {
    every_store(|store| {
        let values = [0, 1, 16 << 10, 5 << 20].map(|size| vec![0xa5_u8; size]);
        for (round, value) in (0_u8..).zip([&values[3], &values[2], &values[1], &values[0], &values[3]]) {
            let write =
                Write { key: "a".to_owned(), expected: Any, effect: Effect::Set(value.as_slice().into()) };
            store.commit(&[write, put("b", Any, &round.to_string())]).unwrap();
            assert_eq!(*store.get("a").unwrap().unwrap().value, **value);
        }
        store.commit(&[delete("a", Any)]).unwrap();
        assert_eq!(keys(store, ""), ["b"]);
    });
}

#[test]
fn an_empty_batch_is_a_commit_of_nothing() {
    every_store(|store| {
        let heard = store.watch();
        let first = store.commit(&[put("a", Any, "1")]).unwrap();
        let before = all(store);
        let second = store.commit(&[]).unwrap();
        assert!(second > first);
        assert_eq!(all(store), before);
        assert_eq!(heard.iter().take(2).last().unwrap(), Event { revision: second, changes: vec![] });
    });
}

#[test]
fn all_who_watch_hear_of_every_commit_from_then_on() {
    every_store(|store| {
        store.commit(&[put("a", Any, "before")]).unwrap();
        let (first, gone) = (store.watch(), store.watch());
        drop(gone);
        let one = store.commit(&[put("a", Any, "1"), delete("b", Any)]).unwrap();
        let second = store.watch();
        let two = store.commit(&[delete("a", Any)]).unwrap();
        let value = |text: &str| Some(text.as_bytes().into());
        let told = [
            Event { revision: one, changes: vec![("a".to_owned(), value("1")), ("b".to_owned(), None)] },
            Event { revision: two, changes: vec![("a".to_owned(), None)] },
        ];
        assert_eq!(first.try_iter().collect::<Vec<_>>(), told, "told when the commit returns");
        assert_eq!(second.try_iter().collect::<Vec<_>>(), told[1..]);
    });
}

#[test]
fn of_many_who_commit_none_is_lost_and_all_are_told_in_order() {
    const EACH: u64 = 100;
    every_store(|store| {
        let heard = store.watch();
        let mut answered: Vec<(u64, Revision)> = thread::scope(|scope| {
            let workers = [(); 4]
                .map(|()| scope.spawn(|| (0..EACH).map(|_| add_one(store, "number")).collect::<Vec<_>>()));
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        answered.sort_unstable();
        let told: Vec<(u64, Revision)> = heard
            .try_iter()
            .map(|event| (number(event.changes[0].1.as_deref().unwrap()), event.revision))
            .collect();
        assert!(told == answered, "each once, in order: {told:?}");
        assert!(told.is_sorted_by(|one, next| one.1 < next.1), "{told:?}");
        assert_eq!(
            told.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
            (1..=4 * EACH).collect::<Vec<_>>()
        );
    });
}

#[test]
fn a_list_is_as_of_one_commit() {
    every_store(|store| {
        add_one(store, "number");
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for _ in 0..50 {
                    add_one(store, "number");
                }
            });
            while !writer.is_finished() {
                let kept = store.list("").unwrap();
                assert_eq!(kept[0].1, kept[1].1, "both keys of every commit");
            }
        });
    });
}

/// What a follower knows: what it listed, and what it heard since, up to a commit.
fn follow(store: &dyn Store, last: &str) -> BTreeMap<String, Vec<u8>> {
    let heard = store.watch();
    let mut known = listed(store);
    while !known.contains_key(last) {
        for (key, value) in heard.recv().unwrap().changes {
            match value {
                Some(value) => known.insert(key, value.to_vec()),
                None => known.remove(&key),
            };
        }
    }
    known
}

fn listed(store: &dyn Store) -> BTreeMap<String, Vec<u8>> {
    store.list("").unwrap().into_iter().map(|(key, kept)| (key, kept.value.to_vec())).collect()
}

#[test]
fn who_watches_and_then_lists_misses_nothing() {
    every_store(|store| {
        thread::scope(|scope| {
            let followers = [(); 3].map(|()| scope.spawn(|| follow(store, "last")));
            for round in 0..50 {
                store.commit(&[put(&format!("key/{round}"), Absent, "x")]).unwrap();
                store.commit(&[delete(&format!("key/{}", round / 2), Any)]).unwrap();
            }
            store.commit(&[put("last", Absent, "x")]).unwrap();
            for follower in followers {
                assert_eq!(follower.join().unwrap(), listed(store));
            }
        });
    });
}
