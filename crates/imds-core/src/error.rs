//! What can be wrong with a value that somebody wrote.

/// A value that the domain does not permit. Its text is one sentence for the person who wrote the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The value does not have the form that its kind needs.
    #[error("`{value}` is not {expected}")]
    Malformed {
        /// What was written.
        value: String,
        /// What is permitted, as a phrase that follows "is not".
        expected: &'static str,
    },
    /// A tag cannot be served as metadata under this key.
    #[error(
        "the tag key `{0}` cannot appear in instance metadata: keys may hold ASCII letters, digits and + - = . , _ : @ \
         and may not be `.`, `..` or `_index`; rename the tag or leave instance-metadata-tags disabled"
    )]
    TagKey(String),
}

impl Error {
    /// An [`Error::Malformed`] for `value`.
    pub(crate) fn malformed(value: &str, expected: &'static str) -> Self {
        Self::Malformed { value: value.escape_debug().take(80).collect(), expected }
    }
}
