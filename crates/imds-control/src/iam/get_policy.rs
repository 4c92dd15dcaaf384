//! `GetPolicy`, of AWS's own.

use super::policy;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let found = policy::named(params)?;
    let attachments = policy::attached(call)?.remove(found.arn).unwrap_or_default();
    let mut xml = Xml::query();
    xml.within("Policy", |xml| policy::write(xml, &found, attachments));
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn it_is_the_same_always_but_for_who_has_it() {
        let door = door();
        keep_role(&door, "web");
        let arn = "PolicyArn=arn:aws:iam::aws:policy/service-role/X";
        let (status, before) = iam(&door, &format!("Action=GetPolicy&{arn}")).await;
        assert_eq!((status, text(&before, "Path")), (StatusCode::OK, Some("/service-role/")));
        assert_eq!((text(&before, "PolicyName"), text(&before, "AttachmentCount")), (Some("X"), Some("0")));
        iam(&door, &format!("Action=AttachRolePolicy&RoleName=web&{arn}")).await;
        let (_, after) = iam(&door, &format!("Action=GetPolicy&{arn}")).await;
        assert_eq!(text(&after, "AttachmentCount"), Some("1"));
        assert_eq!(text(&after, "PolicyId"), text(&before, "PolicyId"));
        let (status, _) = iam(&door, "Action=GetPolicy&PolicyArn=arn:aws:iam::123456789012:policy/x").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}
