//! Roles: finding one and telling of it.

use imds_core::partition;
use imds_store::record::{Batch, Found, Role, role::record_name};

use super::{check, date, document, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

/// Seconds that a session of a role may live, and how many that is if nobody says.
pub(crate) const SESSION: std::ops::RangeInclusive<u32> = 3_600..=43_200;

/// The role that `RoleName` names.
pub(crate) fn named(call: &Call<'_>, params: &Params) -> Result<Found<Role>, Error> {
    let name = check::name(params, "RoleName", 64)?;
    Role::find(call.store, name)?
        .ok_or_else(|| check::no_such_entity(format!("The role with name {name} cannot be found.")))
}

/// Its ARN.
pub(crate) fn arn(call: &Call<'_>, role: &Role) -> String {
    role.arn(partition(call.region), call.account.as_str())
}

/// Changes the role that `RoleName` names; nothing is to be done where it stays the same.
pub(crate) fn change(
    call: &Call<'_>,
    params: &Params,
    change: impl FnOnce(&mut Role) -> Result<(), Error>,
) -> Result<Outcome, Error> {
    let (batch, _) = changed(call, params, change)?;
    Ok(Outcome { batch, body: Xml::query() })
}

/// As [`change`], for answers that tell of the role.
pub(crate) fn changed(
    call: &Call<'_>,
    params: &Params,
    change: impl FnOnce(&mut Role) -> Result<(), Error>,
) -> Result<(Batch, Role), Error> {
    let found = named(call, params)?;
    let mut role = found.record.clone();
    change(&mut role)?;
    let mut batch = Batch::default();
    if role != found.record {
        batch.replace(&record_name(&role.name), &found, &role);
    }
    Ok((batch, role))
}

/// `Description` of a role; `None` where it is left out, since an empty one is one, too.
pub(crate) fn description(params: &Params) -> Result<Option<&str>, Error> {
    let Some(text) = params.get("Description") else { return Ok(None) };
    check::text(params, "Description", 0..=1_000)?;
    let is_fit = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
    if !text.chars().all(is_fit) {
        let rule = "Member must satisfy regular expression pattern: \
                    [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*";
        return Err(check::broken(params, "Description", text, rule));
    }
    Ok(Some(text))
}

/// The members of a role, as lists have them.
pub(crate) fn write(xml: &mut Xml, call: &Call<'_>, role: &Role) {
    xml.text("Path", &role.path)
        .text("RoleName", &role.name)
        .text("RoleId", &role.id)
        .text("Arn", arn(call, role))
        .text("CreateDate", date(role.created))
        .text("AssumeRolePolicyDocument", document::encoded(&role.trust_policy));
    if !role.description.is_empty() {
        xml.text("Description", &role.description);
    }
    xml.text("MaxSessionDuration", role.max_session_duration);
}

/// `<Role>`, with all that there is.
pub(crate) fn write_whole(xml: &mut Xml, call: &Call<'_>, role: &Role) {
    xml.within("Role", |xml| {
        write(xml, call, role);
        if let Some(arn) = &role.permissions_boundary {
            xml.within("PermissionsBoundary", |xml| {
                xml.text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", arn);
            });
        }
        if !role.tags.is_empty() {
            tags::write(xml, &role.tags);
        }
        // Who uses a role is not kept.
        xml.empty("RoleLastUsed");
    });
}
