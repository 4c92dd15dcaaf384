//! `CreateRole`

use imds_store::record::{self, Batch, Role, role::record_name};

use super::role::{self, SESSION};
use super::{check, document, new_id, policy, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = check::name(params, "RoleName", 64)?;
    let trust_policy = check::text(params, "AssumeRolePolicyDocument", 1..=131_072)?;
    let boundary = params.text("PermissionsBoundary").map(|_| policy::arn(params, "PermissionsBoundary"));
    let role = Role {
        name: name.to_owned(),
        path: check::path(params)?.to_owned(),
        id: new_id("AROA")?,
        created: call.now,
        trust_policy: trust_policy.to_owned(),
        description: role::description(params)?.unwrap_or_default().to_owned(),
        max_session_duration: check::number(params, "MaxSessionDuration", SESSION)?
            .unwrap_or(*SESSION.start()),
        attached_policies: Vec::new(),
        permissions_boundary: boundary.transpose()?.map(str::to_owned),
        inline_policies: std::collections::BTreeMap::new(),
        tags: tags::read(params, tags::Case::Ignored)?,
    };
    document::check_trust(trust_policy)?;
    let key = record_name(name);
    if record::get::<Role>(call.store, &key)?.is_some() {
        return Err(check::conflict("EntityAlreadyExists", format!("Role with name {name} already exists.")));
    }
    let mut batch = Batch::default();
    batch.create(&key, &role);
    let mut xml = Xml::query();
    role::write_whole(&mut xml, call, &role);
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::iam::document::encoded;
    use crate::testing::{door, iam, text};

    /// As eb sends it.
    const EB: &str = "Action=CreateRole&RoleName=aws-elasticbeanstalk-ec2-role&AssumeRolePolicyDocument=%7B%22Version%22%3A+\
                      %222008-10-17%22%2C+%22Statement%22%3A+%5B%7B%22Action%22%3A+%22sts%3AAssumeRole%22%2C%22Principal%22\
                      %3A+%7B%22Service%22%3A+%22ec2.amazonaws.com%22%7D%2C%22Effect%22%3A+%22Allow%22%2C%22Sid%22%3A+%22%22\
                      %7D%5D%7D";
    const TRUST: &str = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#;

    #[tokio::test]
    async fn eb_makes_one_and_is_told_if_it_is_there() {
        let door = door();
        let (status, document) = iam(&door, EB).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        let told = text(&document, "AssumeRolePolicyDocument").unwrap();
        assert!(told.starts_with("%7B%22Version%22%3A%20%222008-10-17%22%2C%20%22Statement%22"), "{told}");
        let id = text(&document, "RoleId").unwrap();
        assert!(id.starts_with("AROA") && id.len() == 21, "{id}");
        let date = text(&document, "CreateDate").unwrap();
        assert!(date.len() == 20 && date.ends_with('Z'), "{date}");
        for (name, expected) in [
            ("Path", "/"),
            ("RoleName", "aws-elasticbeanstalk-ec2-role"),
            ("Arn", "arn:aws:iam::123456789012:role/aws-elasticbeanstalk-ec2-role"),
            ("MaxSessionDuration", "3600"),
        ] {
            assert_eq!(text(&document, name), Some(expected));
        }
        assert!(!document.contains("<Tags>") && !document.contains("<Description>"), "{document}");
        // Case does not make another name.
        for form in [EB.to_owned(), EB.replace("aws-elastic", "AWS-Elastic")] {
            let (status, document) = iam(&door, &form).await;
            let code = text(&document, "Code");
            assert_eq!((status, code), (StatusCode::CONFLICT, Some("EntityAlreadyExists")));
        }
        let (_, document) = iam(&door, EB).await;
        let message = "Role with name aws-elasticbeanstalk-ec2-role already exists.";
        assert_eq!(text(&document, "Message"), Some(message));
    }

    #[tokio::test]
    async fn terraform_gives_it_all() {
        let door = door();
        let boundary = "arn:aws:iam::123456789012:policy/bound";
        let form = format!(
            "Action=CreateRole&AssumeRolePolicyDocument={}&Description=a+%26+b&MaxSessionDuration=7200&Path=%2Fteam%2F\
             &PermissionsBoundary={boundary}&RoleName=web&Tags.member.1.Key=Name&Tags.member.1.Value=",
            encoded(TRUST)
        );
        let (status, document) = iam(&door, &form).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        for (name, expected) in [
            ("Arn", "arn:aws:iam::123456789012:role/team/web"),
            ("Description", "a &amp; b"),
            ("MaxSessionDuration", "7200"),
            ("PermissionsBoundaryArn", boundary),
            ("Tags", "<member><Key>Name</Key><Value></Value></member>"),
        ] {
            assert_eq!(text(&document, name), Some(expected));
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        let good = format!("Action=CreateRole&RoleName=web&AssumeRolePolicyDocument={}", encoded(TRUST));
        for (form, code) in [
            ("Action=CreateRole&RoleName=web".to_owned(), "ValidationError"),
            (good.replace("RoleName=web", "RoleName="), "ValidationError"),
            (good.replace("RoleName=web", "RoleName=a/b"), "ValidationError"),
            (format!("{good}&Path=x"), "ValidationError"),
            (format!("{good}&MaxSessionDuration=3599"), "ValidationError"),
            (format!("{good}&MaxSessionDuration=43201"), "ValidationError"),
            (format!("{good}&Description=%00"), "ValidationError"),
            (format!("{good}&Description={}", "x".repeat(1_001)), "ValidationError"),
            (format!("{good}&PermissionsBoundary=x"), "ValidationError"),
            (format!("{good}&Tags.member.1.Key=a"), "ValidationError"),
            (format!("{good}&AssumeRolePolicyDocument=%7B"), "MalformedPolicyDocument"),
        ] {
            let (status, document) = iam(&door, &form).await;
            assert_eq!(
                (status, text(&document, "Code")),
                (StatusCode::BAD_REQUEST, Some(code)),
                "{form:.80}"
            );
        }
        assert!(door.store.list("").unwrap().is_empty());
    }
}
