//! Bodies, which no request of this service needs: read to their end and dropped, within bounds.

use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Body;

/// Bytes of a body that are taken without complaint.
pub const LIMIT: u64 = 16 * 1024;
/// Bytes of a body that is too long which are read before the connection closes, so that the client sees the answer
/// and not a reset.
const DRAIN: u64 = 1024 * 1024;

/// What was wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 413
    TooLong,
    /// 400: its framing cannot be read.
    Malformed,
}

/// Reads a body to its end.
///
/// # Errors
/// When it is too long or cannot be read; the connection is then of no more use.
pub async fn drop_body<B: Body + Unpin>(parts: &Parts, mut body: B) -> Result<(), Fault> {
    if body.is_end_stream() {
        return Ok(());
    }
    let is_announced = body.size_hint().lower() > LIMIT;
    if is_announced && parts.headers.contains_key(http::header::EXPECT) {
        // The client waits for a word before it sends.
        return Err(Fault::TooLong);
    }
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| if length > LIMIT { Fault::TooLong } else { Fault::Malformed })?;
        length += frame.data_ref().map_or(0, |data| bytes::Buf::remaining(data) as u64);
        if length > DRAIN {
            break;
        }
    }
    if length > LIMIT || is_announced { Err(Fault::TooLong) } else { Ok(()) }
}
