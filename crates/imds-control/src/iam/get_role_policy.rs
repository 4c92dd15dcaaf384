//! `GetRolePolicy`

use super::{check, document, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = check::name(params, "PolicyName", 128)?;
    let found = role::named(call, params)?;
    let policy =
        found.record.inline_policies.get(name).ok_or_else(|| {
            check::no_such_entity(format!("The role policy with name {name} cannot be found."))
        })?;
    let mut xml = Xml::query();
    xml.text("RoleName", &found.record.name)
        .text("PolicyName", name)
        .text("PolicyDocument", document::encoded(policy));
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::iam::document::encoded;
    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn the_document_is_encoded() {
        let door = door();
        keep_role(&door, "web");
        let policy = encoded("{ \"Statement\": [] }");
        let own = "RoleName=web&PolicyName=own";
        iam(&door, &format!("Action=PutRolePolicy&{own}&PolicyDocument={policy}")).await;
        let (status, document) = iam(&door, &format!("Action=GetRolePolicy&{own}")).await;
        assert_eq!((status, text(&document, "PolicyDocument")), (StatusCode::OK, Some(&*policy)));
        for (form, message) in [
            ("RoleName=web&PolicyName=none", "The role policy with name none cannot be found."),
            ("RoleName=none&PolicyName=own", "The role with name none cannot be found."),
        ] {
            let (status, document) = iam(&door, &format!("Action=GetRolePolicy&{form}")).await;
            assert_eq!((status, text(&document, "Message")), (StatusCode::NOT_FOUND, Some(message)));
        }
    }
}
