//! What happened to an environment, the newest first.

use imds_store::record::{self, Environment, EnvironmentEvent};

use super::state::Badge;
use crate::call::Call;
use crate::console::moment::Moment;
use crate::query::Error;

/// Events that a page shows.
const MOST: usize = 50;

/// A line of *Recent events*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// When.
    pub(super) at: Moment,
    /// How bad it is.
    pub(super) severity: Badge,
    /// What happened, in AWS's English words.
    pub(super) message: String,
}

/// The last ones of an environment. One that is damaged is left out and logged: the others tell what is wrong.
pub(super) fn last(call: &Call<'_>, environment: &Environment) -> Result<Vec<Event>, Error> {
    let end = format!("-{}", environment.id);
    let all = record::each::<EnvironmentEvent>(call.store, &EnvironmentEvent::beginning(call.region))?;
    let own = all.filter(|(name, _)| name.ends_with(&end)).filter_map(|(_, found)| match found {
        Ok(found) => Some(found.record),
        Err(error) => {
            tracing::error!(%error, "an event is left out");
            None
        }
    });
    // Their names sort by time.
    let mut events: Vec<_> = own.map(Event::from).collect();
    events.reverse();
    events.truncate(MOST);
    Ok(events)
}

impl From<EnvironmentEvent> for Event {
    fn from(event: EnvironmentEvent) -> Self {
        Self { at: Moment::of(event.at), severity: Badge::severity(&event.severity), message: event.message }
    }
}
