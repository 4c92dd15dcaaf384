//! Volumes: every instance has a root volume, which follows from its id, and goes when it is terminated.

use imds_core::Machine;
use imds_store::record::Found;

use super::instance;
use crate::call::{Call, is_id};
use crate::query::Error;

/// Every volume of this region: its id, and the instance that it is attached to.
pub(crate) fn all(call: &Call<'_>) -> Result<Vec<(String, Found<Machine>)>, Error> {
    Ok(of(call.machines(&[])?).collect())
}

/// The volumes of these instances.
pub(crate) fn of(machines: Vec<Found<Machine>>) -> impl Iterator<Item = (String, Found<Machine>)> {
    let attached = machines.into_iter().filter(|found| !found.record.state.is_terminated());
    attached.map(|found| (instance::root_volume(&found.record), found))
}

/// The instance that the volume with this id is attached to.
pub(crate) fn find(call: &Call<'_>, id: &str) -> Result<Found<Machine>, Error> {
    check(id)?;
    let found = all(call)?.into_iter().find(|(volume, _)| volume == id);
    found.map(|(_, machine)| machine).ok_or_else(|| unknown(id))
}

/// Refuses what has not the form of a volume's id.
pub(crate) fn check(id: &str) -> Result<(), Error> {
    if is_id("vol", id) {
        return Ok(());
    }
    Err(Error::invalid_value(format!("Value ({id}) for parameter volumes is invalid. Expected: 'vol-...'.")))
}

/// There is no volume with this id.
pub(crate) fn unknown(id: &str) -> Error {
    Error::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
}
