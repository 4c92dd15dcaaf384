//! `ListRoleTags`

use super::{page, role, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = role::named(call, params)?;
    let all = found.record.tags.into_iter().collect();
    let (some, next) = page::page(params, all, |(key, _): &(String, String)| key.clone())?;
    let mut xml = Xml::query();
    tags::write(&mut xml, some);
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn all_of_them_in_order() {
        let door = door();
        keep_role(&door, "web");
        let tag = "Tags.member.1.Key=b&Tags.member.1.Value=1&Tags.member.2.Key=a&Tags.member.2.Value=";
        iam(&door, &format!("Action=TagRole&RoleName=web&{tag}")).await;
        let (status, document) = iam(&door, "Action=ListRoleTags&RoleName=web").await;
        let expected =
            "<member><Key>a</Key><Value></Value></member><member><Key>b</Key><Value>1</Value></member>";
        assert_eq!((status, text(&document, "Tags")), (StatusCode::OK, Some(expected)));
        assert_eq!(text(&document, "IsTruncated"), Some("false"));
        assert_eq!(iam(&door, "Action=ListRoleTags&RoleName=none").await.0, StatusCode::NOT_FOUND);
    }
}
