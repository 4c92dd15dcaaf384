//! `UpdateRoleDescription`, which `UpdateRole` came after.

use super::{check, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    check::text(params, "Description", 0..=1_000)?;
    let description = role::description(params)?.unwrap_or_default();
    let (batch, role) = role::changed(call, params, |role| {
        description.clone_into(&mut role.description);
        Ok(())
    })?;
    let mut xml = Xml::query();
    role::write_whole(&mut xml, call, &role);
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn it_tells_of_the_role_as_it_is_now() {
        let door = door();
        keep_role(&door, "web");
        let action = "Action=UpdateRoleDescription&RoleName=web";
        let (status, document) = iam(&door, &format!("{action}&Description=new")).await;
        assert_eq!((status, text(&document, "Description")), (StatusCode::OK, Some("new")));
        let (status, document) = iam(&door, action).await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some("ValidationError")));
    }
}
