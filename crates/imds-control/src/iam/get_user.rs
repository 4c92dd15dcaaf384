//! `GetUser`: who calls, if that is a user or the account itself. Nothing else is kept of users than their keys.

use imds_core::{Timestamp, partition};

use super::{check, date};
use crate::authz::Identity;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

/// When all users are taken to have been made [assumed].
const MADE: Timestamp = Timestamp::constant(1_423_161_600, 0);

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let named = params.text("UserName").map(|_| check::name(params, "UserName", 128)).transpose()?;
    let own = match call.identity {
        Identity::User { name, .. } => Some(name.as_str()),
        Identity::Root | Identity::Session(_) => None,
    };
    match (named, call.identity) {
        (Some(name), _) if own != Some(name) => {
            return Err(check::no_such_entity(format!("The user with name {name} cannot be found.")));
        }
        (None, Identity::Session(_)) => {
            return Err(check::invalid("Must specify userName when calling with non-User credentials"));
        }
        (Some(_) | None, _) => {}
    }
    let mut xml = Xml::query();
    xml.within("User", |xml| {
        // The account itself has neither path nor name.
        if let Some(name) = own {
            xml.text("Path", "/").text("UserName", name);
        }
        xml.text("UserId", call.identity.user_id(call.account))
            .text("Arn", call.identity.arn(partition(call.region), call.account))
            .text("CreateDate", date(MADE));
    });
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{by_session, door, iam, text};

    #[tokio::test]
    async fn the_account_and_nobody_else() {
        let door = door();
        let (status, document) = iam(&door, "Action=GetUser").await;
        assert_eq!((status, text(&document, "UserId")), (StatusCode::OK, Some("123456789012")));
        assert_eq!(text(&document, "Arn"), Some("arn:aws:iam::123456789012:root"));
        for (form, status, code) in [
            ("UserName=alice", StatusCode::NOT_FOUND, "NoSuchEntity"),
            ("UserName=a/b", StatusCode::BAD_REQUEST, "ValidationError"),
        ] {
            let (told, document) = iam(&door, &format!("Action=GetUser&{form}")).await;
            assert_eq!((told, text(&document, "Code")), (status, Some(code)));
        }
        let (status, document) = by_session(&door, "iam", "Action=GetUser&Version=2010-05-08").await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some("ValidationError")));
        let message = "Must specify userName when calling with non-User credentials";
        assert_eq!(text(&document, "Message"), Some(message));
    }
}
