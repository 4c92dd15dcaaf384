//! What the fields of a form had when it was shown. Only what was then changed is sent: a page that was open for long must
//! not undo what somebody else changed meanwhile.

use crate::console::form::Form;

/// What a form showed, by the names of its fields; `console/shown.html` hides it in the form.
#[derive(Debug, Clone)]
pub(in crate::console) struct Shown(Vec<(&'static str, String)>);

impl Shown {
    /// What is shown now.
    pub(in crate::console) fn now(fields: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(fields.into_iter().collect())
    }

    /// What the form that came had shown. A field that says nothing of it counts as changed.
    pub(in crate::console) fn of(form: &Form, names: impl IntoIterator<Item = &'static str>) -> Self {
        let hidden = |name: &'static str| {
            let was = format!("was-{name}");
            form.is_ticked(&was).then(|| (name, form.raw(&was).to_owned()))
        };
        Self(names.into_iter().filter_map(hidden).collect())
    }

    /// Has a field another value than it was shown with?
    pub(in crate::console) fn is_changed(&self, name: &str, value: &str) -> bool {
        !self.0.iter().any(|(known, shown)| *known == name && shown == value)
    }

    /// Names and values, for the form.
    pub(in crate::console) fn fields(&self) -> &[(&'static str, String)] {
        &self.0
    }
}
