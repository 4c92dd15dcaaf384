//! A command in words, as the SDKs split a `credential_process`: quotes and backslashes as in a shell, and nothing else of
//! one. No variable is looked up, nothing is expanded, no shell runs.

/// The words of a command.
///
/// # Errors
/// When a quote is open at the end, a backslash has nothing behind it, or there is no word.
pub fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                // Two quotes with nothing between them are a word, too.
                word.get_or_insert_default();
            }
            (Some('"'), '\\') => {
                let next = rest.next().ok_or("the command ends with a backslash")?;
                let word = word.get_or_insert_default();
                if !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            (None, '\\') => {
                let next = rest.next().ok_or("the command ends with a backslash")?;
                word.get_or_insert_default().push(next);
            }
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            (Some(_) | None, _) => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("the command has a quote that is not closed".to_owned());
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) {
        Err("the command is empty".to_owned())
    } else {
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_the_sdks_do() {
        for (text, expected) in [
            ("a", &["a"][..]),
            ("  a \t b  ", &["a", "b"]),
            ("a 'b c' d", &["a", "b c", "d"]),
            ("a \"b c\"", &["a", "b c"]),
            ("a b' 'c", &["a", "b c"]),
            ("a '' \"\"", &["a", "", ""]),
            ("a b\\ c", &["a", "b c"]),
            ("a 'b\\c'", &["a", "b\\c"]),
            ("a \"b\\\"c\\\\d\\e\"", &["a", "b\"c\\d\\e"]),
            ("a \"it's\" '\"'", &["a", "it's", "\""]),
            ("a $HOME `b` $(c) ; d | e > f", &["a", "$HOME", "`b`", "$(c)", ";", "d", "|", "e", ">", "f"]),
            ("é 'ü ß'", &["é", "ü ß"]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        for bad in ["", "  ", "''", "'' a", "a 'b", "a \"b", "a \"b\\", "a \\"] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }
}
