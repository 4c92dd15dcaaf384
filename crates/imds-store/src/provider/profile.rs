//! The keys of instances whose instance profile has a role: whom to give which, and when anew.
//!
//! What is given follows from three kinds of records: machines, instance profiles, roles. It is held in memory alone, and
//! only for machines that have a profile and run. A change is seen at once, where on EC2 keys stay until they are renewed
//! [assumed]; so is a profile that was deleted.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::time::Duration;

use imds_core::credentials::{Grant, Role as Served};
use imds_core::id::InstanceId;
use imds_core::session::{Issuer, NONCE_LEN, Session};
use imds_core::{Machine, Timestamp};

use crate::record::trust::Principal;
use crate::record::{Association, InstanceProfile, Record, Role, association, decode, role::record_name};
use crate::store::Error;

/// How long keys live, as EC2's do.
pub const LIFETIME: Duration = Duration::from_secs(6 * 3600);
/// How long before their end there are new ones. EC2 promises five minutes.
pub const AHEAD: Duration = Duration::from_secs(3600);

/// What keys are made with.
pub struct Mint<'m> {
    /// Who issues them.
    pub issuer: &'m Issuer,
    /// When it is.
    pub now: Timestamp,
    /// Where nonces come from, each another one.
    pub nonce: &'m mut dyn FnMut() -> io::Result<[u8; NONCE_LEN]>,
}

/// What an instance is to be told of its profile; `None` when it has none any longer.
pub type Given = (InstanceId, Option<Served>);

/// Who has which profile, and what it gives.
#[derive(Debug, Default)]
pub struct Profiles {
    instances: HashMap<InstanceId, Held>,
    /// Profiles and roles by the names of their records.
    profiles: HashMap<String, Profile>,
    roles: HashMap<String, Trusted>,
    /// When keys are to be given anew.
    due: BTreeSet<(Timestamp, InstanceId)>,
    damaged: Vec<Error>,
}

/// A machine that has a profile, and runs.
#[derive(Debug)]
struct Held {
    association: Association,
    /// What it was told, if it was told anything.
    told: Option<(Association, Claim)>,
    /// When its keys are to be given anew.
    due: Option<Timestamp>,
}

/// What counts of a profile.
#[derive(Debug, PartialEq, Eq)]
struct Profile {
    name: String,
    id: String,
    role: Option<String>,
}

/// What counts of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trusted {
    name: String,
    id: String,
    is_open_to_ec2: bool,
}

/// What an instance may have. As long as it is the same, keys are renewed only when they are due.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Claim {
    Keys(Trusted),
    Untrusted(Trusted),
    Empty,
    Gone,
}

impl Profiles {
    /// Takes changes in, of one commit or of what there is, and says what is to be told with them.
    ///
    /// # Errors
    /// When there are no nonces.
    pub fn follow<'c>(
        &mut self,
        changes: impl IntoIterator<Item = (&'c str, Option<&'c [u8]>)>,
        mint: &mut Mint<'_>,
    ) -> io::Result<Vec<Given>> {
        let mut affected = BTreeSet::new();
        for (key, value) in changes {
            self.note(key, value, &mut affected);
        }
        self.give(affected, mint)
    }

    /// When the next keys are to be given anew.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Gives those anew that are due.
    ///
    /// # Errors
    /// When there are no nonces.
    pub fn renew(&mut self, mint: &mut Mint<'_>) -> io::Result<Vec<Given>> {
        let mut affected = BTreeSet::new();
        while let Some((due, id)) = self.due.first().cloned().filter(|(due, _)| *due <= mint.now) {
            self.due.remove(&(due, id.clone()));
            if let Some(held) = self.instances.get_mut(&id) {
                (held.told, held.due) = (None, None);
            }
            affected.insert(id);
        }
        self.give(affected, mint)
    }

    /// All keys that were given have ended: they are due.
    pub fn outdate(&mut self) {
        for (_, id) in std::mem::take(&mut self.due) {
            if let Some(held) = self.instances.get_mut(&id) {
                held.due = Some(Timestamp::MIN);
                self.due.insert((Timestamp::MIN, id));
            }
        }
    }

    /// Has this instance a profile, and runs? Then what it is told comes from here.
    #[must_use]
    pub fn has(&self, id: &InstanceId) -> bool {
        self.instances.contains_key(id)
    }

    /// Records that did not read since this was asked last. They count as deleted.
    pub fn damaged(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.damaged)
    }

    /// Takes in one change, and says whom it may concern.
    fn note(&mut self, key: &str, value: Option<&[u8]>, affected: &mut BTreeSet<InstanceId>) {
        let Some((kind, name)) = key.split_once('/') else { return };
        match kind {
            Machine::KIND => self.note_machine(name, value, affected),
            InstanceProfile::KIND => {
                let new = self.read::<InstanceProfile>(key, value);
                let new = new.map(|new| Profile { name: new.name, id: new.id, role: new.role });
                if self.profiles.get(name) != new.as_ref() {
                    put(&mut self.profiles, name, new);
                    self.concern(&HashSet::from([name.to_owned()]), affected);
                }
            }
            Role::KIND => {
                let new = self.read::<Role>(key, value).map(|new| Trusted {
                    // EC2 is of no account.
                    is_open_to_ec2: new.trusts("", Principal::Ec2),
                    name: new.name,
                    id: new.id,
                });
                if self.roles.get(name) != new.as_ref() {
                    put(&mut self.roles, name, new);
                    let with =
                        |profile: &Profile| profile.role.as_deref().map(record_name).as_deref() == Some(name);
                    let profiles = self.profiles.iter().filter(|(_, profile)| with(profile));
                    let profiles = profiles.map(|(name, _)| name.clone()).collect();
                    self.concern(&profiles, affected);
                }
            }
            _ => {}
        }
    }

    fn note_machine(&mut self, name: &str, value: Option<&[u8]>, affected: &mut BTreeSet<InstanceId>) {
        let Ok(id) = name.parse::<InstanceId>() else { return };
        // One that is damaged is told by those who serve it.
        let found = value.and_then(|value| association(value).ok().flatten());
        match (found, self.instances.get_mut(&id)) {
            (None, None) => return,
            // Whom it leaves is told.
            (None, Some(_)) => {
                if let Some(due) = self.instances.remove(&id).and_then(|held| held.due) {
                    self.due.remove(&(due, id.clone()));
                }
            }
            (Some(association), Some(held)) => held.association = association,
            (Some(association), None) => {
                self.instances.insert(id.clone(), Held { association, told: None, due: None });
            }
        }
        affected.insert(id);
    }

    /// Those who have one of these profiles.
    fn concern(&self, profiles: &HashSet<String>, affected: &mut BTreeSet<InstanceId>) {
        if profiles.is_empty() {
            return;
        }
        let has_one = |held: &Held| profiles.contains(&record_name(named(&held.association)));
        affected.extend(self.instances.iter().filter(|(_, held)| has_one(held)).map(|(id, _)| id.clone()));
    }

    fn read<R: Record>(&mut self, key: &str, value: Option<&[u8]>) -> Option<R> {
        match decode(key, value?) {
            Ok(record) => Some(record),
            Err(error) => {
                self.damaged.push(error);
                None
            }
        }
    }

    fn give(&mut self, affected: BTreeSet<InstanceId>, mint: &mut Mint<'_>) -> io::Result<Vec<Given>> {
        let mut given = Vec::new();
        for id in affected {
            let Some(held) = self.instances.get(&id) else {
                given.push((id, None));
                continue;
            };
            let told = (held.association.clone(), self.claim(&held.association));
            if held.told.as_ref() == Some(&told) {
                continue;
            }
            let (served, due) = served(&id, &told.0, &told.1, mint)?;
            if let Some(held) = self.instances.get_mut(&id) {
                if let Some(old) = std::mem::replace(&mut held.due, due) {
                    self.due.remove(&(old, id.clone()));
                }
                held.told = Some(told);
            }
            // After the old one went: they can be due at the same time.
            if let Some(due) = due {
                self.due.insert((due, id.clone()));
            }
            given.push((id, Some(served)));
        }
        Ok(given)
    }

    fn claim(&self, association: &Association) -> Claim {
        let name = named(association);
        let profile = self.profiles.get(&record_name(name));
        // One that was deleted and made again is another.
        let Some(profile) = profile.filter(|found| found.name == name && found.id == association.profile_id)
        else {
            return Claim::Gone;
        };
        let role = profile.role.as_ref().and_then(|role| self.roles.get(&record_name(role)));
        match role {
            Some(role) if role.is_open_to_ec2 => Claim::Keys(role.clone()),
            Some(role) => Claim::Untrusted(role.clone()),
            None => Claim::Empty,
        }
    }
}

/// The name of the profile, behind its path.
fn named(association: &Association) -> &str {
    association.arn.rsplit('/').next().unwrap_or_default()
}

fn put<V>(all: &mut HashMap<String, V>, name: &str, value: Option<V>) {
    match value {
        Some(value) => all.insert(name.to_owned(), value),
        None => all.remove(name),
    };
}

/// What an instance gets for what it may have, and when it is to get that anew.
fn served(
    id: &InstanceId,
    association: &Association,
    claim: &Claim,
    mint: &mut Mint<'_>,
) -> io::Result<(Served, Option<Timestamp>)> {
    // Metadata tells whole seconds.
    let since = Timestamp::from_second(mint.now.as_second()).unwrap_or(mint.now);
    let mut due = None;
    let grant = match claim {
        Claim::Keys(role) => {
            let session = Session {
                account: association.account.clone(),
                role: role.name.clone(),
                role_id: role.id.clone(),
                name: id.to_string(),
                issued: since,
                expires: since + LIFETIME,
            };
            due = Some(since + (LIFETIME - AHEAD));
            let credentials = mint.issuer.issue(&session, (mint.nonce)()?);
            Grant::Keys { role: role.name.clone(), credentials }
        }
        Claim::Untrusted(role) => Grant::Untrusted { role: role.name.clone(), since },
        Claim::Empty => Grant::Empty { since },
        Claim::Gone => Grant::Gone { since },
    };
    let served = Served {
        instance_profile_arn: association.arn.clone(),
        instance_profile_id: association.profile_id.clone(),
        grant,
    };
    Ok((served, due))
}

#[cfg(test)]
mod tests;
