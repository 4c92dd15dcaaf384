//! What can come of a check.

/// Why a check did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The endpoint does something else: what was expected and what came.
    Fail(String),
    /// The fact shows only when tokens are required, or only when they are optional.
    NotInThisMode(&'static str),
    /// The endpoint does not serve what the fact is about.
    Absent(String),
}

/// What comes of a check.
pub(crate) type Outcome = Result<(), Stop>;
