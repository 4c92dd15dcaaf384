//! `DetachRolePolicy`

use super::{check, policy, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let arn = policy::arn(params, "PolicyArn")?;
    role::change(call, params, |role| {
        let before = role.attached_policies.len();
        role.attached_policies.retain(|attached| attached != arn);
        if role.attached_policies.len() == before {
            return Err(check::no_such_entity(format!("Policy {arn} was not found.")));
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn what_is_not_attached_is_not_found() {
        let door = door();
        keep_role(&door, "web");
        let policy = "RoleName=web&PolicyArn=arn:aws:iam::aws:policy/X";
        iam(&door, &format!("Action=AttachRolePolicy&{policy}")).await;
        let detach = format!("Action=DetachRolePolicy&{policy}");
        assert_eq!(iam(&door, &detach).await.0, StatusCode::OK);
        let (status, document) = iam(&door, &detach).await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::NOT_FOUND, Some("NoSuchEntity")));
        assert_eq!(text(&document, "Message"), Some("Policy arn:aws:iam::aws:policy/X was not found."));
    }
}
