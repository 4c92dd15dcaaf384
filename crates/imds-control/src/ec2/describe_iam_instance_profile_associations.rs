//! `DescribeIamInstanceProfileAssociations`: which instance has which profile.

use super::filter::Filters;
use super::{page, profile};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

/// What has come to an end is not shown.
const STATE: &str = "associated";

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, &["instance-id", "state"])?;
    let ids = params.list("AssociationId");
    let mut found = if ids.is_empty() { profile::all(call)? } else { profile::several(call, &ids)? };
    found.retain(|(machine, _)| {
        filters.pass(|name| match name {
            "instance-id" => vec![machine.record.instance.id.to_string()],
            _ => vec![STATE.to_owned()],
        })
    });
    let (found, next) = page::page(params, found, 1_000, |(_, profile)| profile.association_id.clone())?;
    let mut xml = Xml::ec2();
    xml.list("iamInstanceProfileAssociationSet", &found, |xml, (machine, profile)| {
        profile::write_association(xml, &machine.record.instance, profile, STATE);
    });
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::Receiver;

    use axum::http::StatusCode;
    use imds_store::store::{Error, Event, Kept, Write};
    use imds_store::{Revision, Store};

    use crate::door::Door;
    use crate::testing::{door, ec2, keep_machine, keep_profile, text};

    /// A store that counts how often it is listed.
    struct Counted(Arc<dyn Store>, AtomicUsize);

    impl Store for Counted {
        fn get(&self, key: &str) -> Result<Option<Kept>, Error> {
            self.0.get(key)
        }

        fn list(&self, prefix: &str) -> Result<Vec<(String, Kept)>, Error> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.list(prefix)
        }

        fn commit(&self, batch: &[Write]) -> Result<Revision, Error> {
            self.0.commit(batch)
        }

        fn revision(&self) -> Result<Revision, Error> {
            self.0.revision()
        }

        fn watch(&self) -> Receiver<Event> {
            self.0.watch()
        }
    }

    #[tokio::test]
    async fn however_many_ids_there_are_machines_are_listed_once() {
        let plain = door();
        let store = Arc::new(Counted(Arc::clone(&plain.store), AtomicUsize::new(0)));
        let door = Door { store: Arc::clone(&store) as Arc<dyn Store>, ..plain };
        keep_machine(&door);
        keep_profile(&door, "web");
        let form = "InstanceId=i-12345678901234567&IamInstanceProfile.Name=web";
        let (_, document) = ec2(&door, &format!("Action=AssociateIamInstanceProfile&{form}")).await;
        let id = text(&document, "associationId").unwrap();
        let ids: String = (1..=4_000).map(|n| format!("&AssociationId.{n}={id}")).collect();
        for (more, told) in [("", Some("associated")), ("&AssociationId.4001=iip-assoc-00000000", None)] {
            let before = store.1.load(Ordering::Relaxed);
            let form = format!("Action=DescribeIamInstanceProfileAssociations{ids}{more}");
            let (_, document) = ec2(&door, &form).await;
            assert_eq!(text(&document, "state"), told);
            assert_eq!(document.matches("<item>").count(), usize::from(told.is_some()));
            assert_eq!(store.1.load(Ordering::Relaxed) - before, 1);
        }
    }

    #[tokio::test]
    async fn by_id_and_by_filter() {
        let door = door();
        keep_machine(&door);
        keep_profile(&door, "web");
        let form = "InstanceId=i-12345678901234567&IamInstanceProfile.Name=web";
        let (_, document) = ec2(&door, &format!("Action=AssociateIamInstanceProfile&{form}")).await;
        let id = text(&document, "associationId").unwrap();
        for (form, expected) in [
            ("", Some("associated")),
            (&format!("AssociationId.1={id}"), Some("associated")),
            ("Filter.1.Name=instance-id&Filter.1.Value.1=i-12345678901234567", Some("associated")),
            (
                "Filter.1.Name=state&Filter.1.Value.1=associating&Filter.1.Value.2=associated",
                Some("associated"),
            ),
            ("Filter.1.Name=instance-id&Filter.1.Value.1=i-x", None),
        ] {
            let (status, document) =
                ec2(&door, &format!("Action=DescribeIamInstanceProfileAssociations&{form}")).await;
            assert_eq!((status, text(&document, "state")), (StatusCode::OK, expected), "{form}");
        }
        for (form, code) in [
            ("AssociationId.1=x", "InvalidParameterValue"),
            ("AssociationId.1=iip-assoc-00000000", "InvalidAssociationID.NotFound"),
        ] {
            let (_, document) =
                ec2(&door, &format!("Action=DescribeIamInstanceProfileAssociations&{form}")).await;
            assert_eq!(text(&document, "Code"), Some(code));
        }
    }
}
