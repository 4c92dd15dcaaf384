//! What the arguments of curl and wget mean, as far as a call of the metadata service needs them.

use std::ops::Range;

use super::shell::{Part, Word};

/// The programs that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// curl
    Curl,
    /// wget
    Wget,
}

impl Program {
    /// The program of this name, or of this path.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name.rsplit('/').next().unwrap_or(name) {
            "curl" | "curl.exe" => Some(Self::Curl),
            "wget" => Some(Self::Wget),
            _ => None,
        }
    }
}

/// An argument: what the shell makes of it, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// With known variables in their place.
    pub(super) text: String,
    /// Its bytes, quotes included.
    pub(super) span: Range<usize>,
    /// Its option's bytes and its own.
    pub(super) whole: Range<usize>,
}

/// What one call asks for.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) program: Program,
    /// Where the program's name ends.
    pub(super) after_name: usize,
    /// The method that is named.
    pub(super) method: Option<Value>,
    /// The method that follows from the other options.
    pub(super) implied: &'static str,
    /// Addresses, in their order.
    pub(super) urls: Vec<Value>,
    /// Headers, in their order.
    pub(super) headers: Vec<Value>,
    /// Does it fail on an HTTP error?
    pub(super) fails: bool,
    /// Does it say nothing of its progress?
    pub(super) is_silent: bool,
    /// The proxy that it names.
    pub(super) proxy: Option<Value>,
    /// Does it take the address from a proxy?
    pub(super) bypasses_proxy: bool,
    /// The file that it writes to.
    pub(super) file: Option<String>,
    /// Does it write something of its own about the answer?
    pub(super) tells_more: bool,
    /// Are there arguments that cannot be known from the text?
    pub(super) is_opaque: bool,
}

/// curl's long options that take a value, and are of importance or frequent.
const LONG: [&str; 66] = [
    "abstract-unix-socket",
    "aws-sigv4",
    "cacert",
    "capath",
    "cert",
    "ciphers",
    "config",
    "connect-timeout",
    "connect-to",
    "cookie",
    "cookie-jar",
    "create-file-mode",
    "data",
    "data-ascii",
    "data-binary",
    "data-raw",
    "data-urlencode",
    "dns-servers",
    "dump-header",
    "expect100-timeout",
    "form",
    "form-string",
    "header",
    "interface",
    "json",
    "keepalive-time",
    "key",
    "limit-rate",
    "local-port",
    "max-filesize",
    "max-redirs",
    "max-time",
    "netrc-file",
    "noproxy",
    "oauth2-bearer",
    "output",
    "output-dir",
    "preproxy",
    "proxy",
    "proxy-header",
    "proxy-user",
    "quote",
    "range",
    "rate",
    "referer",
    "request",
    "request-target",
    "resolve",
    "retry",
    "retry-delay",
    "retry-max-time",
    "service-name",
    "socks4",
    "socks4a",
    "socks5",
    "socks5-hostname",
    "speed-limit",
    "speed-time",
    "stderr",
    "time-cond",
    "trace",
    "trace-ascii",
    "unix-socket",
    "upload-file",
    "url",
    "user",
];
/// Two more, and those without a value that a dash of a web page may stand before.
const OTHER_LONG: [&str; 22] = [
    "user-agent",
    "write-out",
    "compressed",
    "fail",
    "fail-with-body",
    "get",
    "head",
    "include",
    "insecure",
    "ipv4",
    "ipv6",
    "location",
    "next",
    "no-buffer",
    "retry-connrefused",
    "show-error",
    "silent",
    "verbose",
    "method",
    "output-document",
    "quiet",
    "http1.1",
];
/// curl's short options that take a value.
const SHORT: &str = "AbcCdDeEFHKmoPQrtTuUwxXyYz";
/// wget's long options that take a value.
const WGET_LONG: [&str; 14] = [
    "append-output",
    "body-data",
    "body-file",
    "connect-timeout",
    "execute",
    "header",
    "method",
    "output-document",
    "output-file",
    "post-data",
    "post-file",
    "timeout",
    "tries",
    "user-agent",
];
/// wget's short options that take a value.
const WGET_SHORT: &str = "aBDeiIlOopPQRtTUwX";

/// Is it the name of a long option?
pub(super) fn is_long_option(name: &str) -> bool {
    LONG.contains(&name) || OTHER_LONG.contains(&name)
}

/// Reads the arguments of `program`. `expand` puts known variables in their place.
pub(super) fn arguments(
    program: Program,
    name: &Word,
    words: &[Word],
    text: &str,
    expand: &dyn Fn(&Word) -> String,
) -> Call {
    let call = Call {
        program,
        after_name: name.span.end,
        method: None,
        implied: "GET",
        urls: Vec::new(),
        headers: Vec::new(),
        fails: program == Program::Wget,
        is_silent: false,
        proxy: None,
        bypasses_proxy: false,
        file: None,
        tells_more: false,
        is_opaque: false,
    };
    let mut reader = Arguments { call, words, at: 0, text, expand };
    while let Some(word) = reader.next() {
        reader.argument(word);
    }
    reader.call
}

struct Arguments<'a> {
    call: Call,
    words: &'a [Word],
    at: usize,
    text: &'a str,
    expand: &'a dyn Fn(&Word) -> String,
}

impl<'a> Arguments<'a> {
    fn next(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    fn argument(&mut self, word: &'a Word) {
        let shown = (self.expand)(word);
        if !matches!(word.parts.first(), Some(Part::Text(_))) && !shown.contains("/") {
            // A variable alone may hold options, the one with the header among them.
            self.call.is_opaque = true;
        }
        match shown.strip_prefix("--") {
            Some("") => {}
            Some(long) => self.long(word, long),
            None if shown.len() > 1 && shown.starts_with('-') => self.short(word, &shown),
            None => {
                self.call.urls.push(Value { text: shown, span: word.span.clone(), whole: word.span.clone() });
            }
        }
    }

    /// The value of an option: the next word.
    fn value(&mut self, option: &Word) -> Option<Value> {
        let word = self.next()?;
        let whole = option.span.start..word.span.end;
        Some(Value { text: (self.expand)(word), span: word.span.clone(), whole })
    }

    /// The value that stands in the option's own word, after this many bytes of it.
    fn attached(&self, option: &Word, after: usize, text: &str) -> Option<Value> {
        let start = option.span.start + after;
        let value = Value { text: text.to_owned(), span: start..option.span.end, whole: option.span.clone() };
        // Where quotes stand before the value, its place is not known.
        let raw = self.text.get(option.span.start..start)?;
        (!raw.contains(['"', '\'', '\\'])).then_some(value)
    }

    fn long(&mut self, word: &Word, option: &str) {
        let (name, attached) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let takes_value = match self.call.program {
            Program::Curl => LONG.contains(&name) || ["user-agent", "write-out"].contains(&name),
            Program::Wget => WGET_LONG.contains(&name),
        };
        let value = match attached {
            Some(value) => self.attached(word, 2 + name.len() + 1, value),
            None if takes_value => self.value(word),
            None => None,
        };
        self.option(name, value, word);
    }

    fn short(&mut self, word: &Word, shown: &str) {
        let with_value = match self.call.program {
            Program::Curl => SHORT,
            Program::Wget => WGET_SHORT,
        };
        for (index, letter) in shown.char_indices().skip(1) {
            if !letter.is_ascii_alphanumeric() && letter != '#' {
                self.call.is_opaque = true;
                return;
            }
            let value = if !with_value.contains(letter) {
                None
            } else if index + 1 < shown.len() {
                self.attached(word, index + 1, &shown[index + 1..])
            } else {
                self.value(word)
            };
            let takes_value = with_value.contains(letter);
            self.option(self.long_name(letter), value, word);
            if takes_value {
                return;
            }
        }
    }

    /// The long name of a short option that matters here.
    fn long_name(&self, letter: char) -> &'static str {
        match (self.call.program, letter) {
            (Program::Curl, 'X') => "request",
            (Program::Curl, 'H') => "header",
            (Program::Curl, 'f') => "fail",
            (Program::Curl, 's') => "silent",
            (Program::Curl, 'I') => "head",
            (Program::Curl, 'd') => "data",
            (Program::Curl, 'F') => "form",
            (Program::Curl, 'T') => "upload-file",
            (Program::Curl, 'G') => "get",
            (Program::Curl, 'x') => "proxy",
            (Program::Curl, 'o') => "output",
            (Program::Curl, 'w') => "write-out",
            (Program::Curl, 'K') => "config",
            (Program::Wget, 'q') => "quiet",
            (Program::Wget, 'O') => "output-document",
            (Program::Wget, 'e') => "execute",
            (Program::Wget, 'i') => "config",
            (Program::Curl | Program::Wget, _) => "",
        }
    }

    fn option(&mut self, name: &str, value: Option<Value>, word: &Word) {
        let call = &mut self.call;
        match (name, value) {
            ("request" | "method", Some(value)) => call.method = Some(value),
            ("header", Some(value)) => {
                call.is_opaque |= value.text.starts_with('@') || value.text.starts_with('$');
                call.headers.push(value);
                self.rest_of_header(word);
            }
            ("header", None) => call.is_opaque = true,
            ("url", Some(value)) => call.urls.push(value),
            ("proxy", Some(value)) if value.text.is_empty() => call.bypasses_proxy = true,
            ("proxy", Some(value)) => call.proxy = Some(value),
            ("noproxy", _) | ("no-proxy", _) => call.bypasses_proxy = true,
            ("output" | "output-document", Some(value)) => {
                call.file = (value.text != "-").then_some(value.text);
            }
            ("write-out", _) => call.tells_more = true,
            ("fail" | "fail-with-body", _) => call.fails = true,
            ("silent" | "quiet", _) => call.is_silent = true,
            ("head", _) => call.implied = "HEAD",
            ("upload-file", _) => call.implied = "PUT",
            ("get", _) => call.implied = "GET",
            (_, _) if is_data(name) && call.implied == "GET" => call.implied = "POST",
            ("config" | "execute" | "next", _) => call.is_opaque = true,
            _ => {}
        }
    }

    /// A header without quotes falls into pieces: `-H NAME: VALUE`. The value is not an address, and belongs to it.
    fn rest_of_header(&mut self, option: &Word) {
        let Some(header) = self.call.headers.last_mut() else { return };
        let Some(name) = header.text.strip_suffix(':') else { return };
        if self.text.get(header.span.clone()).is_none_or(|raw| raw.contains(['"', '\''])) {
            return;
        }
        let Some(word) = self.words.get(self.at) else { return };
        let shown = (self.expand)(word);
        let is_value = shown.starts_with('$') || shown.bytes().all(|byte| byte.is_ascii_digit());
        if super::request::is_like_header(name) && is_value && !shown.is_empty() {
            header.text = format!("{} {shown}", header.text);
            header.span.end = word.span.end;
            header.whole = option.span.start..word.span.end;
            self.at += 1;
        }
    }
}

/// Options by which a body is sent.
fn is_data(name: &str) -> bool {
    name == "json"
        || name == "form"
        || name == "form-string"
        || name.starts_with("data")
        || name.starts_with("post-")
}
