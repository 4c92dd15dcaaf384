//! `AddRoleToInstanceProfile`: the only role that a profile can have. Its instances get its keys at once.

use imds_store::record::{Batch, role::record_name};

use super::{check, instance_profile, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let profile = instance_profile::named(call, params)?;
    let role = role::named(call, params)?;
    if profile.record.role.is_some() {
        let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
        return Err(check::conflict("LimitExceeded", message));
    }
    let mut changed = profile.record.clone();
    changed.role = Some(role.record.name.clone());
    let mut batch = Batch::default();
    batch.replace(&record_name(&changed.name), &profile, &changed);
    // It stays as it is, and is written: who would delete it meanwhile must look again.
    batch.replace(&record_name(&role.record.name), &role, &role.record);
    Ok(Outcome { batch, body: Xml::query() })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_profile, keep_role, text};

    #[tokio::test]
    async fn a_profile_has_one_role() {
        let door = door();
        keep_profile(&door, "web");
        keep_role(&door, "db");
        iam(&door, "Action=CreateInstanceProfile&InstanceProfileName=empty").await;
        let missing = StatusCode::NOT_FOUND;
        for (form, status, code) in [
            ("InstanceProfileName=web&RoleName=web", StatusCode::CONFLICT, Some("LimitExceeded")),
            ("InstanceProfileName=web&RoleName=db", StatusCode::CONFLICT, Some("LimitExceeded")),
            ("InstanceProfileName=none&RoleName=db", missing, Some("NoSuchEntity")),
            ("InstanceProfileName=empty&RoleName=none", missing, Some("NoSuchEntity")),
            ("InstanceProfileName=empty", StatusCode::BAD_REQUEST, Some("ValidationError")),
            ("InstanceProfileName=empty&RoleName=db", StatusCode::OK, None),
        ] {
            let (told, document) = iam(&door, &format!("Action=AddRoleToInstanceProfile&{form}")).await;
            assert_eq!((told, text(&document, "Code")), (status, code), "{form}");
        }
        let (_, document) = iam(&door, "Action=GetInstanceProfile&InstanceProfileName=empty").await;
        assert_eq!(text(&document, "RoleName"), Some("db"));
    }
}
