//! `CreateInstanceProfile`

use imds_store::record::{self, Batch, InstanceProfile, role::record_name};

use super::{check, instance_profile, new_id, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let name = check::name(params, "InstanceProfileName", 128)?;
    let profile = InstanceProfile {
        name: name.to_owned(),
        path: check::path(params)?.to_owned(),
        id: new_id("AIPA")?,
        created: call.now,
        role: None,
        tags: tags::read(params, tags::Case::Counts)?,
    };
    let key = record_name(name);
    if record::get::<InstanceProfile>(call.store, &key)?.is_some() {
        let message = format!("Instance Profile {name} already exists.");
        return Err(check::conflict("EntityAlreadyExists", message));
    }
    let mut batch = Batch::default();
    batch.create(&key, &profile);
    let mut xml = Xml::query();
    instance_profile::write_whole(&mut xml, call, &profile)?;
    Ok(Outcome { batch, body: xml })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, iam, text};

    const CREATE: &str = "Action=CreateInstanceProfile&InstanceProfileName=";

    #[tokio::test]
    async fn a_new_one_has_no_role() {
        let door = door();
        let (status, document) =
            iam(&door, &format!("{CREATE}web&Path=/team/&Tags.member.1.Key=a&Tags.member.1.Value=b")).await;
        assert_eq!((status, text(&document, "Roles")), (StatusCode::OK, Some("")), "{document}");
        let arn = "arn:aws:iam::123456789012:instance-profile/team/web";
        assert_eq!((text(&document, "Arn"), text(&document, "Key")), (Some(arn), Some("a")));
        let id = text(&document, "InstanceProfileId").unwrap();
        assert!(id.starts_with("AIPA") && id.len() == 21, "{id}");
        for (form, status, code) in [
            ("web", StatusCode::CONFLICT, "EntityAlreadyExists"),
            ("WEB", StatusCode::CONFLICT, "EntityAlreadyExists"),
            ("", StatusCode::BAD_REQUEST, "ValidationError"),
            ("a&Path=b", StatusCode::BAD_REQUEST, "ValidationError"),
            ("a&Tags.member.1.Key=b", StatusCode::BAD_REQUEST, "ValidationError"),
        ] {
            let (told, document) = iam(&door, &format!("{CREATE}{form}")).await;
            assert_eq!((told, text(&document, "Code")), (status, Some(code)), "{form}");
        }
        let (_, document) = iam(&door, &format!("{CREATE}web")).await;
        assert_eq!(text(&document, "Message"), Some("Instance Profile web already exists."));
    }
}
