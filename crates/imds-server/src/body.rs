//! Bodies, which no request of this service needs: read to their end and dropped, within bounds.

use http_body_util::BodyExt as _;
use hyper::body::Body;
use imds_core::access::Refusal;

/// Bytes of a body that are taken without complaint.
pub const LIMIT: u64 = 16 * 1024;
/// Reads a body to its end.
///
/// # Errors
/// When it is too long or cannot be read; what is left of it stays unread, and the connection is of no more use.
pub async fn drop_body<B: Body + Unpin>(mut body: B) -> Result<(), Refusal> {
    if body.size_hint().lower() > LIMIT {
        return Err(Refusal::BodyTooLong);
    }
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::Malformed)?;
        length += frame.data_ref().map_or(0, |data| bytes::Buf::remaining(data) as u64);
        if length > LIMIT {
            return Err(Refusal::BodyTooLong);
        }
    }
    Ok(())
}
