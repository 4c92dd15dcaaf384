//! What a check is, what can come of it, and the run of all of them in order.

pub(crate) use crate::outcome::{Outcome, Stop};
use crate::session::Session;
use clap::ValueEnum;

/// The groups, in the order they run and are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// `PUT /latest/api/token`.
    Token,
    /// Who gets 200 and who 401.
    Authentication,
    /// The bytes of every 4xx.
    Errors,
    /// The headers of what is answered with 200.
    Headers,
    /// Directories, and how paths are matched.
    Listings,
    /// The values of the categories.
    Tree,
    /// Dated versions.
    Versions,
    /// Kept, closed, slow and pipelined connections.
    Connections,
}

impl Group {
    /// The name, as `--group` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Authentication => "authentication",
            Self::Errors => "errors",
            Self::Headers => "headers",
            Self::Listings => "listings",
            Self::Tree => "tree",
            Self::Versions => "versions",
            Self::Connections => "connections",
        }
    }
}

/// One fact and how to see it.
pub(crate) struct Check {
    /// Its group.
    pub(crate) group: Group,
    /// The fact in a few words, unique in its group.
    pub(crate) name: &'static str,
    /// Where the fact comes from: a decision or section of `docs/wire.md`, or AWS's guide.
    pub(crate) source: &'static str,
    /// Shows it.
    pub(crate) run: fn(&Session) -> Outcome,
}

/// One fact that a single endpoint, seen from outside, cannot show.
pub(crate) struct NotCheckable {
    /// The group it would be in.
    pub(crate) group: Group,
    /// The fact in a few words.
    pub(crate) name: &'static str,
    /// Where it comes from.
    pub(crate) source: &'static str,
    /// What would be needed.
    pub(crate) reason: &'static str,
}

/// A check and what came of it.
pub(crate) struct Finding {
    /// The check.
    pub(crate) check: &'static Check,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

/// Runs the checks of the chosen groups (all, if none is), one after the other.
pub(crate) fn run(checks: &[&'static Check], session: &Session) -> Vec<Finding> {
    checks.iter().map(|check| Finding { check, outcome: (check.run)(session) }).collect()
}
