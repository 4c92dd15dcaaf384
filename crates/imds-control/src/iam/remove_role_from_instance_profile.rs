//! `RemoveRoleFromInstanceProfile`: its instances have no keys from then on.

use super::{check, instance_profile, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let role = role::named(call, params)?.record.name;
    instance_profile::change(call, params, |profile| {
        if profile.role.as_ref() != Some(&role) {
            // The words are [assumed].
            let message = format!("The role with name {role} is not in Instance Profile {}.", profile.name);
            return Err(check::no_such_entity(message));
        }
        profile.role = None;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_profile, keep_role, text};

    #[tokio::test]
    async fn only_the_one_that_it_has() {
        let door = door();
        keep_profile(&door, "web");
        keep_role(&door, "db");
        for (role, status, code) in [
            ("none", StatusCode::NOT_FOUND, Some("NoSuchEntity")),
            ("db", StatusCode::NOT_FOUND, Some("NoSuchEntity")),
            ("web", StatusCode::OK, None),
            ("web", StatusCode::NOT_FOUND, Some("NoSuchEntity")),
        ] {
            let form =
                format!("Action=RemoveRoleFromInstanceProfile&InstanceProfileName=web&RoleName={role}");
            let (told, document) = iam(&door, &form).await;
            assert_eq!((told, text(&document, "Code")), (status, code), "{role}");
        }
    }
}
