//! `GetInstanceProfile`

use super::instance_profile;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = instance_profile::named(call, params)?;
    let mut xml = Xml::query();
    instance_profile::write_whole(&mut xml, call, &found.record)?;
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_profile, text};

    #[tokio::test]
    async fn with_its_role_as_terraform_reads_it() {
        let door = door();
        keep_profile(&door, "web");
        let (status, document) = iam(&door, "Action=GetInstanceProfile&InstanceProfileName=web").await;
        assert_eq!((status, text(&document, "InstanceProfileName")), (StatusCode::OK, Some("web")));
        let roles = text(&document, "Roles").unwrap();
        assert_eq!((text(roles, "RoleName"), text(roles, "MaxSessionDuration")), (Some("web"), Some("3600")));
        let (status, document) = iam(&door, "Action=GetInstanceProfile&InstanceProfileName=none").await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::NOT_FOUND, Some("NoSuchEntity")));
        assert_eq!(text(&document, "Message"), Some("Instance Profile none cannot be found."));
    }
}
