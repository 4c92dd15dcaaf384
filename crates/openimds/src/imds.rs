//! The service in somebody's own process, for tests: see the crate's documentation.

mod builder;
pub(crate) mod call;
mod error;
mod event;
mod fault;
mod options;
mod role;
mod service;

use std::fmt;
use std::time::Duration;

use imds_core::clock::Stretch;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::admin::{self, Admin, Form, Url};
use service::Service;

pub use builder::Builder;
pub use call::{Call, Version};
pub use error::Error;
pub use event::Event;
pub use fault::Fault;
pub use options::{HttpTokens, Options};

/// The region of calls for which it does not matter.
const REGION: &str = "us-east-1";

/// A running service. It ends when this is dropped: then its threads have ended, and its ports are free.
///
/// Each method returns when guests meet what it changed. They may be called from asynchronous tests as well; they block for
/// a moment, as an answer over loopback takes.
pub struct Imds {
    service: Service,
    endpoint: String,
    admin: String,
    configured: Vec<(String, String)>,
}

impl fmt::Debug for Imds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imds")
            .field("endpoint", &self.endpoint)
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}

impl Imds {
    /// A service that is yet to be described.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn of(service: Service) -> Self {
        let url = |address| format!("http://{address}");
        let places = &service.places;
        let configured = places.configured.iter().map(|(id, address)| (id.to_string(), url(*address)));
        let configured = configured.collect();
        Self { endpoint: url(places.shared), admin: url(service.admin), configured, service }
    }

    /// Where metadata is: `http://127.0.0.1:40123`. It is what `AWS_EC2_METADATA_SERVICE_ENDPOINT` is set to for SDKs.
    ///
    /// Of several instances, the one whose private address the caller has is asked there, else the default one; where none
    /// has `default = true`, that is one that is built in. [`Imds::endpoint_of`] is simpler.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where the metadata of one instance of several is, and of no other: each that the configuration names has an endpoint of
    /// its own.
    ///
    /// # Errors
    /// When the configuration names no such instance. One that was launched through an API has no endpoint of its own: it is
    /// whoever asks from its private address.
    pub fn endpoint_of(&self, id: &str) -> Result<&str, Error> {
        let found = self.configured.iter().find(|(configured, _)| configured == id);
        found.map(|(_, endpoint)| &**endpoint).ok_or_else(|| {
            let known: Vec<&str> = self.configured.iter().map(|(id, _)| &**id).collect();
            Error::new(format!(
                "the configuration has no instance {id}; those that it has: {}",
                known.join(", ")
            ))
        })
    }

    /// Where AWS's APIs and `/api/v1/` are: `AWS_ENDPOINT_URL` for the AWS CLI and SDKs, with any keys; and `--admin` for `imds`.
    #[must_use]
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The last hundred calls of each instance, and of whoever is none, oldest first: all that were answered before.
    ///
    /// # Errors
    /// When the service does not answer.
    pub fn calls(&self) -> Result<Vec<Call>, Error> {
        self.calls_at(call::WAY)
    }

    /// The same of one instance, which may be terminated as long as the service knows it.
    ///
    /// # Errors
    /// When there is no such instance, or the service does not answer.
    pub fn calls_of(&self, id: &str) -> Result<Vec<Call>, Error> {
        if !self.service.knows(id)? {
            return Err(self.unknown(id));
        }
        Ok(self.calls()?.into_iter().filter(|call| call.instance.as_deref() == Some(id)).collect())
    }

    /// Those with a higher number.
    ///
    /// # Errors
    /// When the service does not answer.
    pub fn calls_since(&self, number: u64) -> Result<Vec<Call>, Error> {
        self.calls_at(&format!("{}?since={number}", call::WAY))
    }

    fn calls_at(&self, way: &str) -> Result<Vec<Call>, Error> {
        let mut told = self.ask(|admin| admin.get(way))?;
        read(told.get_mut("calls").map(Value::take).unwrap_or_default())
    }

    /// Forgets the calls so far; numbers go on.
    ///
    /// # Errors
    /// When the service does not answer.
    pub fn reset(&self) -> Result<(), Error> {
        self.ask(|admin| admin.delete(call::WAY)).map(drop)
    }

    /// Asserts that there were calls so far, and that none of them was IMDSv1.
    ///
    /// # Panics
    /// When some were, of which 20 are named, or there was none at all; when so many were made that some may have been forgotten; when the service
    /// does not answer.
    #[track_caller]
    pub fn assert_only_v2(&self) {
        let wrong = match self.calls() {
            Ok(calls) => call::each_wrong(&calls, "`reset()`"),
            Err(error) => Some(error.to_string()),
        };
        if let Some(wrong) = wrong {
            panic!("{wrong}");
        }
    }

    /// Changes metadata options, as `ModifyInstanceMetadataOptions` does.
    ///
    /// # Errors
    /// When one of them is not permitted, which is done for the instances before it then; or there is no such instance, and
    /// nothing is done.
    pub fn modify(&self, options: Options) -> Result<(), Error> {
        let choice = options.choice()?;
        let chosen = match options.named() {
            [] => self.instances(),
            ids => {
                ids.iter().map(|id| Ok((id.clone(), self.region_of(id)?))).collect::<Result<_, Error>>()?
            }
        };
        for (id, region) in chosen {
            let form = Form::default().with("InstanceId", id).options("", &choice);
            self.ask_in(&region, |admin| admin.call("ModifyInstanceMetadataOptions", &form).map(drop))?;
        }
        Ok(())
    }

    /// Gives an instance a role of this name, in the place of one that it has: makes an IAM role that EC2 is trusted with and
    /// an instance profile of the same name, unless they are there, and associates them. The instance reads the role's
    /// credentials from now on; they are renewed by the service's clock, and sign calls at [`Imds::admin`].
    ///
    /// # Errors
    /// When that is no name, there is no such instance, or a profile of this name has another role.
    pub fn attach_role(&self, id: &str, name: &str) -> Result<(), Error> {
        let region = self.region_of(id)?;
        self.ask(|admin| role::make(admin, name))?;
        self.ask_in(&region, |admin| role::give(admin, id, name))
    }

    /// Takes the role away that an instance was given; role and profile stay.
    ///
    /// # Errors
    /// When there is no such instance, or it was given none.
    pub fn detach_role(&self, id: &str) -> Result<(), Error> {
        self.ask_in(&self.region_of(id)?, |admin| role::take(admin, id))
    }

    /// The same for every instance that has none.
    fn attach_role_to_all(&self, name: &str) -> Result<(), Error> {
        let all = self.service.registry.all();
        let mut without = all.iter().filter(|snapshot| snapshot.instance.role.is_none());
        without.try_for_each(|snapshot| self.attach_role(snapshot.instance.id.as_str(), name))
    }

    /// Plans an event; its id.
    ///
    /// # Errors
    /// When it is not permitted, or there is no such instance.
    pub fn event(&self, event: Event) -> Result<String, Error> {
        let body = event.body();
        let told = self.ask(|admin| admin.post_json("/api/v1/events", &body))?;
        read(told.get("id").cloned().unwrap_or_default())
    }

    /// Cancels an event, for all instances that have it.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn cancel(&self, event: &str) -> Result<(), Error> {
        self.ask(|admin| admin.delete(&format!("/api/v1/events/{event}"))).map(drop)
    }

    /// Asks for a fault; its number.
    ///
    /// # Errors
    /// When it is not permitted, or there is no such instance.
    pub fn fault(&self, fault: Fault) -> Result<u64, Error> {
        let draft = serde_json::to_value(fault.draft()).map_err(Error::new)?;
        let told = self.ask(|admin| admin.post_json("/api/v1/faults", &draft))?;
        read(told.get("id").cloned().unwrap_or_default())
    }

    /// Removes a fault.
    ///
    /// # Errors
    /// When there is none with this number.
    pub fn remove_fault(&self, number: u64) -> Result<(), Error> {
        self.ask(|admin| admin.delete(&format!("/api/v1/faults/{number}"))).map(drop)
    }

    /// Removes all faults.
    ///
    /// # Errors
    /// When the service does not answer.
    pub fn remove_faults(&self) -> Result<(), Error> {
        self.ask(|admin| admin.delete("/api/v1/faults")).map(drop)
    }

    /// What time it is by the service's clock, in whole seconds, as metadata writes it: `2026-11-24T12:00:00Z`. [`Event::at`]
    /// takes it, and of two such texts the lesser one is earlier.
    #[must_use]
    pub fn now(&self) -> String {
        format!("{:.0}", self.service.registry.now())
    }

    /// Advances the service's clock, by whole seconds, rounded up: tokens and keys end, what is planned comes. It never goes
    /// back.
    ///
    /// # Errors
    /// When it is nothing, or more than 3,650 days at once, or the year would be a later one than 2199.
    pub fn advance(&self, by: Duration) -> Result<(), Error> {
        let text = event::seconds(by);
        if text.parse::<Stretch>().is_err() {
            return Err(Error::new(format!(
                "a clock is advanced by more than nothing, and by 3,650 days at most at once: not by {by:?}"
            )));
        }
        self.change_clock(&json!({ "advance": text, "far": true }))
    }

    /// Has the service's clock stand still. It can be advanced then, too.
    ///
    /// # Errors
    /// When the service does not answer.
    pub fn pause(&self) -> Result<(), Error> {
        self.change_clock(&json!({ "paused": true }))
    }

    /// Has it go on from where it stands.
    ///
    /// # Errors
    /// When the service does not answer.
    pub fn resume(&self) -> Result<(), Error> {
        self.change_clock(&json!({ "paused": false }))
    }

    /// How fast the service's clock goes from now on: so many seconds a second, 1 to 86,400.
    ///
    /// # Errors
    /// When that is no pace.
    pub fn pace(&self, pace: u64) -> Result<(), Error> {
        self.change_clock(&json!({ "pace": pace.to_string() }))
    }

    fn change_clock(&self, change: &Value) -> Result<(), Error> {
        self.ask(|admin| admin.post_json("/api/v1/clock", change)).map(drop)
    }

    /// The instances that there are, each with its region.
    fn instances(&self) -> Vec<(String, String)> {
        let all = self.service.registry.all();
        let named =
            |instance: &imds_core::Instance| (instance.id.to_string(), instance.placement.region.clone());
        all.iter().map(|snapshot| named(&snapshot.instance)).collect()
    }

    fn region_of(&self, id: &str) -> Result<String, Error> {
        let found = self.instances().into_iter().find(|(known, _)| known == id);
        found.map(|(_, region)| region).ok_or_else(|| self.unknown(id))
    }

    /// Why nothing can be done with this instance.
    fn unknown(&self, id: &str) -> Error {
        let mut known: Vec<_> = self.instances().into_iter().map(|(id, _)| id).collect();
        known.sort();
        Error::new(format!("there is no instance {id}; those that there are: {}", known.join(", ")))
    }

    fn ask<T: Send>(&self, ask: impl FnOnce(&Admin) -> Result<T, admin::Error> + Send) -> Result<T, Error> {
        self.ask_in(REGION, ask)
    }

    /// Asks on a thread of its own: who calls may be within a runtime, where another must not be waited for.
    fn ask_in<T: Send>(
        &self,
        region: &str,
        ask: impl FnOnce(&Admin) -> Result<T, admin::Error> + Send,
    ) -> Result<T, Error> {
        let url: Url = self.admin.parse().map_err(Error::new)?;
        let admin = Admin::plain(&url, region);
        let answer = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("imds-ask".to_owned());
            let asking = thread.spawn_scoped(scope, || ask(&admin)).map_err(Error::new)?;
            asking.join().map_err(|_| Error::new("the call ended in a panic: this is a fault of openimds"))
        });
        answer?.map_err(Error::new)
    }
}

fn read<T: DeserializeOwned>(told: Value) -> Result<T, Error> {
    let wrong = |error| Error::new(format!("what the service told does not read: {error}"));
    serde_json::from_value(told).map_err(wrong)
}
