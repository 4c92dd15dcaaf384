//! `ListInstanceProfileTags`

use super::{instance_profile, page, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = instance_profile::named(call, params)?;
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

    use crate::testing::{door, iam, keep_profile, text};

    #[tokio::test]
    async fn an_empty_list_is_there() {
        let door = door();
        keep_profile(&door, "web");
        let list = "Action=ListInstanceProfileTags&InstanceProfileName=web";
        let (status, document) = iam(&door, list).await;
        assert_eq!((status, text(&document, "Tags")), (StatusCode::OK, Some("")));
        assert_eq!(iam(&door, &list.replace("web", "none")).await.0, StatusCode::NOT_FOUND);
    }
}
