//! `GET /api/v1/instances/ID/history`: who changed which metadata option, from what to what, oldest first.

use axum::Json;
use axum::extract::{Path, State};
use imds_core::{Machine, Timestamp};
use imds_store::record::{self, Trace};
use serde::Serialize;

use super::{Refusal, blocking, unknown};
use crate::call::instance_id;
use crate::door::Door;
use crate::query::Error;

#[derive(Serialize)]
pub(super) struct History {
    history: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    at: Timestamp,
    option: String,
    old: String,
    new: String,
    /// The access key that the caller named; none in a request that is not signed, and none for the file.
    access_key: Option<String>,
    /// Where the caller was, or `file`.
    address: String,
}

impl From<Trace> for Change {
    fn from(trace: Trace) -> Self {
        let Trace { at, option, old, new, by } = trace;
        Self { at, option, old, new, access_key: by.access_key, address: by.address }
    }
}

pub(super) async fn list(State(door): State<Door>, Path(id): Path<String>) -> Result<Json<History>, Refusal> {
    let plane = door.plane.clone();
    let (history, revision) = blocking(move || {
        let id = instance_id(&id)?;
        // Names of traces sort by time.
        let traces = record::list::<Trace>(&*door.store, &format!("{id}/")).map_err(Error::from)?;
        if traces.is_empty()
            && record::get::<Machine>(&*door.store, id.as_str()).map_err(Error::from)?.is_none()
        {
            return Err(unknown(id.as_str()));
        }
        let history = traces.into_iter().map(|(_, found)| found.record.into()).collect();
        Ok((History { history }, door.store.revision().map_err(Error::from)?))
    })
    .await?;
    // What is told has happened, for guests too.
    plane.reached(revision).await.map_err(Error::from)?;
    Ok(Json(history))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::{Value, json};

    use crate::testing::{door, ec2, keep_machine, request, signed};

    const PATH: &str = "/api/v1/instances/i-12345678901234567/history";

    #[tokio::test]
    async fn every_change_is_told_with_who_made_it() {
        let door = door();
        keep_machine(&door);
        assert_eq!(
            request(&door, "GET", PATH, &[], "").await,
            (StatusCode::OK, json!({"history": []}).to_string())
        );
        let modify = "Action=ModifyInstanceMetadataOptions&InstanceId=i-12345678901234567";
        let form = format!("{modify}&HttpTokens=required&HttpPutResponseHopLimit=2&Version=2016-11-15");
        assert_eq!(signed(&door, "us-east-1", "ec2", &form).await.0, StatusCode::OK);
        assert_eq!(ec2(&door, &format!("{modify}&HttpTokens=optional")).await.0, StatusCode::OK);
        // What is the same already is no change.
        assert_eq!(ec2(&door, &format!("{modify}&HttpTokens=optional")).await.0, StatusCode::OK);
        let (_, body) = request(&door, "GET", PATH, &[], "").await;
        let mut told: Value = serde_json::from_str(&body).unwrap();
        for change in told["history"].as_array_mut().unwrap() {
            let at = change.as_object_mut().unwrap().remove("at").unwrap();
            assert!(at.as_str().unwrap().starts_with("20"), "{at}");
        }
        assert_eq!(
            told,
            json!({"history": [
                {"option": "HttpTokens", "old": "optional", "new": "required", "access_key": "AKID", "address": "127.0.0.1"},
                {"option": "HttpPutResponseHopLimit", "old": "1", "new": "2", "access_key": "AKID", "address": "127.0.0.1"},
                {"option": "HttpTokens", "old": "required", "new": "optional", "access_key": null, "address": "127.0.0.1"},
            ]})
        );
    }

    #[tokio::test]
    async fn an_unknown_instance_has_none() {
        let door = door();
        for (path, status, error) in [
            ("/api/v1/instances/i-00000000/history", 404, "there is no instance i-00000000"),
            ("/api/v1/instances/x/history", 400, "Invalid id: \"x\""),
            ("/api/v1/instance", 404, "there is nothing at this path"),
        ] {
            let (told, body) = request(&door, "GET", path, &[], "").await;
            assert_eq!((told.as_u16(), body), (status, json!({ "error": error }).to_string()));
        }
        let (told, body) = request(&door, "POST", PATH, &[], "").await;
        assert_eq!(
            (told.as_u16(), body),
            (405, json!({"error": "this path has no such method"}).to_string())
        );
    }
}
