//! The bytes that go back: EC2's headers, in EC2's order, and its error pages (wire.md decisions 1 and 2).

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue,
    LAST_MODIFIED, RETRY_AFTER, SERVER,
};
use http::{HeaderMap, Response, StatusCode};
use hyper::body::{Frame as Piece, SizeHint};
use hyper::ext::ReasonPhrase;
use imds_core::access::{Allow, Session};
use imds_core::token::{Text, Ttl};
use imds_core::tree::{Content, Value};

static LEFT: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const EC2WS: HeaderValue = HeaderValue::from_static("EC2ws");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
const NONE: HeaderValue = HeaderValue::from_static("none");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What an error's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorPages {
    /// EC2's XHTML page for every error.
    #[default]
    Xhtml,
    /// Nothing, but for 404, as newest instances answer.
    Empty,
}

/// What every response needs to know of its request's moment.
#[derive(Clone)]
pub(crate) struct Frame {
    /// `Date`, as it is written.
    pub(crate) date: HeaderValue,
    /// Does the connection stay open?
    pub(crate) is_kept: bool,
}

impl Frame {
    fn close(&self, headers: &mut HeaderMap) {
        if !self.is_kept {
            headers.append(CONNECTION, CLOSE);
        }
    }
}

/// A body that is there at once. It never says beforehand that it is at its end: the HTTP library would then drop our
/// `Content-Length: 0` and write its own in another place.
#[derive(Debug)]
pub struct Body {
    bytes: Option<Bytes>,
    length: u64,
    cut: Cut,
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// At its end.
    None,
    /// Before it. The library writes what it has got only when more is not there yet: it is told so once.
    Due,
    /// Before it, now.
    Now,
}

/// A body whose rest is kept back, on request.
#[derive(Debug)]
pub struct Truncated;

impl std::fmt::Display for Truncated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a body was cut, as a fault on request says")
    }
}

impl std::error::Error for Truncated {}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Truncated;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Piece<Bytes>, Truncated>>> {
        let body = self.bytes.take().filter(|body| !body.is_empty());
        match (body, self.cut) {
            (Some(body), _) => Poll::Ready(Some(Ok(Piece::data(body)))),
            (None, Cut::None) => Poll::Ready(None),
            (None, Cut::Due) => {
                self.cut = Cut::Now;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            (None, Cut::Now) => Poll::Ready(Some(Err(Truncated))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

fn response(headers: HeaderMap, body: Bytes) -> Response<Body> {
    let length = body.len() as u64;
    let mut response = Response::new(Body { bytes: Some(body), length, cut: Cut::None });
    *response.headers_mut() = headers;
    response
}

/// A token.
pub(crate) fn token(frame: &Frame, text: &Text, ttl: Ttl) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.append(&LEFT, ttl.seconds().into());
    headers.append(CONTENT_LENGTH, text.expose().len().into());
    headers.append(DATE, frame.date.clone());
    headers.append(SERVER, EC2WS);
    frame.close(&mut headers);
    headers.append(CONTENT_TYPE, PLAIN);
    response(headers, Bytes::copy_from_slice(text.expose()))
}

/// Metadata.
pub(crate) fn metadata(frame: &Frame, value: Value, session: Session, last_modified: &str) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(12);
    if let Session::V2 { left } = session {
        headers.append(&LEFT, left.into());
    }
    let content = match value.content {
        Content::Text => PLAIN,
        Content::Octets => OCTETS,
    };
    headers.append(CONTENT_TYPE, content);
    headers.append(ACCEPT_RANGES, NONE);
    if let Ok(date) = HeaderValue::from_str(last_modified) {
        headers.append(LAST_MODIFIED, date);
    }
    headers.append(CONTENT_LENGTH, value.body.len().into());
    headers.append(DATE, frame.date.clone());
    headers.append(SERVER, EC2WS);
    frame.close(&mut headers);
    response(headers, value.body)
}

/// 200, and nothing in it.
pub(crate) fn empty(frame: &Frame) -> Response<Body> {
    response(trailer(frame, None, 0, PLAIN), Bytes::new())
}

/// 429, and in how many seconds to come again.
pub(crate) fn too_many(frame: &Frame, pages: ErrorPages, seconds: u64) -> Response<Body> {
    let mut response = refusal(frame, pages, 429, None);
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// The same response, whose body ends after so many bytes, or half of it. One byte at least is missing, and the head says
/// nothing of it.
pub(crate) fn truncated(mut response: Response<Body>, after: Option<usize>) -> Response<Body> {
    let body = response.body_mut();
    if let Some(bytes) = &mut body.bytes {
        bytes.truncate(after.unwrap_or(bytes.len() / 2).min(bytes.len().saturating_sub(1)));
    }
    body.cut = Cut::Due;
    response
}

/// The methods of a path.
pub(crate) fn methods(frame: &Frame, allow: Allow) -> Response<Body> {
    response(trailer(frame, Some(allow), 0, PLAIN), Bytes::new())
}

/// An error.
pub(crate) fn refusal(frame: &Frame, pages: ErrorPages, status: u16, allow: Option<Allow>) -> Response<Body> {
    let (content, body) = error_body(pages, status);
    let mut response = response(trailer(frame, allow, body.len(), content), body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    if status == 405 {
        response.extensions_mut().insert(ReasonPhrase::from_static(b"Not Allowed"));
    }
    response
}

fn trailer(frame: &Frame, allow: Option<Allow>, length: usize, content: HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    if let Some(allow) = allow {
        headers.append(ALLOW, HeaderValue::from_static(allowed(allow)));
    }
    headers.append(CONTENT_LENGTH, length.into());
    headers.append(DATE, frame.date.clone());
    headers.append(SERVER, EC2WS);
    frame.close(&mut headers);
    headers.append(CONTENT_TYPE, content);
    headers
}

fn allowed(allow: Allow) -> &'static str {
    match allow {
        Allow::Token => "OPTIONS, PUT",
        Allow::Metadata => "GET, HEAD, OPTIONS",
    }
}

fn error_body(pages: ErrorPages, status: u16) -> (HeaderValue, Bytes) {
    match (pages, status) {
        (ErrorPages::Xhtml, _) | (ErrorPages::Empty, 404) => (HTML, page(status).into()),
        (ErrorPages::Empty, _) => (PLAIN, Bytes::new()),
    }
}

/// The words after an error's number. EC2 says "Not Allowed" for 405.
fn reason(status: u16) -> &'static str {
    match status {
        405 => "Not Allowed",
        status => {
            StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error")
        }
    }
}

/// EC2's error page, byte for byte (wire.md 1.7).
#[must_use]
pub fn page(status: u16) -> String {
    let title = format!("{status} - {}", reason(status));
    format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n\
         <!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n\
         \t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n \
         <head>\n  <title>{title}</title>\n </head>\n \
         <body>\n  <h1>{title}</h1>\n </body>\n\
         </html>\n"
    )
}

/// A whole closing response to what HTTP itself refuses, before there is a request.
#[must_use]
pub fn bare(pages: ErrorPages, status: u16, date: &str) -> Vec<u8> {
    let (content, body) = error_body(pages, status);
    let head = format!(
        "HTTP/1.1 {status} {}\r\nContent-Length: {}\r\nDate: {date}\r\nServer: EC2ws\r\nConnection: close\r\n\
         Content-Type: {}\r\n\r\n",
        reason(status),
        body.len(),
        content.to_str().unwrap_or("text/plain"),
    );
    [head.as_bytes(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Tue, 24 Nov 2026 12:00:00 GMT";

    #[test]
    fn pages_are_the_golden_ones_to_the_byte() {
        for (status, golden) in [
            (400, &include_bytes!("../golden/400.xhtml")[..]),
            (401, include_bytes!("../golden/401.xhtml")),
            (403, include_bytes!("../golden/403.xhtml")),
            (404, include_bytes!("../golden/404.xhtml")),
            (405, include_bytes!("../golden/405.xhtml")),
        ] {
            assert_eq!(page(status).as_bytes(), golden, "{status}");
        }
        assert_eq!(page(401).len(), 343);
    }

    #[test]
    fn a_bare_refusal_has_the_golden_headers() {
        let bare = bare(ErrorPages::Xhtml, 401, DATE);
        let head = include_str!("../golden/401.headers").trim_end().replace('\n', "\r\n") + "\r\n\r\n";
        assert_eq!(&bare[..head.len()], head.as_bytes());
        assert_eq!(&bare[head.len()..], page(401).as_bytes());
    }

    #[test]
    fn empty_pages_leave_only_404() {
        let frame = Frame { date: HeaderValue::from_static(DATE), is_kept: true };
        for (status, length, content) in
            [(401, "0", "text/plain"), (404, "337", "text/html"), (405, "0", "text/plain")]
        {
            let response = refusal(&frame, ErrorPages::Empty, status, None);
            assert_eq!(response.headers()[CONTENT_LENGTH], length);
            assert_eq!(response.headers()[CONTENT_TYPE], content);
        }
    }
}
