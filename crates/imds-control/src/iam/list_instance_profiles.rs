//! `ListInstanceProfiles`

use imds_store::record::{self, InstanceProfile};

use super::{check, instance_profile, page};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let prefix = check::path_prefix(params)?;
    let all = record::list::<InstanceProfile>(call.store, "")?.into_iter().map(|(_, found)| found.record);
    let all = all.filter(|profile| profile.path.starts_with(prefix)).collect();
    let (profiles, next) = page::page(params, all, |profile| profile.name.clone())?;
    let mut xml = Xml::query();
    instance_profile::write_list(&mut xml, call, &profiles)?;
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, keep_profile, text};

    #[tokio::test]
    async fn all_or_those_below_a_path() {
        let door = door();
        let (status, document) = iam(&door, "Action=ListInstanceProfiles").await;
        assert_eq!((status, text(&document, "InstanceProfiles")), (StatusCode::OK, Some("")));
        keep_profile(&door, "b");
        keep_profile(&door, "a");
        iam(&door, "Action=CreateInstanceProfile&InstanceProfileName=c&Path=/team/").await;
        for (form, first, count) in [("", "a", 3), ("&PathPrefix=/team", "c", 1), ("&MaxItems=1", "a", 1)] {
            let (_, document) = iam(&door, &format!("Action=ListInstanceProfiles{form}")).await;
            assert_eq!(text(&document, "InstanceProfileName"), Some(first), "{form}");
            assert_eq!(document.matches("<InstanceProfileName>").count(), count, "{form}");
        }
    }
}
