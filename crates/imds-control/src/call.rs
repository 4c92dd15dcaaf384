//! One call of the API: what its handler may know, and what it decides.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use imds_core::defaults::Defaults;
use imds_core::id::{AccountId, InstanceId};
use imds_core::session::Issuer;
use imds_core::{Machine, Timestamp};
use imds_store::Store;
use imds_store::record::{self, Batch, Caller, Found};

use crate::authz::Identity;
use crate::query::{Error, Xml};

/// The account of every call.
pub(crate) const ACCOUNT: &str = "123456789012";

/// What a handler knows. It reads the store and changes nothing: it says what is to be changed.
pub(crate) struct Call<'a> {
    /// What is kept.
    pub(crate) store: &'a dyn Store,
    /// The region that the call is for.
    pub(crate) region: &'a str,
    /// The account, the same for every key.
    pub(crate) account: &'a AccountId,
    /// When it came.
    pub(crate) now: Timestamp,
    /// Who makes it, for the history.
    pub(crate) caller: &'a Caller,
    /// Who makes it, for IAM.
    pub(crate) identity: &'a Identity,
    /// The id of the request, which its events carry.
    pub(crate) request_id: &'a str,
    /// Who issues temporary keys.
    pub(crate) issuer: &'a Issuer,
    /// How long each step of an environment takes.
    pub(crate) environment_delay: Duration,
    /// The default VPC's block: network address and prefix length.
    pub(crate) vpc: (Ipv4Addr, u8),
}

/// What a handler decided: what is committed, and what is answered when that is done.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The changes, all or none.
    pub(crate) batch: Batch,
    /// The answer, without its envelope.
    pub(crate) body: Xml,
}

/// A handler. It may be called again when what it read was changed by somebody else meanwhile.
pub(crate) type Handler = fn(&Call<'_>, &crate::query::Params) -> Result<Outcome, Error>;

impl Outcome {
    /// An answer to a question.
    pub(crate) fn told(body: Xml) -> Self {
        Self { batch: Batch::default(), body }
    }

    /// `<return>true</return>`, once this is done.
    pub(crate) fn done(batch: Batch) -> Self {
        let mut body = Xml::ec2();
        body.text("return", true);
        Self { batch, body }
    }
}

impl Call<'_> {
    /// A new id: `i-` and 17 random hexadecimal digits.
    pub(crate) fn new_id(&self, prefix: &str) -> Result<String, Error> {
        let mut digits = random_hex()?;
        digits.truncate(17);
        Ok(format!("{prefix}-{digits}"))
    }

    /// The machine with this id, in this region.
    pub(crate) fn machine(&self, id: &str) -> Result<Found<Machine>, Error> {
        let id = instance_id(id)?;
        let found = record::get::<Machine>(self.store, id.as_str())?;
        found.filter(|found| self.is_here(&found.record)).ok_or_else(|| {
            Error::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
        })
    }

    /// The machines with these ids, each once, or all that are in this region.
    pub(crate) fn machines(&self, ids: &[&str]) -> Result<Vec<Found<Machine>>, Error> {
        if ids.is_empty() {
            let all = record::list::<Machine>(self.store, "")?;
            return Ok(all
                .into_iter()
                .map(|(_, found)| found)
                .filter(|found| self.is_here(&found.record))
                .collect());
        }
        let mut found = Vec::new();
        let mut unknown = Vec::new();
        let mut seen = HashSet::new();
        for id in ids.iter().filter(|id| seen.insert(**id)) {
            match self.machine(id) {
                Ok(machine) => found.push(machine),
                Err(error) if error.code == "InvalidInstanceID.NotFound" => unknown.push(*id),
                Err(error) => return Err(error),
            }
        }
        match unknown[..] {
            [] => Ok(found),
            [one] => Err(Error::new(
                "InvalidInstanceID.NotFound",
                format!("The instance ID '{one}' does not exist"),
            )),
            _ => Err(Error::new(
                "InvalidInstanceID.NotFound",
                format!("The instance IDs '{}' do not exist", unknown.join(", ")),
            )),
        }
    }

    /// The account's defaults in this region; `None` while none was ever set.
    pub(crate) fn defaults(&self) -> Result<Option<Found<Defaults>>, Error> {
        Ok(record::get(self.store, self.region)?)
    }

    fn is_here(&self, machine: &Machine) -> bool {
        machine.instance.placement.region == self.region
    }
}

/// The id of an instance, if it has the form of one.
pub(crate) fn instance_id(id: &str) -> Result<InstanceId, Error> {
    id.parse().map_err(|_| Error::malformed_id("InvalidInstanceID.Malformed", id))
}

/// Does an id have the form of its kind: a prefix, a hyphen, 17 hexadecimal digits, or 8 as before 2016?
pub(crate) fn is_id(prefix: &str, id: &str) -> bool {
    let hex = id.strip_prefix(prefix).and_then(|id| id.strip_prefix('-'));
    hex.is_some_and(|hex| {
        matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// 32 random hexadecimal digits.
pub(crate) fn random_hex() -> Result<String, Error> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).map_err(|error| {
        tracing::error!(%error, "the system has no random bytes");
        Error::internal()
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// An id that looks like a UUID, for requests.
pub(crate) fn request_id() -> String {
    let hex = random_hex().unwrap_or_else(|_| "0".repeat(32));
    let (a, rest) = hex.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}
