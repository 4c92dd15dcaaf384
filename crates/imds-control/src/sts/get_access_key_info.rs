//! `GetAccessKeyInfo`: whose a key is. All are of the one account.

use crate::call::{Call, Outcome};
use crate::iam::check;
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let id = check::text(params, "AccessKeyId", 16..=128)?;
    if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let rule = "Member must satisfy regular expression pattern: [\\w]*";
        return Err(check::broken(params, "AccessKeyId", id, rule));
    }
    let mut xml = Xml::query();
    xml.text("Account", call.account);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, sts, text};

    #[tokio::test]
    async fn of_what_can_be_a_key() {
        let door = door();
        let (status, document) = sts(&door, "Action=GetAccessKeyInfo&AccessKeyId=AKIAEXAMPLE000000000").await;
        assert_eq!((status, text(&document, "Account")), (StatusCode::OK, Some("123456789012")));
        for bad in ["", "AccessKeyId=x", "AccessKeyId=AKIAEXAMPLE00000000%2F"] {
            let (status, document) = sts(&door, &format!("Action=GetAccessKeyInfo&{bad}")).await;
            let code = text(&document, "Code");
            assert_eq!((status, code), (StatusCode::BAD_REQUEST, Some("ValidationError")), "{bad}");
        }
    }
}
