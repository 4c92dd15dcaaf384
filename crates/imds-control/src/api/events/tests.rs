//! Events that are planned, listed and canceled at the door, and what the machines' records say then.

use std::time::Duration;

use axum::http::StatusCode;
use imds_core::lifecycle::State;
use imds_core::testing::launch;
use imds_core::timeline::{MOST, Planned};
use imds_core::{Machine, Timestamp};
use imds_store::record::{self, Batch, Place};
use serde_json::{Value, json};

use crate::door::Door;
use crate::testing::{door, request};

const PATH: &str = "/api/v1/events";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const A: &str = "i-0000000a";
const B: &str = "i-0000000b";

fn keep(door: &Door, id: &str, state: State) {
    let mut machine = Machine::launched(launch().instance());
    (machine.instance.id, machine.state) = (id.parse().unwrap(), state);
    let mut batch = Batch::default();
    batch.put(id, &machine);
    door.store.commit(batch.writes()).unwrap();
}

/// A door with two instances.
fn two() -> Door {
    let door = door();
    keep(&door, A, State::Running);
    keep(&door, B, State::Stopped);
    door
}

fn timeline(door: &Door, id: &str) -> Vec<Planned> {
    record::get::<Machine>(&*door.store, id).unwrap().unwrap().record.instance.timeline
}

async fn plan(door: &Door, body: &Value) -> (StatusCode, Value) {
    let (status, told) = request(door, "POST", PATH, JSON, &body.to_string()).await;
    (status, serde_json::from_str(&told).unwrap())
}

async fn listed(door: &Door, query: &str) -> Vec<Value> {
    let (status, told) = request(door, "GET", &format!("{PATH}{query}"), &[], "").await;
    assert_eq!(status, StatusCode::OK, "{told}");
    serde_json::from_str::<Value>(&told).unwrap()["events"].as_array().unwrap().clone()
}

async fn cancel(door: &Door, id: &str) -> (StatusCode, Value) {
    let (status, told) = request(door, "DELETE", &format!("{PATH}/{id}"), &[], "").await;
    (status, serde_json::from_str(&told).unwrap())
}

fn time(event: &Value, name: &str) -> Timestamp {
    event[name].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_event_is_planned_for_those_who_are_named_or_for_all() {
    let door = two();
    for (body, instances, expected) in [
        (
            json!({"kind": "spot-interruption", "instances": [A, A], "in": "10m", "action": "stop"}),
            vec![A],
            json!({"kind": "spot-interruption", "action": "stop", "progress": "planned"}),
        ),
        (
            json!({"kind": "maintenance", "all": true, "at": "2030-01-01T00:00:00Z", "duration": "1h", "code": "system-reboot"}),
            vec![A, B],
            json!({"kind": "maintenance", "code": "system-reboot", "not_after": "2030-01-01T01:00:00Z",
                   "description": "The instance is scheduled for maintenance", "progress": "planned"}),
        ),
        (
            json!({"kind": "rebalance", "instances": [B, A]}),
            vec![A, B],
            json!({"kind": "rebalance", "progress": "happened"}),
        ),
        (
            json!({"kind": "asg-lifecycle", "instances": [B], "state": "Warmed:Stopped", "in": "1m"}),
            vec![B],
            json!({"kind": "asg-lifecycle", "state": "Warmed:Stopped", "progress": "planned"}),
        ),
    ] {
        let (status, told) = plan(&door, &body).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        let id = told["id"].as_str().unwrap();
        assert!(id.starts_with("event-") && id.len() == 23, "{id}");
        let mut rest = told.clone();
        for name in ["id", "at", "notice", "instances"] {
            assert!(rest.as_object_mut().unwrap().remove(name).is_some(), "{told}");
        }
        assert_eq!((rest, &told["instances"]), (expected, &json!(instances)));
        for machine in [A, B] {
            let has = timeline(&door, machine).iter().any(|planned| planned.id == id);
            assert_eq!(has, instances.contains(&machine), "{machine} {told}");
        }
        let ahead = time(&told, "at").duration_since(time(&told, "notice")).as_secs();
        let is_told_ahead = ["spot-interruption", "maintenance"].contains(&told["kind"].as_str().unwrap());
        assert_eq!(ahead, if is_told_ahead { 120 } else { 0 }, "{told}");
    }
    let all = listed(&door, "").await;
    let kinds: Vec<_> = all.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["rebalance", "asg-lifecycle", "spot-interruption", "maintenance"], "by their notice");
    assert_eq!(listed(&door, &format!("?instance={A}")).await.len(), 3);
    keep(&door, "i-0000000a123456789", State::Running);
    plan(&door, &json!({"kind": "rebalance", "instances": ["i-0000000a123456789"]})).await;
    assert_eq!(listed(&door, &format!("?instance={A}")).await.len(), 3, "another's id begins with it");
    assert!(all.iter().all(|event| event["instances"] != json!([])));
}

#[tokio::test]
async fn all_are_not_the_built_in_one_unless_nobody_else_is_there() {
    let door = two();
    let mut batch = Batch::default();
    batch.put(A, &Place { is_built_in: true, is_default: true, ..Place::default() });
    batch.put(B, &Place::default());
    door.store.commit(batch.writes()).unwrap();
    let all = json!({"kind": "rebalance", "all": true});
    assert_eq!(plan(&door, &all).await.1["instances"], json!([B]));
    let named = json!({"kind": "rebalance", "instances": [A]});
    assert_eq!(plan(&door, &named).await.1["instances"], json!([A]));
    keep(&door, B, State::Terminated);
    assert_eq!(plan(&door, &all).await.1["instances"], json!([A]));
}

#[tokio::test]
async fn how_far_an_event_is_goes_by_the_service_s_clock() {
    let door = two();
    let clock = "/api/v1/clock";
    request(&door, "POST", clock, JSON, r#"{"paused": true}"#).await;
    plan(&door, &json!({"kind": "spot-interruption", "instances": [A], "in": "10m"})).await;
    for (advance, progress) in [("7m", "planned"), ("61s", "noticed"), ("2m", "happened")] {
        let body = json!({ "advance": advance }).to_string();
        assert_eq!(request(&door, "POST", clock, JSON, &body).await.0, StatusCode::OK);
        assert_eq!(listed(&door, "").await[0]["progress"], progress, "{advance}");
    }
    assert!(door.clock.now() > Timestamp::now() + Duration::from_secs(540));
    // What took its place for one of them leaves the other reading it.
    let (_, first) = plan(&door, &json!({"kind": "asg-lifecycle", "all": true, "state": "InService"})).await;
    for (next, progress) in [(A, "happened"), (B, "over")] {
        plan(&door, &json!({"kind": "asg-lifecycle", "instances": [next], "state": "Standby"})).await;
        for (query, expected) in [(String::new(), progress), (format!("?instance={A}"), "over")] {
            let all = listed(&door, &query).await;
            let first = all.iter().find(|event| event["id"] == first["id"]).unwrap();
            assert_eq!(first["progress"], expected, "{all:?}");
        }
    }
}

#[tokio::test]
async fn an_event_is_canceled_for_all_who_have_it() {
    let door = two();
    let (_, rebalance) = plan(&door, &json!({"kind": "rebalance", "all": true})).await;
    let (_, maintenance) = plan(&door, &json!({"kind": "maintenance", "all": true, "in": "1m"})).await;
    for (event, left) in [(&rebalance, 1), (&maintenance, 1)] {
        let id = event["id"].as_str().unwrap();
        let (status, told) = cancel(&door, id).await;
        assert_eq!(
            (status, &told["progress"], &told["instances"]),
            (StatusCode::OK, &json!("canceled"), &json!([A, B]))
        );
        assert_eq!(timeline(&door, A).len(), left, "maintenance that was told stays in the history");
        let (status, told) = cancel(&door, id).await;
        let why = format!("there is no event {id} that can be canceled");
        assert_eq!((status, told), (StatusCode::NOT_FOUND, json!({ "error": why })));
    }
    assert_eq!(listed(&door, "").await[0]["progress"], "canceled");
}

#[tokio::test]
async fn what_cannot_be_planned_is_refused_and_changes_nothing() {
    let door = two();
    keep(&door, "i-0000000c", State::ShuttingDown);
    let before = door.store.revision().unwrap();
    for (body, status, why) in [
        (json!({"kind": "rebalance"}), 400, "no instance is named"),
        (json!({"kind": "rebalance", "instances": []}), 400, "no instance is named"),
        (json!({"kind": "rebalance", "instances": [A], "all": true}), 400, "leave one of them out"),
        (json!({"kind": "rebalance", "instances": ["x"]}), 400, "Invalid id"),
        (json!({"kind": "rebalance", "instances": [A, "i-00000000"]}), 404, "no instance i-00000000"),
        (json!({"kind": "rebalance", "instances": [A, "i-0000000c"]}), 409, "i-0000000c is terminated"),
        (json!({"kind": "reboot", "instances": [A]}), 400, "a kind is"),
        (json!({"kind": "rebalance", "instances": [A], "in": "-1m"}), 400, "in: a time is like"),
        (json!({"kind": "rebalance", "instances": [A], "when": "now"}), 400, "the body is not"),
        (json!({"kind": "asg-lifecycle", "instances": [A], "state": "Pending\n"}), 400, "state: "),
        (json!({"kind": "maintenance", "instances": [A], "description": "a\u{7}"}), 400, "description: "),
        (json!([]), 400, "the body is not"),
    ] {
        let (told, answer) = plan(&door, &body).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert_eq!((told.as_u16(), error.contains(why)), (status, true), "{body}: {answer}");
    }
    for (method, path, headers, status) in [
        ("POST", PATH, &[("content-type", "text/plain")][..], 415),
        ("GET", "/api/v1/events?instance=x", &[], 400),
        ("GET", "/api/v1/events?instance=i-00000000", &[], 404),
        ("GET", "/api/v1/events?instance=i-0000000c", &[], 404),
        ("GET", "/api/v1/events?other=1", &[], 400),
        ("DELETE", "/api/v1/events/event-%1b%5b2J", &[], 404),
        ("DELETE", PATH, &[], 405),
        ("GET", "/api/v1/events/event-0", &[], 405),
    ] {
        let (told, body) = request(&door, method, path, headers, "{}").await;
        assert_eq!(told.as_u16(), status, "{method} {path} {body}");
        assert!(body.starts_with("{\"error\":\"") && !body.contains('\u{1b}'), "{body}");
    }
    assert_eq!(door.store.revision().unwrap(), before);
    for _ in 0..MOST {
        let body = json!({"kind": "rebalance", "instances": [A], "in": "1h"});
        assert_eq!(plan(&door, &body).await.0, StatusCode::OK);
    }
    let (status, told) = plan(&door, &json!({"kind": "rebalance", "all": true})).await;
    assert_eq!(
        (status, told["error"].as_str().unwrap().contains("cancel some")),
        (StatusCode::CONFLICT, true)
    );
    assert_eq!((timeline(&door, A).len(), timeline(&door, B).len()), (MOST, 0), "all or none");
    // What is over, and has another in its place, makes room; the oldest goes first.
    request(&door, "POST", "/api/v1/clock", JSON, r#"{"advance": "2h"}"#).await;
    let oldest = timeline(&door, A)[0].id.clone();
    let (status, told) = plan(&door, &json!({"kind": "rebalance", "all": true})).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let now = timeline(&door, A);
    assert_eq!((now.len(), now.iter().any(|planned| planned.id == oldest)), (MOST, false));
    assert_eq!(now.last().map(|planned| planned.id.as_str()), told["id"].as_str());
}
