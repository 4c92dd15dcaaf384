//! `/api/v1/faults`: faults on request. GET lists them, POST asks for one, DELETE removes one or all. Each is answered when
//! guests meet it so.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use imds_core::fault::Draft;
use imds_core::{Machine, Timestamp};
use imds_store::{Store, record};
use serde::Serialize;

use super::{Refusal, blocking, json_body, unknown};
use crate::call::instance_id;
use crate::door::Door;
use crate::faults::{self, Faults, Posted};
use crate::query::Error;

#[derive(Serialize)]
pub(super) struct List {
    faults: Vec<Listed>,
}

/// A fault, as it was written, and what has become of it.
#[derive(Serialize)]
struct Listed {
    id: u64,
    #[serde(flatten)]
    draft: Draft,
    /// `file` or `api`.
    origin: &'static str,
    /// How many calls met it.
    struck: u64,
    /// `active`, or `spent` when its time is over or it has struck as often as it may.
    state: &'static str,
}

#[derive(Serialize)]
pub(super) struct Added {
    id: u64,
}

#[derive(Serialize)]
pub(super) struct Removed {
    removed: usize,
}

impl Listed {
    fn new(posted: Posted, struck: &[(u64, u64)], now: Timestamp) -> Self {
        let id = posted.asked.number;
        let struck = struck.iter().find(|(known, _)| *known == id).map_or(0, |(_, struck)| *struck);
        Self {
            id,
            struck,
            state: if posted.is_spent(struck, now) { "spent" } else { "active" },
            origin: if posted.is_of_file { "file" } else { "api" },
            draft: posted.asked.draft,
        }
    }
}

pub(super) async fn list(State(door): State<Door>) -> Result<Json<List>, Refusal> {
    // Those of the file are being replaced, perhaps, which waits for the store.
    let faults = Arc::clone(&door.faults);
    let all = blocking(move || Ok(faults.list())).await?;
    let struck = door.plane.faults().await.map_err(Error::from)?;
    let now = door.clock.now();
    Ok(Json(List { faults: all.into_iter().map(|posted| Listed::new(posted, &struck, now)).collect() }))
}

pub(super) async fn add(
    State(door): State<Door>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Added>), Refusal> {
    let wrong = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let draft: Draft = json_body(&headers, body, "a fault")?;
    let plane = door.plane.clone();
    let id = blocking(move || {
        draft.rule().map_err(wrong)?;
        check(&*door.store, &draft)?;
        door.faults.add(draft).map_err(Refusal::from)
    });
    let id = id.await?;
    plane.faults().await.map_err(Error::from)?;
    Ok((StatusCode::CREATED, Json(Added { id })))
}

pub(super) async fn remove(
    State(door): State<Door>,
    Path(id): Path<String>,
) -> Result<Json<Removed>, Refusal> {
    let none = || Refusal::new(StatusCode::NOT_FOUND, format!("there is no fault {id:?}"));
    let number = id.parse().map_err(|_| none())?;
    let removed = removed(&door, Some(number)).await?;
    if removed == 0 { Err(none()) } else { Ok(Json(Removed { removed })) }
}

pub(super) async fn remove_all(State(door): State<Door>) -> Result<Json<Removed>, Refusal> {
    Ok(Json(Removed { removed: removed(&door, None).await? }))
}

async fn removed(door: &Door, id: Option<u64>) -> Result<usize, Refusal> {
    let faults: Arc<Faults> = Arc::clone(&door.faults);
    let removed = blocking(move || Ok(faults.remove(id).map_err(faults::Error::Told)?)).await?;
    door.plane.faults().await.map_err(Error::from)?;
    Ok(removed)
}

/// The instances that a fault names must be there: one that is misspelt would concern nobody.
fn check(store: &dyn Store, draft: &Draft) -> Result<(), Refusal> {
    for name in draft.instances.iter().filter(|name| *name != "all") {
        let id = instance_id(name)?;
        let found = record::get::<Machine>(store, id.as_str()).map_err(Error::from)?;
        found.ok_or_else(|| unknown(id.as_str()))?;
    }
    Ok(())
}

impl From<faults::Error> for Refusal {
    fn from(error: faults::Error) -> Self {
        match error {
            faults::Error::Refused(why) => Self::new(StatusCode::BAD_REQUEST, why),
            faults::Error::Told(error) => {
                tracing::error!(%error, "faults cannot be told to the metadata process");
                Error::internal().into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{door, keep_machine, request};

    const PATH: &str = "/api/v1/faults";
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

    #[tokio::test]
    async fn what_is_asked_for_is_listed_until_it_is_removed() {
        let door = door();
        keep_machine(&door);
        let drafts = [
            json!({"kind": "drop", "path": "/latest/api/token", "methods": ["PUT"]}),
            json!({"kind": "latency", "delay": "500ms", "instances": ["i-12345678901234567"], "for": "1h"}),
        ];
        for (draft, id) in drafts.iter().zip(1..) {
            let (status, told) = request(&door, "POST", PATH, JSON, &draft.to_string()).await;
            assert_eq!((status.as_u16(), told), (201, json!({ "id": id }).to_string()));
        }
        let (_, told) = request(&door, "GET", PATH, &[], "").await;
        let told: Value = serde_json::from_str(&told).unwrap();
        for ((draft, listed), id) in drafts.iter().zip(told["faults"].as_array().unwrap()).zip(1..) {
            let mut expected = draft.clone();
            for (name, value) in [
                ("id", json!(id)),
                ("origin", "api".into()),
                ("struck", 0.into()),
                ("state", "active".into()),
            ] {
                expected[name] = value;
            }
            assert_eq!(*listed, expected);
        }
        for (path, status, removed) in [
            ("/api/v1/faults/1", 200, json!({"removed": 1})),
            ("/api/v1/faults/1", 404, json!({"error": "there is no fault \"1\""})),
            ("/api/v1/faults/x", 404, json!({"error": "there is no fault \"x\""})),
            (PATH, 200, json!({"removed": 1})),
            (PATH, 200, json!({"removed": 0})),
        ] {
            let (got, told) = request(&door, "DELETE", path, &[], "").await;
            assert_eq!((got.as_u16(), told), (status, removed.to_string()), "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused_with_what_is_permitted() {
        let door = door();
        for (headers, body, status, why) in [
            (&[][..], r#"{"kind":"drop"}"#, 415, "application/json"),
            (JSON, "", 400, "the body is not a fault"),
            (JSON, "[]", 400, "the body is not a fault"),
            (JSON, r#"{"kind":"drop","pth":"/"}"#, 400, "pth"),
            (JSON, r#"{"kind":"drop","count":-1}"#, 400, "the body is not a fault"),
            (JSON, r#"{"kind":"status","status":200}"#, 400, "400 to 599"),
            (JSON, r#"{"kind":"drop","instances":["i-0000000c"]}"#, 404, "there is no instance i-0000000c"),
        ] {
            let (got, told) = request(&door, "POST", PATH, headers, body).await;
            assert!(got.as_u16() == status && told.contains(why), "{body}: {got} {told}");
        }
        assert_eq!(door.faults.list().len(), 0);
    }

    #[tokio::test]
    async fn how_long_it_lasts_goes_by_the_service_s_clock() {
        let door = door();
        let draft = json!({"kind": "drop", "for": "2m"}).to_string();
        assert_eq!(request(&door, "POST", PATH, JSON, &draft).await.0.as_u16(), 201);
        for (advance, state) in [("1m", "active"), ("1m", "spent")] {
            let advance = json!({ "advance": advance, "paused": true }).to_string();
            assert_eq!(request(&door, "POST", "/api/v1/clock", JSON, &advance).await.0.as_u16(), 200);
            let (_, told) = request(&door, "GET", PATH, &[], "").await;
            assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["faults"][0]["state"], state, "{told}");
        }
    }
}
