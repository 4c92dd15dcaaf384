//! `ListInstanceProfilesForRole`

use super::{instance_profile, page, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = role::named(call, params)?;
    let all = instance_profile::with(call, &found.record)?;
    let (profiles, next) = page::page(params, all, |profile| profile.name.clone())?;
    let mut xml = Xml::query();
    instance_profile::write_list(&mut xml, call, &profiles)?;
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_profile, text};

    #[tokio::test]
    async fn those_that_have_it_and_no_others() {
        let door = door();
        keep_profile(&door, "web");
        keep_profile(&door, "db");
        let list = "Action=ListInstanceProfilesForRole&RoleName=web";
        let (status, document) = iam(&door, list).await;
        assert_eq!((status, text(&document, "InstanceProfileName")), (StatusCode::OK, Some("web")));
        assert_eq!(document.matches("<InstanceProfileName>").count(), 1);
        iam(&door, "Action=RemoveRoleFromInstanceProfile&InstanceProfileName=web&RoleName=web").await;
        let (_, document) = iam(&door, list).await;
        assert_eq!(text(&document, "InstanceProfiles"), Some(""));
        assert_eq!(iam(&door, &list.replace("web", "none")).await.0, StatusCode::NOT_FOUND);
    }
}
