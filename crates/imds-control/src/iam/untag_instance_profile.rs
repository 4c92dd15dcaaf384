//! `UntagInstanceProfile`

use super::{instance_profile, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    instance_profile::change(call, params, |profile| {
        tags::remove(&mut profile.tags, params, tags::Case::Counts)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_profile, text};

    #[tokio::test]
    async fn only_what_is_named_letter_for_letter() {
        let door = door();
        keep_profile(&door, "web");
        let name = "InstanceProfileName=web";
        iam(&door, &format!("Action=TagInstanceProfile&{name}&Tags.member.1.Key=Name&Tags.member.1.Value=a"))
            .await;
        for (key, rest) in [("name", Some("Name")), ("Name", None)] {
            let form = format!("Action=UntagInstanceProfile&{name}&TagKeys.member.1={key}");
            assert_eq!(iam(&door, &form).await.0, StatusCode::OK);
            let (_, document) = iam(&door, &format!("Action=ListInstanceProfileTags&{name}")).await;
            assert_eq!(text(&document, "Key"), rest, "{key}");
        }
        let (status, document) = iam(&door, &format!("Action=UntagInstanceProfile&{name}")).await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some("ValidationError")));
    }
}
