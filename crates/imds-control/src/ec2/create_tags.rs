//! `CreateTags`: tags of any resources, over those that they have (docs/control-api.md).

use super::{resource, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let ids = params.list("ResourceId");
    if ids.is_empty() {
        return Err(Error::missing("ResourceId"));
    }
    let new = tags::read(params)?;
    if new.is_empty() {
        return Err(Error::missing("Tag"));
    }
    resource::retag(call, &ids, |tags| tags.extend(new.clone())).map(Outcome::done)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use imds_core::options::Switch;
    use imds_core::{Machine, Timestamp};
    use imds_store::record::{self, Batch};

    use crate::testing::{door, ec2, keep_machine, signed, text};

    const CREATE: &str = "Action=CreateTags&ResourceId.1=i-12345678901234567";

    #[tokio::test]
    async fn the_clis_body_sets_tags_and_the_metadata_is_new() {
        let door = door();
        let before = keep_machine(&door).instance.changed;
        let form = format!("{CREATE}&Tag.1.Key=Env&Tag.1.Value=prod&Tag.2.Key=x&Tag.2.Value=");
        let (status, document) = ec2(&door, &form).await;
        assert_eq!((status, text(&document, "return")), (StatusCode::OK, Some("true")));
        let machine = record::get::<Machine>(&*door.store, "i-12345678901234567").unwrap().unwrap().record;
        assert_eq!((&*machine.instance.tags["Env"], &*machine.instance.tags["x"]), ("prod", ""));
        assert!(machine.instance.changed > before && machine.instance.changed <= Timestamp::now());
        // A value is replaced, and what is the same already is no change.
        ec2(&door, &format!("{CREATE}&Tag.1.Key=Env&Tag.1.Value=test")).await;
        let found = record::get::<Machine>(&*door.store, "i-12345678901234567").unwrap().unwrap();
        assert_eq!(found.record.instance.tags["Env"], "test");
        ec2(&door, &format!("{CREATE}&Tag.1.Key=Env&Tag.1.Value=test")).await;
        let again = record::get::<Machine>(&*door.store, "i-12345678901234567").unwrap().unwrap();
        assert_eq!(again.revision, found.revision);
    }

    #[tokio::test]
    async fn a_resource_has_fifty_tags_at_most() {
        let door = door();
        keep_machine(&door);
        let tags: String = (1..=50).map(|n| format!("&Tag.{n}.Key=k{n}&Tag.{n}.Value=v")).collect();
        assert_eq!(ec2(&door, &format!("{CREATE}{tags}")).await.0, StatusCode::OK);
        let (status, document) = ec2(&door, &format!("{CREATE}&Tag.1.Key=one-more")).await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some("TagLimitExceeded")));
        assert_eq!(ec2(&door, &format!("{CREATE}&Tag.1.Key=k7&Tag.1.Value=w")).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn keys_that_cannot_be_paths_are_refused_while_tags_are_served() {
        let door = door();
        let mut machine = keep_machine(&door);
        let spaced = format!("{CREATE}&Tag.1.Key=cost+center&Tag.1.Value=1");
        assert_eq!(ec2(&door, &spaced).await.0, StatusCode::OK);
        machine.instance.options.instance_metadata_tags = Switch::Enabled;
        let mut batch = Batch::default();
        batch.put(machine.instance.id.as_str(), &machine);
        door.store.commit(batch.writes()).unwrap();
        for key in ["cost+center", "a%2Fb", "..", "_index"] {
            let (status, document) = ec2(&door, &format!("{CREATE}&Tag.1.Key={key}")).await;
            let code = text(&document, "Code");
            assert_eq!((status, code), (StatusCode::BAD_REQUEST, Some("InvalidParameterValue")), "{key}");
            let pattern =
                "' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\\\-_+=,.@:]{1,255}), and";
            assert!(document.contains(pattern), "{document}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        keep_machine(&door);
        let tag = "Tag.1.Key=a&Tag.1.Value=b";
        for (form, code) in [
            (format!("Action=CreateTags&{tag}"), "MissingParameter"),
            (CREATE.to_owned(), "MissingParameter"),
            (format!("{CREATE}&Tag.1.Value=b"), "MissingParameter"),
            (format!("{CREATE}&Tag.1.Key=aws%3Ax"), "InvalidParameterValue"),
            (format!("{CREATE}&Tag.1.Key={}", "k".repeat(129)), "InvalidParameterValue"),
            (format!("{CREATE}&Tag.1.Key=k&Tag.1.Value={}", "v".repeat(257)), "InvalidParameterValue"),
            (format!("{CREATE}&ResourceId.2=i-00000000000000000&{tag}"), "InvalidInstanceID.NotFound"),
            (format!("Action=CreateTags&ResourceId.1=i-x&{tag}"), "InvalidInstanceID.Malformed"),
            (format!("Action=CreateTags&ResourceId.1=ami-00000000&{tag}"), "InvalidAMIID.NotFound"),
            (format!("Action=CreateTags&ResourceId.1=lt-00000000&{tag}"), "InvalidLaunchTemplateId.NotFound"),
            (format!("Action=CreateTags&ResourceId.1=key-00000000&{tag}"), "InvalidKeyPair.NotFound"),
            (format!("Action=CreateTags&ResourceId.1=vol-00000000&{tag}"), "InvalidVolume.NotFound"),
            (format!("Action=CreateTags&ResourceId.1=vol-x&{tag}"), "InvalidParameterValue"),
            (format!("Action=CreateTags&ResourceId.1=eni-00000000&{tag}"), "InvalidID"),
        ] {
            let (status, document) = ec2(&door, &form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
        // Nothing of the call that named one unknown instance among two was done.
        let (_, document) = ec2(&door, "Action=DescribeTags").await;
        assert!(document.contains("<tagSet></tagSet>"), "{document}");
        let elsewhere = format!("{CREATE}&{tag}&Version=2016-11-15");
        let (_, document) = signed(&door, "eu-west-1", "ec2", &elsewhere).await;
        assert_eq!(text(&document, "Code"), Some("InvalidInstanceID.NotFound"));
    }
}
