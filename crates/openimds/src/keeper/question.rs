//! A question of the door to the metadata process, on its way.

use imds_control::Question;
use imds_core::audit::Whose;
use serde::{Deserialize, Serialize};

/// A question on its way.
#[derive(Debug, Serialize, Deserialize)]
pub enum Asked {
    /// The counters.
    Tallies,
    /// Those of the instance with this id.
    Tally(String),
    /// The calls that are remembered.
    Calls(Owner),
    /// How often each fault struck.
    Faults,
    /// That the calls so far be forgotten.
    Forget,
    /// What an instance is answered.
    View {
        /// Its id.
        instance: String,
        /// The path, beginning with a slash.
        path: String,
    },
}

/// Whose calls.
#[derive(Debug, Serialize, Deserialize)]
pub enum Owner {
    /// Everybody's.
    All,
    /// Those of the instance with this id.
    Instance(String),
    /// Those of nobody who is known.
    Strangers,
}

impl Owner {
    /// The same, unless the id is none.
    #[must_use]
    pub fn whose(&self) -> Option<Whose> {
        Some(match self {
            Self::All => Whose::All,
            Self::Instance(id) => Whose::Instance(id.parse().ok()?),
            Self::Strangers => Whose::Strangers,
        })
    }
}

impl From<&Whose> for Owner {
    fn from(whose: &Whose) -> Self {
        match whose {
            Whose::All => Self::All,
            Whose::Instance(id) => Self::Instance(id.to_string()),
            Whose::Strangers => Self::Strangers,
        }
    }
}

impl From<&Question> for Asked {
    fn from(question: &Question) -> Self {
        match question {
            Question::Tallies(_) => Self::Tallies,
            Question::Tally { instance, .. } => Self::Tally(instance.to_string()),
            Question::Calls { of, .. } => Self::Calls(of.into()),
            Question::Faults(_) => Self::Faults,
            Question::Forget(_) => Self::Forget,
            Question::View { instance, path, .. } => {
                Self::View { instance: instance.to_string(), path: path.clone() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::testing::launch;

    #[test]
    fn a_question_is_read_as_it_was_asked() {
        let id = launch().id;
        for of in [Whose::All, Whose::Strangers, Whose::Instance(id)] {
            let sent = serde_json::to_string(&Asked::Calls(Owner::from(&of))).unwrap();
            let Ok(Asked::Calls(owner)) = serde_json::from_str(&sent) else { panic!("{sent}") };
            assert_eq!(owner.whose(), Some(of));
        }
        assert_eq!(Owner::Instance("i-x".into()).whose(), None);
    }
}
