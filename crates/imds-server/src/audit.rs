//! The access log: one line a call, and never a token in it.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::LazyLock;
use std::sync::mpsc::{SyncSender, TrySendError};

use imds_core::Timestamp;
use imds_core::audit::Call;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Fields with blanks between them, for people.
    Text,
    /// An object a line.
    Json,
}

/// Characters of a path or a user agent that are kept.
const FIELD_LIMIT: usize = 256;
/// Bytes that are handed on at once.
const FULL: usize = 32 * 1024;

/// The lines of one worker, handed to the one who writes them in pieces.
pub struct Log {
    format: Format,
    lines: Vec<u8>,
    second: Second,
    count: u64,
    sink: SyncSender<Vec<u8>>,
}

impl Log {
    /// A log that hands its lines to `sink`.
    #[must_use]
    pub fn new(format: Format, sink: SyncSender<Vec<u8>>) -> Self {
        Self { format, lines: Vec::with_capacity(FULL + 1024), second: Second::default(), count: 0, sink }
    }

    /// Writes a line; hands all of them on when there are many. Returns how many lines were lost.
    pub fn record(&mut self, call: &Call<'_>) -> u64 {
        match self.format {
            Format::Text => text(&mut self.lines, &mut self.second, call),
            Format::Json => json(&mut self.lines, &mut self.second, call),
        }
        self.count += 1;
        if self.lines.len() >= FULL { self.hand_on() } else { 0 }
    }

    /// Hands the lines on. Returns how many were lost because their writer is behind.
    pub fn hand_on(&mut self) -> u64 {
        if self.lines.is_empty() {
            return 0;
        }
        let count = std::mem::take(&mut self.count);
        match self.sink.try_send(std::mem::replace(&mut self.lines, Vec::with_capacity(FULL + 1024))) {
            Ok(()) => 0,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => count,
        }
    }
}

/// A second as it is written, kept for the calls that share it.
#[derive(Default)]
struct Second {
    number: i64,
    text: Vec<u8>,
}

impl Second {
    /// `2026-11-24T12:00:00.000Z`
    fn write(&mut self, out: &mut Vec<u8>, at: Timestamp) {
        if self.number != at.as_second() || self.text.is_empty() {
            self.number = at.as_second();
            self.text.clear();
            let _ = write!(self.text, "{}", at.strftime("%Y-%m-%dT%H:%M:%S."));
        }
        out.extend_from_slice(&self.text);
        let millis = u64::try_from(at.subsec_millisecond()).unwrap_or(0);
        out.extend_from_slice(&[100, 10, 1].map(|place| digit(millis / place % 10)));
        out.push(b'Z');
    }
}

fn digit(digit: u64) -> u8 {
    b'0' + u8::try_from(digit).unwrap_or(0)
}

/// A number in decimal. Formatting by the standard library would take as long as the rest of the line.
fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = digit(number % 10);
        number /= 10;
        if number == 0 {
            return out.extend_from_slice(&digits[start..]);
        }
    }
}

fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                number(out, octet.into());
            }
        }
        IpAddr::V6(address) => {
            let _ = write!(out, "{address}");
        }
    }
}

fn text(out: &mut Vec<u8>, second: &mut Second, call: &Call<'_>) {
    second.write(out, call.at);
    out.push(b' ');
    out.extend_from_slice(call.instance.map_or("-", |id| id.as_str()).as_bytes());
    out.push(b' ');
    address(out, call.source);
    out.push(b' ');
    escaped(out, call.method.as_bytes());
    out.push(b' ');
    escaped(out, call.path);
    out.push(b' ');
    number(out, call.status.into());
    out.push(b' ');
    out.extend_from_slice(call.version.as_str().as_bytes());
    out.extend_from_slice(b" \"");
    escaped(out, call.user_agent);
    out.extend_from_slice(b"\" ");
    number(out, call.micros);
    out.extend_from_slice(b"us");
    if let Some(fault) = call.fault {
        out.extend_from_slice(b" fault:");
        out.extend_from_slice(fault.as_str().as_bytes());
    }
    out.push(b'\n');
}

/// A field as text, with all that is not plain escaped as in a line of the log.
pub(crate) fn shown(field: &[u8]) -> String {
    field.escape_ascii().to_string()
}

/// A field of a line, in which nothing can end it.
fn escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let field = field(bytes);
    if field.iter().all(is_plain) {
        out.extend_from_slice(&field);
    } else {
        let _ = write!(out, "{}", field.escape_ascii());
    }
}

fn is_plain(byte: &u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'\'')
}

fn json(out: &mut Vec<u8>, second: &mut Second, call: &Call<'_>) {
    out.extend_from_slice(b"{\"time\":\"");
    second.write(out, call.at);
    out.extend_from_slice(b"\",\"instance\":");
    match call.instance {
        Some(id) => string(out, id.as_str().as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"source\":\"");
    address(out, call.source);
    out.extend_from_slice(b"\",\"method\":");
    string(out, call.method.as_bytes());
    out.extend_from_slice(b",\"path\":");
    string(out, call.path);
    out.extend_from_slice(b",\"status\":");
    number(out, call.status.into());
    out.extend_from_slice(b",\"version\":\"");
    out.extend_from_slice(call.version.as_str().as_bytes());
    out.extend_from_slice(b"\",\"user_agent\":");
    string(out, call.user_agent);
    out.extend_from_slice(b",\"micros\":");
    number(out, call.micros);
    if let Some(fault) = call.fault {
        out.extend_from_slice(b",\"fault\":");
        string(out, fault.as_str().as_bytes());
    }
    out.extend_from_slice(b"}\n");
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for byte in field(bytes).iter() {
        match byte {
            byte if is_plain(byte) || *byte == b'\'' => out.push(*byte),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            // What is not ASCII is shown byte by byte: a log is no place to guess an encoding.
            byte => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    out.push(b'"');
}

/// How every token begins. Made ready once: most of what is searched is shorter than that would take.
static START: LazyLock<memchr::memmem::Finder<'static>> =
    LazyLock::new(|| memchr::memmem::Finder::new(b"AQAEA"));

/// What a guest sent, cut to a bearable length, with everything that has the form of a token taken out.
pub(crate) fn field(bytes: &[u8]) -> Cow<'_, [u8]> {
    // The cut comes after the search, or half a token would be left.
    let Some(mut at) = START.find(bytes) else {
        return Cow::Borrowed(&bytes[..bytes.len().min(FIELD_LIMIT)]);
    };
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(b"[token]");
        let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=%".contains(byte);
        let length = rest[at..].iter().take_while(|byte| is_of_token(byte)).count();
        rest = &rest[at + length..];
        match START.find(rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    clean.extend_from_slice(rest);
    clean.truncate(FIELD_LIMIT);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::audit::Version;
    use imds_core::testing::noon;
    use std::sync::mpsc::sync_channel;

    fn call<'a>(path: &'a [u8], user_agent: &'a [u8]) -> Call<'a> {
        Call {
            at: noon(),
            instance: None,
            source: [127, 0, 0, 1].into(),
            method: "GET",
            path,
            status: 404,
            version: Version::V1,
            user_agent,
            micros: 12,
            fault: None,
        }
    }

    fn logged(format: Format, call: &Call<'_>) -> String {
        let (sink, lines) = sync_channel(1);
        let mut log = Log::new(format, sink);
        assert_eq!((log.record(call), log.hand_on(), log.hand_on()), (0, 0, 0));
        String::from_utf8(lines.try_recv().unwrap()).unwrap()
    }

    #[test]
    fn a_line_cannot_be_broken_by_what_a_guest_sends() {
        let call = call(b"/a\"b\n", b"x\\\"\r\n\xff");
        assert_eq!(
            logged(Format::Text, &call),
            "2026-11-24T12:00:00.000Z - 127.0.0.1 GET /a\\\"b\\n 404 v1 \"x\\\\\\\"\\r\\n\\xff\" 12us\n"
        );
        assert_eq!(
            logged(Format::Json, &call),
            "{\"time\":\"2026-11-24T12:00:00.000Z\",\"instance\":null,\"source\":\"127.0.0.1\",\"method\":\"GET\",\
             \"path\":\"/a\\\"b\\u000a\",\"status\":404,\"version\":\"v1\",\"user_agent\":\"x\\\\\\\"\\u000d\\u000a\\u00ff\",\
             \"micros\":12}\n"
        );
    }

    #[test]
    fn a_fault_is_told_at_the_end() {
        let call = Call { status: 0, fault: Some(imds_core::fault::Kind::Drop), ..call(b"/", b"") };
        assert!(logged(Format::Text, &call).ends_with(" 0 v1 \"\" 12us fault:drop\n"));
        assert!(logged(Format::Json, &call).ends_with(",\"micros\":12,\"fault\":\"drop\"}\n"));
    }

    #[test]
    fn a_token_in_the_wrong_place_is_taken_out() {
        let token = "AQAEAAABCQkJCQkJCQkJCQkJ6r1gIMZ1G-wEfeNIH-__jW_nHryL_g==";
        let long = format!("/{}{token}", "x".repeat(250));
        for path in
            [format!("/latest/{token}/a"), format!("/{token}{token}"), long, format!("/{}", &token[..40])]
        {
            for format in [Format::Text, Format::Json] {
                let line = logged(format, &call(path.as_bytes(), token.as_bytes()));
                assert!(!line.contains("AQAEA") && !line.contains(&token[20..30]), "{line}");
            }
        }
        assert_eq!(field(b"/latest/x"), Cow::Borrowed(b"/latest/x".as_slice()));
    }

    #[test]
    fn lines_that_nobody_takes_are_counted_and_not_kept() {
        let (sink, _lines) = sync_channel(1);
        let mut log = Log::new(Format::Text, sink);
        log.record(&call(b"/", b""));
        assert_eq!(log.hand_on(), 0);
        log.record(&call(b"/", b""));
        log.record(&call(b"/", b""));
        assert_eq!(log.hand_on(), 2);
    }
}
