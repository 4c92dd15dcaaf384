//! Blanks comments and literals out of Rust source, so that a rule sees only code.

/// `text` with every comment and every string and character literal turned into spaces.
/// Line breaks stay, so that line numbers still fit.
pub(super) fn only(text: &str) -> String {
    let source: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < source.len() {
        let end = skip(&source, at);
        if end == at {
            code.push(source[at]);
            at += 1;
        } else {
            code.extend(source[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Where the comment or literal that starts at `at` ends; `at` itself if none starts there.
fn skip(source: &[char], at: usize) -> usize {
    let next = source.get(at + 1).copied();
    let after_name = at > 0 && (source[at - 1].is_alphanumeric() || source[at - 1] == '_');
    match source[at] {
        '/' if next == Some('/') => find(source, at, |rest| rest[0] == '\n'),
        '/' if next == Some('*') => block_comment(source, at),
        '"' => string(source, at),
        '\'' => character(source, at),
        'r' if !after_name || matches!(source[at - 1], 'b' | 'c') => raw_string(source, at),
        _ => at,
    }
}

/// The first place from `at` on where `stop` holds for the rest, else the end.
fn find(source: &[char], at: usize, stop: impl Fn(&[char]) -> bool) -> usize {
    (at..source.len()).find(|i| stop(&source[*i..])).unwrap_or(source.len())
}

fn block_comment(source: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i < source.len() {
        match source[i..] {
            ['/', '*', ..] => (depth, i) = (depth + 1, i + 2),
            ['*', '/', ..] => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

fn string(source: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < source.len() && source[i] != '"' {
        i += if source[i] == '\\' { 2 } else { 1 };
    }
    source.len().min(i + 1)
}

/// A quote opens a character literal, or a lifetime, which is code.
fn character(source: &[char], at: usize) -> usize {
    match source[at + 1..] {
        // What follows the backslash may itself be a quote.
        ['\\', ..] => source.len().min(find(source, at + 3, |rest| rest[0] == '\'') + 1),
        [_, '\'', ..] => at + 3,
        _ => at,
    }
}

/// `r"…"` and `r#"…"#`; `r#name` is code.
fn raw_string(source: &[char], at: usize) -> usize {
    let hashes = source[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if source.get(open) != Some(&'"') {
        return at;
    }
    let closes =
        |rest: &[char]| rest[0] == '"' && rest.len() > hashes && rest[1..=hashes].iter().all(|c| *c == '#');
    source.len().min(find(source, open + 1, closes) + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::only;

    #[test]
    fn comments_and_literals_are_blanked() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("b \" c") + g"#, "f(        ) + g"),
            (r###"r#"b " c"# + g"###, "           + g"),
            (r#"br"b\" + g"#, "b      + g"),
            (r"m('\'') + '/' + 'x'", "m(    ) +     +    "),
            ("r#unsafe", "r#unsafe"),
            ("for\"s\"", "for   "),
        ] {
            assert_eq!(only(text), code, "{text}");
        }
    }

    #[test]
    fn lifetimes_are_code() {
        let text = "fn f<'a>(x: &'a str) -> &'static str { x }";
        assert_eq!(only(text), text);
    }

    #[test]
    fn what_is_never_closed_ends_with_the_file() {
        for text in ["\"a", "/* a", "r##\"a\"#", "'\\", "// a", "\"\\"] {
            assert_eq!(only(text).trim(), "", "{text}");
        }
    }
}
