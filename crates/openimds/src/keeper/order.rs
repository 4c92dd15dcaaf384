//! What the service tells its helper: the way back. It can say little: who got hold of it could change no setting.

use serde::{Deserialize, Serialize};

use super::answer::Answer;

/// An order, or an answer.
#[derive(Serialize, Deserialize)]
pub(super) enum Order {
    /// The command may start.
    Start,
    /// The command is to get a signal.
    Signal(i32),
    /// Guests see everything up to this commit.
    Applied(u64),
    /// What the door asked for.
    Told {
        /// The number of the question.
        number: u64,
        /// The answer.
        answer: Answer,
    },
    /// Whether a lodger that was told is served.
    Lodged {
        /// Its number.
        lodger: u64,
        /// Else its sockets are none, or did not come.
        is_served: bool,
    },
}
