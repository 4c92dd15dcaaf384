//! What the helper tells the service: a length and JSON.

use std::borrow::Cow;
use std::io::{self, Read, Write as _};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imds_core::Machine;
use imds_core::clock::Clock;
use imds_core::credentials::{Credentials, Grant, Role, Secret};
use imds_core::fault::Requested;
use imds_core::id::InstanceId;
use imds_core::signature::Signature;
use imds_core::{Timestamp, machine};
use imds_netns::handoff;
use imds_store::Revision;
use imds_store::record::{Place, Record, decode};
use imds_store::registry::Change;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::question::Asked;

/// A report, of changes as they are understood, or as they are told.
#[derive(Serialize, Deserialize)]
pub enum Report<C = Change> {
    /// Instances changed, up to this commit.
    Changed {
        /// The commit.
        revision: Revision,
        /// What is not as it was.
        changes: Vec<C>,
    },
    /// All that there was is told, and the door is open, if there is one.
    Opened {
        /// Where.
        admin: Option<SocketAddr>,
    },
    /// The door wants to know something.
    Asked {
        /// The number of the question, which its answer has, too.
        number: u64,
        /// What.
        question: Asked,
    },
    /// These are the faults on request from now on.
    Faults(Vec<Requested>),
    /// The keyring changed: its text.
    Keyring(Zeroizing<String>),
    /// The command runs; the sockets that listen in its namespace come along.
    Started,
    /// The helper could not do its part.
    Failed {
        /// What the user is told.
        message: String,
        /// The exit status: 127 where there is no such command, 126 where it cannot be executed.
        status: u8,
    },
    /// The command ended.
    Ended {
        /// With a status,
        status: Option<i32>,
        /// or by a signal.
        signal: Option<i32>,
    },
    /// A network namespace is to be served, in which everybody is one instance.
    Lodged {
        /// Its number, which no other has had.
        lodger: u64,
        /// The instance.
        instance: String,
        /// How many sockets there are.
        count: usize,
        /// The sockets that listen there, which come along.
        #[serde(skip)]
        sockets: Vec<OwnedFd>,
    },
    /// One is gone.
    Left {
        /// Its number.
        lodger: u64,
    },
}

/// A report on its way.
pub(super) type Wire<'w> = Report<Told<'w>>;

/// One change on its way.
#[derive(Serialize, Deserialize)]
pub(super) enum Told<'w> {
    /// A record, in the form in which it is kept.
    Kept {
        #[serde(borrow)]
        key: Cow<'w, str>,
        #[serde(borrow)]
        value: Option<&'w RawValue>,
    },
    /// The role of an instance.
    Role { id: String, role: Option<RoleForm> },
    /// The signature over an instance's identity document.
    Signature { id: String, signature: Option<SignatureForm> },
}

/// A role with its keys, or why it has none.
#[derive(Serialize, Deserialize)]
pub(super) struct RoleForm {
    instance_profile_arn: String,
    instance_profile_id: String,
    grant: GrantForm,
}

#[derive(Serialize, Deserialize)]
enum GrantForm {
    Keys { role: String, credentials: KeysForm },
    Untrusted { role: String, since: Timestamp },
    Failed { role: String, message: String, since: Timestamp },
    Empty { since: Timestamp },
    Gone { since: Timestamp },
}

#[derive(Serialize, Deserialize)]
pub(super) struct KeysForm {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
    issued: Option<Timestamp>,
    expiration: Option<Timestamp>,
}

impl From<Credentials> for KeysForm {
    fn from(keys: Credentials) -> Self {
        Self {
            access_key_id: keys.access_key_id,
            secret_access_key: Zeroizing::new(keys.secret_access_key.expose().to_owned()),
            session_token: Zeroizing::new(keys.session_token.expose().to_owned()),
            issued: keys.issued,
            expiration: keys.expiration,
        }
    }
}

impl From<KeysForm> for Credentials {
    fn from(mut keys: KeysForm) -> Self {
        Self {
            access_key_id: keys.access_key_id,
            secret_access_key: Secret::new(std::mem::take(&mut keys.secret_access_key)),
            session_token: Secret::new(std::mem::take(&mut keys.session_token)),
            issued: keys.issued,
            expiration: keys.expiration,
        }
    }
}

impl From<Role> for RoleForm {
    fn from(role: Role) -> Self {
        Self {
            instance_profile_arn: role.instance_profile_arn,
            instance_profile_id: role.instance_profile_id,
            grant: match role.grant {
                Grant::Keys { role, credentials } => {
                    GrantForm::Keys { role, credentials: credentials.into() }
                }
                Grant::Untrusted { role, since } => GrantForm::Untrusted { role, since },
                Grant::Failed { role, message, since } => GrantForm::Failed { role, message, since },
                Grant::Empty { since } => GrantForm::Empty { since },
                Grant::Gone { since } => GrantForm::Gone { since },
            },
        }
    }
}

impl From<RoleForm> for Role {
    fn from(form: RoleForm) -> Self {
        Self {
            instance_profile_arn: form.instance_profile_arn,
            instance_profile_id: form.instance_profile_id,
            grant: match form.grant {
                GrantForm::Keys { role, credentials } => {
                    Grant::Keys { role, credentials: credentials.into() }
                }
                GrantForm::Untrusted { role, since } => Grant::Untrusted { role, since },
                GrantForm::Failed { role, message, since } => Grant::Failed { role, message, since },
                GrantForm::Empty { since } => Grant::Empty { since },
                GrantForm::Gone { since } => Grant::Gone { since },
            },
        }
    }
}

impl<'w> Told<'w> {
    /// What is told of a commit's change to `key`; `None` where it is nothing that guests see.
    pub(super) fn kept(key: &'w str, value: Option<&'w [u8]>) -> Option<Self> {
        let (kind, _) = key.split_once('/')?;
        if ![Clock::KIND, Machine::KIND, Place::KIND].contains(&kind) {
            return None;
        }
        let read = value.map(serde_json::from_slice).transpose();
        // Its place says enough: what the parser says may quote a secret.
        let value =
            read.inspect_err(|_| tracing::error!(key, "a record is damaged, and is not served")).ok()?;
        Some(Self::Kept { key: key.into(), value })
    }

    fn change(self) -> Option<Change> {
        match self {
            Self::Role { id, role } => {
                Some(Change::Role(id.parse().ok()?, role.map(|role| Box::new(role.into()))))
            }
            Self::Signature { id, signature } => {
                let signature = signature.and_then(|form| form.read()).map(Arc::new);
                Some(Change::Signature(id.parse().ok()?, signature))
            }
            Self::Kept { key, value } => {
                let (kind, id) = key.split_once('/')?;
                if kind == Clock::KIND {
                    return read(&key, value.map(|value| value.get().as_bytes()))?.map(Change::Clock);
                }
                let id: InstanceId = id.parse().ok()?;
                let value = value.map(|value| value.get().as_bytes());
                let change = match kind {
                    Place::KIND => Change::Place(id, read(&key, value)?),
                    machine::Machine::KIND => Change::Machine(id, read(&key, value)?.map(Box::new)),
                    _ => return None,
                };
                Some(change)
            }
        }
    }
}

/// Reads a record; what is damaged is told, and nobody is served what is not understood.
fn read<R: Record>(key: &str, value: Option<&[u8]>) -> Option<Option<R>> {
    let read = value.map(|value| decode(key, value)).transpose();
    read.inspect_err(|error| tracing::error!(%error, "an instance cannot be served")).ok()
}

impl From<Wire<'_>> for Report {
    fn from(wire: Wire<'_>) -> Self {
        match wire {
            Wire::Changed { revision, changes } => {
                Self::Changed { revision, changes: changes.into_iter().filter_map(Told::change).collect() }
            }
            Wire::Opened { admin } => Self::Opened { admin },
            Wire::Asked { number, question } => Self::Asked { number, question },
            Wire::Faults(faults) => Self::Faults(faults),
            Wire::Keyring(text) => Self::Keyring(text),
            Wire::Started => Self::Started,
            Wire::Failed { message, status } => Self::Failed { message, status },
            Wire::Ended { status, signal } => Self::Ended { status, signal },
            Wire::Lodged { lodger, instance, count, sockets } => {
                Self::Lodged { lodger, instance, count, sockets }
            }
            Wire::Left { lodger } => Self::Left { lodger },
        }
    }
}

/// Where threads put their reports.
#[derive(Clone)]
pub(super) struct Reporter(Arc<To>);

/// Whom they are for.
enum To {
    /// The service that the helper is of.
    Service(Mutex<UnixStream>),
    /// Somebody in this process, who hears of changes and of nothing else.
    Here(Follower),
}

/// Somebody who follows changes up to a commit.
type Follower = Box<dyn Fn(Revision, Vec<Change>) + Send + Sync>;

impl Reporter {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self(Arc::new(To::Service(Mutex::new(stream))))
    }

    /// Tells changes to somebody in this process.
    pub(super) fn here(follow: impl Fn(Revision, Vec<Change>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(To::Here(Box::new(follow))))
    }

    /// Tells a report.
    pub(super) fn tell(&self, wire: &Wire<'_>) -> io::Result<()> {
        let bytes = encode(wire)?;
        match &*self.0 {
            To::Service(stream) => locked(stream).write_all(&bytes),
            // In the form of the way between processes, so that nothing is told otherwise than there.
            To::Here(follow) => {
                let Some(Report::Changed { revision, changes }) = decode_whole(&bytes) else {
                    return Err(io::ErrorKind::Unsupported.into());
                };
                follow(revision, changes);
                Ok(())
            }
        }
    }

    /// Tells a report, and hands sockets over with it.
    pub(super) fn hand_over(&self, wire: &Wire<'_>, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        match &*self.0 {
            To::Service(stream) => handoff::send(&locked(stream), &encode(wire)?, sockets),
            To::Here(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

fn locked(stream: &Mutex<UnixStream>) -> MutexGuard<'_, UnixStream> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A signature on its way, its bytes in base64.
#[derive(Serialize, Deserialize)]
pub(super) struct SignatureForm {
    pub(super) digest: String,
    pub(super) signer: String,
    pub(super) value: String,
}

impl From<&Signature> for SignatureForm {
    fn from(signature: &Signature) -> Self {
        Self {
            digest: STANDARD.encode(signature.digest),
            signer: STANDARD.encode(&signature.signer),
            value: STANDARD.encode(&signature.value),
        }
    }
}

impl SignatureForm {
    /// The signature; `None` of what is none.
    pub(super) fn read(&self) -> Option<Signature> {
        let bytes = |text: &str| STANDARD.decode(text).ok();
        Some(Signature {
            digest: bytes(&self.digest)?.try_into().ok()?,
            signer: bytes(&self.signer)?.into(),
            value: bytes(&self.value)?.into(),
        })
    }
}

/// The bytes of a message: its length and JSON.
pub(crate) fn encode(message: &impl Serialize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut growing = Growing(Zeroizing::new(vec![0; 4]));
    serde_json::to_writer(&mut growing, message)?;
    let Growing(mut bytes) = growing;
    let length = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

/// Bytes that leave no copy of themselves behind when they need more room: there may be secrets among them.
struct Growing(Zeroizing<Vec<u8>>);

impl io::Write for Growing {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let needed = self.0.len() + piece.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * self.0.capacity()).max(1024)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A report that came in one piece.
pub(super) fn decode_whole(bytes: &[u8]) -> Option<Report> {
    let (length, body) = bytes.split_first_chunk()?;
    let body = body.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    serde_json::from_slice::<Wire<'_>>(body).ok().map(Report::from)
}

/// Reads a message's body of `limit` bytes at most, waiting for it; `None` when the other end is gone, or says more.
pub(crate) fn body(stream: &mut impl Read, limit: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok().filter(|length| *length <= limit)?;
    let mut body = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

/// Reads a report, waiting for it.
pub(super) fn wait(stream: &mut impl Read) -> Option<Report> {
    serde_json::from_slice::<Wire<'_>>(&body(stream, usize::MAX)?).ok().map(Report::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn who_is_in_this_process_hears_of_changes_and_of_nothing_else() {
        let (sender, heard) = channel();
        let reporter =
            Reporter::here(move |revision, changes| sender.send((revision, changes.len())).unwrap());
        let changes = vec![
            Told::Role { id: "i-0000000a".into(), role: None },
            Told::Role { id: "no id".into(), role: None },
        ];
        reporter.tell(&Wire::Changed { revision: 7, changes }).unwrap();
        for wire in [Wire::Started, Wire::Opened { admin: None }, Wire::Faults(Vec::new())] {
            assert_eq!(reporter.tell(&wire).unwrap_err().kind(), io::ErrorKind::Unsupported);
        }
        assert!(reporter.hand_over(&Wire::Started, &[]).is_err());
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [(7, 1)]);
    }
}
