//! Dates as HTTP writes them.

use crate::Timestamp;

/// `Tue, 24 Nov 2026 12:00:00 GMT` (RFC 9110, 5.6.7).
#[must_use]
pub fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_the_golden_headers_form() {
        assert_eq!(super::http_date(crate::testing::noon()), "Tue, 24 Nov 2026 12:00:00 GMT");
    }
}
