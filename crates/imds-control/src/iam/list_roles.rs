//! `ListRoles`

use imds_store::record::{self, Role};

use super::{check, page, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let prefix = check::path_prefix(params)?;
    let all = record::list::<Role>(call.store, "")?.into_iter().map(|(_, found)| found.record);
    let all = all.filter(|role| role.path.starts_with(prefix)).collect();
    let (roles, next) = page::page(params, all, |role| role.name.clone())?;
    let mut xml = Xml::query();
    xml.list("Roles", &roles, |xml, one| role::write(xml, call, one));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn roles_and_whether_there_are_more_are_always_told() {
        let door = door();
        let (status, document) = iam(&door, "Action=ListRoles").await;
        assert_eq!((status, text(&document, "Roles")), (StatusCode::OK, Some("")));
        assert_eq!(text(&document, "IsTruncated"), Some("false"));
        for name in ["b", "a", "c"] {
            keep_role(&door, name);
        }
        let (_, document) = iam(&door, "Action=ListRoles&MaxItems=2").await;
        assert_eq!(document.matches("<member>").count(), 2);
        assert_eq!((text(&document, "RoleName"), text(&document, "IsTruncated")), (Some("a"), Some("true")));
        let marker = text(&document, "Marker").unwrap();
        let (_, document) = iam(&door, &format!("Action=ListRoles&MaxItems=2&Marker={marker}")).await;
        assert_eq!((text(&document, "RoleName"), text(&document, "Marker")), (Some("c"), None));
        let (_, document) = iam(&door, "Action=ListRoles&PathPrefix=/team/").await;
        assert_eq!(text(&document, "Roles"), Some(""));
        let (_, document) = iam(&door, "Action=ListRoles&PathPrefix=team").await;
        assert_eq!(text(&document, "Code"), Some("ValidationError"));
    }
}
