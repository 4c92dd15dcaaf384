//! `TagInstanceProfile`

use super::{instance_profile, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let new = tags::read(params, tags::Case::Counts)?;
    instance_profile::change(call, params, |profile| tags::extend(&mut profile.tags, new, tags::Case::Counts))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_profile, text};

    #[tokio::test]
    async fn case_makes_another_tag() {
        let door = door();
        keep_profile(&door, "web");
        let tag = "Action=TagInstanceProfile&InstanceProfileName=web&Tags.member.1.Key=Name&Tags.member.1.Value=a\
                   &Tags.member.2.Key=name&Tags.member.2.Value=b";
        assert_eq!(iam(&door, tag).await.0, StatusCode::OK);
        let (_, document) = iam(&door, "Action=ListInstanceProfileTags&InstanceProfileName=web").await;
        assert_eq!(document.matches("<Key>").count(), 2);
        assert_eq!((text(&document, "Key"), text(&document, "IsTruncated")), (Some("Name"), Some("false")));
        assert_eq!(iam(&door, &tag.replace("=web", "=none")).await.0, StatusCode::NOT_FOUND);
    }
}
