//! Instance profiles as instances are associated with them. Names are taken as they come: whether there is such a
//! profile is IAM's to know.

use aws_lc_rs::digest::{SHA256, digest};
use imds_core::machine::Profile;
use imds_core::{Instance, Machine};
use imds_store::record::Found;

use super::network;
use crate::call::{Call, is_id};
use crate::query::{Error, Params, Xml};

/// The association that `Arn` or `Name` under `IamInstanceProfile` asks for; `None` if neither is there.
pub(crate) fn associated(call: &Call<'_>, params: &Params) -> Result<Option<Profile>, Error> {
    of(call, params.text("Arn"), params.text("Name"))
}

/// A new association with the profile of this ARN or this name; `None` for neither.
pub(crate) fn of(call: &Call<'_>, arn: Option<&str>, name: Option<&str>) -> Result<Option<Profile>, Error> {
    let arn = match (arn, name) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Error::new(
                "InvalidParameterCombination",
                "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'",
            ));
        }
        (Some(arn), None) if is_arn(arn) => arn.to_owned(),
        (None, Some(name)) if is_name(name) => {
            let partition = network::launch(call, call.region)?.instance().services_partition;
            format!("arn:{partition}:iam::{}:instance-profile/{name}", call.account)
        }
        (Some(arn), None) => return Err(invalid("arn", arn, "ARN")),
        (None, Some(name)) => return Err(invalid("name", name, "name")),
    };
    let id = profile_id(&arn);
    Ok(Some(Profile { arn, id, association_id: call.new_id("iip-assoc")?, since: call.now }))
}

fn invalid(parameter: &str, value: &str, what: &str) -> Error {
    Error::invalid_value(format!(
        "Value ({value}) for parameter iamInstanceProfile.{parameter} is invalid. Invalid IAM Instance Profile {what}"
    ))
}

/// 1 to 128 letters, digits and `_ + = , . @ -` (IAM API Reference).
fn is_name(name: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (1..=128).contains(&name.len()) && name.chars().all(is_fit)
}

/// `arn:aws:iam::123456789012:instance-profile/path/NAME`
fn is_arn(arn: &str) -> bool {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else { return false };
    let path = resource.strip_prefix("instance-profile/");
    partition.starts_with("aws")
        && partition.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        && account.len() == 12
        && account.chars().all(|c| c.is_ascii_digit())
        && path.is_some_and(|path| path.len() <= 640 && path.split('/').all(is_name))
}

/// `AIPA…`, the same for one profile always.
fn profile_id(arn: &str) -> String {
    let mut id = "AIPA".to_owned();
    for byte in &digest(&SHA256, arn.as_bytes()).as_ref()[..17] {
        id.push(char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte % 32)]));
    }
    id
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
    if !is_id("iip-assoc", id) {
        return Err(Error::invalid_value("Invalid value for associationId."));
    }
    all(call)?.into_iter().find(|(_, profile)| profile.association_id == id).ok_or_else(|| {
        // The code is that of other associations [assumed].
        Error::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
    })
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
    use super::*;

    #[test]
    fn names_and_arns_have_iams_forms() {
        for good in ["web", "a.b+c=d,e@f-g_h", &"x".repeat(128)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "é", &"x".repeat(129)] {
            assert!(!is_name(bad), "{bad}");
        }
        for good in [
            "arn:aws:iam::123456789012:instance-profile/web",
            "arn:aws-cn:iam::123456789012:instance-profile/team/web",
        ] {
            assert!(is_arn(good), "{good}");
        }
        for bad in [
            "web",
            "arn:aws:iam::123456789012:role/web",
            "arn:aws:iam::12345678901:instance-profile/web",
            "arn:aws:iam:us-east-1:123456789012:instance-profile/web",
            "arn:aws:iam::123456789012:instance-profile/",
            "arn:aws:iam::123456789012:instance-profile/a:b",
        ] {
            assert!(!is_arn(bad), "{bad}");
        }
        let id = profile_id("arn:aws:iam::123456789012:instance-profile/web");
        assert!(id.len() == 21 && id == profile_id("arn:aws:iam::123456789012:instance-profile/web"));
    }
}
