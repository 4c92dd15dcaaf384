//! `ListAttachedRolePolicies`

use super::policy::Managed;
use super::{check, page, role};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let prefix = check::path_prefix(params)?;
    let found = role::named(call, params)?;
    let all = found.record.attached_policies.iter().filter_map(|arn| Managed::of(arn));
    let all = all.filter(|policy| policy.path.starts_with(prefix)).collect();
    let (some, next) = page::page(params, all, |policy| policy.arn.to_owned())?;
    let mut xml = Xml::query();
    xml.list("AttachedPolicies", &some, |xml, policy| {
        xml.text("PolicyName", policy.name).text("PolicyArn", policy.arn);
    });
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn names_and_arns_and_an_empty_list_is_there() {
        let door = door();
        keep_role(&door, "web");
        let list = "Action=ListAttachedRolePolicies&RoleName=web";
        let (status, document) = iam(&door, list).await;
        assert_eq!((status, text(&document, "AttachedPolicies")), (StatusCode::OK, Some("")));
        assert_eq!(text(&document, "IsTruncated"), Some("false"));
        for name in ["service-role/B", "A"] {
            let attach =
                format!("Action=AttachRolePolicy&RoleName=web&PolicyArn=arn:aws:iam::aws:policy/{name}");
            iam(&door, &attach).await;
        }
        let a = "<member><PolicyName>A</PolicyName><PolicyArn>arn:aws:iam::aws:policy/A</PolicyArn></member>";
        let b = "<member><PolicyName>B</PolicyName><PolicyArn>arn:aws:iam::aws:policy/service-role/B</PolicyArn></member>";
        for (form, expected) in [
            (list.to_owned(), format!("{a}{b}")),
            (format!("{list}&PathPrefix=/service-role/"), b.to_owned()),
            (format!("{list}&MaxItems=1"), a.to_owned()),
        ] {
            let (_, document) = iam(&door, &form).await;
            assert_eq!(text(&document, "AttachedPolicies"), Some(&*expected), "{form}");
        }
        assert_eq!(iam(&door, &list.replace("web", "none")).await.0, StatusCode::NOT_FOUND);
    }
}
