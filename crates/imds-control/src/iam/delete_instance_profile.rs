//! `DeleteInstanceProfile`: of one without a role. Instances may be associated with it, and are told that it is gone.

use imds_store::record::{Batch, role::record_name};

use super::{check, instance_profile};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = instance_profile::named(call, params)?;
    if found.record.role.is_some() {
        let message = "Cannot delete entity, must remove roles from instance profile first.";
        return Err(check::conflict("DeleteConflict", message));
    }
    let mut batch = Batch::default();
    batch.remove(&record_name(&found.record.name), &found);
    Ok(Outcome { batch, body: Xml::query() })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_profile, text};

    #[tokio::test]
    async fn its_role_is_removed_first() {
        let door = door();
        keep_profile(&door, "web");
        let delete = "Action=DeleteInstanceProfile&InstanceProfileName=web";
        let (status, document) = iam(&door, delete).await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::CONFLICT, Some("DeleteConflict")));
        iam(&door, "Action=RemoveRoleFromInstanceProfile&InstanceProfileName=web&RoleName=web").await;
        assert_eq!(iam(&door, delete).await.0, StatusCode::OK);
        let (status, document) = iam(&door, delete).await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::NOT_FOUND, Some("NoSuchEntity")));
    }
}
