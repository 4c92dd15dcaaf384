//! As much of DER as RSA keys need (ITU-T X.690, RFC 8017 appendix A, RFC 5280 section 4.1).

/// The tag of an `INTEGER`.
pub(super) const INTEGER: u8 = 0x02;
/// The tag of a `BIT STRING`.
pub(super) const BIT_STRING: u8 = 0x03;
/// The tag of an `OCTET STRING`.
pub(super) const OCTET_STRING: u8 = 0x04;
/// The tag of a `SEQUENCE`.
pub(super) const SEQUENCE: u8 = 0x30;

/// `AlgorithmIdentifier`'s content for RSA: `rsaEncryption`, `NULL`.
pub(super) const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Takes one value with this tag off the front: its content, and what is left.
pub(super) fn take(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = input.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        // Four bytes of length are more than a key has.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    (first == tag).then(|| rest.split_at_checked(length)).flatten()
}

/// A value with this tag.
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length @ 0..=0x7f) => out.push(length),
        _ => {
            let digits = content.len().to_be_bytes();
            let digits = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(0));
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1_0000] {
            let content = vec![7; length];
            let mut der = value(OCTET_STRING, &content);
            der.push(9);
            assert_eq!(take(&der, OCTET_STRING), Some((&content[..], &[9][..])));
            assert_eq!(take(&der, SEQUENCE), None);
            assert_eq!(take(&der[..der.len() - 2], OCTET_STRING), None);
        }
        for bad in [&[][..], &[4], &[4, 2, 0], &[4, 0x80, 0], &[4, 0x85, 0, 0, 0, 0, 0], &[4, 0x82, 1]] {
            assert_eq!(take(bad, OCTET_STRING), None);
        }
    }
}
