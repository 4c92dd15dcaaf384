//! The languages that a reader can choose, and a text in each.

use serde::{Serialize, Serializer};

/// A language of the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

/// A text in every language. It cannot be made without one of them.
///
/// JSON has the English one: it is read by programs, whatever the language of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// In English.
    pub en: &'static str,
    /// In Japanese.
    pub ja: &'static str,
}

impl Text {
    /// The text in this language.
    #[must_use]
    pub const fn of(&self, language: Language) -> &'static str {
        match language {
            Language::En => self.en,
            Language::Ja => self.ja,
        }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.en)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_in_the_language_that_was_chosen() {
        const TEXT: Text = Text { en: "Save", ja: "保存" };
        for (language, told) in
            [(Language::En, "Save"), (Language::Ja, "保存"), (Language::default(), "Save")]
        {
            assert_eq!(TEXT.of(language), told);
        }
    }
}
