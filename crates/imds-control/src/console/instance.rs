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
use axum::http::request::Parts;
use axum::routing::get;
use imds_core::Machine;
use imds_core::id::InstanceId;

use super::commands::host;
use super::failure::Failure;
use super::instances::actions::{ActionWords, class};
use super::instances::{INSTANCES, find};
use super::moment::Moment;
use super::shell::{Section, Shell};
use super::visit::Visit;
use crate::door::Door;

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

    /// What is around its pages.
    fn shell(&self) -> Shell {
        self.visit.shell(Section::Instances).of_one(INSTANCES)
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
            state_class: class(state),
            tab,
        }
    }
}

impl FromRequestParts<Door> for Subject {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Failure> {
        let visit = Visit::from_request_parts(parts, door).await?;
        let id = Path::<String>::from_request_parts(parts, door).await;
        let Path(id) = id.map_err(|_| Failure::NothingHere)?;
        let (visit, machine) = find(&visit, id).await?;
        Ok(Self { visit, machine, host: host(&parts.headers) })
    }
}
