//! The actions of IAM that instances and environments need, a file each, and what several of them share: roles, instance
//! profiles, and as much of policies as roles need to have some. What a policy permits is not looked at, but for trust
//! policies (`sts::assume_role`).

pub(crate) mod add_role_to_instance_profile;
pub(crate) mod attach_role_policy;
pub(crate) mod check;
pub(crate) mod create_instance_profile;
pub(crate) mod create_role;
pub(crate) mod delete_instance_profile;
pub(crate) mod delete_role;
pub(crate) mod delete_role_policy;
pub(crate) mod detach_role_policy;
pub(crate) mod document;
pub(crate) mod get_instance_profile;
pub(crate) mod get_policy;
pub(crate) mod get_policy_version;
pub(crate) mod get_role;
pub(crate) mod get_role_policy;
pub(crate) mod get_user;
pub(crate) mod instance_profile;
mod json;
pub(crate) mod list_account_aliases;
pub(crate) mod list_attached_role_policies;
pub(crate) mod list_instance_profile_tags;
pub(crate) mod list_instance_profiles;
pub(crate) mod list_instance_profiles_for_role;
pub(crate) mod list_policies;
pub(crate) mod list_role_policies;
pub(crate) mod list_role_tags;
pub(crate) mod list_roles;
pub(crate) mod page;
pub(crate) mod policy;
mod principal;
pub(crate) mod put_role_policy;
pub(crate) mod remove_role_from_instance_profile;
pub(crate) mod role;
pub(crate) mod tag_instance_profile;
pub(crate) mod tag_role;
pub(crate) mod tags;
pub(crate) mod untag_instance_profile;
pub(crate) mod untag_role;
pub(crate) mod update_assume_role_policy;
pub(crate) mod update_role;
pub(crate) mod update_role_description;

use imds_core::Timestamp;
use imds_core::id::LETTERS;

use crate::call::random_hex;
use crate::query::Error;

/// A time as IAM and STS tell it: `2026-11-24T14:49:29Z`.
pub(crate) fn date(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// A new id: four letters that say of what, and 17 random letters and digits.
pub(crate) fn new_id(kind: &str) -> Result<String, Error> {
    let mut random = u128::from_str_radix(&random_hex()?, 16).map_err(|_| Error::internal())?;
    let mut id = kind.to_owned();
    for _ in 0..17 {
        id.push(char::from(LETTERS[usize::try_from(random % 32).unwrap_or_default()]));
        random /= 32;
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_times_have_iams_form() {
        let id = new_id("AROA").unwrap();
        assert!(id.len() == 21 && id.starts_with("AROA") && id != new_id("AROA").unwrap());
        let at: Timestamp = "2026-11-24T14:49:29.987Z".parse().unwrap();
        assert_eq!(date(at), "2026-11-24T14:49:29Z");
    }
}
