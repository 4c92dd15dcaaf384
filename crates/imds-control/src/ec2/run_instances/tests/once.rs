//! One token, one launch: whoever asks again is told of the launch that was.

use axum::http::StatusCode;
use imds_core::Machine;
use imds_store::record::{self, Batch};

use super::{AL2, refused, run};
use crate::testing::{door, ec2, text};

/// Something else where a machine should be.
struct Damaged;

impl record::Record for Damaged {
    const KIND: &'static str = "machine";
    type Form = ();

    fn to_form(&self) {}

    fn from_form((): ()) -> Result<Self, String> {
        Ok(Self)
    }
}

#[tokio::test]
async fn of_a_launch_that_was_answered_what_is_damaged_is_not_left_out_in_silence() {
    let door = door();
    let form = format!("{AL2}&MaxCount=2&ClientToken=once");
    let first = run(&door, &form).await;
    let ids: Vec<_> = first.split("<instanceId>").skip(1).map(|part| &part[..19]).collect();
    let commit = async |write: &dyn Fn(&mut Batch)| {
        let mut batch = Batch::default();
        write(&mut batch);
        door.store.commit(batch.writes()).unwrap();
    };
    commit(&|batch| batch.delete::<Machine>(ids[0])).await;
    assert_eq!(run(&door, &form).await.matches("<instanceId>").count(), 1, "it was terminated long ago");
    commit(&|batch| batch.put(ids[1], &Damaged)).await;
    let (status, document) = ec2(&door, &form).await;
    assert_eq!((status, text(&document, "Code")), (StatusCode::INTERNAL_SERVER_ERROR, Some("InternalError")));
}

#[tokio::test]
async fn one_token_is_one_launch() {
    let door = door();
    let form = format!("{AL2}&ClientToken=once");
    let first = run(&door, &form).await;
    let again = run(&door, &form).await;
    for name in ["reservationId", "instanceId", "privateIpAddress"] {
        assert_eq!(text(&first, name), text(&again, name));
    }
    let other = run(&door, AL2).await;
    assert_ne!(text(&first, "instanceId"), text(&other, "instanceId"));
    assert_eq!(
        refused(&door, &format!("{form}&InstanceType=m5.large")).await.0,
        "IdempotentParameterMismatch"
    );
    let id = text(&first, "instanceId").unwrap();
    run(&door, &format!("Action=TerminateInstances&InstanceId.1={id}")).await;
    assert_eq!(refused(&door, &form).await.0, "IdempotentInstanceTerminated");
}

#[tokio::test]
async fn two_calls_with_one_token_at_once_are_one_launch() {
    let door = door();
    let form = format!("{AL2}&ClientToken=once");
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (door, form) = (door.clone(), form.clone());
            tokio::spawn(async move { ec2(&door, &form).await.1 })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap().contains("<instanceId>i-"));
    }
    assert_eq!(record::list::<Machine>(&*door.store, "").unwrap().len(), 1);
}
