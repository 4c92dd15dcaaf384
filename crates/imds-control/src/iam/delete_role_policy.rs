//! `DeleteRolePolicy`

use super::{check, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = check::name(params, "PolicyName", 128)?;
    role::change(call, params, |role| {
        let missing = || check::no_such_entity(format!("The role policy with name {name} cannot be found."));
        role.inline_policies.remove(name).map(|_| ()).ok_or_else(missing)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn once() {
        let door = door();
        keep_role(&door, "web");
        let own = "RoleName=web&PolicyName=own";
        iam(&door, &format!("Action=PutRolePolicy&{own}&PolicyDocument=%7B%22Statement%22%3A%5B%5D%7D"))
            .await;
        let delete = format!("Action=DeleteRolePolicy&{own}");
        assert_eq!(iam(&door, &delete).await.0, StatusCode::OK);
        let (status, document) = iam(&door, &delete).await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::NOT_FOUND, Some("NoSuchEntity")));
    }
}
