//! Why something was not done, as its caller reads it.

use std::fmt;

/// Why it was not done, and the cure: one sentence, which is what both `{}` and `{:?}` show, since the latter is what a test
/// that ends with an error prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(super) fn new(sentence: impl fmt::Display) -> Self {
        Self(sentence.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
