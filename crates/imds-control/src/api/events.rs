//! `/api/v1/events`: what is planned for instances. Planning and canceling are answered when guests are told accordingly.

#[cfg(test)]
mod tests;
mod wish;

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use imds_core::id::InstanceId;
use imds_core::timeline::{Plan, Planned, Progress, Wish};
use imds_core::{Machine, Timestamp};
use imds_store::record::{self, Batch, Found, Place};
use imds_store::{Revision, Store};
use serde::Serialize;

use super::instances::each;
use super::{Refusal, blocking, json_body, unknown};
use crate::call::{instance_id, random_hex};
use crate::commit;
use crate::door::Door;
use crate::query::Error;
use wish::{Asked, Target};

#[derive(Serialize)]
pub(super) struct Events {
    events: Vec<Event>,
}

/// One event, of as many instances as have it.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    id: String,
    kind: &'static str,
    instances: Vec<String>,
    /// When it happens.
    at: Timestamp,
    /// When the instances are told.
    notice: Timestamp,
    /// `planned`, `noticed`, `happened`, `over` or `canceled`
    progress: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

impl Event {
    fn of(planned: &Planned, instances: Vec<String>, progress: Progress) -> Self {
        let mut event = Self {
            id: planned.id.clone(),
            kind: planned.plan.kind(),
            instances,
            at: planned.at,
            notice: planned.notice,
            progress: progress.as_str(),
            action: None,
            code: None,
            description: None,
            not_after: None,
            state: None,
        };
        match &planned.plan {
            Plan::SpotInterruption(action) => event.action = Some(action.to_string()),
            Plan::Rebalance => {}
            Plan::Maintenance { code, description, not_after } => {
                event.code = Some(code.to_string());
                event.description = Some(description.clone());
                event.not_after = *not_after;
            }
            Plan::Lifecycle(state) => event.state = Some(state.to_string()),
        }
        event
    }
}

/// All events, the first to be noticed first.
pub(super) async fn list(
    State(door): State<Door>,
    RawQuery(query): RawQuery,
) -> Result<Json<Events>, Refusal> {
    let of = of(query.as_deref().unwrap_or_default())?;
    let plane = door.plane.clone();
    let (events, revision) = blocking(move || {
        let now = door.clock.now();
        let mut all = BTreeMap::<(Timestamp, String), (Planned, Vec<String>, Progress)>::new();
        each(&*door.store, of.as_ref(), |machine| {
            for (place, planned) in machine.instance.timeline.iter().enumerate() {
                let progress = machine.instance.progress(place, now).unwrap_or_else(|| planned.progress(now));
                let key = (planned.notice, planned.id.clone());
                let (_, instances, of_all) =
                    all.entry(key).or_insert_with(|| (planned.clone(), Vec::new(), progress));
                instances.push(machine.instance.id.to_string());
                // It is over when none of them reads of it any longer.
                if progress == Progress::Happened {
                    *of_all = progress;
                }
            }
        })?;
        let of = |(planned, instances, progress)| Event::of(&planned, instances, progress);
        let events = all.into_values().map(of);
        Ok((Events { events: events.collect() }, door.store.revision().map_err(Error::from)?))
    })
    .await?;
    // What is told as noticed, guests are told.
    plane.reached(revision).await.map_err(Error::from)?;
    Ok(Json(events))
}

/// `instance=ID`, once at most; and what a signature in the query string has.
fn of(query: &str) -> Result<Option<InstanceId>, Refusal> {
    let wrong = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let mut of = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "instance" if of.is_some() => return Err(wrong("the parameter instance came twice".to_owned())),
            "instance" => of = Some(instance_id(&value)?),
            name if name.starts_with("X-Amz-") => {}
            name => return Err(wrong(format!("there is no parameter {name:?}; there is instance"))),
        }
    }
    Ok(of)
}

/// Plans an event.
pub(super) async fn plan(
    State(door): State<Door>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Event>, Refusal> {
    let form = "{\"kind\": \"spot-interruption\", \"instances\": [\"i-…\"], \"in\": \"2m\", …}";
    let asked: Asked = json_body(&headers, body, form)?;
    let (target, wish, plane) = (asked.target()?, asked.wish(), door.plane.clone());
    let (event, revision) = blocking(move || apply(&door, &target, &wish)).await?;
    plane.reached(revision).await.map_err(Error::from)?;
    Ok(Json(event))
}

fn apply(door: &Door, target: &Target, wish: &Wish) -> Result<(Event, Revision), Refusal> {
    let mut id = random_hex()?;
    id.truncate(17);
    let planned = wish.planned(format!("event-{id}"), door.clock.now());
    let planned = planned.map_err(|why| Refusal::new(StatusCode::BAD_REQUEST, why))?;
    let store = &*door.store;
    commit::decided(store, || {
        let now = door.clock.now();
        let mut batch = Batch::default();
        let mut instances = Vec::new();
        for found in chosen(store, target)? {
            let mut machine = found.record.clone();
            machine.instance.plan(planned.clone());
            let room = machine.instance.make_room(now);
            room.map_err(|why| Refusal::new(StatusCode::CONFLICT, why))?;
            instances.push(machine.instance.id.to_string());
            batch.replace(machine.instance.id.as_str(), &found, &machine);
        }
        Ok((batch, Event::of(&planned, instances, planned.progress(now))))
    })
}

/// The machines that are meant, none of them terminated.
fn chosen(store: &dyn Store, target: &Target) -> Result<Vec<Found<Machine>>, Refusal> {
    let ids = match target {
        Target::These(ids) => ids,
        Target::All => {
            let mut all = Vec::new();
            for piece in record::pieces() {
                let found = record::list::<Machine>(store, &piece).map_err(Error::from)?;
                all.extend(found.into_iter().map(|(_, found)| found));
            }
            all.retain(|found| !found.record.state.is_terminated());
            without_built_in(store, &mut all)?;
            if all.is_empty() {
                return Err(Refusal::new(StatusCode::NOT_FOUND, "there is no instance"));
            }
            return Ok(all);
        }
    };
    let found = ids.iter().map(|id| {
        let found = record::get::<Machine>(store, id.as_str()).map_err(Error::from)?;
        let found = found.ok_or_else(|| unknown(id.as_str()))?;
        if found.record.state.is_terminated() {
            return Err(Refusal::new(StatusCode::CONFLICT, format!("the instance {id} is terminated")));
        }
        Ok(found)
    });
    found.collect()
}

/// Nobody who says `all` means the built-in instance beside those of the file, unless it is the only one that is left.
fn without_built_in(store: &dyn Store, all: &mut Vec<Found<Machine>>) -> Result<(), Error> {
    let places = record::list::<Place>(store, "")?;
    let built_in = places.iter().find(|(_, found)| found.record.is_built_in).map(|(id, _)| id.as_str());
    if all.len() > 1 {
        all.retain(|found| Some(found.record.instance.id.as_str()) != built_in);
    }
    Ok(())
}

/// Cancels an event, of all instances that have it.
pub(super) async fn cancel(State(door): State<Door>, Path(id): Path<String>) -> Result<Json<Event>, Refusal> {
    let plane = door.plane.clone();
    let (event, revision) = blocking(move || take_back(&door, &id)).await?;
    plane.reached(revision).await.map_err(Error::from)?;
    Ok(Json(event))
}

fn take_back(door: &Door, id: &str) -> Result<(Event, Revision), Refusal> {
    let store = &*door.store;
    commit::decided(store, || {
        let now = door.clock.now();
        let mut batch = Batch::default();
        let (mut canceled, mut instances) = (None, Vec::new());
        let mut owners = Vec::new();
        each(store, None, |machine| {
            if machine.instance.timeline.iter().any(|planned| planned.id == id) {
                owners.push(machine.instance.id.clone());
            }
        })?;
        for owner in owners {
            let Some(found) = record::get::<Machine>(store, owner.as_str()).map_err(Error::from)? else {
                continue;
            };
            let mut machine = found.record.clone();
            machine.instance.timeline.retain_mut(|planned| {
                // What was canceled before stays as it was.
                if planned.id != id || planned.canceled.is_some() {
                    return true;
                }
                let stays = planned.cancel(now);
                canceled = Some(Planned { canceled: Some(now), ..planned.clone() });
                stays
            });
            if machine != found.record {
                machine.instance.changed = now;
                instances.push(owner.to_string());
                batch.replace(owner.as_str(), &found, &machine);
            }
        }
        let canceled = canceled.ok_or_else(|| {
            let id: String = id.escape_debug().take(80).collect();
            Refusal::new(StatusCode::NOT_FOUND, format!("there is no event {id} that can be canceled"))
        })?;
        Ok((batch, Event::of(&canceled, instances, canceled.progress(now))))
    })
}
