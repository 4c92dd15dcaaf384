//! What is kept, as it is kept: a record is JSON under the key `KIND/NAME`. The form on disk is a contract with every
//! later release (`docs/store.md`), so what has rules of its own, as a machine has, is mirrored here and not stored as
//! it is.

mod batch;
mod by_hand;
pub mod clock;
pub mod environment;
pub mod image;
mod instance;
mod key_pair;
mod machine;
pub mod role;
mod template;
mod timeline;
mod trace;
pub mod trust;

use imds_core::defaults::Defaults;
use imds_core::id::InstanceId;
use imds_core::options::{Choice, HopLimit};
use imds_core::{Machine, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::store::{Error, Revision, Store};

pub use batch::Batch;
pub use by_hand::Withheld;
pub use environment::{
    Application, ApplicationVersion, ConfigurationTemplate, Environment, EnvironmentCname, EnvironmentEvent,
    EnvironmentName,
};
pub use image::Image;
pub use key_pair::KeyPair;
pub use machine::{Association, association};
pub use role::{InstanceProfile, Role};
pub use template::{LaunchTemplate, TemplateData, TemplateTags, TemplateVersion};
pub use trace::{Caller, Trace};

/// What can be kept.
pub trait Record: Sized {
    /// The first part of its keys.
    const KIND: &'static str;

    /// Its form in the store.
    type Form: Serialize + DeserializeOwned;

    /// From what is worked with to what is kept.
    fn to_form(&self) -> Self::Form;

    /// From what is kept to what is worked with.
    ///
    /// # Errors
    /// What does not read, without its content.
    fn from_form(form: Self::Form) -> Result<Self, String>;
}

/// A record, and the commit that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<R> {
    /// The commit that wrote it.
    pub revision: Revision,
    /// The record.
    pub record: R,
}

/// The key of a record.
#[must_use]
pub fn key<R: Record>(name: &str) -> String {
    format!("{}/{name}", R::KIND)
}

/// Reads what is kept under `key`.
///
/// # Errors
/// [`Error::Damaged`] when it is not a record of this kind.
pub fn decode<R: Record>(key: &str, value: &[u8]) -> Result<R, Error> {
    let damaged = |why: String| Error::Damaged { key: key.to_owned(), why };
    // A message of the parser may quote what it read, which may be a secret: its place says enough.
    let form = serde_json::from_slice(value).map_err(|error| {
        damaged(format!("it does not read at line {} column {}", error.line(), error.column()))
    })?;
    R::from_form(form).map_err(damaged)
}

/// The record with this name.
///
/// # Errors
/// When the store cannot be read, or the record is damaged.
pub fn get<R: Record>(store: &dyn Store, name: &str) -> Result<Option<Found<R>>, Error> {
    let key = key::<R>(name);
    let Some(kept) = store.get(&key)? else { return Ok(None) };
    Ok(Some(Found { revision: kept.revision, record: decode(&key, &kept.value)? }))
}

/// Every record of a kind whose name begins with `prefix`, in the order of names.
///
/// # Errors
/// When the store cannot be read, or a record is damaged.
pub fn list<R: Record>(store: &dyn Store, prefix: &str) -> Result<Vec<(String, Found<R>)>, Error> {
    each(store, prefix)?.map(|(name, found)| Ok((name, found?))).collect()
}

/// The same for who goes on without those that are damaged: each, or what is wrong with it.
///
/// # Errors
/// When the store cannot be read.
pub fn each<R: Record>(
    store: &dyn Store,
    prefix: &str,
) -> Result<impl Iterator<Item = (String, Result<Found<R>, Error>)> + use<R>, Error> {
    let kept = store.list(&key::<R>(prefix))?.into_iter();
    Ok(kept.map(|(key, kept)| {
        let found = decode(&key, &kept.value).map(|record| Found { revision: kept.revision, record });
        (key[R::KIND.len() + 1..].to_owned(), found)
    }))
}

/// The beginnings of instance ids, each of which about as many begin with. Who must see every machine takes them piece by
/// piece, so that not all are in memory at once.
pub fn pieces() -> impl Iterator<Item = String> {
    (0..16).map(|digit| format!("i-{digit:x}"))
}

/// Kinds whose records are kept as they are worked with, having no rules of their own.
macro_rules! as_it_is {
    ($($record:ty = $kind:literal),+ $(,)?) => {$(
        impl Record for $record {
            const KIND: &'static str = $kind;
            type Form = Self;

            fn to_form(&self) -> Self {
                self.clone()
            }

            fn from_form(form: Self) -> Result<Self, String> {
                Ok(form)
            }
        }
    )+};
}

as_it_is!(
    Address = "address",
    Application = "application",
    ApplicationVersion = "application-version",
    Claim = "claim",
    ConfigurationTemplate = "configuration-template",
    Environment = "environment",
    EnvironmentCname = "environment-cname",
    EnvironmentEvent = "environment-event",
    EnvironmentName = "environment-name",
    Image = "image",
    InstanceProfile = "instance-profile",
    KeyPair = "key-pair",
    LaunchTemplate = "launch-template",
    Place = "place",
    Role = "role",
    TemplateName = "launch-template-name",
    Trace = "history",
);

/// `address/IP`: who has a private address. Its key keeps two from having it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The instance.
    pub instance: String,
}

/// `launch-template-name/REGION/NAME`: which template has a name. Its key keeps two from having it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateName {
    /// `lt-…`
    pub id: String,
}

/// `claim/REGION/ACTION/TOKEN`: what a `ClientToken` was used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// A hash of the parameters that it came with.
    pub parameters: String,
    /// Ids of what was made.
    pub made: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// `place/ID`: what the configuration file says of an instance's place in the service, as it was last applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// A hash of the entry.
    pub hash: String,
    /// A hash of what the file plans for it; empty where that is nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub planned: String,
    /// Is it the built-in one, beside instances that the file names? Whoever says `all` does not mean it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_built_in: bool,
    /// Local addresses that belong to it alone.
    pub listen: Vec<SocketAddr>,
    /// Does it get the requests on loopback that no address claims?
    pub is_default: bool,
}

/// `defaults/REGION`
impl Record for Defaults {
    const KIND: &'static str = "defaults";
    type Form = DefaultsForm;

    fn to_form(&self) -> DefaultsForm {
        DefaultsForm {
            options: self.choice.into(),
            http_tokens_enforced: self.http_tokens_enforced.map(|switch| switch.to_string()),
        }
    }

    fn from_form(form: DefaultsForm) -> Result<Self, String> {
        Ok(Self {
            choice: form.options.choice()?,
            http_tokens_enforced: option(form.http_tokens_enforced.as_ref())?,
        })
    }
}

/// The form of an account's defaults.
#[derive(Serialize, Deserialize)]
pub struct DefaultsForm {
    #[serde(flatten)]
    options: Options,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_tokens_enforced: Option<String>,
}

/// Metadata options in the store, each of which may be open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Options {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_tokens: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_put_response_hop_limit: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_protocol_ipv6: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance_metadata_tags: Option<String>,
}

impl From<Choice> for Options {
    fn from(choice: Choice) -> Self {
        fn text(value: Option<impl Display>) -> Option<String> {
            value.map(|value| value.to_string())
        }
        Self {
            http_tokens: text(choice.http_tokens),
            http_put_response_hop_limit: choice.http_put_response_hop_limit.map(HopLimit::hops),
            http_endpoint: text(choice.http_endpoint),
            http_protocol_ipv6: text(choice.http_protocol_ipv6),
            instance_metadata_tags: text(choice.instance_metadata_tags),
        }
    }
}

impl Options {
    /// The choice that this is.
    ///
    /// # Errors
    /// When a value is none of the API's.
    pub fn choice(&self) -> Result<Choice, String> {
        let hops = self.http_put_response_hop_limit.map(|hops| HopLimit::new(hops.into()));
        Ok(Choice {
            http_tokens: option(self.http_tokens.as_ref())?,
            http_put_response_hop_limit: hops.transpose().map_err(|error| error.to_string())?,
            http_endpoint: option(self.http_endpoint.as_ref())?,
            http_protocol_ipv6: option(self.http_protocol_ipv6.as_ref())?,
            instance_metadata_tags: option(self.instance_metadata_tags.as_ref())?,
        })
    }
}

/// Reads what is kept as text.
fn text<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn option<T: FromStr<Err: Display>>(value: Option<&String>) -> Result<Option<T>, String> {
    value.map(|value| text(value)).transpose()
}

/// `machine/ID`
impl Record for Machine {
    const KIND: &'static str = "machine";
    type Form = machine::Form;

    fn to_form(&self) -> machine::Form {
        machine::Form::from(self)
    }

    fn from_form(form: machine::Form) -> Result<Self, String> {
        form.machine()
    }
}

/// The name of a trace: the instance, and the commit before the change, so that they sort by time.
#[must_use]
pub fn trace_name(id: &InstanceId, revision: Revision, index: usize) -> String {
    format!("{id}/{revision:020}-{index}")
}
