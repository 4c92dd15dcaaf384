//! The configuration file as a feed (docs/interface.md, "The file and the API").
//!
//! An instance that the file names is set from it when its own entry changed since it was last applied; everything else
//! belongs to the API. Where only that changed which is planned for it, its events are set alone. A new entry is a launch,
//! an entry that is gone terminates its instance. What was applied is kept as a [`Place`].

use std::collections::{BTreeMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use imds_core::defaults::{Defaults, Enforced};
use imds_core::id::InstanceId;
use imds_core::lifecycle::State;
use imds_core::options::Choice;
use imds_core::{Instance, Machine, Timestamp};

use crate::record::{self, Address, Batch, Caller, Found, Image, Place, Trace, trace_name};
use crate::store::{self, Effect, Revision, Store};

/// What the owner wrote about one instance.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The record, but for what defaults decide.
    pub instance: Instance,
    /// The metadata options that are written; the rest follows from the account and the image.
    pub choice: Choice,
    /// Was its launch time given? Else that of the instance that is there already stays.
    pub is_dated: bool,
    /// Its place in the service, with the hashes of all that was written.
    pub place: Place,
}

/// The hash of all that was written about an instance, by which a later entry is known to be the same.
#[must_use]
pub fn hash<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// Why a file was not applied. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An entry cannot be done.
    #[error("{what}")]
    Refused {
        /// Whose entry it is.
        id: InstanceId,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// How often it is decided anew because the API changed something meanwhile.
const TRIES: u32 = 100;

/// Brings the store to what the file says. `None` when there was nothing to do.
///
/// # Errors
/// When an entry cannot be done, or the store failed.
pub fn apply(store: &dyn Store, entries: &[Entry], now: Timestamp) -> Result<Option<Revision>, Error> {
    let mut tries = 0;
    loop {
        let batch = decide(store, entries, now)?;
        if batch.is_empty() {
            return Ok(None);
        }
        match store.commit(batch.writes()) {
            Err(store::Error::Conflict { .. }) if tries < TRIES => tries += 1,
            result => return Ok(Some(result?)),
        }
    }
}

/// All that is to change.
fn decide(store: &dyn Store, entries: &[Entry], now: Timestamp) -> Result<Batch, Error> {
    let mut batch = Batch::default();
    let places: BTreeMap<String, Found<Place>> = record::list(store, "")?.into_iter().collect();
    let named: HashSet<&str> = entries.iter().map(|entry| entry.instance.id.as_str()).collect();
    // First what goes, so that its addresses are free for what comes.
    for id in places.keys().filter(|id| !named.contains(id.as_str())) {
        batch.delete::<Place>(id);
        if let Some(found) = record::get::<Machine>(store, id)? {
            terminate(&mut batch, &found, now);
        }
    }
    let mut changed = Vec::new();
    for entry in entries {
        let id = entry.instance.id.as_str();
        let place = places.get(id).map(|found| &found.record);
        if place.is_none_or(|place| place.hash != entry.place.hash) {
            let found = record::get::<Machine>(store, id)?;
            if let Some(found) = &found {
                release(&mut batch, &found.record);
            }
            changed.push((entry, found));
        } else if place.is_some_and(|place| place.planned != entry.place.planned)
            && let Some(found) = record::get::<Machine>(store, id)?
        {
            plan(&mut batch, entry, &found, now)?;
        }
        if place != Some(&entry.place) {
            batch.put(id, &entry.place);
        }
    }
    for (entry, found) in changed {
        set(store, &mut batch, entry, found, now)?;
    }
    Ok(batch)
}

/// Sets what is planned for an instance, and nothing else. One that is terminated stays so.
fn plan(batch: &mut Batch, entry: &Entry, found: &Found<Machine>, now: Timestamp) -> Result<(), Error> {
    let id = &entry.instance.id;
    let mut machine = found.record.clone();
    machine.instance.timeline.clone_from(&entry.instance.timeline);
    machine.instance.go_on(&found.record.instance.timeline);
    machine.instance.make_room(now).map_err(|what| Error::Refused { id: id.clone(), what })?;
    if !machine.state.is_terminated() && machine != found.record {
        machine.instance.changed = now;
        batch.replace(id.as_str(), found, &machine);
    }
    Ok(())
}

/// Sets an instance from its entry.
fn set(
    store: &dyn Store,
    batch: &mut Batch,
    entry: &Entry,
    found: Option<Found<Machine>>,
    now: Timestamp,
) -> Result<(), Error> {
    let id = &entry.instance.id;
    let refused = |what: String| Error::Refused { id: id.clone(), what };
    let mut instance = entry.instance.clone();
    instance.role = None;
    instance.changed = now;
    let is_here =
        |image: &Image| image.region.as_ref().is_none_or(|region| *region == instance.placement.region);
    let image = Image::find(store, &instance.ami_id)?.filter(is_here);
    let image = image.map(|image| image.imds_support()).unwrap_or_default();
    let kept = record::get::<Defaults>(store, &instance.placement.region)?;
    let defaults = kept.as_ref().map(|found| found.record).unwrap_or_default();
    batch.expect(&instance.placement.region, kept.as_ref());
    instance.options = defaults.launch(&entry.choice, image).map_err(|Enforced| {
        refused(
            "httpTokensEnforced is enabled for this account, so that no instance can have IMDSv1: write `http-tokens = \
             \"required\"`, or disable it with `imds defaults set`"
                .to_owned(),
        )
    })?;
    instance.check().map_err(|error| refused(error.to_string()))?;
    for address in addresses(&instance) {
        let name = address.to_string();
        let owner = record::get::<Address>(store, &name)?.map(|found| found.record.instance);
        // What this batch releases is free; everything else that is taken is not.
        let address_record = Address { instance: id.to_string() };
        let is_free = owner.as_ref().is_none_or(|owner| owner == id.as_str()) || is_released(batch, &name);
        if !is_free {
            return Err(refused(format!(
                "{address} belongs to an instance that was launched through the API; terminate that, or write another \
                 local-ipv4"
            )));
        }
        // What was free when this was decided must still be when it is done.
        match owner {
            None => batch.create(&name, &address_record),
            Some(_) => batch.put(&name, &address_record),
        }
    }
    match found.filter(|found| !found.record.state.is_terminated()) {
        None => {
            let mut machine = Machine::launched(instance);
            machine.state = State::Running;
            batch.put(id.as_str(), &machine);
        }
        Some(found) => {
            let before = found.record.instance.options;
            instance.go_on(&found.record.instance.timeline);
            instance.make_room(now).map_err(refused)?;
            if !entry.is_dated {
                instance.pending_time = found.record.instance.pending_time;
            }
            // The key of the record is what was there; the batch commits only if it still is.
            for (index, change) in before.changes(&instance.options).into_iter().enumerate() {
                let by = Caller { access_key: None, address: "file".to_owned() };
                let trace =
                    Trace { at: now, option: change.option.to_owned(), old: change.old, new: change.new, by };
                batch.put(&trace_name(id, found.revision, index), &trace);
            }
            let is_waiting = found.record.has_pending_options || instance.options != before;
            let has_pending_options = !found.record.state.is_running() && is_waiting;
            let machine = Machine { instance, has_pending_options, ..found.record.clone() };
            batch.replace(id.as_str(), &found, &machine);
        }
    }
    Ok(())
}

fn terminate(batch: &mut Batch, found: &Found<Machine>, now: Timestamp) {
    let id = found.record.instance.id.to_string();
    release(batch, &found.record);
    if !found.record.state.is_terminated() {
        let mut machine = found.record.clone();
        machine.enter(State::ShuttingDown, now);
        batch.replace(&id, found, &machine);
    }
}

/// Gives a machine's addresses back. Those of a terminated one may be another's already.
fn release(batch: &mut Batch, machine: &Machine) {
    if !machine.state.is_terminated() {
        for address in addresses(&machine.instance) {
            batch.delete::<Address>(&address.to_string());
        }
    }
}

fn is_released(batch: &Batch, address: &str) -> bool {
    let key = record::key::<Address>(address);
    batch.writes().iter().any(|write| write.key == key && write.effect == Effect::Delete)
}

fn addresses(instance: &Instance) -> impl Iterator<Item = Ipv4Addr> {
    instance.interfaces.iter().flat_map(|interface| interface.local_ipv4s.iter().copied())
}

/// The local addresses that belong to single instances.
pub fn listens(entries: &[Entry]) -> impl Iterator<Item = SocketAddr> {
    entries.iter().flat_map(|entry| entry.place.listen.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;
    use imds_core::options::{HttpTokens, Switch};
    use imds_core::testing::{launch, noon};
    use imds_core::timeline::{MOST, Plan, Planned};
    use jiff::SignedDuration;

    fn entry(id: &str, address: [u8; 4], hash: &str) -> Entry {
        let mut launch = launch();
        launch.id = id.parse().unwrap();
        launch.local_ipv4 = Some(address.into());
        let place = Place { hash: hash.to_owned(), ..Place::default() };
        Entry { instance: launch.instance(), choice: Choice::default(), is_dated: false, place }
    }

    fn later(seconds: i64) -> Timestamp {
        noon() + SignedDuration::from_secs(seconds)
    }

    fn machine(store: &Memory, id: &str) -> Option<Machine> {
        record::get(store, id).unwrap().map(|found| found.record)
    }

    fn tokens(store: &Memory, id: &str) -> HttpTokens {
        machine(store, id).unwrap().instance.options.http_tokens
    }

    /// As the API does it.
    fn modify(store: &Memory, id: &str, change: impl FnOnce(&mut Machine)) {
        let found = record::get::<Machine>(store, id).unwrap().unwrap();
        let mut machine = found.record.clone();
        change(&mut machine);
        let mut batch = Batch::default();
        batch.replace(id, &found, &machine);
        store.commit(batch.writes()).unwrap();
    }

    const A: &str = "i-0000000a";
    const B: &str = "i-0000000b";

    #[test]
    fn an_unchanged_file_changes_nothing_and_what_the_api_did_stays() {
        let store = Memory::default();
        let entries = [entry(A, [10, 0, 0, 5], "1")];
        assert!(apply(&store, &entries, noon()).unwrap().is_some());
        let required = |machine: &mut Machine| machine.instance.options.http_tokens = HttpTokens::Required;
        modify(&store, A, required);
        assert_eq!(apply(&store, &entries, later(1)).unwrap(), None);
        assert_eq!(tokens(&store, A), HttpTokens::Required);
        modify(&store, A, |machine| machine.enter(State::ShuttingDown, later(2)));
        assert_eq!(apply(&store, &entries, later(3)).unwrap(), None);
        assert!(machine(&store, A).unwrap().state.is_terminated());
    }

    #[test]
    fn a_changed_entry_sets_its_instance_and_no_other() {
        let store = Memory::default();
        apply(&store, &[entry(A, [10, 0, 0, 5], "1"), entry(B, [10, 0, 0, 6], "1")], noon()).unwrap();
        for id in [A, B] {
            modify(&store, id, |machine| machine.set_options(required(), later(1)));
        }
        modify(&store, A, |machine| machine.enter(State::Stopping, later(1)));
        apply(&store, &[entry(A, [10, 0, 0, 7], "2"), entry(B, [10, 0, 0, 6], "1")], later(2)).unwrap();
        assert_eq!((tokens(&store, A), tokens(&store, B)), (HttpTokens::Optional, HttpTokens::Required));
        let changed = machine(&store, A).unwrap();
        assert!(!changed.state.is_running(), "the file says nothing of its state");
        assert_eq!(changed.instance.pending_time, noon());
        assert_eq!(changed.instance.changed, later(2));
        let traces = record::list::<Trace>(&store, A).unwrap();
        assert_eq!(traces.len(), 1);
        assert_eq!((&*traces[0].1.record.new, &*traces[0].1.record.by.address), ("optional", "file"));
        assert!(record::get::<Address>(&store, "10.0.0.5").unwrap().is_none());
        assert!(record::get::<Address>(&store, "10.0.0.7").unwrap().is_some());
    }

    /// What the file plans for an instance, as it is read at a time.
    fn planning(mut entry: Entry, ids: &[&str], seconds: i64) -> Entry {
        for id in ids {
            let at = later(seconds + 60);
            let plan = Plan::Rebalance;
            let planned =
                Planned { id: (*id).to_owned(), plan, at, notice: at, canceled: None, is_from_file: true };
            entry.instance.plan(planned);
        }
        entry.place.planned = ids.concat();
        entry
    }

    #[test]
    fn what_the_file_plans_as_before_goes_on_when_its_entry_changes() {
        let store = Memory::default();
        let read = |hash, ids: &[&str], seconds| {
            let entry = planning(entry(A, [10, 0, 0, 5], hash), ids, seconds);
            apply(&store, &[entry], later(seconds)).map(|_| ())
        };
        read("1", &["one", "two"], 0).unwrap();
        modify(&store, A, |machine| assert!(machine.instance.timeline[1].cancel(later(10))));
        // Another tag, an hour later; and one thing more.
        read("2", &["three", "one", "two"], 3_600).unwrap();
        let timeline = machine(&store, A).unwrap().instance.timeline;
        let found: Vec<_> = timeline.iter().map(|planned| (planned.id.as_str(), planned.at)).collect();
        assert_eq!(found, [("one", later(60)), ("two", later(60)), ("three", later(3_660))]);
        assert_eq!(timeline[1].canceled, Some(later(10)));
        // Calls planned so much that there is no room for one more.
        modify(&store, A, |machine| {
            for _ in machine.instance.timeline.len()..MOST {
                let call = Planned { is_from_file: false, ..machine.instance.timeline[2].clone() };
                machine.instance.plan(call);
            }
        });
        let error = read("3", &["one", "two", "three", "four"], 3_600).unwrap_err().to_string();
        assert!(error.contains("has 100 events already"), "{error}");
        read("4", &["one", "two", "four"], 3_600).unwrap();
        assert_eq!(machine(&store, A).unwrap().instance.timeline.len(), MOST);
    }

    #[test]
    fn what_is_planned_changes_alone_and_the_apis_options_stay() {
        let store = Memory::default();
        let read = |ids: &[&str], seconds| {
            let entry = planning(entry(A, [10, 0, 0, 5], "1"), ids, seconds);
            apply(&store, &[entry], later(seconds)).unwrap()
        };
        let ids = || {
            let timeline = machine(&store, A).unwrap().instance.timeline;
            timeline.into_iter().map(|planned| planned.id).collect::<Vec<_>>()
        };
        read(&["one"], 0);
        modify(&store, A, |machine| machine.set_options(required(), later(1)));
        modify(&store, A, |machine| machine.enter(State::Stopping, later(1)));
        for (seconds, planned) in [(10, &["one", "two"][..]), (20, &["two"]), (30, &[])] {
            assert!(read(planned, seconds).is_some());
            assert_eq!(ids(), planned, "{seconds}");
            let machine = machine(&store, A).unwrap();
            assert_eq!(machine.instance.options.http_tokens, HttpTokens::Required);
            assert_eq!(machine.instance.changed, later(seconds));
            assert!(!machine.state.is_running());
            assert_eq!(read(planned, seconds + 1), None);
        }
        modify(&store, A, |machine| machine.enter(State::ShuttingDown, later(40)));
        read(&["three"], 50);
        assert!(machine(&store, A).unwrap().state.is_terminated());
        assert_eq!(ids(), [""; 0]);
        assert!(record::list::<Trace>(&store, A).unwrap().is_empty(), "nobody changed an option by the file");
    }

    #[test]
    fn a_place_that_was_kept_before_there_was_a_second_hash_reads() {
        let kept = r#"{"hash":"1","listen":[],"is_default":true}"#;
        let place: Place = serde_json::from_str(kept).unwrap();
        assert_eq!(place, Place { hash: "1".to_owned(), is_default: true, ..Place::default() });
        assert_eq!(serde_json::to_string(&place).unwrap(), kept, "what is not there leaves no trace");
    }

    fn required() -> imds_core::options::MetadataOptions {
        let choice = Choice { http_tokens: Some(HttpTokens::Required), ..Choice::default() };
        imds_core::options::MetadataOptions::default().with(&choice)
    }

    #[test]
    fn an_entry_that_is_gone_terminates_and_its_address_is_free() {
        let store = Memory::default();
        apply(&store, &[entry(A, [10, 0, 0, 5], "1")], noon()).unwrap();
        apply(&store, &[entry(B, [10, 0, 0, 5], "1")], later(1)).unwrap();
        assert!(machine(&store, A).unwrap().state.is_terminated());
        assert!(machine(&store, B).unwrap().state.is_running());
        assert_eq!(record::get::<Address>(&store, "10.0.0.5").unwrap().unwrap().record.instance, B);
        apply(&store, &[entry(A, [10, 0, 0, 6], "1"), entry(B, [10, 0, 0, 5], "1")], later(2)).unwrap();
        assert_eq!(
            machine(&store, A).unwrap().instance.pending_time,
            noon(),
            "of the entry, as a launch has it"
        );
        assert!(machine(&store, A).unwrap().state.is_running(), "an entry that comes back is a launch");
    }

    #[test]
    fn two_instances_can_change_their_addresses_with_one_another() {
        let store = Memory::default();
        apply(&store, &[entry(A, [10, 0, 0, 5], "1"), entry(B, [10, 0, 0, 6], "1")], noon()).unwrap();
        apply(&store, &[entry(A, [10, 0, 0, 6], "2"), entry(B, [10, 0, 0, 5], "2")], noon()).unwrap();
        assert_eq!(record::get::<Address>(&store, "10.0.0.5").unwrap().unwrap().record.instance, B);
        assert_eq!(record::get::<Address>(&store, "10.0.0.6").unwrap().unwrap().record.instance, A);
    }

    #[test]
    fn defaults_images_and_enforcement_count_as_at_any_launch() {
        let store = Memory::default();
        let mut batch = Batch::default();
        let mut defaults = Defaults { http_tokens_enforced: Some(Switch::Enabled), ..Defaults::default() };
        batch.put("us-east-1", &defaults);
        store.commit(batch.writes()).unwrap();
        let error = apply(&store, &[entry(A, [10, 0, 0, 5], "1")], noon()).unwrap_err();
        assert!(matches!(&error, Error::Refused { id, .. } if id.as_str() == A), "{error}");
        assert!(machine(&store, A).is_none() && store.list("address/").unwrap().is_empty());

        let mut al2023 = entry(A, [10, 0, 0, 5], "1");
        al2023.instance.ami_id = "ami-0abcdef1234562023".to_owned();
        apply(&store, std::slice::from_ref(&al2023), noon()).unwrap();
        assert_eq!(tokens(&store, A), HttpTokens::Required);
        assert_eq!(machine(&store, A).unwrap().instance.options.http_put_response_hop_limit.hops(), 2);

        defaults.http_tokens_enforced = None;
        defaults.choice.http_tokens = Some(HttpTokens::Required);
        let mut batch = Batch::default();
        batch.put("us-east-1", &defaults);
        store.commit(batch.writes()).unwrap();
        apply(&store, &[al2023, entry(B, [10, 0, 0, 6], "1")], noon()).unwrap();
        assert_eq!(tokens(&store, B), HttpTokens::Required);
    }

    #[test]
    fn an_address_of_the_apis_is_not_taken() {
        let store = Memory::default();
        let mut batch = Batch::default();
        batch.put("10.0.0.5", &Address { instance: "i-0000000c".to_owned() });
        store.commit(batch.writes()).unwrap();
        let error = apply(&store, &[entry(A, [10, 0, 0, 5], "1")], noon()).unwrap_err().to_string();
        assert!(error.contains("10.0.0.5") && error.contains("terminate"), "{error}");
    }

    #[test]
    fn hashes_know_where_a_part_ends() {
        let parts = |parts: &[&'static str]| hash(parts.iter().map(|part| part.as_bytes()));
        assert_eq!(parts(&["a", "b"]), parts(&["a", "b"]));
        assert_ne!(parts(&["a", "b"]), parts(&["ab", ""]));
        assert_ne!(parts(&["a", "b"]), parts(&["a"]));
    }
}
