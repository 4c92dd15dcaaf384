//! `PATCH /api/v1/instances/ID`: what of an instance AWS has no action for: its host name.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use imds_core::Machine;
use imds_store::Revision;
use imds_store::record::{self, Batch};
use serde::{Deserialize, Serialize};

use super::{Refusal, blocking, json_body, unknown};
use crate::call::instance_id;
use crate::commit;
use crate::door::Door;
use crate::query::Error;

/// What can be changed, and what it is afterwards.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    hostname: String,
}

/// Changes an instance; answered when its guests are told the new name.
pub(super) async fn change(
    State(door): State<Door>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Change>, Refusal> {
    let wrong = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let change: Change = json_body(&headers, body, "{\"hostname\": \"…\"}")?;
    check_hostname(&change.hostname).map_err(wrong)?;
    let plane = door.plane.clone();
    let asked = change.clone();
    let revision = blocking(move || apply(&door, &id, &asked)).await?;
    plane.reached(revision).await.map_err(Error::from)?;
    Ok(Json(change))
}

/// Keeps a change; the commit that guests must have seen before it is answered.
fn apply(door: &Door, id: &str, change: &Change) -> Result<Revision, Refusal> {
    let store = &*door.store;
    let id = instance_id(id)?;
    let ((), revision) = commit::decided(store, || {
        let found = record::get::<Machine>(store, id.as_str()).map_err(Error::from)?;
        let found = found.ok_or_else(|| unknown(id.as_str()))?;
        let mut machine = found.record.clone();
        if machine.state.is_terminated() {
            return Err(Refusal::new(StatusCode::CONFLICT, format!("the instance {id} is terminated")));
        }
        let mut batch = Batch::default();
        if machine.instance.hostname != change.hostname {
            machine.instance.hostname.clone_from(&change.hostname);
            machine.instance.changed = door.clock.now();
            batch.replace(id.as_str(), &found, &machine);
        }
        Ok((batch, ()))
    })?;
    Ok(revision)
}

/// A name of RFC 1123: labels of letters, digits and hyphens, 63 characters each and 253 together.
fn check_hostname(name: &str) -> Result<(), String> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if name.len() <= 253 && name.split('.').all(is_label) {
        return Ok(());
    }
    Err("the host name must be labels of letters, digits and hyphens with dots between them, 63 characters a label and \
         253 together"
        .into())
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use imds_core::Machine;
    use imds_core::lifecycle::State;
    use imds_store::record::{self, Batch};
    use serde_json::json;

    use super::check_hostname;
    use crate::testing::{door, keep_machine, request};

    const PATH: &str = "/api/v1/instances/i-12345678901234567";
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

    #[tokio::test]
    async fn the_host_name_is_changed() {
        let door = door();
        let before = keep_machine(&door).instance.changed;
        let body = json!({"hostname": "web-1.example.test"}).to_string();
        let charset = &[("content-type", "application/json; charset=utf-8")];
        for headers in [JSON, charset] {
            let (status, told) = request(&door, "PATCH", PATH, headers, &body).await;
            assert_eq!((status, &told), (StatusCode::OK, &body));
        }
        let found = record::get::<Machine>(&*door.store, "i-12345678901234567").unwrap().unwrap();
        assert_eq!(found.record.instance.hostname, "web-1.example.test");
        assert!(found.record.instance.changed > before);
        assert_eq!(found.revision, 2, "the second time there was nothing to change");
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused_as_json() {
        let door = door();
        let mut machine = keep_machine(&door);
        let good = r#"{"hostname": "web"}"#;
        let form = &[("content-type", "text/plain")];
        let large = format!("{{\"hostname\": \"{}\"}}", "x".repeat(256 * 1024));
        for (path, headers, body, expected) in [
            (PATH, form as &[_], good, 415),
            (PATH, &[], good, 415),
            (PATH, JSON, "", 400),
            (PATH, JSON, "[]", 400),
            (PATH, JSON, "{}", 400),
            (PATH, JSON, r#"{"hostname": "web", "tags": {}}"#, 400),
            (PATH, JSON, r#"{"hostname": "a b"}"#, 400),
            (PATH, JSON, &large, 413),
            ("/api/v1/instances/i-00000000", JSON, good, 404),
            ("/api/v1/instances/x", JSON, good, 400),
        ] {
            let (status, told) = request(&door, "PATCH", path, headers, body).await;
            assert_eq!(status.as_u16(), expected, "{body:.60} {told}");
            assert!(told.starts_with("{\"error\":\""), "{told}");
        }
        machine.state = State::Terminated;
        let mut batch = Batch::default();
        batch.put(machine.instance.id.as_str(), &machine);
        door.store.commit(batch.writes()).unwrap();
        assert_eq!(request(&door, "PATCH", PATH, JSON, good).await.0, StatusCode::CONFLICT);
        assert_eq!(request(&door, "GET", PATH, &[], "").await.0, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[test]
    fn a_host_name_has_the_form_of_one() {
        for good in ["web", "web-1.example.test", "3com", &["x".repeat(63), "y".repeat(63)].join(".")] {
            assert_eq!(check_hostname(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            ".",
            "web.",
            "-a",
            "a-",
            "a..b",
            "a_b",
            "a b",
            "a\nb",
            "é",
            &"x".repeat(64),
            &["x"; 128].join("."),
        ] {
            assert!(check_hostname(bad).is_err(), "{bad:?}");
        }
    }
}
