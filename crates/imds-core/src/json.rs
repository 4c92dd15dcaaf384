//! JSON as EC2 spaces it: two blanks of indent, a blank on both sides of the colon, no LF at the end (wire.md 3.3).

use std::fmt::Write as _;

/// A member's value.
pub(crate) enum Json<'a> {
    /// A string.
    Text(&'a str),
    /// An array of strings, or `null` when there is none.
    Texts(&'a [String]),
    /// `null`, or a string.
    Maybe(Option<&'a str>),
}

/// An object with these members, in this order.
pub(crate) fn object(members: &[(&str, Json<'_>)]) -> String {
    let mut out = String::from("{");
    members_into(&mut out, members, "\n  ");
    out.push_str("\n}");
    out
}

/// An array of objects as `events/maintenance/` shows it: `[ {` on one line, `[]` when empty.
pub(crate) fn objects<'a>(items: impl Iterator<Item = Vec<(&'a str, Json<'a>)>>) -> String {
    let mut out = String::from("[");
    for (index, members) in items.enumerate() {
        out.push_str(if index == 0 { " {" } else { ", {" });
        members_into(&mut out, &members, "\n  ");
        out.push_str("\n}");
    }
    out.push_str(if out.len() > 1 { " ]" } else { "]" });
    out
}

fn members_into(out: &mut String, members: &[(&str, Json<'_>)], before: &str) {
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(before);
        quoted_into(out, name);
        out.push_str(" : ");
        match value {
            Json::Text(text) | Json::Maybe(Some(text)) => quoted_into(out, text),
            Json::Maybe(None) | Json::Texts([]) => out.push_str("null"),
            Json::Texts(texts) => {
                for (index, text) in texts.iter().enumerate() {
                    out.push_str(if index == 0 { "[ " } else { ", " });
                    quoted_into(out, text);
                }
                out.push_str(" ]");
            }
        }
    }
}

/// A JSON string, escaped.
pub(crate) fn quoted_into(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spacing_is_ec2s() {
        let codes = ["a".to_owned(), "b".to_owned()];
        let text = object(&[
            ("One", Json::Text("x\"\\\n")),
            ("Two", Json::Maybe(None)),
            ("Three", Json::Texts(&codes)),
        ]);
        assert_eq!(
            text,
            "{\n  \"One\" : \"x\\\"\\\\\\u000a\",\n  \"Two\" : null,\n  \"Three\" : [ \"a\", \"b\" ]\n}"
        );
    }

    #[test]
    fn an_array_opens_on_one_line() {
        let item = || vec![("A", Json::Text("1"))];
        assert_eq!(objects(std::iter::empty()), "[]");
        assert_eq!(objects([item()].into_iter()), "[ {\n  \"A\" : \"1\"\n} ]");
        assert_eq!(objects([item(), item()].into_iter()), "[ {\n  \"A\" : \"1\"\n}, {\n  \"A\" : \"1\"\n} ]");
    }
}
