//! `GET /api/v1/clock`: what time it is for the service. `POST` advances, pauses or hastens it, and is answered when guests
//! are told the same.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use imds_core::Timestamp;
use imds_core::clock::{Clock, Pace, Stretch};
use imds_store::Revision;
use imds_store::record::{self, Batch};
use serde::{Deserialize, Serialize};

use super::{Refusal, blocking, json_body};
use crate::door::Door;
use crate::query::Error;
use crate::{commit, retention};

/// What is to become of it, in this order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// By how much it is to be advanced: `2m`
    advance: Option<String>,
    /// Is that to be more than a year?
    #[serde(default)]
    far: bool,
    /// How fast it is to go: `60x`
    pace: Option<String>,
    /// Is it to stand still?
    paused: Option<bool>,
}

/// What it is.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    now: Timestamp,
    /// What the machine's clock shows.
    machine: Timestamp,
    pace: u32,
    paused: bool,
}

impl Shown {
    fn of(door: &Door) -> Self {
        let machine = Timestamp::now();
        let clock = door.clock.clock(machine);
        Self { now: clock.at(machine), machine, pace: clock.pace.get(), paused: clock.is_paused }
    }
}

pub(super) async fn show(State(door): State<Door>) -> Json<Shown> {
    Json(Shown::of(&door))
}

pub(super) async fn change(
    State(door): State<Door>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Shown>, Refusal> {
    let form = "{\"advance\": \"2m\", \"pace\": \"60x\", \"paused\": false}, each of them optional";
    let change = Wish::of(&json_body::<Change>(&headers, body, form)?)?;
    let asked = door.clone();
    let revision = blocking(move || apply(&asked, change)).await?;
    door.plane.reached(revision).await.map_err(Error::from)?;
    // What is old by now is not shown any longer.
    let (store, now) = (door.store.clone(), door.clock.now());
    blocking(move || {
        if let Err(error) = retention::sweep(&*store, now) {
            tracing::warn!(%error, "what is old could not be deleted");
        }
        Ok(())
    })
    .await?;
    Ok(Json(Shown::of(&door)))
}

/// A change, as understood.
#[derive(Debug, Clone, Copy)]
struct Wish {
    advance: Option<Stretch>,
    pace: Option<Pace>,
    is_paused: Option<bool>,
}

impl Wish {
    fn of(change: &Change) -> Result<Self, Refusal> {
        let wish = Self {
            advance: change
                .advance
                .as_deref()
                .map(|by| by.parse::<Stretch>()?.meant(change.far))
                .transpose()
                .map_err(wrong)?,
            pace: change.pace.as_deref().map(str::parse).transpose().map_err(wrong)?,
            is_paused: change.paused,
        };
        if wish.advance.is_none() && wish.pace.is_none() && wish.is_paused.is_none() {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "nothing is to be changed"));
        }
        Ok(wish)
    }

    fn apply(self, mut clock: Clock, machine: Timestamp) -> Result<Clock, imds_core::clock::Error> {
        if let Some(by) = self.advance {
            clock = clock.advanced(machine, by)?;
        }
        if let Some(pace) = self.pace {
            clock = clock.paced(machine, pace);
        }
        if let Some(is_paused) = self.is_paused {
            clock = clock.paused(machine, is_paused);
        }
        Ok(clock)
    }
}

fn wrong(error: imds_core::clock::Error) -> Refusal {
    use imds_core::clock::Error::{Far, Late, Pace, Stretch};
    let why = match error {
        Far => format!("{error} with \"far\": true"),
        Pace | Stretch | Late => error.to_string(),
    };
    Refusal::new(StatusCode::BAD_REQUEST, why)
}

/// Keeps a change, of which everybody hears by the store; the commit that guests must have seen before it is answered.
fn apply(door: &Door, wish: Wish) -> Result<Revision, Refusal> {
    let (changed, revision) = commit::decided(&*door.store, || {
        let name = record::clock::NAME;
        let found = record::get::<Clock>(&*door.store, name).map_err(Error::from)?;
        let machine = Timestamp::now();
        let before = found.as_ref().map_or_else(|| Clock::of_machine(machine), |found| found.record);
        let changed = wish.apply(before, machine).map_err(wrong)?;
        let mut batch = Batch::default();
        match &found {
            Some(found) => batch.replace(name, found, &changed),
            None => batch.create(name, &changed),
        }
        Ok::<_, Refusal>((batch, changed))
    })?;
    door.clock.set(changed);
    Ok(revision)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{door, request};

    const PATH: &str = "/api/v1/clock";
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

    async fn changed(door: &Door, body: &Value) -> Value {
        let (status, told) = request(door, "POST", PATH, JSON, &body.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        serde_json::from_str(&told).unwrap()
    }

    #[tokio::test]
    async fn it_is_the_machines_until_it_is_changed_and_never_goes_back() {
        let door = door();
        let (_, told) = request(&door, "GET", PATH, &[], "").await;
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(
            (&told["now"], &told["pace"], &told["paused"]),
            (&told["machine"], &json!(1), &json!(false))
        );
        let time = |told: &Value, name: &str| told[name].as_str().unwrap().parse::<Timestamp>().unwrap();
        let mut last = time(&told, "now");
        for (body, least) in [
            (json!({"advance": "2m", "paused": true}), 120),
            (json!({"advance": "1h30m"}), 5_400),
            (json!({"pace": "60x"}), 0),
            (json!({"advance": "15d", "pace": "1x", "paused": false}), 1_296_000),
        ] {
            let told = changed(&door, &body).await;
            let now = time(&told, "now");
            assert!(now >= last + Duration::from_secs(least), "{body}: {last} {told}");
            assert!(now < last + Duration::from_secs(least + 60), "{body}: {last} {told}");
            assert!(door.clock.now() >= now);
            last = now;
        }
        let kept = record::get::<Clock>(&*door.store, record::clock::NAME).unwrap().unwrap().record;
        assert_eq!((kept.changes, kept.pace.get(), kept.is_paused), (7, 1, false));
    }

    #[tokio::test]
    async fn what_is_no_time_changes_nothing() {
        let door = door();
        for body in [
            "",
            "[]",
            "{}",
            r#"{"advance": "-2m"}"#,
            r#"{"advance": "0s"}"#,
            r#"{"advance": "3651d"}"#,
            r#"{"advance": "367d"}"#,
            r#"{"advance": "367d", "far": false}"#,
            r#"{"advance": "367d", "far": "yes"}"#,
            r#"{"far": true}"#,
            r#"{"advance": 120}"#,
            r#"{"pace": "0x"}"#,
            r#"{"pace": "86401x"}"#,
            r#"{"pace": 60}"#,
            r#"{"paused": "yes"}"#,
            r#"{"advance": "2m", "pace": "0x"}"#,
            r#"{"now": "2026-11-24T12:00:00Z"}"#,
        ] {
            let (status, told) = request(&door, "POST", PATH, JSON, body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body} {told}");
            assert!(told.starts_with("{\"error\":\""), "{told}");
            let is_far = body.contains("367d") && !body.contains("yes");
            assert_eq!(told.contains(r#"say so with \"far\": true"}"#), is_far, "{told}");
        }
        let form = &[("content-type", "text/plain")];
        let (status, _) = request(&door, "POST", PATH, form, r#"{"advance": "2m"}"#).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert!(record::get::<Clock>(&*door.store, record::clock::NAME).unwrap().is_none());
        let far = json!({"advance": "3650d", "far": true});
        for _ in 0..17 {
            changed(&door, &far).await;
        }
        let (status, told) = request(&door, "POST", PATH, JSON, &far.to_string()).await;
        assert_eq!((status, told.contains("2199")), (StatusCode::BAD_REQUEST, true), "{told}");
        // Whatever is asked then, there is room for what is added to a time.
        let form = "Action=DescribeInstances";
        assert_eq!(crate::testing::ec2(&door, form).await.0, StatusCode::OK);
    }
}
