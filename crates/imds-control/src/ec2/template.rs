//! Launch templates: finding them, reading what they say, writing it (docs/control-api.md).

mod data;
mod device;

use imds_core::partition;
use imds_store::record::{self, Found, LaunchTemplate, TemplateData, TemplateName, TemplateVersion};

pub(crate) use data::{chosen, new, over, read};

use super::tags;
use crate::call::{Call, is_id};
use crate::query::{Error, Params, Xml};

/// The template that a launch names, which version of it, and what that says. `params` are those under
/// `LaunchTemplate`.
pub(crate) fn resolve(
    call: &Call<'_>,
    params: &Params,
) -> Result<(LaunchTemplate, u64, TemplateData), Error> {
    let template = find(call, params)?.record;
    let (number, version) = version(&template, params.text("Version").unwrap_or("$Default"))?;
    let data = version.data.clone();
    Ok((template, number, data))
}

/// The template that `LaunchTemplateId` or `LaunchTemplateName` names.
pub(crate) fn find(call: &Call<'_>, params: &Params) -> Result<Found<LaunchTemplate>, Error> {
    match (params.text("LaunchTemplateId"), params.text("LaunchTemplateName")) {
        (Some(id), None) => by_id(call, id),
        (None, Some(name)) => by_name(call, name),
        // The codes of these two are [assumed].
        (Some(_), Some(_)) => Err(Error::new(
            "InvalidParameterCombination",
            "The request must contain either LaunchTemplateId or LaunchTemplateName, not both",
        )),
        (None, None) => Err(Error::missing(&params.full("LaunchTemplateId"))),
    }
}

/// The template with this id, in this region.
pub(crate) fn by_id(call: &Call<'_>, id: &str) -> Result<Found<LaunchTemplate>, Error> {
    if !is_id("lt", id) {
        return Err(Error::malformed_id("InvalidLaunchTemplateId.Malformed", id));
    }
    let found = record::get::<LaunchTemplate>(call.store, id)?;
    found.filter(|found| found.record.region == call.region).ok_or_else(|| {
        Error::new(
            "InvalidLaunchTemplateId.NotFound",
            format!("The specified launch template, with template ID {id}, does not exist."),
        )
    })
}

/// The template with this name, in this region.
pub(crate) fn by_name(call: &Call<'_>, name: &str) -> Result<Found<LaunchTemplate>, Error> {
    let unknown = || {
        Error::new(
            "InvalidLaunchTemplateName.NotFoundException",
            format!("The specified launch template, with template name {name}, does not exist."),
        )
    };
    let kept = record::get::<TemplateName>(call.store, &name_key(call, name))?.ok_or_else(unknown)?;
    // Between the two reads it may have been deleted.
    record::get(call.store, &kept.record.id)?.ok_or_else(unknown)
}

/// The templates of this region.
pub(crate) fn all(call: &Call<'_>) -> Result<Vec<Found<LaunchTemplate>>, Error> {
    let all = record::list::<LaunchTemplate>(call.store, "")?.into_iter().map(|(_, found)| found);
    Ok(all.filter(|found| found.record.region == call.region).collect())
}

/// Where the store keeps which template has a name.
pub(crate) fn name_key(call: &Call<'_>, name: &str) -> String {
    format!("{}/{name}", call.region)
}

/// A version of a template by what calls name it: a number, `$Latest` or `$Default`.
pub(crate) fn version<'t>(
    template: &'t LaunchTemplate,
    name: &str,
) -> Result<(u64, &'t TemplateVersion), Error> {
    let number = match name {
        "$Latest" => latest(template),
        "$Default" => template.default_version,
        number => number.parse().map_err(|_| {
            Error::invalid_value(format!(
                "Invalid value '{name}' for the version of a launch template. It must be a number, $Latest or $Default."
            ))
        })?,
    };
    let found = template.versions.get_key_value(&number);
    found.map(|(number, version)| (*number, version)).ok_or_else(|| version_unknown(template, name))
}

/// The newest version that there is: the last one that was made may have been deleted.
fn latest(template: &LaunchTemplate) -> u64 {
    template.versions.last_key_value().map_or(template.latest_version, |(number, _)| *number)
}

/// The template has no such version.
fn version_unknown(template: &LaunchTemplate, version: &str) -> Error {
    Error::new(
        "InvalidLaunchTemplateId.VersionNotFound",
        format!(
            "Could not find the specified version {version} for the launch template with ID {}.",
            template.id
        ),
    )
}

/// The members of `launchTemplate`.
pub(crate) fn write(xml: &mut Xml, call: &Call<'_>, template: &LaunchTemplate) {
    xml.text("launchTemplateId", &template.id)
        .text("launchTemplateName", &template.name)
        .time("createTime", template.created)
        .text("createdBy", creator(call))
        .text("defaultVersionNumber", template.default_version)
        .text("latestVersionNumber", latest(template));
    tags::write(xml, &template.tags);
}

/// The members of `launchTemplateVersion`.
pub(crate) fn write_version(
    xml: &mut Xml,
    call: &Call<'_>,
    template: &LaunchTemplate,
    number: u64,
    version: &TemplateVersion,
) {
    xml.text("launchTemplateId", &template.id)
        .text("launchTemplateName", &template.name)
        .text("versionNumber", number)
        .option("versionDescription", Some(&version.description).filter(|text| !text.is_empty()))
        .time("createTime", version.created)
        .text("createdBy", creator(call))
        .text("defaultVersion", number == template.default_version)
        .within("launchTemplateData", |xml| data::write(xml, &version.data));
}

fn creator(call: &Call<'_>) -> String {
    format!("arn:{}:iam::{}:root", partition(call.region), call.account)
}
