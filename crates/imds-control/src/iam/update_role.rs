//! `UpdateRole`: its description and how long its sessions may live. What is left out stays.

use super::check;
use super::role::{self, SESSION};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let description = role::description(params)?;
    let duration = check::number(params, "MaxSessionDuration", SESSION)?;
    role::change(call, params, |role| {
        if let Some(description) = description {
            description.clone_into(&mut role.description);
        }
        role.max_session_duration = duration.unwrap_or(role.max_session_duration);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn what_is_left_out_stays_and_an_empty_description_is_none() {
        let door = door();
        keep_role(&door, "web");
        for (form, duration, description) in [
            ("MaxSessionDuration=7200&Description=x", "7200", Some("x")),
            ("MaxSessionDuration=43200", "43200", Some("x")),
            ("Description=", "43200", None),
        ] {
            let (status, document) = iam(&door, &format!("Action=UpdateRole&RoleName=web&{form}")).await;
            assert_eq!(status, StatusCode::OK, "{document}");
            // Its answer has a result with nothing in it, which clients look for.
            assert!(document.contains("<UpdateRoleResult></UpdateRoleResult>"), "{document}");
            let (_, document) = iam(&door, "Action=GetRole&RoleName=web").await;
            assert_eq!(text(&document, "MaxSessionDuration"), Some(duration));
            assert_eq!(text(&document, "Description"), description);
        }
        for (form, status, code) in [
            ("RoleName=none", StatusCode::NOT_FOUND, "NoSuchEntity"),
            ("RoleName=web&MaxSessionDuration=1", StatusCode::BAD_REQUEST, "ValidationError"),
            ("RoleName=web&Description=%7F", StatusCode::BAD_REQUEST, "ValidationError"),
        ] {
            let (told, document) = iam(&door, &format!("Action=UpdateRole&{form}")).await;
            assert_eq!((told, text(&document, "Code")), (status, Some(code)), "{form}");
        }
    }
}
