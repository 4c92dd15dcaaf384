//! Dates as HTTP writes them.

use crate::Timestamp;

/// `Tue, 24 Nov 2026 12:00:00 GMT` (RFC 9110, 5.6.7).
#[must_use]
pub fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads what [`http_date`] writes.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    let civil = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S GMT", text).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::{http_date, parse_http_date};

    #[test]
    fn it_is_the_golden_headers_form() {
        assert_eq!(http_date(crate::testing::noon()), "Tue, 24 Nov 2026 12:00:00 GMT");
    }

    #[test]
    fn what_is_written_can_be_read() {
        let noon = crate::testing::noon();
        assert_eq!(parse_http_date(&http_date(noon)), Some(noon));
        for other in [
            "",
            "Tue",
            "2026-11-24T12:00:00Z",
            "Tue, 24 Nov 2026 12:00:00 UTC",
            "Tue, 42 Nov 2026 12:00:00 GMT",
        ] {
            assert_eq!(parse_http_date(other), None, "{other}");
        }
    }
}
