//! Shell text that was copied from a web page, put right: quotes, primes, dashes, blanks, and quotes that nobody
//! closed. Only lines that have to do with instance metadata are touched.

use imds_core::finding::{CURLY_QUOTES, Finding, MISSING_QUOTE, WEB_CHARACTERS};

use super::Found;
use super::request::{is_like_header, is_metadata_host, is_of_interest};

/// How deep substitutions may be nested.
const DEPTH: usize = 16;
/// A longer line is no command that a person pasted.
const LINE: usize = 4096;

/// The text with plain characters in it, and what was found. Lines stay lines.
pub(super) fn repair(text: &str) -> (String, Vec<Found>) {
    let mut out = String::with_capacity(text.len());
    let mut found = Vec::new();
    let last_quote = text.rfind('"').unwrap_or(0);
    let mut line = 1;
    let mut at = 0;
    while at < text.len() {
        let end = at + logical_line(&text[at..]);
        let group = &text[at..end];
        if group.len() <= LINE && is_of_interest(group) {
            let is_last_quote_here = last_quote < end;
            let mut scanner = Scanner {
                text: group,
                at: 0,
                out: String::new(),
                line,
                found,
                is_last_quote_here,
                is_one_too_many: false,
            };
            scanner.unquoted(None, 0);
            out.push_str(&scanner.out);
            found = scanner.found;
        } else {
            out.push_str(group);
        }
        line += group.matches('\n').count();
        at = end;
    }
    (out, found)
}

/// The length of the first line with those that a backslash at its end adds to it.
pub(super) fn logical_line(text: &str) -> usize {
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        length += line.len();
        let bare = line.strip_suffix('\n').unwrap_or(line);
        let backslashes = bare.len() - bare.trim_end_matches('\\').len();
        if backslashes % 2 == 0 {
            break;
        }
    }
    length
}

/// The kinds of quotes, whatever they look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    Double { is_plain: bool, opens: bool },
    Single { is_plain: bool },
}

impl Quote {
    fn of(character: char) -> Option<Self> {
        match character {
            '"' => Some(Self::Double { is_plain: true, opens: false }),
            '“' | '„' | '‟' | '〝' => Some(Self::Double { is_plain: false, opens: true }),
            '”' | '″' | '‶' | '＂' | '〞' => Some(Self::Double { is_plain: false, opens: false }),
            '\'' => Some(Self::Single { is_plain: true }),
            '‘' | '’' | '‚' | '‛' | '′' | '‵' | '´' | '＇' => {
                Some(Self::Single { is_plain: false })
            }
            _ => None,
        }
    }

    fn is_plain(self) -> bool {
        match self {
            Self::Double { is_plain, .. } | Self::Single { is_plain } => is_plain,
        }
    }

    fn is_double(self) -> bool {
        matches!(self, Self::Double { .. })
    }
}

/// What web pages put in place of blanks: a blank, or nothing.
fn web_blank(character: char) -> Option<&'static str> {
    match character {
        '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(" "),
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => Some(""),
        _ => None,
    }
}

/// Ends a word, as far as quotes are concerned.
fn is_boundary(character: Option<char>) -> bool {
    character.is_none_or(|character| character.is_whitespace() || "`);|&<>".contains(character))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    out: String,
    line: usize,
    found: Vec<Found>,
    is_last_quote_here: bool,
    /// Was a quote put in whose place another one may have?
    is_one_too_many: bool,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn note(&mut self, finding: &'static Finding) {
        self.found.push(Found { finding, line: self.line, is_corrected: true });
    }

    /// Passes a character on, a blank of a web page as a plain one.
    fn copy(&mut self) {
        let Some(character) = self.peek() else { return };
        self.at += character.len_utf8();
        self.line += usize::from(character == '\n');
        if let Some(blank) = web_blank(character) {
            self.out.push_str(blank);
            self.note(&WEB_CHARACTERS);
        } else {
            self.out.push(character);
        }
    }

    /// Passes on what there is before `end`, an offset into the text.
    fn copy_to(&mut self, end: usize) {
        while self.at < end && self.at < self.text.len() {
            self.copy();
        }
    }

    /// Steps over a quote and writes a plain one.
    fn quote(&mut self, quote: Quote, plain: char) {
        self.at += self.peek().map_or(0, char::len_utf8);
        self.out.push(plain);
        if !quote.is_plain() {
            self.note(&CURLY_QUOTES);
        }
    }

    fn is_word_start(&self) -> bool {
        self.out.chars().next_back().is_none_or(|before| before.is_whitespace() || "`(;|&=".contains(before))
    }

    /// Text outside of quotes, to its end, or to what ends a substitution.
    fn unquoted(&mut self, until: Option<char>, depth: usize) {
        let mut open = 0_usize;
        let mut is_backtick_curly = false;
        while let Some(character) = self.peek() {
            match character {
                '\\' => {
                    self.copy();
                    self.copy();
                }
                '#' if self.is_word_start() => {
                    let end = self.rest().find('\n').unwrap_or(self.rest().len());
                    self.out.push_str(&self.text[self.at..self.at + end]);
                    self.at += end;
                }
                '(' => {
                    open += 1;
                    self.copy();
                }
                ')' if until == Some(character) && open == 0 => return,
                '`' if until == Some(character) => return,
                ')' => {
                    open = open.saturating_sub(1);
                    self.copy();
                }
                '–' | '—' | '−' if self.is_word_start() => self.dash(),
                _ => match Quote::of(character) {
                    Some(quote) if self.is_backtick(quote, &mut is_backtick_curly) => self.quote(quote, '`'),
                    Some(quote) => self.string(quote, depth),
                    None => self.copy(),
                },
            }
        }
    }

    /// Is this curly quote one that was a backtick? `TOKEN=‘curl …’`
    fn is_backtick(&self, quote: Quote, is_open: &mut bool) -> bool {
        if quote != (Quote::Single { is_plain: false }) {
            return false;
        }
        let after = &self.rest()[self.peek().map_or(0, char::len_utf8)..];
        if *is_open && is_boundary(after.chars().next()) {
            *is_open = false;
            return true;
        }
        if self.out.ends_with('=') && (after.starts_with("curl ") || after.starts_with("wget ")) {
            *is_open = true;
            return true;
        }
        false
    }

    /// A dash where an option begins. Two become one on many pages.
    fn dash(&mut self) {
        let Some(dash) = self.peek() else { return };
        let after = &self.rest()[dash.len_utf8()..];
        let name = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(after.len());
        let is_option = after.starts_with(|c: char| c.is_ascii_alphabetic() || "-–—".contains(c));
        if !is_option {
            self.copy();
            return;
        }
        self.at += dash.len_utf8();
        self.note(&WEB_CHARACTERS);
        let is_long = super::curl::is_long_option(&after[..name]);
        self.out.push_str(if is_long { "--" } else { "-" });
        // The second of two.
        if let Some(second @ ('–' | '—')) = self.peek() {
            self.at += second.len_utf8();
            self.out.push('-');
        }
    }

    /// A quoted string, whatever its quotes look like.
    fn string(&mut self, opener: Quote, depth: usize) {
        let opener_length = self.peek().map_or(0, char::len_utf8);
        let content = &self.rest()[opener_length..];
        let before = self.out.chars().next_back();
        // It closes, too late, what has been closed where it should have been.
        if self.is_one_too_many
            && opener.is_double()
            && is_boundary(content.chars().next())
            && before.is_some_and(|before| !before.is_whitespace())
        {
            self.is_one_too_many = false;
            self.at += opener_length;
            return;
        }
        // An apostrophe, a part of a word, or the end of a string that began further up.
        let may_open = self.is_word_start() || self.is_behind_option();
        let is_end = is_boundary(content.chars().next());
        if (!opener.is_plain() && (!may_open || is_end)) || (opener.is_double() && !may_open && is_end) {
            self.copy();
            return;
        }
        if let Some(length) = known_value(content)
            && let Some(end) = Ending::of(content, length)
        {
            self.known(opener, length, end);
            return;
        }
        match opener {
            Quote::Double { is_plain: true, .. } => self.double(opener, depth),
            Quote::Single { is_plain: true } => self.single(),
            Quote::Double { .. } | Quote::Single { .. } => self.curly(opener),
        }
    }

    /// `-H` or `-X`, whose value may follow without a blank.
    fn is_behind_option(&self) -> bool {
        let word = self.out.rsplit(char::is_whitespace).next().unwrap_or_default();
        word.len() == 2 && word.starts_with('-')
    }

    /// A header or an address whose end is known from what it is.
    fn known(&mut self, opener: Quote, length: usize, ending: Ending) {
        let opener_length = self.peek().map_or(0, char::len_utf8);
        let closer = match ending {
            Ending::Quote { blanks } => {
                let at = self.at + opener_length + length + blanks;
                self.text[at..].chars().next().and_then(Quote::of)
            }
            Ending::Missing => None,
        };
        let is_single = opener == (Quote::Single { is_plain: true }) && closer == Some(opener);
        let plain = if is_single { '\'' } else { '"' };
        self.quote(opener, plain);
        self.copy_to(self.at + length);
        match (ending, closer) {
            (Ending::Quote { blanks }, Some(closer)) => {
                self.at += blanks;
                if closer.is_double() != opener.is_double() {
                    self.note(&MISSING_QUOTE);
                }
                self.quote(closer, plain);
            }
            (Ending::Quote { .. } | Ending::Missing, _) => {
                self.out.push(plain);
                self.note(&MISSING_QUOTE);
                self.is_one_too_many = true;
            }
        }
    }

    /// Any other string in plain double quotes.
    fn double(&mut self, opener: Quote, depth: usize) {
        let (begin, line) = (self.out.len(), self.line);
        self.quote(opener, '"');
        let mut inner_pairs = 0_usize;
        let mut word_end = None;
        while let Some(character) = self.peek() {
            if character.is_whitespace() && word_end.is_none() {
                word_end = Some(self.out.len());
            }
            match character {
                '\\' => {
                    self.copy();
                    self.copy();
                }
                '$' if self.rest().starts_with("$(") && depth < DEPTH => {
                    self.copy();
                    self.copy();
                    self.unquoted(Some(')'), depth + 1);
                }
                '`' if depth < DEPTH => {
                    self.copy();
                    self.unquoted(Some('`'), depth + 1);
                    self.copy();
                }
                _ => match Quote::of(character) {
                    Some(quote @ Quote::Double { is_plain: true, .. }) => return self.quote(quote, '"'),
                    Some(quote @ Quote::Double { opens, .. }) => {
                        let next = self.rest()[character.len_utf8()..].chars().next();
                        if inner_pairs == 0 && is_boundary(next) {
                            return self.quote(quote, '"');
                        }
                        inner_pairs = if opens { inner_pairs + 1 } else { inner_pairs.saturating_sub(1) };
                        self.copy();
                    }
                    Some(Quote::Single { .. }) | None => self.copy(),
                },
            }
        }
        let content = self.out[begin + 1..].trim_end();
        // Else it may go on further down: not understood.
        if !content.is_empty() && self.is_last_quote_here && !content.contains('\n') {
            let bare = content.trim_end_matches(['`', ')', ';']).len();
            self.out.insert(word_end.unwrap_or(begin + 1 + bare), '"');
            self.found.push(Found { finding: &MISSING_QUOTE, line, is_corrected: true });
        }
    }

    /// Any other string in plain single quotes, in which everything is what it looks like.
    fn single(&mut self) {
        let Some(length) = self.rest()[1..].find('\'') else {
            // An apostrophe, or a string that goes on further down.
            self.copy();
            return;
        };
        let string = &self.rest()[..length + 2];
        self.out.push_str(string);
        self.line += string.matches('\n').count();
        self.at += string.len();
    }

    /// Any other string in quotes of a web page. It ends on its line with a quote of its kind behind which a word
    /// ends, and has none within; else it is not understood.
    fn curly(&mut self, opener: Quote) {
        let opener_length = self.peek().map_or(0, char::len_utf8);
        let content = &self.rest()[opener_length..];
        let line = content.split('\n').next().unwrap_or_default();
        let is_apostrophe = |at: usize, character: char| {
            let (before, after) = (&line[..at], &line[at + character.len_utf8()..]);
            !opener.is_double()
                && before.ends_with(char::is_alphanumeric)
                && after.starts_with(char::is_alphanumeric)
        };
        let closer = line.char_indices().find_map(|(at, character)| {
            let quote = Quote::of(character).filter(|quote| quote.is_double() == opener.is_double())?;
            (!is_apostrophe(at, character)).then_some((at, quote, character))
        });
        match closer {
            Some((length, quote, character))
                if is_boundary(content[length + character.len_utf8()..].chars().next()) =>
            {
                self.quote(opener, '"');
                self.copy_to(self.at + length);
                self.quote(quote, '"');
            }
            Some(_) | None => self.copy(),
        }
    }
}

/// How a string ends whose value is known.
#[derive(Debug, Clone, Copy)]
enum Ending {
    /// With a quote, after so many bytes of blanks.
    Quote { blanks: usize },
    /// Without one.
    Missing,
}

impl Ending {
    /// The ending of `content`, whose value has this `length`; nothing if the value is not all that there is.
    fn of(content: &str, length: usize) -> Option<Self> {
        let after = &content[length..];
        let trimmed = after.trim_start_matches(|c: char| c == ' ' || c == '\t' || web_blank(c).is_some());
        let blanks = after.len() - trimmed.len();
        let mut characters = trimmed.chars();
        let next = characters.next();
        if let Some(quote) = next.and_then(Quote::of) {
            let after = characters.next();
            // A backtick may have become a quote, too.
            let is_backtick = after.and_then(Quote::of) == Some(Quote::Single { is_plain: false });
            let ends_word = is_backtick || is_boundary(after);
            return match (blanks, quote.is_plain()) {
                _ if ends_word => Some(Self::Quote { blanks }),
                (0, true) => Some(Self::Quote { blanks }),
                (0, false) => None,
                (1.., _) => Some(Self::Missing),
            };
        }
        let goes_on_as_a_command = trimmed.starts_with(['\n', '`', ')', '\\'])
            || (blanks > 0 && trimmed.starts_with([';', '|', '&', '<', '>']))
            || trimmed.starts_with("http")
            || (trimmed.starts_with(['-', '–', '—'])
                && characters.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '-'));
        (next.is_none() || goes_on_as_a_command).then_some(Self::Missing)
    }
}

/// The length of the header, or the metadata address, that `content` begins with, if it does with one that has a value.
fn known_value(content: &str) -> Option<usize> {
    let begin = content.len() - content.trim_start_matches(' ').len();
    let start = &content[begin..];
    let value = header_value(start).or_else(|| address(start).then_some(0))? + begin;
    let length = value_length(&content[value..]);
    (length > 0).then_some(value + length)
}

/// Where the value begins of the header that `text` begins with.
fn header_value(text: &str) -> Option<usize> {
    let name = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-')?;
    if !is_like_header(&text[..name]) {
        return None;
    }
    let after = text[name..].trim_start_matches(' ').strip_prefix([':', '='])?;
    let value = after.trim_start_matches(|c: char| c == ' ' || c == '\t' || web_blank(c).is_some());
    Some(text.len() - value.len())
}

/// Does it begin with the address of the service?
fn address(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    host.is_some_and(|rest| {
        let end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && !".:[]-".contains(c)).unwrap_or(rest.len());
        is_metadata_host(&rest[..end])
    })
}

/// How long a value without blanks is.
fn value_length(text: &str) -> usize {
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let close = match character {
            '$' if rest.starts_with("$(") => Some(')'),
            '$' if rest.starts_with("${") => Some('}'),
            '`' if at == 0 => Some('`'),
            _ => None,
        };
        if let Some(close) = close {
            let Some(end) = rest[1..].find(close) else { break };
            at += 1 + end + 1;
            continue;
        }
        if is_boundary(Some(character)) || Quote::of(character).is_some() || web_blank(character) == Some(" ")
        {
            break;
        }
        if character == '\\' {
            break;
        }
        at += character.len_utf8();
    }
    at
}
