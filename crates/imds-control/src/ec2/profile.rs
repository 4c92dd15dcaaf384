//! Instance profiles as instances are associated with them.

use std::collections::{HashMap, HashSet};

use imds_core::machine::Profile;
use imds_core::{Instance, Machine, partition};
use imds_store::Store;
use imds_store::record::{Batch, Found, InstanceProfile, role::record_name};

use crate::call::{Call, is_id};
use crate::query::{Error, Params, Xml};

/// A profile that was asked for, and is there.
pub(crate) struct Chosen(Found<InstanceProfile>);

impl Chosen {
    /// A new association with it.
    pub(crate) fn associate(&self, call: &Call<'_>) -> Result<Profile, Error> {
        let profile = &self.0.record;
        Ok(Profile {
            arn: profile.arn(partition(call.region), call.account.as_str()),
            id: profile.id.clone(),
            association_id: call.new_id("iip-assoc")?,
            since: call.now,
        })
    }

    /// What was decided by it is decided anew if it changes meanwhile.
    pub(crate) fn expect(&self, batch: &mut Batch) {
        batch.expect(&record_name(&self.0.record.name), Some(&self.0));
    }
}

/// The profile that `Arn` or `Name` under `IamInstanceProfile` asks for.
pub(crate) fn needed(call: &Call<'_>, params: &Params) -> Result<Chosen, Error> {
    let under = params.under("IamInstanceProfile");
    chosen(call, under.text("Arn"), under.text("Name"))?.ok_or_else(|| Error::missing("IamInstanceProfile"))
}

/// The profile of this ARN or this name; `None` for neither.
pub(crate) fn chosen(
    call: &Call<'_>,
    arn: Option<&str>,
    name: Option<&str>,
) -> Result<Option<Chosen>, Error> {
    let (found, parameter, value, what) = match (arn, name) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Error::new(
                "InvalidParameterCombination",
                "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'",
            ));
        }
        (Some(arn), None) => (by_arn(call.store, call.account.as_str(), arn)?, "arn", arn, "ARN"),
        (None, Some(name)) => (InstanceProfile::find(call.store, name)?, "name", name, "name"),
    };
    found.map(|found| Some(Chosen(found))).ok_or_else(|| {
        Error::invalid_value(format!(
            "Value ({value}) for parameter iamInstanceProfile.{parameter} is invalid. Invalid IAM Instance Profile {what}"
        ))
    })
}

/// By `arn:aws:iam::123456789012:instance-profile/path/NAME`, of this account.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn by_arn(
    store: &dyn Store,
    account: &str,
    arn: &str,
) -> Result<Option<Found<InstanceProfile>>, Error> {
    let ["arn", _, "iam", "", owner, resource] = arn.splitn(6, ':').collect::<Vec<_>>()[..] else {
        return Ok(None);
    };
    let Some(whole) = resource.strip_prefix("instance-profile").filter(|_| owner == account) else {
        return Ok(None);
    };
    let found = InstanceProfile::find(store, whole.rsplit('/').next().unwrap_or_default())?;
    Ok(found.filter(|found| whole == format!("{}{}", found.record.path, found.record.name)))
}

/// `<iamInstanceProfile>`
pub(crate) fn write(xml: &mut Xml, profile: &Profile) {
    xml.within("iamInstanceProfile", |xml| {
        xml.text("arn", &profile.arn).text("id", &profile.id);
    });
}

/// The members of an association.
pub(crate) fn write_association(xml: &mut Xml, instance: &Instance, profile: &Profile, state: &str) {
    xml.text("associationId", &profile.association_id).text("instanceId", &instance.id);
    write(xml, profile);
    xml.text("state", state).time("timestamp", profile.since);
}

/// The instance that an association is of, with what it is associated with.
pub(crate) fn find(call: &Call<'_>, id: &str) -> Result<(Found<Machine>, Profile), Error> {
    several(call, &[id])?.pop().ok_or_else(|| unknown(id))
}

/// The same of several associations. An id that comes twice counts once.
pub(crate) fn several(call: &Call<'_>, ids: &[&str]) -> Result<Vec<(Found<Machine>, Profile)>, Error> {
    if !ids.iter().all(|id| is_id("iip-assoc", id)) {
        return Err(Error::invalid_value("Invalid value for associationId."));
    }
    // Once for all of them: there may be many machines.
    let mut known = HashMap::new();
    for (machine, profile) in all(call)? {
        known.insert(profile.association_id.clone(), (machine, profile));
    }
    let mut asked = HashSet::new();
    let ids = ids.iter().filter(|id| asked.insert(**id));
    ids.map(|id| known.remove(*id).ok_or_else(|| unknown(id))).collect()
}

/// The code is that of other associations [assumed].
fn unknown(id: &str) -> Error {
    Error::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
}

/// Every association of this region.
pub(crate) fn all(call: &Call<'_>) -> Result<Vec<(Found<Machine>, Profile)>, Error> {
    let machines = call.machines(&[])?.into_iter().filter(|found| !found.record.state.is_terminated());
    Ok(machines.filter_map(|found| found.record.profile.clone().map(|profile| (found, profile))).collect())
}

/// The machine with this profile, or with none.
pub(crate) fn changed(call: &Call<'_>, machine: &Machine, profile: Option<Profile>) -> Machine {
    let mut changed = machine.clone();
    changed.profile = profile;
    changed.instance.changed = call.now;
    changed
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, iam, keep_machine, text};

    #[tokio::test]
    async fn only_what_is_there_can_be_chosen() {
        let door = door();
        keep_machine(&door);
        iam(&door, "Action=CreateInstanceProfile&InstanceProfileName=web&Path=/team/").await;
        let associate =
            "Action=AssociateIamInstanceProfile&InstanceId=i-12345678901234567&IamInstanceProfile";
        let arn = "arn:aws:iam::123456789012:instance-profile/team/web";
        for (parameter, what, values) in [
            ("name", "name", &["none", "WEB", "a+b", "a/b", "%00", "../web", "instance-profile"][..]),
            (
                "arn",
                "ARN",
                &[
                    "web",
                    "arn:aws:iam::123456789012:instance-profile/web",
                    "arn:aws:iam::123456789012:instance-profile/team/",
                    "arn:aws:iam::123456789012:instance-profile",
                    "arn:aws:iam::123456789012:role/team/web",
                    "arn:aws:iam::999999999999:instance-profile/team/web",
                    "arn:aws:iam:us-east-1:123456789012:instance-profile/team/web",
                ],
            ),
        ] {
            for value in values {
                let field = if parameter == "arn" { "Arn" } else { "Name" };
                let (status, document) = ec2(&door, &format!("{associate}.{field}={value}")).await;
                let code = text(&document, "Code");
                assert_eq!(
                    (status, code),
                    (StatusCode::BAD_REQUEST, Some("InvalidParameterValue")),
                    "{value}"
                );
                let message = text(&document, "Message").unwrap();
                assert!(
                    message.contains(&format!("for parameter iamInstanceProfile.{parameter} is invalid."))
                        && message.ends_with(&format!(" Invalid IAM Instance Profile {what}")),
                    "{message}"
                );
            }
        }
        let (status, document) = ec2(&door, &format!("{associate}.Arn={arn}")).await;
        assert_eq!((status, text(&document, "arn")), (StatusCode::OK, Some(arn)));
        let (_, profile) = iam(&door, "Action=GetInstanceProfile&InstanceProfileName=web").await;
        assert_eq!(text(&document, "id"), text(&profile, "InstanceProfileId"), "its own");
    }

    #[tokio::test]
    async fn a_template_takes_any_name_and_a_launch_does_not() {
        let door = door();
        let template =
            "LaunchTemplateData.ImageId=ami-0abcdef1234567890&LaunchTemplateData.IamInstanceProfile.Name=web";
        let create = format!("Action=CreateLaunchTemplate&LaunchTemplateName=lt1&{template}");
        assert_eq!(ec2(&door, &create).await.0, StatusCode::OK);
        let launch = "Action=RunInstances&LaunchTemplate.LaunchTemplateName=lt1&MinCount=1&MaxCount=2";
        let before = door.store.revision().unwrap();
        let (_, document) = ec2(&door, launch).await;
        assert_eq!(text(&document, "Code"), Some("InvalidParameterValue"));
        assert_eq!(door.store.revision().unwrap(), before, "nothing was launched");
        iam(&door, "Action=CreateInstanceProfile&InstanceProfileName=web").await;
        let (status, document) = ec2(&door, launch).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        assert_eq!(document.matches(":instance-profile/web</arn>").count(), 2);
    }
}
