//! The form of what is planned for an instance.

use imds_core::Timestamp;
use imds_core::timeline::{Plan, Planned};
use serde::{Deserialize, Serialize};

use super::text;

/// What is kept of a planned thing.
#[derive(Serialize, Deserialize)]
pub(super) struct PlannedForm {
    id: String,
    at: Timestamp,
    notice: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canceled: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_from_file: bool,
    plan: PlanForm,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum PlanForm {
    SpotInterruption {
        action: String,
    },
    Rebalance,
    Maintenance {
        code: String,
        description: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_after: Option<Timestamp>,
    },
    Lifecycle {
        state: String,
    },
}

impl From<&Planned> for PlannedForm {
    fn from(planned: &Planned) -> Self {
        let plan = match &planned.plan {
            Plan::SpotInterruption(action) => PlanForm::SpotInterruption { action: action.to_string() },
            Plan::Rebalance => PlanForm::Rebalance,
            Plan::Maintenance { code, description, not_after } => PlanForm::Maintenance {
                code: code.to_string(),
                description: description.clone(),
                not_after: *not_after,
            },
            Plan::Lifecycle(state) => PlanForm::Lifecycle { state: state.to_string() },
        };
        Self {
            id: planned.id.clone(),
            at: planned.at,
            notice: planned.notice,
            canceled: planned.canceled,
            is_from_file: planned.is_from_file,
            plan,
        }
    }
}

impl PlannedForm {
    /// The planned thing that this is.
    pub(super) fn planned(self) -> Result<Planned, String> {
        let plan = match self.plan {
            PlanForm::SpotInterruption { action } => Plan::SpotInterruption(text(&action)?),
            PlanForm::Rebalance => Plan::Rebalance,
            PlanForm::Maintenance { code, description, not_after } => {
                Plan::Maintenance { code: text(&code)?, description, not_after }
            }
            PlanForm::Lifecycle { state } => Plan::Lifecycle(text(&state)?),
        };
        Ok(Planned {
            id: self.id,
            plan,
            at: self.at,
            notice: self.notice,
            canceled: self.canceled,
            is_from_file: self.is_from_file,
        })
    }
}
