//! `DeleteRole`: of a role that nothing is attached to, and that no profile has.

use imds_store::record::{Batch, role::record_name};

use super::{check, instance_profile, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = role::named(call, params)?;
    let role = &found.record;
    let conflict = |what: &str| {
        Err(check::conflict("DeleteConflict", format!("Cannot delete entity, must {what} first.")))
    };
    if !instance_profile::with(call, role)?.is_empty() {
        return conflict("remove roles from instance profile");
    }
    if !role.attached_policies.is_empty() {
        return conflict("detach all policies");
    }
    if !role.inline_policies.is_empty() {
        return conflict("delete policies");
    }
    let mut batch = Batch::default();
    // A profile that takes the role meanwhile writes it, too: then this is decided anew.
    batch.remove(&record_name(&role.name), &found);
    Ok(Outcome { batch, body: Xml::query() })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn one_that_is_in_use_stays() {
        let door = door();
        keep_role(&door, "web");
        iam(&door, "Action=CreateInstanceProfile&InstanceProfileName=web").await;
        let policy = "PolicyArn=arn:aws:iam::aws:policy/X";
        let document = "PolicyDocument=%7B%22Statement%22%3A%5B%5D%7D";
        for (make, take, message) in [
            (
                "Action=AddRoleToInstanceProfile&InstanceProfileName=web".to_owned(),
                "Action=RemoveRoleFromInstanceProfile&InstanceProfileName=web".to_owned(),
                "Cannot delete entity, must remove roles from instance profile first.",
            ),
            (
                format!("Action=AttachRolePolicy&{policy}"),
                format!("Action=DetachRolePolicy&{policy}"),
                "Cannot delete entity, must detach all policies first.",
            ),
            (
                format!("Action=PutRolePolicy&PolicyName=own&{document}"),
                "Action=DeleteRolePolicy&PolicyName=own".to_owned(),
                "Cannot delete entity, must delete policies first.",
            ),
        ] {
            assert_eq!(iam(&door, &format!("{make}&RoleName=web")).await.0, StatusCode::OK, "{make}");
            let (status, document) = iam(&door, "Action=DeleteRole&RoleName=web").await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::CONFLICT, Some("DeleteConflict")));
            assert_eq!(text(&document, "Message"), Some(message));
            assert_eq!(iam(&door, &format!("{take}&RoleName=web")).await.0, StatusCode::OK, "{take}");
        }
        let (status, document) = iam(&door, "Action=DeleteRole&RoleName=web").await;
        assert_eq!(status, StatusCode::OK);
        assert!(!document.contains("Result"), "{document}");
        assert_eq!(iam(&door, "Action=DeleteRole&RoleName=web").await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_profile_that_takes_it_at_the_same_time_and_a_deletion_do_not_both_succeed() {
        let door = door();
        for number in 0..20 {
            let name = format!("role{number}");
            keep_role(&door, &name);
            iam(&door, &format!("Action=CreateInstanceProfile&InstanceProfileName={name}")).await;
            let add = format!("Action=AddRoleToInstanceProfile&InstanceProfileName={name}&RoleName={name}");
            let delete = format!("Action=DeleteRole&RoleName={name}");
            let ((added, _), (deleted, _)) = tokio::join!(iam(&door, &add), iam(&door, &delete));
            assert_ne!(added == StatusCode::OK, deleted == StatusCode::OK, "{added} {deleted}");
        }
    }
}
