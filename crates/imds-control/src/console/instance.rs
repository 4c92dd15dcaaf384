//! `/console/instances/ID`: one instance, its metadata as it sees it, ready-made commands, and its last calls.

mod calls;
mod commands;
mod details;
mod explained;
mod masked;
mod metadata;
#[cfg(test)]
mod tests;
mod tree;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::routing::get;
use imds_core::Machine;
use imds_core::Timestamp;
use imds_core::id::InstanceId;
use imds_core::lifecycle::State;
use imds_store::record;

use super::failure::Failure;
use super::instances::actions::ActionWords;
use super::visit::Visit;
use crate::call::{Call, instance_id};
use crate::door::Door;
use crate::query::Error;

/// Its routes.
pub(super) fn router() -> Router<Door> {
    Router::new()
        .route("/console/instances/{id}", get(details::show))
        .route("/console/instances/{id}/metadata", get(metadata::show))
        .route("/console/instances/{id}/commands", get(commands::show))
        .route("/console/instances/{id}/calls", get(calls::show))
}

words! {
    /// Texts that every page of an instance has.
    HeadWords {
        tabs: "Of this instance" / "このインスタンス";
        details: "Details" / "詳細";
        metadata: "Metadata" / "メタデータ";
        commands: "Commands" / "コマンド";
        calls: "Calls" / "呼び出し";
    }
}

/// The pages of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Details,
    Metadata,
    Commands,
    Calls,
}

/// What is above each of them: which instance it is, what can be done with it, and the ways to the other pages.
struct Head {
    words: &'static HeadWords,
    actions: &'static ActionWords,
    id: String,
    /// Its tag `Name`.
    name: Option<String>,
    /// As the API names it.
    state: String,
    state_told: &'static str,
    /// The colour of the state.
    state_class: &'static str,
    tab: Tab,
}

impl Head {
    /// `aria-current` of the way to a page.
    fn current(&self, tab: Tab) -> &'static str {
        if self.tab == tab { "page" } else { "false" }
    }

    /// What it is called.
    fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// The instance that a page is about, whichever region it is in, and who looks at it.
struct Subject {
    /// The visit, in the region of the instance.
    visit: Visit,
    machine: Machine,
    /// The door's host and port, as the browser called it.
    host: String,
}

impl Subject {
    fn id(&self) -> &InstanceId {
        &self.machine.instance.id
    }

    fn head(&self, tab: Tab) -> Head {
        let (state, language) = (self.machine.state.settled(), self.visit.language);
        let actions = ActionWords::of(language);
        Head {
            words: HeadWords::of(language),
            actions,
            id: self.id().to_string(),
            name: self.machine.instance.tags.get("Name").filter(|name| !name.trim().is_empty()).cloned(),
            state: state.to_string(),
            state_told: actions.told(state),
            state_class: match state {
                State::Running | State::Pending => "good",
                State::Stopping | State::Stopped => "warn",
                State::ShuttingDown | State::Terminated => "bad",
            },
            tab,
        }
    }
}

impl FromRequestParts<Door> for Subject {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Failure> {
        let visit = Visit::from_request_parts(parts, door).await?;
        let id = Path::<String>::from_request_parts(parts, door).await;
        let Path(id) = id.map_err(|_| Failure::nothing_here())?;
        let machine = visit.ask(move |call| machine(call, &id)).await?;
        let visit = visit.in_region(&machine.instance.placement.region);
        Ok(Self { visit, machine, host: host(&parts.headers) })
    }
}

/// The machine with this id, wherever it is.
fn machine(call: &Call<'_>, id: &str) -> Result<Machine, Error> {
    match record::get::<Machine>(call.store, instance_id(id)?.as_str())? {
        Some(found) => Ok(found.record),
        // It is refused as it is everywhere.
        None => Ok(call.machine(id)?.record),
    }
}

/// The host that was called, if a shell takes it for nothing but a host; else the usual one.
fn host(headers: &HeaderMap) -> String {
    let called = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    let plain = called.filter(|host| !host.is_empty() && host.len() <= 255 && host.bytes().all(is_plain));
    plain.unwrap_or(commands::USUAL_HOST).to_owned()
}

/// A moment, to the second.
struct Moment {
    /// For programs: RFC 3339.
    exact: String,
    /// For people: the day.
    day: String,
    /// And the time, in UTC.
    time: String,
}

impl Moment {
    fn of(at: Timestamp) -> Self {
        Self {
            exact: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            day: at.strftime("%Y-%m-%d").to_string(),
            time: at.strftime("%H:%M:%S UTC").to_string(),
        }
    }

    /// On one line.
    fn told(&self) -> String {
        format!("{} {}", self.day, self.time)
    }
}
