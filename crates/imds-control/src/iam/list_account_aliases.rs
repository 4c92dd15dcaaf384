//! `ListAccountAliases`: there are none.

use super::page;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(_: &Call<'_>, _: &Params) -> Result<Outcome, Error> {
    let mut xml = Xml::query();
    xml.texts("AccountAliases", [] as [&str; 0]);
    page::write(&mut xml, None);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, text};

    #[tokio::test]
    async fn an_empty_list_is_there() {
        let (status, document) = iam(&door(), "Action=ListAccountAliases").await;
        assert_eq!((status, text(&document, "AccountAliases")), (StatusCode::OK, Some("")));
        assert_eq!(text(&document, "IsTruncated"), Some("false"));
    }
}
