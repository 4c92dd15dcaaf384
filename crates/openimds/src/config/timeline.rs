//! `[[timeline]]`: what is planned for instances of the file, as it is written, and what that comes to.

use imds_core::Timestamp;
use imds_core::id::InstanceId;
use imds_core::timeline::{MOST, Planned, Wish, full, id_of};
use imds_store::provider::file::Entry;
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::Text;

/// `[[timeline]]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Timeline {
    /// `spot-interruption`, `rebalance`, `maintenance` or `asg-lifecycle`.
    kind: String,
    /// Instances of this file; left out: all of them.
    instances: Option<Vec<Text<InstanceId>>>,
    /// How long until it happens, from when that was first applied to an instance: `2m`.
    r#in: Option<String>,
    /// When it happens: `2026-11-24T12:00:00Z`.
    at: Option<String>,
    /// How long before it happens the instances are told. Left out, two minutes.
    notice: Option<String>,
    /// `stop`, `hibernate` or `terminate`, of an interruption.
    action: Option<String>,
    /// `instance-stop`, `instance-reboot`, `system-reboot`, `system-maintenance` or `instance-retirement`.
    code: Option<String>,
    /// What EC2 says about maintenance.
    description: Option<String>,
    /// How long maintenance takes at most.
    duration: Option<String>,
    /// The target lifecycle state, of Auto Scaling.
    state: Option<String>,
}

impl Timeline {
    /// Is it for this instance? All are those of the file; the built-in one beside them, whoever names it.
    pub(super) fn is_for(&self, entry: &Entry) -> bool {
        match &self.instances {
            None => !entry.place.is_built_in,
            Some(ids) => ids.iter().any(|named| named.0 == entry.instance.id),
        }
    }

    /// Plans it for those of the instances that it is for.
    pub(super) fn plan(&self, entries: &mut [Entry], now: Timestamp) -> Result<(), String> {
        let known = |id: &InstanceId| entries.iter().any(|entry| entry.instance.id == *id);
        if let Some(Text(id)) = self.instances.iter().flatten().find(|id| !known(&id.0)) {
            return Err(format!("{id} is no instance of this file"));
        }
        let wish = self.wish();
        let written = wish.written();
        let planned = wish.planned_by_file(now)?;
        for entry in entries.iter_mut().filter(|entry| self.is_for(entry)) {
            let instance = &mut entry.instance;
            if instance.timeline.len() == MOST {
                return Err(full(instance.id.as_str()));
            }
            // By what it says, and not by its place in the file, which may move. Of two that say the same, the second has
            // an id of its own.
            let ids = (0..=MOST).map(|copy| id_of(&format!("{copy}\0{written}")));
            let mut free = ids.filter(|id| !instance.timeline.iter().any(|planned| planned.id == *id));
            let id = free.next().unwrap_or_default();
            instance.plan(Planned { id, ..planned.clone() });
        }
        Ok(())
    }

    fn wish(&self) -> Wish {
        Wish {
            kind: self.kind.clone(),
            after: self.r#in.clone(),
            at: self.at.clone(),
            notice: self.notice.clone(),
            action: self.action.clone(),
            code: self.code.clone(),
            description: self.description.clone(),
            duration: self.duration.clone(),
            state: self.state.clone(),
        }
    }
}
