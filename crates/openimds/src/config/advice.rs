//! What a parser's refusal of the file comes to, in words that name the cure; and what in the file names another.

use crate::explain::distance;

/// Letters that a word may be away from the one that was meant.
const NEAR: usize = 3;
/// Keys that name a file.
const FILES: [&str; 5] =
    ["file", "secret-access-key-file", "session-token-file", "ssh-key-file", "user-data-file"];

/// What is said for `message`, the parser's, about what stands at `there` and after it.
pub(super) fn said(message: &str, there: &str) -> String {
    let line = there.lines().next().unwrap_or_default();
    if message.starts_with("unknown field ") || message.starts_with("unknown variant ") {
        return match meant(message) {
            Some(name) => format!("did you mean `{name}`? {message}"),
            None => message.to_owned(),
        };
    }
    if message.ends_with("expected a string") && is_dated(line) {
        // What TOML takes for a time may have a blank in it.
        let end = line.bytes().position(|byte| !byte.is_ascii_digit() && !b"-:.TZtz+ ".contains(&byte));
        let time = line[..end.unwrap_or(line.len())].trim().replacen(' ', "T", 1);
        return format!("a time is a text here, so write it in quotes: \"{time}\"");
    }
    let header = line.strip_prefix('[').filter(|rest| !rest.starts_with('['));
    match header.and_then(|rest| rest.split_once(']')) {
        Some((name, _)) if message.ends_with("expected a sequence") => {
            format!("there can be several of these: write [[{name}]] in place of [{name}]")
        }
        Some(_) | None => message.to_owned(),
    }
}

/// The permitted name that is nearest to an unknown one, if one is near. The first in backquotes is the unknown one.
fn meant(message: &str) -> Option<&str> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let written = plain(quoted.next()?);
    let near = quoted.map(|name| (distance(&written, &plain(name)), name)).min_by_key(|(away, _)| *away);
    near.filter(|(away, name)| *away <= NEAR && *away < name.len().div_ceil(2)).map(|(_, name)| name)
}

/// A name without what people write otherwise.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Does a date begin here?
fn is_dated(text: &str) -> bool {
    let form = "0000-00-00";
    let alike = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.len() >= form.len() && text.bytes().zip(form.bytes()).all(alike)
}

/// Where a key after `start` has this name of a file as its value, and the key.
pub(super) fn key_of<'t>(text: &'t str, start: usize, name: &str) -> Option<(usize, &'t str)> {
    let entry = text.get(start..)?;
    entry.match_indices(name).find_map(|(offset, _)| {
        let before = entry[..offset].strip_suffix(['"', '\''])?.trim_end().strip_suffix('=')?.trim_end();
        let rest = before.trim_end_matches(|letter: char| letter.is_ascii_lowercase() || letter == '-');
        let key = &before[rest.len()..];
        FILES.contains(&key).then_some((start + offset, key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_said_first_and_what_is_not_known_stays() {
        for (message, there, expected) in [
            (
                "unknown field `a_b`, expected `a-b` or `c`",
                "a_b = 1",
                "did you mean `a-b`? unknown field `a_b`, ",
            ),
            ("unknown field `x`, expected `a-b` or `c`", "x = 1", "unknown field `x`, "),
            ("unknown field `x`, there are no fields", "x = 1", "unknown field `x`, "),
            ("unknown field `", "", "unknown field `"),
            ("invalid type: map, expected a string", "{ a = 1 }", "invalid type: map"),
            ("invalid type: map, expected a string", "2026-11-24é", "a time is a text here"),
            ("invalid type: map, expected a sequence", "{ a = 1 }", "invalid type: map"),
            (
                "invalid type: map, expected a sequence",
                "[a.b]\nc = 1",
                "there can be several of these: write [[a.b]]",
            ),
            ("invalid type: integer `1`, expected a sequence", "1", "invalid type: integer"),
            ("", "", ""),
        ] {
            let told = said(message, there);
            assert!(told.starts_with(expected), "{message} at {there}: {told}");
        }
    }

    #[test]
    fn a_name_counts_where_it_is_the_value_of_a_key() {
        let text = "# é=\"a\"\n[[instance]]\nhostname = \"a\"\nrole = { ssh-key-file=  'a' }";
        assert_eq!(key_of(text, 3, "a").map(|(_, key)| key), None, "not at the edge of a letter");
        let (offset, key) = key_of(text, 0, "a").unwrap();
        assert_eq!((&text[offset..], key), ("a' }", "ssh-key-file"));
        assert_eq!(key_of(text, 0, "b"), None);
    }
}
