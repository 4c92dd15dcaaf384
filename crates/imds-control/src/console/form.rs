//! What a form sent.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::failure::Failure;
use crate::door::Door;
use crate::query::Error;

/// The fields of a form that is of its session, in the order of the page.
#[derive(Debug, Clone, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads one. What is no form has no fields.
    pub(super) fn read(body: &[u8]) -> Self {
        Self(
            form_urlencoded::parse(body)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// The text of a field, blanks around it gone; `None` for one that did not come or is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The text of a field as it came; empty for one that did not come.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Is a box ticked?
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

impl FromRequestParts<Door> for Form {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Door) -> Result<Self, Failure> {
        // Only a request that changes something has one.
        parts.extensions.remove::<Self>().ok_or_else(|| Error::internal().into())
    }
}
