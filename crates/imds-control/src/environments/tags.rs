//! The tags of what belongs to an environment follow the environment's own.

use std::collections::BTreeMap;

use imds_core::Machine;
use imds_store::record::{self, Batch, Environment, LaunchTemplate};

use super::fleet::own_tags;
use crate::call::Call;
use crate::ec2::tags;
use crate::query::Error;

/// Gives what belongs to an environment the tags that it has after a change, and leaves alone what else it has.
///
/// # Errors
/// When an instance can have no such tags.
pub(crate) fn retag(
    call: &Call<'_>,
    before: &Environment,
    after: &Environment,
    batch: &mut Batch,
) -> Result<(), Error> {
    let (before, new) = (own_tags(before), own_tags(after));
    let change = |tags: &mut BTreeMap<String, String>| {
        tags.retain(|key, _| new.contains_key(key) || !before.contains_key(key));
        tags.extend(new.clone());
        tags::limit(tags)
    };
    for id in &after.instances {
        let Some(found) = record::get::<Machine>(call.store, id)? else { continue };
        let mut machine = found.record.clone();
        if machine.state.is_terminated() {
            continue;
        }
        change(&mut machine.instance.tags)?;
        tags::fit(&machine.instance)?;
        machine.instance.changed = call.now;
        batch.replace(id, &found, &machine);
    }
    let Some(id) = &after.template else { return Ok(()) };
    if let Some(found) = record::get::<LaunchTemplate>(call.store, id)? {
        let mut template = found.record.clone();
        change(&mut template.tags)?;
        batch.replace(id, &found, &template);
    }
    Ok(())
}
