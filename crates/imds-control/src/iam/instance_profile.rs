//! Instance profiles: finding one and telling of it.

use imds_core::partition;
use imds_store::record::{self, Batch, Found, InstanceProfile, Role, role::record_name};

use super::{check, date, role, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

/// The profile that `InstanceProfileName` names.
pub(crate) fn named(call: &Call<'_>, params: &Params) -> Result<Found<InstanceProfile>, Error> {
    let name = check::name(params, "InstanceProfileName", 128)?;
    InstanceProfile::find(call.store, name)?
        .ok_or_else(|| check::no_such_entity(format!("Instance Profile {name} cannot be found.")))
}

/// Its ARN.
pub(crate) fn arn(call: &Call<'_>, profile: &InstanceProfile) -> String {
    profile.arn(partition(call.region), call.account.as_str())
}

/// The profiles that have this role.
pub(crate) fn with(call: &Call<'_>, role: &Role) -> Result<Vec<InstanceProfile>, Error> {
    let all = record::list::<InstanceProfile>(call.store, "")?.into_iter().map(|(_, found)| found.record);
    Ok(all.filter(|profile| profile.role.as_ref() == Some(&role.name)).collect())
}

/// Changes the profile that `InstanceProfileName` names; nothing is to be done where it stays the same.
pub(crate) fn change(
    call: &Call<'_>,
    params: &Params,
    change: impl FnOnce(&mut InstanceProfile) -> Result<(), Error>,
) -> Result<Outcome, Error> {
    let found = named(call, params)?;
    let mut profile = found.record.clone();
    change(&mut profile)?;
    let mut batch = Batch::default();
    if profile != found.record {
        batch.replace(&record_name(&profile.name), &found, &profile);
    }
    Ok(Outcome { batch, body: Xml::query() })
}

/// The members of a profile, as lists have them.
pub(crate) fn write(xml: &mut Xml, call: &Call<'_>, profile: &InstanceProfile) -> Result<(), Error> {
    let role = match &profile.role {
        Some(name) => Role::find(call.store, name)?.map(|found| found.record),
        None => None,
    };
    xml.text("Path", &profile.path)
        .text("InstanceProfileName", &profile.name)
        .text("InstanceProfileId", &profile.id)
        .text("Arn", arn(call, profile))
        .text("CreateDate", date(profile.created))
        .list("Roles", &role, |xml, role| role::write(xml, call, role));
    Ok(())
}

/// `<InstanceProfiles>`
pub(crate) fn write_list(xml: &mut Xml, call: &Call<'_>, profiles: &[InstanceProfile]) -> Result<(), Error> {
    let mut result = Ok(());
    xml.list("InstanceProfiles", profiles, |xml, profile| {
        if result.is_ok() {
            result = write(xml, call, profile);
        }
    });
    result
}

/// `<InstanceProfile>`, with all that there is.
pub(crate) fn write_whole(xml: &mut Xml, call: &Call<'_>, profile: &InstanceProfile) -> Result<(), Error> {
    let mut result = Ok(());
    xml.within("InstanceProfile", |xml| {
        result = write(xml, call, profile);
        if !profile.tags.is_empty() {
            tags::write(xml, &profile.tags);
        }
    });
    result
}
