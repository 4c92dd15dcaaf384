//! A field of a form, as `console/field.html` shows it.

/// A field.
#[derive(Debug, Clone)]
pub(in crate::console) struct Field {
    /// Its name in the form, and its id on the page.
    pub(in crate::console) name: &'static str,
    /// What it is called.
    pub(in crate::console) label: &'static str,
    /// What it is filled in with.
    pub(in crate::console) control: Control,
    /// What it has.
    pub(in crate::console) value: String,
    /// What helps to fill it in.
    pub(in crate::console) hints: Vec<String>,
    /// Was what it has refused?
    pub(in crate::console) is_wrong: bool,
}

/// What a field is filled in with.
#[derive(Debug, Clone)]
pub(in crate::console) enum Control {
    /// A line, and what it may be completed to.
    Text(Vec<String>),
    /// A number from 1 to this one.
    Number(u32),
    /// One of these: value and text.
    Select(Vec<(String, String)>),
    /// Lines.
    Lines,
}

impl Field {
    /// An empty one.
    pub(in crate::console) fn new(name: &'static str, label: &'static str, control: Control) -> Self {
        Self { name, label, control, value: String::new(), hints: Vec::new(), is_wrong: false }
    }

    /// One with something in it, which was refused if this is the `wrong` one.
    pub(in crate::console) fn with(self, value: &str, wrong: Option<&str>) -> Self {
        Self { value: value.to_owned(), is_wrong: wrong == Some(self.name), ..self }
    }

    /// One with one more hint.
    pub(in crate::console) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl Control {
    /// One of several words of the API, each with what it is called; the first is for none of them.
    pub(in crate::console) fn words<const N: usize>(none: &str, words: [(&str, &str); N]) -> Self {
        let words = words.map(|(value, text)| (value.to_owned(), text.to_owned()));
        Self::Select([(String::new(), none.to_owned())].into_iter().chain(words).collect())
    }
}
