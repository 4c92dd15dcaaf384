//! `ListRolePolicies`: the names of a role's own policies.

use super::{page, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = role::named(call, params)?;
    let (names, next) =
        page::page(params, found.record.inline_policies.into_keys().collect(), String::clone)?;
    let mut xml = Xml::query();
    xml.texts("PolicyNames", names);
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn an_empty_list_is_there() {
        let door = door();
        keep_role(&door, "web");
        let (status, document) = iam(&door, "Action=ListRolePolicies&RoleName=web").await;
        assert_eq!((status, text(&document, "PolicyNames")), (StatusCode::OK, Some("")));
        assert_eq!(text(&document, "IsTruncated"), Some("false"));
        assert_eq!(iam(&door, "Action=ListRolePolicies&RoleName=none").await.0, StatusCode::NOT_FOUND);
    }
}
