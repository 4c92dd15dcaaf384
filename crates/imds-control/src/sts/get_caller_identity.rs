//! `GetCallerIdentity`: who is calling.

use imds_core::partition;

use crate::authz::Identity;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, _: &Params) -> Result<Outcome, Error> {
    // A session is of its role's account.
    let account = match call.identity {
        Identity::Session(session) => &session.account,
        Identity::Root | Identity::User { .. } => call.account,
    };
    let mut xml = Xml::query();
    xml.text("Arn", call.identity.arn(partition(call.region), call.account))
        .text("UserId", call.identity.user_id(call.account))
        .text("Account", account);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use imds_core::Timestamp;
    use imds_core::session::Session;

    use crate::testing::{door, keep_role, request, signed, text};

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
    #[tokio::test]
    async fn an_arn_is_of_the_partition_of_the_region() {
        for (region, partition) in
            [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
        {
            let door = door();
            let role = keep_role(&door, "web");
            let version = "Version=2011-06-15";
            let (_, document) =
                signed(&door, region, "sts", &format!("Action=GetCallerIdentity&{version}")).await;
            let root = format!("arn:{partition}:iam::123456789012:root");
            assert_eq!(text(&document, "Arn"), Some(&*root));
            let arn = role.arn(partition, "123456789012");
            let form = format!("Action=AssumeRole&RoleArn={arn}&RoleSessionName=me&{version}");
            let (_, document) = signed(&door, region, "sts", &form).await;
            let session = format!("arn:{partition}:sts::123456789012:assumed-role/web/me");
            assert_eq!(text(&document, "Arn"), Some(&*session));
            let none = format!("Action=AssumeRole&RoleArn={arn}2&RoleSessionName=me&{version}");
            let (_, document) = signed(&door, region, "sts", &none).await;
            let message =
                format!("User: {root} is not authorized to perform: sts:AssumeRole on resource: {arn}2");
            assert_eq!(text(&document, "Message"), Some(&*message));
            let (_, document) = signed(&door, region, "iam", "Action=GetUser&Version=2010-05-08").await;
            assert_eq!(text(&document, "Arn"), Some(&*root));
        }
    }

    #[tokio::test]
    async fn a_session_is_of_one_account_alone() {
        let door = door();
        let role = keep_role(&door, "web");
        let issued = Timestamp::now();
        let session = Session {
            account: "999999999999".parse().unwrap(),
            role: role.name,
            role_id: role.id,
            name: "one".to_owned(),
            issued,
            expires: issued + std::time::Duration::from_secs(3_600),
        };
        let keys = door.authority.issuer().issue(&session, [3; 12]);
        let scope =
            format!("AWS4-HMAC-SHA256 Credential={}/20261124/us-east-1/sts/aws4_request", keys.access_key_id);
        let headers =
            [("authorization", scope.as_str()), ("x-amz-security-token", keys.session_token.expose())];
        let form = "Action=GetCallerIdentity&Version=2011-06-15";
        let (status, document) = request(&door, "POST", "/", &headers, form).await;
        assert_eq!(
            (status, text(&document, "Account")),
            (StatusCode::OK, Some("999999999999")),
            "{document}"
        );
        assert_eq!(text(&document, "Arn"), Some("arn:aws:sts::999999999999:assumed-role/web/one"));
    }
}
