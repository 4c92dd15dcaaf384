//! The end of the process at any point, others who change the same things, damage, and many at once.

use std::sync::Mutex;
use std::sync::mpsc::Receiver;

use imds_core::Machine;
use imds_core::defaults::Defaults;
use imds_core::options::HttpTokens;
use imds_store::record::{self, ApplicationVersion, Batch, Environment, Found, LaunchTemplate};
use imds_store::store::{Effect, Event, Expected, Kept, Write};
use imds_store::{Error, Memory, Revision, Store};

use super::world::{APP, DISABLE, World, option};

const NAME: &str = "EnvironmentName=shop-dev";

/// A store in which a commit can be something else than that.
struct Hostile<F> {
    inner: Memory,
    before: Mutex<F>,
}

impl<F: FnMut(&Memory, &[Write]) -> Result<(), Error> + Send> Store for Hostile<F> {
    fn get(&self, key: &str) -> Result<Option<Kept>, Error> {
        self.inner.get(key)
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, Kept)>, Error> {
        self.inner.list(prefix)
    }

    fn commit(&self, batch: &[Write]) -> Result<Revision, Error> {
        (self.before.lock().unwrap())(&self.inner, batch)?;
        self.inner.commit(batch)
    }

    fn revision(&self) -> Result<Revision, Error> {
        self.inner.revision()
    }

    fn watch(&self) -> Receiver<Event> {
        self.inner.watch()
    }
}

fn hostile<F: FnMut(&Memory, &[Write]) -> Result<(), Error> + Send + 'static>(before: F) -> Box<dyn Store> {
    Box::new(Hostile { inner: Memory::default(), before: Mutex::new(before) })
}

/// What is done to an environment that is ready; with it, what becomes ready in the end.
fn tasks() -> Vec<(&'static str, String)> {
    let size = option(2, "aws:autoscaling:asg", "MinSize", "3");
    vec![
        ("CreateEnvironment", format!("{APP}&EnvironmentName=shop-two&{size}")),
        ("UpdateEnvironment", format!("{NAME}&{DISABLE}=false&{size}")),
        ("UpdateEnvironment", format!("{NAME}&{}", option(1, "aws:autoscaling:asg", "MinSize", "2"))),
        ("UpdateEnvironment", format!("{NAME}&VersionLabel=v2")),
        (
            "UpdateEnvironment",
            format!("{NAME}&{}", option(1, "aws:autoscaling:launchconfiguration", "EC2KeyName", "lost")),
        ),
        ("RebuildEnvironment", NAME.to_owned()),
        ("RestartAppServer", NAME.to_owned()),
        ("AbortEnvironmentUpdate", NAME.to_owned()),
        ("TerminateEnvironment", NAME.to_owned()),
        ("StopInstances", String::new()),
    ]
}

/// All that can be told of what there is, but for random names.
fn summary(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    let mut environments = world.all::<Environment>();
    environments.sort_by(|one, other| one.name.cmp(&other.name));
    for one in environments {
        assert_eq!(one.work, None);
        let alive = |id: &&String| {
            record::get::<Machine>(&*world.store, id)
                .unwrap()
                .is_some_and(|found| found.record.state.is_running())
        };
        let running = one.instances.iter().filter(alive).count();
        assert_eq!(running, one.instances.len(), "{}", one.name);
        lines.push(format!(
            "{} {} {} {running} {:?} {} {:?} {}",
            one.name,
            one.status,
            one.health,
            one.settings,
            one.template_version,
            one.version,
            one.template.is_some()
        ));
    }
    lines.push(format!("{:?}", world.running()));
    let versions =
        world.all::<LaunchTemplate>().iter().map(|template| template.versions.len()).sum::<usize>();
    lines.push(format!(
        "{} templates, {versions} versions, {} names, {} host names",
        world.count("launch-template/"),
        world.count("environment-name/"),
        world.count("environment-cname/")
    ));
    assert_eq!(world.count("launch-template/"), world.count("launch-template-name/"));
    world.addresses_are_those_that_run();
    let named = |word: &str| if word.starts_with("awseb-e-") { "…".to_owned() } else { word.to_owned() };
    let events = world.events("");
    let events = events.iter().map(|event| event.split(' ').map(named).collect::<Vec<_>>().join(" "));
    lines.extend(events);
    lines
}

fn begin(world: &mut World, (action, form): &(&str, String)) {
    let id = world.environment("shop-dev").instances[0].clone();
    if *action == "AbortEnvironmentUpdate" {
        // What was deployed is lost meanwhile.
        world.ok("UpdateEnvironment", &format!("{NAME}&{DISABLE}=false"));
        world.advance();
        world.ok("TerminateInstances", &format!("InstanceId.1={id}"));
    }
    let form = if form.is_empty() { format!("InstanceId.1={id}") } else { form.clone() };
    world.ok(action, &form);
}

#[test]
fn after_any_commit_another_process_comes_to_the_same_end() {
    for task in tasks() {
        let mut world = World::ready();
        begin(&mut world, &task);
        let begun = world.copy();
        world.settle();
        let end = summary(&world);
        let mut commits = 0;
        // The process is killed before its commit number `at`, and another one goes on, at once or later.
        for at in 0..20 {
            // The first commit is the copy itself.
            let mut left = at + 1;
            let mut killed = begun.copy_into(hostile(move |_, _| {
                left -= 1;
                if left < 0 { Err(std::io::Error::other("killed").into()) } else { Ok(()) }
            }));
            let mut is_over = false;
            for _ in 0..10 {
                match killed.try_advance() {
                    Ok(None) => {
                        is_over = true;
                        break;
                    }
                    Ok(Some(next)) if next > killed.later() => break,
                    Ok(Some(next)) => killed.now = next,
                    Err(_) => break,
                }
            }
            let mut other = killed.copy();
            other.settle();
            assert_eq!(summary(&other), end, "{task:?} killed before commit {at}");
            let mut late = killed.copy();
            late.now += std::time::Duration::from_secs(3_600);
            late.settle();
            assert_eq!(summary(&late), end, "{task:?} killed before commit {at}, an hour ago");
            if is_over {
                commits = at;
                break;
            }
        }
        assert!(commits > 0, "{task:?} goes on and on");
    }
}

#[test]
fn others_who_change_the_same_things_are_not_overwritten() {
    for task in tasks() {
        let mut calm = World::ready();
        begin(&mut calm, &task);
        calm.settle();
        let end = summary(&calm);
        // Before each of the first tries of each commit somebody changes what it was decided by.
        let (mut tries, mut changes) = (0, 0);
        let counter = std::sync::Arc::new(Mutex::new(0));
        let count = std::sync::Arc::clone(&counter);
        let mut world = World::with(hostile(move |inner, batch| {
            tries += 1;
            if tries % 4 == 0 {
                return Ok(());
            }
            for write in batch {
                let Some((kind, name)) = write.key.split_once('/') else { continue };
                let mut meddled = Batch::default();
                match kind {
                    "environment" => {
                        let Some(found) = record::get::<Environment>(inner, name)? else { continue };
                        changes += 1;
                        let description = changes.to_string();
                        meddled.replace(name, &found, &Environment { description, ..found.record.clone() });
                    }
                    "machine" => {
                        let Some(found) = record::get::<Machine>(inner, name)? else { continue };
                        let Found { mut record, revision } = found;
                        record.volume_tags.insert("touched".to_owned(), tries.to_string());
                        meddled.replace(name, &Found { record: record.clone(), revision }, &record);
                    }
                    _ => continue,
                }
                *count.lock().unwrap() += 1;
                inner.commit(meddled.writes())?;
            }
            Ok(())
        }));
        world.ok("CreateEnvironment", &format!("{APP}&{NAME}&VersionLabel=v1"));
        world.settle();
        begin(&mut world, &task);
        world.settle();
        assert_eq!(summary(&world), end, "{task:?}");
        assert!(*counter.lock().unwrap() > 4, "{task:?}");
        let touched = world.all::<Environment>().iter().filter(|one| !one.description.is_empty()).count();
        assert!(touched > 0, "{task:?}");
    }
}

#[test]
fn one_that_is_damaged_does_not_stop_the_others() {
    let mut world = World::new();
    for name in ["shop-one", "shop-two", "shop-six"] {
        world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName={name}"));
    }
    let damaged = world.environment("shop-two");
    let key = record::key::<Environment>(&Environment::record_name("us-east-1", &damaged.id));
    let whole = world.store.get(&key).unwrap().unwrap().value;
    let set = |value: &[u8]| {
        let write = Write { key: key.clone(), expected: Expected::Any, effect: Effect::Set(value.into()) };
        world.store.commit(&[write]).unwrap();
    };
    for bad in [
        &whole[..whole.len() / 2],
        b"",
        &serde_json::to_vec(&Environment { solution_stack: "64bit Plan 9".to_owned(), ..damaged.clone() })
            .unwrap(),
    ] {
        set(bad);
        let next = world.advance().unwrap();
        assert!(next > world.now);
    }
    set(&whole);
    world.settle();
    for name in ["shop-one", "shop-two", "shop-six"] {
        assert_eq!(world.told(name), ("Ready", "Green", 1), "{name}");
    }
}

#[test]
fn fifty_at_once() {
    let mut world = World::new();
    let names: Vec<_> = (0..50).map(|number| format!("shop-{number:02}")).collect();
    for name in &names {
        world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName={name}"));
    }
    world.advance();
    assert_eq!(world.running().len(), 50);
    assert_eq!(world.pass(), None);
    for (number, name) in names.iter().enumerate() {
        world.now += std::time::Duration::from_millis(1);
        assert_eq!(world.told(name), ("Ready", "Green", 1));
        match number % 3 {
            0 => world.ok("UpdateEnvironment", &format!("EnvironmentName={name}&{DISABLE}=false")),
            1 => world.ok("TerminateEnvironment", &format!("EnvironmentName={name}")),
            _ => world.ok("RebuildEnvironment", &format!("EnvironmentName={name}")),
        };
        world.advance();
    }
    world.now = world.later();
    for _ in 0..3 {
        world.pass();
    }
    assert_eq!(world.advance(), None);
    let running = world.running();
    let optional = running.iter().filter(|tokens| **tokens == HttpTokens::Optional).count();
    assert_eq!((running.len(), optional, world.count("environment-name/")), (33, 17, 33));
    world.addresses_are_those_that_run();
}

#[test]
fn what_is_our_own_fault_is_no_failed_launch() {
    let mut world = World::new();
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}"));
    let set = |effect| {
        let key = "defaults/us-east-1".to_owned();
        world.store.commit(&[Write { key, expected: Expected::Any, effect }]).unwrap();
    };
    set(Effect::Set(b"{".as_slice().into()));
    assert!(world.advance().unwrap() > world.now);
    assert_eq!(world.told("shop-dev"), ("Launching", "Grey", 0));
    set(Effect::Delete);
    world.settle();
    assert_eq!(world.told("shop-dev"), ("Ready", "Green", 1));
    assert!(!world.events("").iter().any(|event| event.starts_with("ERROR")));
}

#[test]
fn nothing_is_launched_past_what_changes_at_the_same_time() {
    // Before the first commit that launches something, IMDSv2 is enforced; before the first that makes an environment
    // with a version, the version is deleted.
    let mut is_done = [false; 2];
    let mut world = World::with(hostile(move |inner, batch| {
        let keys = |kind: &str| batch.iter().any(|write| write.key.starts_with(kind));
        let mut meddled = Batch::default();
        if keys("machine/") && !std::mem::replace(&mut is_done[0], true) {
            let enforced = Some(imds_core::options::Switch::Enabled);
            meddled.put("us-east-1", &Defaults { http_tokens_enforced: enforced, ..Defaults::default() });
        }
        if keys("environment-name/")
            && keys("application-version/")
            && !std::mem::replace(&mut is_done[1], true)
        {
            meddled.delete::<ApplicationVersion>(&ApplicationVersion::record_name("us-east-1", "shop", "v2"));
        }
        inner.commit(meddled.writes()).map(drop)
    }));
    let form = format!("{APP}&{NAME}&VersionLabel=v2");
    let error = world.call("CreateEnvironment", &form).unwrap_err();
    assert_eq!(error.message, "No Application Version named 'v2' found.");
    assert_eq!(world.count("environment"), 0);
    world.ok("CreateEnvironment", &format!("{APP}&{NAME}&{DISABLE}=false"));
    world.settle();
    assert_eq!((world.told("shop-dev"), world.running()), (("Ready", "Red", 0), vec![]));
}
