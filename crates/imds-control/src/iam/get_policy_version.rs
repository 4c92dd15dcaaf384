//! `GetPolicyVersion`, of AWS's own, each of which has one.

use super::{check, policy};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(_: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = policy::named(params)?;
    let version = check::text(params, "VersionId", 1..=128)?;
    if version != policy::VERSION {
        // The words are [assumed].
        let message = format!("Policy {} version {version} does not exist or is not attachable.", found.arn);
        return Err(check::no_such_entity(message));
    }
    let mut xml = Xml::query();
    policy::write_version(&mut xml);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, text};

    #[tokio::test]
    async fn the_one_that_get_policy_names() {
        let door = door();
        let arn = "PolicyArn=arn:aws:iam::aws:policy/X";
        let (_, document) = iam(&door, &format!("Action=GetPolicy&{arn}")).await;
        let version = text(&document, "DefaultVersionId").unwrap();
        let form = format!("Action=GetPolicyVersion&{arn}&VersionId={version}");
        let (status, document) = iam(&door, &form).await;
        assert_eq!((status, text(&document, "IsDefaultVersion")), (StatusCode::OK, Some("true")));
        assert!(text(&document, "Document").unwrap().starts_with("%7B%22Version%22"), "{document}");
        let (status, _) = iam(&door, &format!("Action=GetPolicyVersion&{arn}&VersionId=v2")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}
