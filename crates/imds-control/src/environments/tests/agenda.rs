//! With an agenda that is kept, as the thread keeps one: what is heard is worked on, and nothing else is read.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imds_core::Machine;
use imds_core::options::HttpTokens;
use imds_store::record::{Environment, LaunchTemplate};
use imds_store::store::{Event, Kept, Write};
use imds_store::{Error, Memory, Revision, Store};

use super::world::{APP, DELAY, DISABLE, World, option};
use crate::authz::Authority;
use crate::environments::{AGAIN, Agenda, Surroundings, proceed};

/// What happened to a store, and is to happen.
#[derive(Default)]
struct Watched {
    /// The keys that were asked for.
    read: Vec<String>,
    /// A commit of what begins so ends in a panic.
    panics_at: Option<String>,
}

struct Spied {
    inner: Memory,
    watched: Arc<Mutex<Watched>>,
}

impl Store for Spied {
    fn get(&self, key: &str) -> Result<Option<Kept>, Error> {
        self.watched.lock().unwrap().read.push(key.to_owned());
        self.inner.get(key)
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Kept)>, Error> {
        self.watched.lock().unwrap().read.push(prefix.to_owned());
        self.inner.list(prefix)
    }

    fn commit(&self, batch: &[Write]) -> Result<Revision, Error> {
        let bad = self.watched.lock().unwrap().panics_at.clone();
        let is_bad = bad.is_some_and(|bad| batch.iter().any(|write| write.key.starts_with(&bad)));
        assert!(!is_bad, "a fault of ours");
        self.inner.commit(batch)
    }

    fn revision(&self) -> Result<Revision, Error> {
        self.inner.revision()
    }

    fn watch(&self) -> Receiver<Event> {
        self.inner.watch()
    }
}

/// The thread, with a clock that is moved by hand.
struct Thread {
    world: World,
    watched: Arc<Mutex<Watched>>,
    events: Receiver<Event>,
    agenda: Agenda,
}

impl Thread {
    /// With these environments, which are ready.
    fn new(names: &[&str]) -> Self {
        let watched = Arc::<Mutex<Watched>>::default();
        let mut world =
            World::with(Box::new(Spied { inner: Memory::default(), watched: Arc::clone(&watched) }));
        let events = world.store.watch();
        for name in names {
            world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName={name}"));
        }
        let mut thread = Self { world, watched, events, agenda: Agenda::default() };
        thread.round();
        thread.settle();
        for name in names {
            assert_eq!(thread.world.told(name), ("Ready", "Green", 1));
        }
        thread
    }

    /// What is done when the thread wakes, if anything wakes it.
    fn hear(&mut self) -> bool {
        let mut is_awake = false;
        for event in self.events.try_iter() {
            is_awake |= self.agenda.hear(&event);
        }
        if is_awake {
            self.round();
        }
        is_awake
    }

    fn round(&mut self) {
        let authority = Authority::open(&[7; 32]);
        let surroundings = Surroundings { vpc: self.world.vpc, delay: DELAY, authority: &authority };
        proceed(&mut self.agenda, &*self.world.store, surroundings, self.world.now).unwrap();
    }

    /// Hears and waits until nothing is to be done.
    fn settle(&mut self) {
        for _ in 0..30 {
            if self.hear() {
                continue;
            }
            let Some(first) = self.agenda.first() else { return };
            self.world.now = self.world.now.max(first);
            self.round();
        }
        panic!("it goes on and on: {:?}", self.world.events(""));
    }

    /// The environments and machines that were read since the last time.
    fn read(&self) -> Vec<String> {
        let mut read = std::mem::take(&mut self.watched.lock().unwrap().read);
        read.retain(|key| key.starts_with("environment/") || key.starts_with("machine/"));
        read.sort();
        read.dedup();
        read
    }
}

fn key(environment: &Environment) -> String {
    format!("environment/us-east-1/{}", environment.id)
}

#[test]
fn a_change_is_worked_on_and_no_other_environment_is_read() {
    let mut thread = Thread::new(&["shop-one", "shop-two"]);
    let one = thread.world.environment("shop-one");
    let two = thread.world.environment("shop-two");
    thread.world.ok("TerminateInstances", &format!("InstanceId.1={}", one.instances[0]));
    thread.read();
    thread.settle();
    let read = thread.read();
    assert!(read.contains(&key(&one)), "{read:?}");
    assert!(
        !read.contains(&key(&two)) && !read.contains(&format!("machine/{}", two.instances[0])),
        "{read:?}"
    );
    assert!(!read.contains(&"environment/".to_owned()), "not all: {read:?}");
    let healed = thread.world.environment("shop-one").instances;
    assert_eq!((healed.len(), thread.world.told("shop-one")), (1, ("Ready", "Green", 1)));
    assert_ne!(healed, one.instances);
    // What was launched instead is known, too.
    thread.world.ok("StopInstances", &format!("InstanceId.1={}", healed[0]));
    thread.settle();
    assert_ne!(thread.world.environment("shop-one").instances, healed);
    // An update and a termination.
    thread.world.ok("UpdateEnvironment", &format!("EnvironmentName=shop-two&{DISABLE}=false"));
    thread.settle();
    assert_eq!(thread.world.running(), [HttpTokens::Required, HttpTokens::Optional]);
    thread.world.ok("TerminateEnvironment", "EnvironmentName=shop-two");
    thread.settle();
    assert_eq!(thread.world.by_id(&two.id).status, "Terminated");
}

#[test]
fn machines_of_nobody_and_tags_wake_nobody() {
    let mut thread = Thread::new(&["shop-one"]);
    let id = thread.world.environment("shop-one").instances[0].clone();
    let mut machine = thread.world.machine(&id);
    machine.instance.tags.insert("own".to_owned(), "x".to_owned());
    thread.world.put(&machine);
    thread.world.ok("RunInstances", "MinCount=1&MaxCount=3&ImageId=ami-0abcdef1234567890");
    thread.read();
    assert!(!thread.hear());
    assert_eq!(thread.read(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_replaced_is_not_tried_again_for_the_changes_of_others() {
    let mut thread = Thread::new(&["shop-one", "shop-two"]);
    let bad = thread.world.environment("shop-one");
    let form = format!("EnvironmentName=shop-one&{DISABLE}=false");
    thread.world.ok("UpdateEnvironment", &form);
    thread.settle();
    thread.world.ok("ModifyInstanceMetadataDefaults", "HttpTokensEnforced=enabled");
    let id = thread.world.environment("shop-one").instances[0].clone();
    thread.world.ok("TerminateInstances", &format!("InstanceId.1={id}"));
    thread.hear();
    thread.world.now += DELAY;
    thread.round();
    thread.hear();
    assert_eq!(thread.world.told("shop-one"), ("Ready", "Red", 0));
    assert_eq!(thread.agenda.first(), Some(thread.world.now + AGAIN));
    thread.read();
    let other = thread.world.environment("shop-two").instances[0].clone();
    thread.world.ok("StopInstances", &format!("InstanceId.1={other}"));
    thread.hear();
    thread.world.now += DELAY;
    thread.round();
    thread.hear();
    assert_eq!(thread.world.told("shop-two"), ("Ready", "Green", 1));
    assert!(!thread.read().contains(&key(&bad)));
    // That its cause is gone is no change of it, and is found at its time.
    thread.world.ok("ModifyInstanceMetadataDefaults", "HttpTokensEnforced=no-preference");
    assert!(!thread.hear());
    thread.world.now += AGAIN;
    thread.round();
    assert_eq!(thread.world.told("shop-one"), ("Ready", "Green", 1));
}

#[test]
fn a_step_that_panics_is_tried_again_and_stops_no_other() {
    let mut thread = Thread::new(&["shop-one", "shop-two"]);
    for name in ["shop-one", "shop-two"] {
        thread.world.ok("UpdateEnvironment", &format!("EnvironmentName={name}&VersionLabel=v2"));
    }
    let bad = key(&thread.world.environment("shop-one"));
    thread.watched.lock().unwrap().panics_at = Some(bad.clone());
    let begun = thread.world.now;
    thread.hear();
    thread.world.now += DELAY;
    thread.round();
    assert_eq!(thread.world.told("shop-one"), ("Updating", "Grey", 1));
    assert_eq!(thread.world.told("shop-two"), ("Ready", "Green", 1));
    // It is left alone for a while, whatever its instances do.
    let id = thread.world.environment("shop-one").instances[0].clone();
    thread.world.ok("StopInstances", &format!("InstanceId.1={id}"));
    thread.hear();
    thread.read();
    thread.round();
    assert!(!thread.read().contains(&bad));
    thread.watched.lock().unwrap().panics_at = None;
    thread.world.now = begun + AGAIN + Duration::from_millis(1);
    thread.round();
    thread.settle();
    assert_eq!(thread.world.told("shop-one"), ("Ready", "Green", 1));
    assert_eq!(thread.world.environment("shop-one").version.as_deref(), Some("v2"));
}

#[test]
fn who_only_hears_misses_nothing() {
    let size = |number: u64| option(1, "aws:autoscaling:asg", "MinSize", &number.to_string());
    let mut launched = 0;
    for seed in 1..=20_u64 {
        let mut random = seed;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let mut thread = Thread::new(&["shop-one", "shop-two"]);
        let mut done = Vec::new();
        for _ in 0..40 {
            let name = ["shop-one", "shop-two"][usize::from(next(2) == 1)];
            let form = format!("EnvironmentName={name}");
            let mut machines = thread.world.all::<Machine>();
            machines.retain(|machine| !machine.state.is_terminated());
            let place = usize::try_from(next(1 + machines.len() as u64)).unwrap();
            let id = machines.get(place).map_or("i-00000001", |machine| machine.instance.id.as_str());
            let machine = format!("InstanceId.1={id}");
            let template = thread.world.all::<LaunchTemplate>().into_iter().next();
            let template = template.map(|template| template.id).unwrap_or_default();
            let (action, form) = match next(12) {
                0 | 1 => ("UpdateEnvironment", format!("{form}&{DISABLE}={}", next(2) == 0)),
                2 => ("UpdateEnvironment", format!("{form}&{}", size(1 + next(3)))),
                3 | 4 => ("TerminateInstances", machine),
                5 => ("StopInstances", machine),
                6 => ("StartInstances", machine),
                7 => ("RebuildEnvironment", form),
                8 => ("AbortEnvironmentUpdate", form),
                9 if next(2) == 0 => ("TerminateEnvironment", form),
                10 => ("DeleteLaunchTemplate", format!("LaunchTemplateId={template}")),
                _ => ("CreateEnvironment", format!("{APP}&{form}")),
            };
            done.push(format!("{action} {form}: {:?}", thread.world.call(action, &form).map(drop)));
            match next(3) {
                0 => {}
                1 => {
                    thread.hear();
                }
                _ => {
                    thread.world.now += DELAY / 2;
                    thread.round();
                }
            }
        }
        thread.settle();
        let revision = thread.world.store.revision().unwrap();
        // Who looks at all finds nothing that is due now.
        let now = thread.world.now;
        assert!(thread.world.advance().is_none_or(|due| due > now), "{done:#?}");
        assert_eq!(thread.world.store.revision().unwrap(), revision, "{done:#?}");
        launched += thread.world.count("machine/");
    }
    assert!(launched > 80, "{launched}: it was all refused");
}
