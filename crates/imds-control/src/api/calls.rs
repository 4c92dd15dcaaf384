//! `/api/v1/calls`: `GET` tells the last calls of guests, oldest first, with every one that has been answered already;
//! `DELETE` forgets them.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use imds_core::Machine;
use imds_core::audit::{REMEMBERED, Recorded, Whose};
use imds_core::id::InstanceId;
use imds_store::record;
use serde::Serialize;

use super::{Refusal, blocking, unknown};
use crate::call::instance_id;
use crate::door::Door;
use crate::query::Error;

#[derive(Serialize)]
pub(super) struct Calls {
    /// So many of each instance, and of strangers: who has fewer has lost none.
    remembered: usize,
    calls: Vec<Recorded>,
}

/// Which calls are asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    of: Whose,
    /// Only those with higher numbers; all have one that is higher than 0.
    since: u64,
}

pub(super) async fn list(
    State(door): State<Door>,
    RawQuery(query): RawQuery,
) -> Result<Json<Calls>, Refusal> {
    let Wish { of, since } = wish(query.as_deref().unwrap_or_default())?;
    let named = match &of {
        Whose::Instance(id) => Some(id.clone()),
        Whose::All | Whose::Strangers => None,
    };
    let calls = door.plane.calls(of).await.map_err(Error::from)?;
    if let Some(id) = named.filter(|_| calls.is_empty()) {
        known(door, id).await?;
    }
    let calls = calls.into_iter().filter(|call| call.number > since).collect();
    Ok(Json(Calls { remembered: REMEMBERED, calls }))
}

/// Refuses the id of an instance that never was, or was forgotten: that it made no calls would say nothing.
async fn known(door: Door, id: InstanceId) -> Result<(), Refusal> {
    blocking(move || match record::get::<Machine>(&*door.store, id.as_str()).map_err(Error::from)? {
        Some(_) => Ok(()),
        None => Err(unknown(id.as_str())),
    })
    .await
}

/// All of everybody's are forgotten; numbers go on.
pub(super) async fn forget(
    State(door): State<Door>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Refusal> {
    // Whoever names an instance must not lose what the others did.
    let query = query.unwrap_or_default();
    if let Some((name, _)) =
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| !name.starts_with("X-Amz-"))
    {
        let why = format!("all calls are forgotten, and there is no parameter {name:?}");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, why));
    }
    door.plane.forget().await.map_err(Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `instance=ID` or `instance=none`, and `since=NUMBER`, each once at most; and what a signature in the query string has.
fn wish(query: &str) -> Result<Wish, Refusal> {
    let wrong = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let (mut of, mut since) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_first = match &*name {
            "instance" => {
                let whose = match &*value {
                    "none" => Whose::Strangers,
                    id => Whose::Instance(instance_id(id)?),
                };
                of.replace(whose).is_none()
            }
            "since" => {
                let number = value.parse::<u64>();
                let number =
                    number.map_err(|_| wrong(format!("since is not the number of a call: {value:?}")))?;
                since.replace(number).is_none()
            }
            name if name.starts_with("X-Amz-") => true,
            name => {
                return Err(wrong(format!("there is no parameter {name:?}; there are instance and since")));
            }
        };
        if !is_first {
            return Err(wrong(format!("the parameter {name} came twice")));
        }
    }
    Ok(Wish { of: of.unwrap_or(Whose::All), since: since.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::http::StatusCode;
    use imds_core::audit::{Recorded, Tallies, Version, Whose};
    use imds_core::lifecycle::State;
    use imds_core::testing::{launch, noon};
    use imds_store::record::Batch;
    use serde_json::{Value, json};

    use crate::door::Door;
    use crate::plane::{Plane, Question};
    use crate::testing::{door, keep_machine, request};

    const ID: &str = "i-12345678901234567";

    /// A door to a metadata process that remembers a call of the instance and one of a stranger.
    fn remembering() -> Door {
        let call = Recorded {
            number: 7,
            at: noon(),
            instance: Some(launch().id),
            source: [10, 0, 0, 1].into(),
            method: "GET".into(),
            path: "/latest/<b>".into(),
            status: 401,
            version: Version::V2,
            user_agent: "curl/8".into(),
            micros: 12,
            fault: None,
        };
        let stranger = Recorded { number: 9, instance: None, version: Version::V1, ..call.clone() };
        let all = Mutex::new(vec![call, stranger]);
        let plane = Plane::answering(move |question| match question {
            Question::Tallies(answer) => drop(answer.send(Tallies::default())),
            Question::Tally { answer, .. } => drop(answer.send(None)),
            Question::View { answer, .. } => drop(answer.send(None)),
            Question::Faults(answer) => drop(answer.send(Vec::new())),
            Question::Forget(answer) => {
                all.lock().unwrap().clear();
                let _ = answer.send(());
            }
            Question::Calls { of, answer } => {
                let all = all.lock().unwrap();
                let calls = all.iter().filter(|call| match &of {
                    Whose::All => true,
                    Whose::Instance(id) => call.instance.as_ref() == Some(id),
                    Whose::Strangers => call.instance.is_none(),
                });
                drop(answer.send(calls.cloned().collect()));
            }
        });
        Door { plane, ..door() }
    }

    #[tokio::test]
    async fn a_call_is_told_with_all_that_is_known_of_it() {
        let path = format!("/api/v1/calls?instance={ID}");
        let (status, body) = request(&remembering(), "GET", &path, &[], "").await;
        assert_eq!(status, StatusCode::OK);
        let expected = json!({"remembered": 100, "calls": [{
            "number": 7, "at": noon().to_string(), "instance": ID, "source": "10.0.0.1", "method": "GET",
            "path": "/latest/<b>", "status": 401, "version": "v2", "user_agent": "curl/8", "micros": 12,
        }]});
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    }

    #[tokio::test]
    async fn one_asks_for_an_instance_for_strangers_and_for_what_is_new() {
        let door = remembering();
        for (query, expected) in [
            ("", &[7, 9][..]),
            ("?", &[7, 9]),
            ("?since=0", &[7, 9]),
            ("?since=7", &[9]),
            ("?since=9", &[]),
            ("?since=18446744073709551615", &[]),
            ("?instance=i-12345678901234567", &[7]),
            ("?instance=i%2D12345678901234567&since=7", &[]),
            ("?instance=none", &[9]),
            ("?since=8&instance=none", &[9]),
            ("?X-Amz-Signature=0&since=8", &[9]),
        ] {
            let (status, body) = request(&door, "GET", &format!("/api/v1/calls{query}"), &[], "").await;
            let told: Value = serde_json::from_str(&body).unwrap();
            let numbers: Vec<_> = told["calls"]
                .as_array()
                .unwrap()
                .iter()
                .map(|call| call["number"].as_u64().unwrap())
                .collect();
            assert_eq!((status, &numbers[..]), (StatusCode::OK, expected), "{query}");
        }
    }

    #[tokio::test]
    async fn an_instance_that_is_not_known_is_refused_and_one_without_calls_is_not() {
        let door = Door { plane: Plane::immediate(), ..door() };
        let path = format!("/api/v1/calls?instance={ID}");
        let why = format!("there is no instance {ID}");
        let refused = (StatusCode::NOT_FOUND, json!({ "error": why }).to_string());
        assert_eq!(request(&door, "GET", &path, &[], "").await, refused);
        let mut machine = keep_machine(&door);
        let none = (StatusCode::OK, r#"{"remembered":100,"calls":[]}"#.to_owned());
        assert_eq!(request(&door, "GET", &path, &[], "").await, none);
        // For as long as EC2, too, tells of it.
        machine.state = State::Terminated;
        let mut batch = Batch::default();
        batch.put(ID, &machine);
        door.store.commit(batch.writes()).unwrap();
        assert_eq!(request(&door, "GET", &path, &[], "").await, none);
    }

    #[tokio::test]
    async fn calls_are_forgotten_all_or_none_and_by_no_other_site() {
        let door = remembering();
        let left = async || request(&door, "GET", "/api/v1/calls", &[], "").await.1.matches("number").count();
        let foreign = [("origin", "http://evil.test")];
        let status = request(&door, "DELETE", "/api/v1/calls", &foreign, "").await.0;
        assert_eq!((status, left().await), (StatusCode::FORBIDDEN, 2));
        for query in ["?instance=none", "?since=1", "?x"] {
            let path = format!("/api/v1/calls{query}");
            let (status, body) = request(&door, "DELETE", &path, &[], "").await;
            assert_eq!((status, left().await), (StatusCode::BAD_REQUEST, 2), "{query}");
            assert!(body.contains("all calls are forgotten"), "{body}");
        }
        let answered = request(&door, "DELETE", "/api/v1/calls?X-Amz-Date=x", &[], "").await;
        assert_eq!(answered, (StatusCode::NO_CONTENT, String::new()));
        assert_eq!(left().await, 0);
    }

    #[tokio::test]
    async fn what_is_malformed_is_refused_as_json() {
        let door = remembering();
        for (query, why) in [
            ("?instance=x", "Invalid id: \"x\""),
            ("?instance=", "Invalid id: \"\""),
            ("?instance=none&instance=none", "the parameter instance came twice"),
            ("?since=", "since is not the number of a call: \"\""),
            ("?since=-1", "since is not the number of a call: \"-1\""),
            ("?since=1&since=1", "the parameter since came twice"),
            ("?instnace=none", "there is no parameter \"instnace\"; there are instance and since"),
        ] {
            let (status, body) = request(&door, "GET", &format!("/api/v1/calls{query}"), &[], "").await;
            assert_eq!((status.as_u16(), body), (400, json!({ "error": why }).to_string()), "{query}");
        }
        assert_eq!(request(&door, "POST", "/api/v1/calls", &[], "").await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
}
