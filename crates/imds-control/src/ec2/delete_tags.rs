//! `DeleteTags`: the named tags of any resources, or all of their owner's (docs/control-api.md).

use super::{resource, tags};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let ids = params.list("ResourceId");
    if ids.is_empty() {
        return Err(Error::missing("ResourceId"));
    }
    // With a value, a tag goes only if it has that one.
    let mut doomed = Vec::new();
    for tag in params.each("Tag") {
        let key = tag.need("Key")?.to_owned();
        tags::unreserved(&key)?;
        doomed.push((key, tag.get("Value").map(str::to_owned)));
    }
    let is_doomed = |key: &String, value: &String| {
        let is_named = |(name, only): &(String, Option<String>)| {
            name == key && only.as_ref().is_none_or(|only| only == value)
        };
        if doomed.is_empty() { tags::unreserved(key).is_ok() } else { doomed.iter().any(is_named) }
    };
    resource::retag(call, &ids, |tags| tags.retain(|key, value| !is_doomed(key, value))).map(Outcome::done)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use imds_core::Machine;
    use imds_store::record::{self, Batch};

    use crate::testing::{door, ec2, keep_machine, text};

    const DELETE: &str = "Action=DeleteTags&ResourceId.1=i-12345678901234567";

    #[tokio::test]
    async fn by_key_by_key_and_value_or_all() {
        let door = door();
        let mut machine = keep_machine(&door);
        for (key, value) in [("Env", "prod"), ("a", "1"), ("b", ""), ("c", "3"), ("aws:x", "theirs")] {
            machine.instance.tags.insert(key.into(), value.into());
        }
        let mut batch = Batch::default();
        batch.put(machine.instance.id.as_str(), &machine);
        door.store.commit(batch.writes()).unwrap();
        for (form, left) in [
            // As the AWS CLI sends it.
            ("&Tag.1.Key=Env", &["a", "aws:x", "b", "c"][..]),
            ("&Tag.1.Key=a&Tag.1.Value=2", &["a", "aws:x", "b", "c"]),
            ("&Tag.1.Key=a&Tag.1.Value=", &["a", "aws:x", "b", "c"]),
            ("&Tag.1.Key=a&Tag.1.Value=1&Tag.2.Key=b&Tag.2.Value=", &["aws:x", "c"]),
            ("&Tag.1.Key=unknown", &["aws:x", "c"]),
            ("", &["aws:x"]),
        ] {
            let (status, document) = ec2(&door, &format!("{DELETE}{form}")).await;
            assert_eq!((status, text(&document, "return")), (StatusCode::OK, Some("true")), "{form}");
            let machine =
                record::get::<Machine>(&*door.store, "i-12345678901234567").unwrap().unwrap().record;
            assert!(machine.instance.tags.keys().eq(left), "{form} {:?}", machine.instance.tags);
        }
        for (form, code) in [
            (format!("{DELETE}&Tag.1.Key=aws%3Ax"), "InvalidParameterValue"),
            ("Action=DeleteTags&Tag.1.Key=a".to_owned(), "MissingParameter"),
            ("Action=DeleteTags&ResourceId.1=i-00000000".to_owned(), "InvalidInstanceID.NotFound"),
        ] {
            let (status, document) = ec2(&door, &form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
