//! `AttachRolePolicy`: a managed policy of AWS's. Once more is no fault.

use super::{check, policy, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

/// Policies that a role can have.
const MOST: usize = 10;

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let policy = policy::attachable(params)?;
    role::change(call, params, |role| {
        if role.attached_policies.iter().any(|arn| arn == policy.arn) {
            return Ok(());
        }
        if role.attached_policies.len() >= MOST {
            let message = format!("Cannot exceed quota for PoliciesPerRole: {MOST}");
            return Err(check::conflict("LimitExceeded", message));
        }
        role.attached_policies.push(policy.arn.to_owned());
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn any_of_awss_own_and_ten_at_most() {
        let door = door();
        keep_role(&door, "web");
        let attach =
            |arn: &str| format!("Action=AttachRolePolicy&RoleName=web&PolicyArn={}", arn.replace(':', "%3A"));
        let own = "arn:aws:iam::aws:policy/service-role/AWSElasticBeanstalkService";
        for _ in 0..2 {
            let (status, document) = iam(&door, &attach(own)).await;
            assert_eq!(status, StatusCode::OK);
            assert!(!document.contains("Result"), "{document}");
        }
        for number in 2..=10 {
            let (status, _) = iam(&door, &attach(&format!("arn:aws:iam::aws:policy/P{number}"))).await;
            assert_eq!(status, StatusCode::OK, "{number}");
        }
        let conflict = StatusCode::CONFLICT;
        for (form, status, code) in [
            (attach("arn:aws:iam::aws:policy/P11"), conflict, "LimitExceeded"),
            (attach("arn:aws:iam::123456789012:policy/mine"), StatusCode::NOT_FOUND, "NoSuchEntity"),
            (attach(own).replace("=web", "=none"), StatusCode::NOT_FOUND, "NoSuchEntity"),
            (attach("nothing that is an ARN"), StatusCode::BAD_REQUEST, "InvalidInput"),
            ("Action=AttachRolePolicy&RoleName=web".to_owned(), StatusCode::BAD_REQUEST, "ValidationError"),
        ] {
            let (told, document) = iam(&door, &form).await;
            assert_eq!((told, text(&document, "Code")), (status, Some(code)), "{form}");
        }
        assert_eq!(iam(&door, &attach(own)).await.0, StatusCode::OK, "that is one that it has");
    }
}
