//! `GetCallerIdentity`: who is calling.

use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, _: &Params) -> Result<Outcome, Error> {
    let mut xml = Xml::query();
    xml.text("Arn", call.identity.arn(call.account))
        .text("UserId", call.identity.user_id(call.account))
        .text("Account", call.account);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, request, signed, text};

    #[tokio::test]
    async fn terraform_asks_it_first_and_any_key_is_the_account() {
        let door = door();
        let form = "Action=GetCallerIdentity&Version=2011-06-15";
        let by_version = request(&door, "POST", "/", &[], form).await;
        for (status, document) in [signed(&door, "us-east-1", "sts", form).await, by_version] {
            assert_eq!((status, text(&document, "Account")), (StatusCode::OK, Some("123456789012")));
            assert_eq!(text(&document, "Arn"), Some("arn:aws:iam::123456789012:root"));
            assert!(document.contains("<GetCallerIdentityResult>"), "{document}");
        }
    }
}
