//! Who gets which keys, and when: on a clock of the tests' own, with nonces that are counted.

use std::sync::Arc;

use imds_core::credentials::{Grant, Role as Served};
use imds_core::lifecycle::State;
use imds_core::machine;
use imds_core::testing::{launch, noon};
use jiff::SignedDuration;

use super::*;
use crate::Memory;
use crate::record::Batch;
use crate::store::Store;

const A: &str = "i-0000000a";
const B: &str = "i-0000000b";
const TO_EC2: &str = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const TO_NOBODY: &str = r#"{"Statement":[]}"#;

/// A store, and what follows it.
struct Watched {
    store: Memory,
    events: std::sync::mpsc::Receiver<crate::store::Event>,
    profiles: Profiles,
    issuer: Issuer,
    now: Timestamp,
    nonces: u8,
}

impl Watched {
    fn new() -> Self {
        let store = Memory::default();
        Self {
            events: store.watch(),
            store,
            profiles: Profiles::default(),
            issuer: Issuer::new(&[1; 32]),
            now: noon(),
            nonces: 0,
        }
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut Profiles, &mut Mint<'_>) -> T) -> T {
        let nonces = &mut self.nonces;
        let mut nonce = || {
            *nonces += 1;
            Ok([*nonces; NONCE_LEN])
        };
        let mut mint = Mint { issuer: &self.issuer, now: self.now, nonce: &mut nonce };
        work(&mut self.profiles, &mut mint)
    }

    /// Commits, and says what that gives.
    fn commit(&mut self, write: impl FnOnce(&mut Batch)) -> Vec<Given> {
        let mut batch = Batch::default();
        write(&mut batch);
        self.store.commit(batch.writes()).unwrap();
        let event = self.events.try_recv().unwrap();
        self.follow(&event.changes)
    }

    fn follow(&mut self, changes: &[(String, Option<Arc<[u8]>>)]) -> Vec<Given> {
        self.with(|profiles, mint| profiles.follow(parts(changes), mint)).unwrap()
    }

    /// As after a restart, in any order of kinds.
    fn load(&mut self, kinds: [&str; 3]) -> Vec<Given> {
        self.profiles = Profiles::default();
        let list = |kind: &str| self.store.list(&format!("{kind}/")).unwrap();
        let all: Vec<_> =
            kinds.into_iter().flat_map(list).map(|(key, kept)| (key, Some(kept.value))).collect();
        self.follow(&all)
    }

    fn renew(&mut self, after: SignedDuration) -> Vec<Given> {
        self.now = noon() + after;
        self.with(Profiles::renew).unwrap()
    }
}

fn parts(changes: &[(String, Option<Arc<[u8]>>)]) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
    changes.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
}

fn role(name: &str, trust_policy: &str) -> Role {
    Role {
        name: name.to_owned(),
        path: "/".to_owned(),
        id: format!("AROA{name}"),
        created: noon(),
        trust_policy: trust_policy.to_owned(),
        description: String::new(),
        max_session_duration: 3600,
        attached_policies: Vec::new(),
        permissions_boundary: None,
        inline_policies: std::collections::BTreeMap::new(),
        tags: std::collections::BTreeMap::new(),
    }
}

fn profile(name: &str, id: &str, role: Option<&str>) -> InstanceProfile {
    InstanceProfile {
        name: name.to_owned(),
        path: "/team/".to_owned(),
        id: id.to_owned(),
        created: noon(),
        role: role.map(str::to_owned),
        tags: std::collections::BTreeMap::new(),
    }
}

fn machine(id: &str, profile: Option<(&str, &str)>) -> Machine {
    let mut launch = launch();
    launch.id = id.parse().unwrap();
    let mut machine = Machine::launched(launch.instance());
    machine.profile = profile.map(|(name, profile_id)| machine::Profile {
        arn: format!("arn:aws:iam::123456789012:instance-profile/team/{name}"),
        id: profile_id.to_owned(),
        association_id: "iip-assoc-00000000".to_owned(),
        since: noon(),
    });
    machine
}

/// What each is told, as a word, in the order of ids.
fn words(given: &[Given]) -> Vec<(&str, String)> {
    let word = |served: Option<&Served>| match served.map(|served| &served.grant) {
        None => "nothing".to_owned(),
        Some(Grant::Keys { role, .. }) => format!("keys of {role}"),
        Some(Grant::Untrusted { role, .. }) => format!("{role} is closed"),
        Some(Grant::Failed { role, .. }) => format!("no keys of {role}"),
        Some(Grant::Empty { .. }) => "no role".to_owned(),
        Some(Grant::Gone { .. }) => "gone".to_owned(),
    };
    given.iter().map(|(id, served)| (id.as_str(), word(served.as_ref()))).collect()
}

fn told(id: &'static str, what: &str) -> Vec<(&'static str, String)> {
    vec![(id, what.to_owned())]
}

/// A role `web` in a profile `web`, and A with that.
fn furnished() -> (Watched, Vec<Given>) {
    let mut watched = Watched::new();
    let given = watched.commit(|batch| {
        batch.put("web", &role("web", TO_EC2));
        batch.put("web", &profile("web", "AIPA1", Some("web")));
        batch.put(A, &machine(A, Some(("web", "AIPA1"))));
        batch.put(B, &machine(B, None));
    });
    (watched, given)
}

#[test]
fn the_keys_are_a_session_of_the_role_named_after_the_instance() {
    let (watched, given) = furnished();
    assert_eq!(words(&given), told(A, "keys of web"));
    let served = given[0].1.as_ref().unwrap();
    assert_eq!(served.instance_profile_arn, "arn:aws:iam::123456789012:instance-profile/team/web");
    assert_eq!(served.instance_profile_id, "AIPA1");
    let keys = served.credentials().unwrap();
    let opened = watched.issuer.open(&keys.access_key_id, keys.session_token.expose(), noon()).unwrap();
    assert_eq!(opened.0.arn("aws"), "arn:aws:sts::123456789012:assumed-role/web/i-0000000a");
    assert_eq!(opened.0.user_id(), "AROAweb:i-0000000a");
    assert_eq!(opened.1, keys.secret_access_key);
    assert_eq!(keys.issued, Some(noon()));
    assert_eq!(keys.expiration, Some(noon() + SignedDuration::from_hours(6)));
    assert!(watched.profiles.has(&A.parse().unwrap()) && !watched.profiles.has(&B.parse().unwrap()));
}

#[test]
fn the_role_is_of_the_account_of_its_profile_whosever_the_machine_is() {
    let (mut watched, _) = furnished();
    let mut foreign = machine(B, Some(("web", "AIPA1")));
    foreign.instance.account_id = "999999999999".parse().unwrap();
    let given = watched.commit(|batch| batch.put(B, &foreign));
    let keys = given[0].1.as_ref().unwrap().credentials().unwrap();
    let opened = watched.issuer.open(&keys.access_key_id, keys.session_token.expose(), noon()).unwrap();
    assert_eq!(opened.0.account.as_str(), "123456789012");
    foreign.profile.as_mut().unwrap().arn = "web".to_owned();
    let given = watched.commit(|batch| batch.put(B, &foreign));
    assert_eq!(words(&given), told(B, "nothing"), "an ARN that does not read gives no keys");
}

#[test]
fn they_are_renewed_an_hour_before_their_end_and_the_old_ones_stay_good() {
    let (mut watched, given) = furnished();
    let first = given[0].1.as_ref().unwrap().credentials().unwrap().clone();
    let five = SignedDuration::from_hours(5);
    assert_eq!(watched.profiles.due(), Some(noon() + five));
    assert!(watched.renew(five - SignedDuration::from_millis(1)).is_empty());
    let given = watched.renew(five);
    let second = given[0].1.as_ref().unwrap().credentials().unwrap();
    assert_eq!(words(&given), told(A, "keys of web"));
    assert_ne!(second.access_key_id, first.access_key_id);
    assert_eq!(second.expiration, Some(noon() + SignedDuration::from_hours(11)));
    assert_eq!(watched.profiles.due(), Some(noon() + SignedDuration::from_hours(10)));
    assert!(watched.renew(five).is_empty(), "once");
    let still = watched.issuer.open(&first.access_key_id, first.session_token.expose(), watched.now);
    assert!(still.is_ok());
    // A machine that slept gets the next keys at once, and not one set for each hour that it missed.
    let given = watched.renew(SignedDuration::from_hours(100));
    assert_eq!((given.len(), watched.profiles.due()), (1, Some(noon() + SignedDuration::from_hours(105))));
}

#[test]
fn all_that_have_keys_get_new_ones_when_those_before_have_ended() {
    let (mut watched, given) = furnished();
    watched.commit(|batch| batch.put("i-0000000c", &machine("i-0000000c", Some(("none", "AIPA0")))));
    let first = given[0].1.as_ref().unwrap().credentials().unwrap().clone();
    watched.issuer = Issuer::new(&[2; 32]);
    let early = SignedDuration::from_hours(1);
    assert!(watched.renew(early).is_empty());
    watched.profiles.outdate();
    watched.profiles.outdate();
    let given = watched.renew(early);
    assert_eq!(words(&given), told(A, "keys of web"), "who has none gets none");
    let second = given[0].1.as_ref().unwrap().credentials().unwrap();
    let open = |keys: &imds_core::credentials::Credentials| {
        watched.issuer.open(&keys.access_key_id, keys.session_token.expose(), watched.now).is_ok()
    };
    assert!(open(second) && !open(&first));
    assert_eq!(watched.profiles.due(), Some(noon() + SignedDuration::from_hours(6)));
    assert!(watched.renew(early).is_empty(), "once");
}

#[test]
fn what_does_not_concern_the_keys_makes_no_new_ones() {
    let (mut watched, _) = furnished();
    let due = watched.profiles.due();
    watched.now = noon() + SignedDuration::from_hours(1);
    let mut tagged = machine(A, Some(("web", "AIPA1")));
    tagged.instance.tags.insert("a".to_owned(), "b".to_owned());
    tagged.state = State::Running;
    let mut described = role("web", TO_EC2);
    described.description = "new".to_owned();
    let mut marked = profile("web", "AIPA1", Some("web"));
    marked.tags.insert("a".to_owned(), "b".to_owned());
    let given = watched.commit(|batch| {
        batch.put(A, &tagged);
        batch.put("web", &described);
        batch.put("web", &marked);
        batch.put("other", &role("other", TO_EC2));
        batch.put("other", &profile("other", "AIPA2", Some("other")));
        batch.put("10.0.0.5", &crate::record::Address { instance: A.to_owned() });
    });
    assert!(given.is_empty());
    assert_eq!((watched.profiles.due(), watched.nonces), (due, 1));
}

#[test]
fn each_change_is_seen_at_once() {
    let (mut watched, _) = furnished();
    let mut step = |what: &str, expected: &[(&str, &str)], write: &dyn Fn(&mut Batch)| {
        let given = watched.commit(write);
        let expected: Vec<_> = expected.iter().map(|(id, word)| (*id, (*word).to_owned())).collect();
        assert_eq!(words(&given), expected, "{what}");
        let has_keys = watched.profiles.instances.values().filter(|held| held.due.is_some()).count();
        assert_eq!(watched.profiles.due.len(), has_keys, "{what}: only keys are due");
    };
    let web = |role: Option<&str>| profile("web", "AIPA1", role);
    let with = |state, of: Option<(&str, &str)>| {
        let mut machine = machine(A, of);
        machine.state = state;
        machine
    };
    let own = Some(("web", "AIPA1"));
    step("role removed", &[(A, "no role")], &|batch| batch.put("web", &web(None)));
    step("another that is not there", &[], &|batch| batch.put("web", &web(Some("db"))));
    step("which comes", &[(A, "keys of db")], &|batch| batch.put("db", &role("db", TO_EC2)));
    step("and is closed", &[(A, "db is closed")], &|batch| batch.put("db", &role("db", TO_NOBODY)));
    step("and opened", &[(A, "keys of db")], &|batch| batch.put("db", &role("db", TO_EC2)));
    step("profile deleted", &[(A, "gone")], &|batch| batch.delete::<InstanceProfile>("web"));
    step("another of its name", &[], &|batch| batch.put("web", &profile("web", "AIPA9", Some("web"))));
    step("associated anew", &[(A, "keys of web")], &|batch| {
        batch.put(A, &with(State::Running, Some(("web", "AIPA9"))));
    });
    step("replaced", &[(A, "keys of two")], &|batch| {
        batch.put("two", &role("two", TO_EC2));
        batch.put("two", &profile("two", "AIPA2", Some("two")));
        batch.put(A, &with(State::Running, Some(("two", "AIPA2"))));
    });
    step("stopped", &[(A, "nothing")], &|batch| {
        batch.put(A, &with(State::Stopping, Some(("two", "AIPA2"))));
    });
    step("its role closed meanwhile", &[], &|batch| batch.put("two", &role("two", TO_NOBODY)));
    step("started", &[(A, "two is closed")], &|batch| {
        batch.put(A, &with(State::Pending, Some(("two", "AIPA2"))));
    });
    step("disassociated", &[(A, "nothing")], &|batch| batch.put(A, &with(State::Running, None)));
    step("nothing any longer", &[], &|batch| batch.put(A, &with(State::Running, None)));
    step("back", &[(A, "gone")], &|batch| batch.put(A, &with(State::Running, own)));
    step("terminated", &[(A, "nothing")], &|batch| batch.put(A, &with(State::ShuttingDown, own)));
    step("and swept", &[], &|batch| batch.delete::<Machine>(A));
}

#[test]
fn a_start_gives_all_that_run_their_keys() {
    let (mut watched, given) = furnished();
    watched.commit(|batch| {
        let mut stopped = machine("i-0000000c", Some(("web", "AIPA1")));
        stopped.state = State::Stopped;
        batch.put("i-0000000c", &stopped);
        batch.put("i-0000000d", &machine("i-0000000d", Some(("none", "AIPA0"))));
    });
    let kinds = ["role", "instance-profile", "machine"];
    assert_eq!(words(&watched.load([kinds[2], kinds[1], kinds[0]])).len(), 2);
    let again = watched.load(kinds);
    assert_eq!(
        words(&again),
        [(A, "keys of web".to_owned()), ("i-0000000d", "gone".to_owned())],
        "not what is stopped, or has no profile"
    );
    let id = |given: &[Given]| given[0].1.as_ref().unwrap().credentials().unwrap().access_key_id.clone();
    assert_ne!(id(&again), id(&given), "they are kept nowhere");
}

#[test]
fn what_is_damaged_counts_as_deleted_and_is_told_without_its_content() {
    let (mut watched, _) = furnished();
    let damage = |key: &str| {
        vec![crate::store::Write {
            key: key.to_owned(),
            expected: crate::store::Expected::Any,
            effect: crate::store::Effect::Set(Arc::from(&b"{\"SECRET\""[..])),
        }]
    };
    for (key, expected) in [
        ("role/web", told(A, "no role")),
        ("instance-profile/web", told(A, "gone")),
        // Those who serve it tell of this one.
        ("machine/i-0000000a", told(A, "nothing")),
        ("machine/x", Vec::new()),
        ("role", Vec::new()),
    ] {
        watched.store.commit(&damage(key)).unwrap();
        let event = watched.events.try_recv().unwrap();
        let given = watched.follow(&event.changes);
        assert_eq!(words(&given), expected, "{key}");
        let damaged: Vec<_> = watched.profiles.damaged().iter().map(ToString::to_string).collect();
        assert_eq!(damaged.len(), usize::from(key.ends_with("/web")), "{key}");
        assert!(damaged.iter().all(|why| why.starts_with(key) && !why.contains("SECRET")), "{damaged:?}");
    }
    assert!(watched.profiles.damaged().is_empty());
}

#[test]
fn without_nonces_nothing_is_given() {
    let (mut watched, _) = furnished();
    watched.now = noon() + SignedDuration::from_hours(6);
    let mut nonce = || Err(io::Error::other("no random bytes"));
    let mut mint = Mint { issuer: &watched.issuer, now: watched.now, nonce: &mut nonce };
    assert!(watched.profiles.renew(&mut mint).is_err());
}

#[test]
fn a_hundred_thousand_without_a_profile_are_not_held_and_ten_thousand_with_one_are_soon_served() {
    let mut watched = Watched::new();
    let without = serde_json::to_vec(&machine(B, None).to_form()).unwrap();
    let many: Vec<_> = (0..100_000_u32)
        .map(|n| (format!("machine/i-{n:08x}"), Some(Arc::from(without.as_slice()))))
        .collect();
    let given = watched.follow(&many);
    assert!(given.is_empty() && watched.profiles.instances.is_empty());
    watched.commit(|batch| {
        batch.put("web", &role("web", TO_EC2));
        batch.put("web", &profile("web", "AIPA1", Some("web")));
    });
    let with = serde_json::to_vec(&machine(A, Some(("web", "AIPA1"))).to_form()).unwrap();
    let many: Vec<_> =
        (0..10_000_u32).map(|n| (format!("machine/i-{n:08x}"), Some(Arc::from(with.as_slice())))).collect();
    let mut number = 0_u64;
    let mut nonce = || {
        number += 1;
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        Ok(nonce)
    };
    let mut mint = Mint { issuer: &watched.issuer, now: noon(), nonce: &mut nonce };
    let given = watched.profiles.follow(parts(&many), &mut mint).unwrap();
    let ids: HashSet<_> = given
        .iter()
        .map(|(_, served)| served.as_ref().unwrap().credentials().unwrap().access_key_id.clone())
        .collect();
    assert_eq!((given.len(), ids.len(), watched.profiles.due.len()), (10_000, 10_000, 10_000));
}
