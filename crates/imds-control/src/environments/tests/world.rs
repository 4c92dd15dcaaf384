//! A store with an application, a clock that is moved by hand, and calls that are made at its time.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use imds_core::options::HttpTokens;
use imds_core::testing::noon;
use imds_core::{Machine, Timestamp};
use imds_store::record::{
    self, Address, Application, ApplicationVersion, Batch, Caller, Environment, EnvironmentEvent,
    EnvironmentName, Record,
};
use imds_store::store::{Effect, Expected, Kept, Write};
use imds_store::{Memory, Store};

use crate::action;
use crate::authz::{Authority, Identity};
use crate::call::{Call, Outcome};
use crate::environments::{Surroundings, advance};
use crate::query::{Error, Params, Service};
use crate::{call, commit};

pub(super) const APP: &str = "ApplicationName=shop";
/// `DisableIMDSv1`, to which a value is put.
pub(super) const DISABLE: &str = "OptionSettings.member.1.Namespace=aws:autoscaling:launchconfiguration\
    &OptionSettings.member.1.OptionName=DisableIMDSv1&OptionSettings.member.1.Value";
/// How long a step takes.
pub(super) const DELAY: Duration = Duration::from_millis(500);

/// The `number`th option that is chosen.
pub(super) fn option(number: usize, namespace: &str, name: &str, value: &str) -> String {
    let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let member = format!("OptionSettings.member.{number}");
    format!("{member}.Namespace={namespace}&{member}.OptionName={name}&{member}.Value={value}")
}

/// `DisableIMDSv1` goes back to its default.
pub(super) const RESTORE: &str = "OptionsToRemove.member.1.Namespace=aws:autoscaling:launchconfiguration\
    &OptionsToRemove.member.1.OptionName=DisableIMDSv1";
/// The end of what `AbortEnvironmentUpdate` answers while no update is under way.
pub(super) const NOT_PENDING: &str =
    "Environment named shop-dev is in an invalid state for this operation. Must be pending deployment.";

/// A world of its own.
pub(super) struct World {
    pub(super) store: Box<dyn Store>,
    pub(super) now: Timestamp,
    pub(super) vpc: (Ipv4Addr, u8),
    authority: Authority,
}

impl World {
    /// An application `shop` with the versions `v1` and `v2`, at noon.
    pub(super) fn new() -> Self {
        Self::with(Box::new(Memory::default()))
    }

    /// The same in a store.
    pub(super) fn with(store: Box<dyn Store>) -> Self {
        let (region, now) = ("us-east-1", noon());
        let mut batch = Batch::default();
        let application =
            serde_json::json!({"name": "shop", "region": region, "created": now, "updated": now});
        let application = serde_json::from_value(application).unwrap();
        batch.create::<Application>(&Application::record_name(region, "shop"), &application);
        for label in ["v1", "v2"] {
            let version =
                serde_json::json!({"application": "shop", "label": label, "created": now, "updated": now});
            let version = serde_json::from_value(version).unwrap();
            batch.create::<ApplicationVersion>(
                &ApplicationVersion::record_name(region, "shop", label),
                &version,
            );
        }
        store.commit(batch.writes()).unwrap();
        Self::on(store, now)
    }

    /// What there is in a store, at that time.
    pub(super) fn on(store: Box<dyn Store>, now: Timestamp) -> Self {
        let vpc = (Ipv4Addr::new(172, 31, 0, 0), 16);
        Self { store, now, vpc, authority: Authority::open(&[7; 32]) }
    }

    /// With an environment `shop-dev` that is ready.
    pub(super) fn ready() -> Self {
        let mut world = Self::new();
        world.ok("CreateEnvironment", &format!("{APP}&EnvironmentName=shop-dev&VersionLabel=v1"));
        world.settle();
        world
    }

    /// What there is, in a store of its own, as a process finds it that starts after another one was killed.
    pub(super) fn copy(&self) -> Self {
        self.copy_into(Box::new(Memory::default()))
    }

    fn of(store: Box<dyn Store>, other: &Self) -> Self {
        Self { vpc: other.vpc, ..Self::on(store, other.now) }
    }

    fn pour(&self, other: &Self) {
        let all = self.store.list("").unwrap().into_iter();
        let set = |(key, kept): (String, Kept)| Write {
            key,
            expected: Expected::Any,
            effect: Effect::Set(kept.value),
        };
        other.store.commit(&all.map(set).collect::<Vec<_>>()).unwrap();
    }

    /// The same in a store that permits that one commit, and then what it likes.
    pub(super) fn copy_into(&self, store: Box<dyn Store>) -> Self {
        let copy = Self::of(store, self);
        self.pour(&copy);
        copy
    }

    /// Makes a call, whose request id is the name of its action.
    pub(super) fn call(&mut self, action: &str, form: &str) -> Result<String, Error> {
        self.request(action, form, action)
    }

    /// Makes a call that succeeds, with a request id of its own.
    pub(super) fn follow(&mut self, action: &str, form: &str, request_id: &str) {
        self.request(action, form, request_id).unwrap_or_else(|error| panic!("{action} {form}: {error}"));
    }

    fn request(&mut self, action: &str, form: &str, request_id: &str) -> Result<String, Error> {
        let params = Params::parse(form.as_bytes())?;
        let service = match [
            "Instances",
            "Defaults",
            "LaunchTemplate",
            "TemplateVersion",
            "TemplateVersions",
            "KeyPair",
        ]
        .iter()
        .any(|end| action.ends_with(end))
        {
            true => Service::Ec2,
            false => Service::ElasticBeanstalk,
        };
        let handler = action::find(service, action).unwrap();
        let (account, caller) =
            (call::ACCOUNT.parse().unwrap(), Caller { access_key: None, address: String::new() });
        let call = Call {
            store: &*self.store,
            region: "us-east-1",
            account: &account,
            now: self.now,
            caller: &caller,
            identity: &Identity::Root,
            request_id,
            issuer: &self.authority.issuer(),
            environment_delay: DELAY,
            vpc: self.vpc,
        };
        let decided = commit::decided(&*self.store, || {
            let Outcome { batch, body } = handler(&call, &params)?;
            Ok::<_, Error>((batch, body))
        });
        decided.map(|(body, _)| body.as_str().to_owned())
    }

    /// A call that succeeds.
    pub(super) fn ok(&mut self, action: &str, form: &str) -> String {
        self.call(action, form).unwrap_or_else(|error| panic!("{action} {form}: {error}"))
    }

    /// A call that is refused with this message, and changes nothing.
    pub(super) fn refused(&mut self, action: &str, form: &str, message: &str) {
        let before = self.store.revision().unwrap();
        let error = self.call(action, form).unwrap_err();
        assert_eq!(error.message, message, "{action} {form}");
        assert_eq!(error.status.as_u16(), 400, "{action} {form}");
        assert_eq!(self.store.revision().unwrap(), before, "{action} {form}");
    }

    /// Does what is due.
    pub(super) fn advance(&self) -> Option<Timestamp> {
        self.try_advance().unwrap()
    }

    /// Does what is due, if the store lets it.
    pub(super) fn try_advance(&self) -> Result<Option<Timestamp>, imds_store::Error> {
        let surroundings = Surroundings { vpc: self.vpc, delay: DELAY, authority: &self.authority };
        advance(&*self.store, surroundings, self.now)
    }

    /// One delay from now.
    pub(super) fn later(&self) -> Timestamp {
        self.now + DELAY
    }

    /// Lets one delay pass, and does what is due then.
    pub(super) fn pass(&mut self) -> Option<Timestamp> {
        self.now = self.later();
        self.advance()
    }

    /// Lets time pass until nothing is to be done, which takes some steps at most.
    pub(super) fn settle(&mut self) {
        for _ in 0..20 {
            let Some(next) = self.advance() else { return };
            assert!(next > self.now, "{next} is due at {}", self.now);
            self.now = next;
        }
        panic!("it goes on and on: {:?}", self.events(""));
    }

    /// The environment with this name that is not terminated.
    pub(super) fn environment(&self, name: &str) -> Environment {
        let held =
            record::get::<EnvironmentName>(&*self.store, &format!("us-east-1/{name}")).unwrap().unwrap();
        self.by_id(&held.record.id)
    }

    /// The environment with this id.
    pub(super) fn by_id(&self, id: &str) -> Environment {
        let name = Environment::record_name("us-east-1", id);
        record::get::<Environment>(&*self.store, &name).unwrap().unwrap().record
    }

    /// Status, health and number of instances of an environment.
    pub(super) fn told(&self, name: &str) -> (&'static str, &'static str, usize) {
        let environment = self.environment(name);
        let status = environment.status.parse::<imds_core::environment::Status>().unwrap().as_str();
        let health = environment.health.parse::<imds_core::environment::Health>().unwrap().as_str();
        (status, health, environment.instances.len())
    }

    /// A machine.
    pub(super) fn machine(&self, id: &str) -> Machine {
        record::get::<Machine>(&*self.store, id).unwrap().unwrap().record
    }

    /// The `HttpTokens` of those that run, in the order of their launch.
    pub(super) fn running(&self) -> Vec<HttpTokens> {
        let all = self.all::<Machine>().into_iter();
        let mut running: Vec<_> = all.filter(|machine| machine.state.is_running()).collect();
        running.sort_by_key(|machine| {
            machine.instance.tags["aws:ec2launchtemplate:version"].parse::<u64>().unwrap()
        });
        running.iter().map(|machine| machine.instance.options.http_tokens).collect()
    }

    /// Every record of a kind.
    pub(super) fn all<R: Record>(&self) -> Vec<R> {
        record::list::<R>(&*self.store, "").unwrap().into_iter().map(|(_, found)| found.record).collect()
    }

    /// The one record of a kind.
    pub(super) fn only<R: Record>(&self) -> R {
        let mut all = self.all::<R>();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// How many keys begin so.
    pub(super) fn count(&self, prefix: &str) -> usize {
        self.store.list(prefix).unwrap().len()
    }

    /// The events of environments that follow from calls of this action, or all: the newest first, ids of instances left
    /// out. No two are at one time.
    pub(super) fn events(&self, action: &str) -> Vec<String> {
        let mut events = self.all::<EnvironmentEvent>();
        events.retain(|event| event.environment.is_some());
        assert!(events.is_sorted_by_key(|event| event.at));
        let times: HashSet<_> =
            events.iter().map(|event| (&event.environment, event.at.as_millisecond())).collect();
        assert_eq!(times.len(), events.len(), "two events of one environment at one time");
        // Of several environments one comes after the other.
        events.sort_by_key(|event| event.environment.as_ref().map(|(name, _)| name.clone()));
        let of_action =
            |event: &&EnvironmentEvent| action.is_empty() || event.request_id.as_deref() == Some(action);
        let told = events.iter().rev().filter(of_action);
        told.map(|event| format!("{} {}", event.severity, without_ids(&event.message))).collect()
    }

    /// Every machine that runs has its address, and nobody else has one.
    pub(super) fn addresses_are_those_that_run(&self) {
        let mut held: Vec<_> = self.all::<Address>().into_iter().map(|address| address.instance).collect();
        let running = self.all::<Machine>().into_iter().filter(|machine| !machine.state.is_terminated());
        let mut running: Vec<_> = running.map(|machine| machine.instance.id.to_string()).collect();
        held.sort();
        running.sort();
        assert_eq!(held, running);
    }

    /// Keeps a machine as it was changed.
    pub(super) fn put(&self, machine: &Machine) {
        let mut batch = Batch::default();
        batch.put(machine.instance.id.as_str(), machine);
        self.store.commit(batch.writes()).unwrap();
    }
}

/// `[i-0123…, i-4567…]` as `[i, i]`
fn without_ids(message: &str) -> String {
    let words = message.split(' ').map(|word| {
        let bare = word.trim_matches(['[', ']', ',']);
        if bare.starts_with("i-") { word.replace(bare, "i") } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}
