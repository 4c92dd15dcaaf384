//! How long a token lives.

/// A token's life in seconds, 1 to 21,600 (six hours).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ttl(u16);

impl Ttl {
    /// Six hours.
    pub const MAX: Self = Self(21_600);

    /// Reads the header: decimal digits only, and within bounds (wire.md decision 4).
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let mut seconds = 0_u16;
        for byte in text {
            let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
            seconds = seconds.saturating_mul(10).saturating_add(digit);
        }
        (1..=Self::MAX.0).contains(&seconds).then_some(Self(seconds))
    }

    /// The number of seconds.
    #[must_use]
    pub fn seconds(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_is_digits_within_six_hours() {
        for (text, seconds) in [("1", 1), ("21600", 21_600), ("0600", 600), ("000000000000000000000060", 60)]
        {
            assert_eq!(Ttl::parse(text.as_bytes()), Some(Ttl(seconds)), "{text}");
        }
        for bad in [
            "",
            "0",
            "00",
            "21601",
            "-1",
            "+60",
            "6 0",
            "1.5",
            "abc",
            "0x10",
            "99999999999999999999",
            "6\u{661}",
            "65536",
            "65537",
        ] {
            assert_eq!(Ttl::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
