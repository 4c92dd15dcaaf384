//! `GetRole`

use super::role;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = role::named(call, params)?;
    let mut xml = Xml::query();
    role::write_whole(&mut xml, call, &found.record);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn by_its_name_letter_for_letter() {
        let door = door();
        keep_role(&door, "web");
        let (status, document) = iam(&door, "Action=GetRole&RoleName=web").await;
        assert_eq!((status, text(&document, "RoleName")), (StatusCode::OK, Some("web")));
        assert!(document.contains("<GetRoleResult><Role><Path>/</Path>"), "{document}");
        for name in ["none", "WEB"] {
            let (status, document) = iam(&door, &format!("Action=GetRole&RoleName={name}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::NOT_FOUND, Some("NoSuchEntity")));
            let message = format!("The role with name {name} cannot be found.");
            assert_eq!(text(&document, "Message"), Some(&*message));
        }
        let (status, document) = iam(&door, "Action=GetRole").await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some("ValidationError")));
    }
}
