//! `Filter.N.Name`, `Filter.N.Value.M`: which of many are asked for (docs/control-api.md).

use crate::query::{Error, Params};

/// The filters of a call: something passes if it has one of the values of each.
#[derive(Debug)]
pub(crate) struct Filters(Vec<Filter>);

#[derive(Debug)]
struct Filter {
    name: String,
    values: Vec<String>,
}

impl Filters {
    /// Reads the filters of a call.
    ///
    /// # Errors
    /// When one is not among `known`; in that, `tag:` stands for every name that begins so.
    pub(crate) fn of(params: &Params, known: &[&str]) -> Result<Self, Error> {
        let mut filters = Vec::new();
        for filter in params.each("Filter") {
            let name = filter.need("Name")?;
            let is_known =
                known.iter().any(|known| *known == name || (known.ends_with(':') && name.starts_with(known)));
            if !is_known {
                return Err(Error::invalid_value(format!("The filter '{name}' is invalid")));
            }
            let values = filter.list("Value").into_iter().map(str::to_owned).collect();
            filters.push(Filter { name: name.to_owned(), values });
        }
        Ok(Self(filters))
    }

    /// Does something pass? `values` gives what it has under a filter's name.
    pub(crate) fn pass(&self, values: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|filter| {
            let has = values(&filter.name);
            filter.values.iter().any(|pattern| has.iter().any(|value| matches(pattern, value)))
        })
    }
}

/// Does a text match a pattern, in which `*` stands for any characters and `?` for one? A backslash takes the special
/// meaning from the character after it.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern = tokens(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut from) = (0, 0);
    // Where the last `*` stood, and how much of the text it has taken.
    let mut star = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(Token::Any) => {
                star = Some((at, from));
                at += 1;
            }
            Some(Token::One) => (at, from) = (at + 1, from + 1),
            Some(Token::Is(c)) if *c == text[from] => (at, from) = (at + 1, from + 1),
            Some(Token::Is(_)) | None => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                (at, from) = (place + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|token| matches!(token, Token::Any))
}

#[derive(Debug)]
enum Token {
    Any,
    One,
    Is(char),
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut chars = pattern.chars();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => Token::Is(chars.next().unwrap_or('\\')),
            c => Token::Is(c),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("running", "running", true),
            ("run", "running", false),
            ("run*", "running", true),
            ("*n*n*", "running", true),
            ("r?nning", "running", true),
            ("*", "", true),
            ("?", "", false),
            ("", "", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("al2023-ami-*-x86_64", "al2023-ami-2023.6.20241212.0-kernel-6.1-x86_64", true),
            ("*a*a*a*a*a*a*a*a*b", &"a".repeat(2_000), false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn one_value_of_each_filter() {
        let params = Params::parse(
            b"Filter.1.Name=state&Filter.1.Value.1=running&Filter.1.Value.2=pending&Filter.2.Name=tag:Name&Filter.2.Value.1=w*",
        )
        .unwrap();
        let filters = Filters::of(&params, &["state", "tag:"]).unwrap();
        let of = |state: &'static str, name: &'static str| {
            filters.pass(move |filter| vec![if filter == "state" { state } else { name }.to_owned()])
        };
        assert!(of("running", "web") && of("pending", "w") && !of("running", "db") && !of("stopped", "web"));
        let error = Filters::of(&params, &["state"]).unwrap_err();
        assert_eq!(error.message, "The filter 'tag:Name' is invalid");
    }
}
