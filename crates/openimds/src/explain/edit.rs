//! Changes to a text, collected while it is read and made all at once.

use std::collections::BTreeMap;
use std::ops::Range;

/// The changes.
#[derive(Debug, Default)]
pub(super) struct Edits {
    inserted: Vec<(usize, String)>,
    /// By where they begin.
    replaced: BTreeMap<usize, (Range<usize>, String)>,
}

impl Edits {
    /// Puts text in before byte `at`, behind what was put in there already.
    pub(super) fn insert(&mut self, at: usize, what: impl Into<String>) {
        self.inserted.push((at, what.into()));
    }

    /// Rewrites a word as it is by now; `rewrite` may find that it cannot. Says whether it could.
    pub(super) fn rewrite(
        &mut self,
        text: &str,
        span: &Range<usize>,
        rewrite: impl FnOnce(&str) -> Option<String>,
    ) -> bool {
        let now = match self.replaced.get(&span.start) {
            Some((same, now)) if same == span => now.as_str(),
            Some(_) => return false,
            None => text.get(span.clone()).unwrap_or_default(),
        };
        let Some(new) = rewrite(now) else { return false };
        self.replaced.insert(span.start, (span.clone(), new));
        true
    }

    /// Takes words out, and the blank before them.
    pub(super) fn remove(&mut self, text: &str, span: &Range<usize>) -> bool {
        let blank = usize::from(text.get(..span.start).is_some_and(|before| before.ends_with(' ')));
        let span = span.start - blank..span.end;
        self.replaced.insert(span.start, (span, String::new()));
        true
    }

    /// The text with all changes. Where two would change the same, the first stands.
    pub(super) fn apply(mut self, text: &str) -> String {
        let mut changes: Vec<(Range<usize>, String)> = self.replaced.into_values().collect();
        changes.extend(self.inserted.drain(..).map(|(at, what)| (at..at, what)));
        // What is put in goes before what stands there.
        changes.sort_by_key(|(span, _)| (span.start, span.end));
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (span, what) in changes {
            let Some(between) = text.get(at..span.start) else { continue };
            out.push_str(between);
            out.push_str(&what);
            at = span.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }
}

/// How a whole word is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    None,
    Double,
    Single,
    /// In parts, or with backslashes.
    Mixed,
}

/// How a word is quoted, and what is between its quotes.
pub(super) fn unquote(raw: &str) -> (Quoting, &str) {
    let between = |quote: char| raw.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if !raw.contains(['"', '\'', '\\']) {
        return (Quoting::None, raw);
    }
    match (between('"'), between('\'')) {
        (Some(inner), _) if !inner.contains(['"', '\\']) => (Quoting::Double, inner),
        (_, Some(inner)) if !inner.contains('\'') => (Quoting::Single, inner),
        _ => (Quoting::Mixed, raw),
    }
}

/// A header's word with this name, and perhaps another value, in plain double quotes.
pub(super) fn header(raw: &str, name: &str, value: Option<&str>) -> Option<String> {
    let (quoting, inner) = unquote(raw);
    if quoting == Quoting::Mixed {
        return None;
    }
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(inner.len());
    let rest = inner[end..].trim_start();
    let own = rest.strip_prefix([':', '=', ';']).unwrap_or(rest).trim();
    let value = value.unwrap_or(own);
    (!value.contains(['"', '\\'])).then(|| format!("\"{name}: {value}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_at_once_and_in_their_order() {
        let text = "curl -X POST url";
        let mut edits = Edits::default();
        edits.insert(4, " -f");
        edits.insert(4, " -s");
        assert!(edits.remove(text, &(5..12)));
        assert!(edits.rewrite(text, &(13..16), |raw| Some(raw.to_uppercase())));
        assert!(edits.rewrite(text, &(13..16), |raw| Some(format!("<{raw}>"))));
        assert!(!edits.rewrite(text, &(13..16), |_| None));
        assert!(!edits.rewrite(text, &(13..14), |_| Some(String::new())));
        edits.insert(0, "$ ");
        assert_eq!(edits.apply(text), "$ curl -f -s <URL>");
    }

    #[test]
    fn a_header_is_written_anew_whatever_its_quotes() {
        for (raw, expected) in [
            ("'X: $T'", Some("\"Name: $T\"")),
            ("\"X=$T\"", Some("\"Name: $T\"")),
            ("X:$T", Some("\"Name: $T\"")),
            ("X: $T", Some("\"Name: $T\"")),
            ("\"X : a b\"", Some("\"Name: a b\"")),
            ("\"X: $(cat \"f\")\"", None),
            ("X:\\ a", None),
            ("'X: \"'", None),
        ] {
            assert_eq!(header(raw, "Name", None).as_deref(), expected, "{raw}");
        }
        assert_eq!(header("'X: 0'", "Name", Some("60")).as_deref(), Some("\"Name: 60\""));
    }
}
