//! `UpdateAssumeRolePolicy`: who may assume a role. Instances meet it at once.

use super::{check, document, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let policy = check::text(params, "PolicyDocument", 1..=131_072)?;
    role::change(call, params, |role| {
        document::check_trust(policy)?;
        policy.clone_into(&mut role.trust_policy);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::iam::document::encoded;
    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn the_new_one_is_told_as_it_came() {
        let door = door();
        keep_role(&door, "web");
        let policy = encoded(r#"{ "Statement" : [] }"#);
        let action = "Action=UpdateAssumeRolePolicy&RoleName=web";
        let (status, document) = iam(&door, &format!("{action}&PolicyDocument={policy}")).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        let told = |document: String| text(&document, "AssumeRolePolicyDocument").map(str::to_owned);
        assert_eq!(told(iam(&door, "Action=GetRole&RoleName=web").await.1), Some(policy.clone()));
        for (form, status, code) in [
            (action.to_owned(), StatusCode::BAD_REQUEST, "ValidationError"),
            (format!("{action}&PolicyDocument=x"), StatusCode::BAD_REQUEST, "MalformedPolicyDocument"),
            (
                format!("Action=UpdateAssumeRolePolicy&RoleName=none&PolicyDocument={policy}"),
                StatusCode::NOT_FOUND,
                "NoSuchEntity",
            ),
        ] {
            let (refused, document) = iam(&door, &form).await;
            assert_eq!((refused, text(&document, "Code")), (status, Some(code)), "{form}");
        }
        assert_eq!(told(iam(&door, "Action=GetRole&RoleName=web").await.1), Some(policy));
    }
}
