//! Why a call was refused, as AWS says it.

use std::borrow::Cow;

use axum::http::StatusCode;
use imds_store::store;

/// A refusal: clients go by code and status, people by the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct Error {
    /// `InvalidInstanceID.NotFound`
    pub(crate) code: Cow<'static, str>,
    /// 400 for nearly all.
    pub(crate) status: StatusCode,
    /// What happened.
    pub(crate) message: String,
}

impl Error {
    /// A refusal with status 400.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: code.into(), status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// `MissingParameter`
    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
    }

    /// `InvalidParameterValue`
    pub(crate) fn invalid_value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// An id that is not of the form of its kind.
    pub(crate) fn malformed_id(code: &'static str, id: &str) -> Self {
        Self::new(code, format!("Invalid id: \"{id}\""))
    }

    /// `InvalidAction`
    pub(crate) fn invalid_action(action: &str) -> Self {
        Self::new("InvalidAction", format!("The action {action} is not valid for this web service."))
    }

    /// `DryRunOperation`: it would have been done.
    pub(crate) fn dry_run() -> Self {
        Self {
            status: StatusCode::PRECONDITION_FAILED,
            ..Self::new("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
        }
    }

    /// Our own fault. What it was is for the log.
    pub(crate) fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::new("InternalError", "An internal error has occurred; the service's log says what it was")
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        tracing::error!(%error, "a call to the control API failed");
        Self::internal()
    }
}
