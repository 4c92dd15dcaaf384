//! `ListPolicies`: those that are attached to a role. There is no list of all that AWS has.

use super::policy::{self, Managed};
use super::{check, page};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let prefix = check::path_prefix(params)?;
    let is_of_aws = match params.text("Scope") {
        None | Some("All" | "AWS") => true,
        Some("Local") => false,
        Some(other) => {
            let rule = "Member must satisfy enum value set: [All, AWS, Local]";
            return Err(check::broken(params, "Scope", other, rule));
        }
    };
    let attached = policy::attached(call)?;
    let all = attached.iter().filter_map(|(arn, count)| Some((Managed::of(arn)?, *count)));
    let all = all.filter(|(policy, _)| is_of_aws && policy.path.starts_with(prefix)).collect();
    let (some, next) = page::page(params, all, |(policy, _): &(Managed<'_>, _)| policy.arn.to_owned())?;
    let mut xml = Xml::query();
    xml.list("Policies", &some, |xml, (policy, count)| policy::write(xml, policy, *count));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_role, text};

    #[tokio::test]
    async fn each_once() {
        let door = door();
        for role in ["a", "b"] {
            keep_role(&door, role);
            let attach =
                format!("Action=AttachRolePolicy&RoleName={role}&PolicyArn=arn:aws:iam::aws:policy/X");
            iam(&door, &attach).await;
        }
        let (status, document) = iam(&door, "Action=ListPolicies&Scope=AWS").await;
        assert_eq!((status, text(&document, "AttachmentCount")), (StatusCode::OK, Some("2")));
        assert_eq!(document.matches("<member>").count(), 1);
        for form in ["Scope=Local", "PathPrefix=/service-role/"] {
            let (_, document) = iam(&door, &format!("Action=ListPolicies&{form}")).await;
            assert_eq!(text(&document, "Policies"), Some(""), "{form}");
        }
        let (status, _) = iam(&door, "Action=ListPolicies&Scope=x").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
}
