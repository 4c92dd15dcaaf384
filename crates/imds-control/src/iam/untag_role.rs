//! `UntagRole`

use super::{role, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    role::change(call, params, |role| tags::remove(&mut role.tags, params, tags::Case::Ignored))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn a_tag_that_is_not_there_is_no_fault() {
        let door = door();
        keep_role(&door, "web");
        iam(&door, "Action=TagRole&RoleName=web&Tags.member.1.Key=Name&Tags.member.1.Value=x").await;
        let untag = "Action=UntagRole&RoleName=web&TagKeys.member.1=NAME&TagKeys.member.2=none";
        for _ in 0..2 {
            assert_eq!(iam(&door, untag).await.0, StatusCode::OK);
            let (_, document) = iam(&door, "Action=ListRoleTags&RoleName=web").await;
            assert_eq!(text(&document, "Tags"), Some(""));
        }
        assert_eq!(iam(&door, &untag.replace("=web", "=none")).await.0, StatusCode::NOT_FOUND);
        let (status, document) = iam(&door, "Action=UntagRole&RoleName=web").await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some("ValidationError")));
        let message = "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be \
                       null";
        assert_eq!(text(&document, "Message"), Some(message));
    }
}
