//! Expectations of an answer; each says on failure what was expected and what came.

use crate::date;
use crate::http::{Answer, End, TTL, abbreviated};
use crate::outcome::{Outcome, Stop};
use crate::session::{ErrorPages, Session};

/// The TTL header as it is answered.
pub(crate) const TTL_ANSWERED: &str = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds";

const PAGE_400: &[u8] = include_bytes!("../golden/400.xhtml");
const PAGE_401: &[u8] = include_bytes!("../golden/401.xhtml");
const PAGE_403: &[u8] = include_bytes!("../golden/403.xhtml");
const PAGE_404: &[u8] = include_bytes!("../golden/404.xhtml");
const PAGE_405: &[u8] = include_bytes!("../golden/405.xhtml");

/// A failure about an answer.
pub(crate) fn wrong(answer: &Answer, expected: &str) -> Stop {
    Stop::Fail(format!("{}: expected {expected}, got {}", answer.request, answer.shown()))
}

/// A plain condition; the message says what was expected and what came.
pub(crate) fn that(holds: bool, message: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Stop::Fail(message())) }
}

/// A condition on an answer.
pub(crate) fn of(answer: &Answer, holds: bool, expected: &str) -> Outcome {
    if holds { Ok(()) } else { Err(wrong(answer, expected)) }
}

/// The status code.
pub(crate) fn status(answer: &Answer, code: u16) -> Outcome {
    of(answer, answer.status == code, &format!("status {code}"))
}

/// The whole status line.
pub(crate) fn status_line(answer: &Answer, line: &str) -> Outcome {
    of(answer, answer.status_line == line, &format!("the status line {line:?}"))
}

/// The header names, in this order and casing, and no others.
pub(crate) fn names(answer: &Answer, expected: &[&str]) -> Outcome {
    let exact = answer.headers.iter().map(|(name, _)| name.as_str()).eq(expected.iter().copied());
    of(answer, exact, &format!("exactly the headers {}", expected.join(", ")))
}

/// One header's value.
pub(crate) fn header(answer: &Answer, name: &str, value: &str) -> Outcome {
    of(answer, answer.header(name) == Some(value), &format!("one header \"{name}: {value}\""))
}

/// No such header, however it is written.
pub(crate) fn no_header(answer: &Answer, name: &str) -> Outcome {
    let there = answer.headers.iter().any(|(have, _)| have.eq_ignore_ascii_case(name));
    of(answer, !there, &format!("no {name} header"))
}

/// The body's bytes.
pub(crate) fn body(answer: &Answer, expected: &[u8]) -> Outcome {
    of(answer, answer.body == expected, &format!("the body {}", abbreviated(expected)))
}

/// A header that is an HTTP date, in seconds since 1970.
pub(crate) fn date_of(answer: &Answer, name: &str) -> Result<i64, Stop> {
    answer.header(name).and_then(date::http).ok_or_else(|| {
        wrong(answer, &format!("{name} with an HTTP date such as Wed, 11 Jun 2025 15:38:21 GMT"))
    })
}

/// The remaining seconds that a GET with a token is told.
pub(crate) fn remaining(answer: &Answer) -> Result<u64, Stop> {
    let value = answer.header(TTL_ANSWERED).and_then(|text| text.parse().ok());
    value.ok_or_else(|| wrong(answer, &format!("{TTL_ANSWERED} (the answer to {TTL}) with a number")))
}

/// The connection was closed after the answer, and nothing more was sent.
pub(crate) fn closed(answer: &Answer, end: &End) -> Outcome {
    of(
        answer,
        end.surplus.is_empty(),
        &format!("nothing after the answer, not {}", abbreviated(&end.surplus)),
    )?;
    of(answer, end.closed, "the connection to be closed after the answer; it stayed open")
}

/// A whole error answer on a connection that closes: status line, headers, body, as `--error-pages` says.
pub(crate) fn error(session: &Session, answer: &Answer, code: u16) -> Outcome {
    whole_error(session, answer, code, None, true)
}

/// As `error`, on a connection that is kept.
pub(crate) fn error_kept(session: &Session, answer: &Answer, code: u16) -> Outcome {
    whole_error(session, answer, code, None, false)
}

/// A whole 405 with its `Allow`.
pub(crate) fn not_allowed(session: &Session, answer: &Answer, allow: &str) -> Outcome {
    whole_error(session, answer, 405, Some(allow), true)
}

fn whole_error(session: &Session, answer: &Answer, code: u16, allow: Option<&str>, closes: bool) -> Outcome {
    status(answer, code)?;
    let fixed = match code {
        400 => Some(("Bad Request", PAGE_400)),
        401 => Some(("Unauthorized", PAGE_401)),
        403 => Some(("Forbidden", PAGE_403)),
        404 => Some(("Not Found", PAGE_404)),
        405 => Some(("Not Allowed", PAGE_405)),
        _ => None,
    };
    let page = match fixed {
        Some((reason, page)) => {
            status_line(answer, &format!("HTTP/1.1 {code} {reason}"))?;
            page.to_vec()
        }
        // No source gives the reason of the others, so that the page is held against what is claimed.
        None => String::from_utf8_lossy(PAGE_404)
            .replace("404 - Not Found", &format!("{code} - {}", answer.reason()))
            .into_bytes(),
    };
    let page = if session.error_pages == ErrorPages::Empty && code != 404 { Vec::new() } else { page };
    bare(answer, allow, closes, &page)
}

/// The answer to OPTIONS: empty, with what is allowed.
pub(crate) fn options(answer: &Answer, allow: &str) -> Outcome {
    status_line(answer, "HTTP/1.1 200 OK")?;
    bare(answer, Some(allow), true, b"")
}

/// The headers and the body of errors and of OPTIONS.
fn bare(answer: &Answer, allow: Option<&str>, closes: bool, page: &[u8]) -> Outcome {
    let mut expected = vec!["Content-Length", "Date", "Server", "Connection", "Content-Type"];
    if !closes {
        expected.retain(|name| *name != "Connection");
    }
    if allow.is_some() {
        expected.insert(0, "Allow");
    }
    names(answer, &expected)?;
    if let Some(methods) = allow {
        header(answer, "Allow", methods)?;
    }
    header(answer, "Content-Length", &page.len().to_string())?;
    date_of(answer, "Date")?;
    header(answer, "Server", "EC2ws")?;
    if closes {
        header(answer, "Connection", "close")?;
    }
    header(answer, "Content-Type", if page.is_empty() { "text/plain" } else { "text/html" })?;
    body(answer, if answer.to_head { b"" } else { page })
}
