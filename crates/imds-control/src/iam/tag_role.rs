//! `TagRole`

use super::{role, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let new = tags::read(params, tags::Case::Ignored)?;
    role::change(call, params, |role| tags::extend(&mut role.tags, new, tags::Case::Ignored))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn a_role_has_fifty_at_most() {
        let door = door();
        keep_role(&door, "web");
        let many: String =
            (1..=50).map(|n| format!("&Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=v")).collect();
        let (status, document) = iam(&door, &format!("Action=TagRole&RoleName=web{many}")).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        let one =
            |key: &str| format!("Action=TagRole&RoleName=web&Tags.member.1.Key={key}&Tags.member.1.Value=w");
        assert_eq!(iam(&door, &one("K7")).await.0, StatusCode::OK, "in the place of k7");
        let (status, document) = iam(&door, &one("more")).await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::CONFLICT, Some("LimitExceeded")));
        let (_, document) = iam(&door, "Action=ListRoleTags&RoleName=web&MaxItems=1").await;
        assert_eq!((text(&document, "Key"), text(&document, "Value")), (Some("K7"), Some("w")));
        let (status, _) = iam(&door, &one("a").replace("=web", "=none")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}
