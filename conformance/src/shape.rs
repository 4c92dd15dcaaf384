//! The shapes that values have: identifiers, addresses, blocks, names, base64.

use std::net::{Ipv4Addr, Ipv6Addr};

/// `prefix` and 8 or 17 lowercase hexadecimal digits, as in `i-0123456789abcdef0`.
pub(crate) fn id(value: &str, prefix: &str) -> bool {
    value.strip_prefix(prefix).is_some_and(|rest| {
        matches!(rest.len(), 8 | 17) && rest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// Decimal digits and nothing else.
pub(crate) fn number(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// An AWS account: twelve digits.
pub(crate) fn account(value: &str) -> bool {
    value.len() == 12 && number(value)
}

/// Six pairs of lowercase hexadecimal digits.
pub(crate) fn mac(value: &str) -> bool {
    value.len() == 17
        && value.split(':').count() == 6
        && value.split(':').all(|pair| {
            pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        })
}

/// An IPv4 address.
pub(crate) fn ipv4(value: &str) -> bool {
    value.parse::<Ipv4Addr>().is_ok()
}

/// An IPv6 address, compressed or not.
pub(crate) fn ipv6(value: &str) -> bool {
    value.parse::<Ipv6Addr>().is_ok()
}

/// An address block of either family.
pub(crate) fn cidr(value: &str, address: fn(&str) -> bool, most: u8) -> bool {
    value.split_once('/').is_some_and(|(base, length)| {
        address(base) && number(length) && length.parse::<u8>().is_ok_and(|bits| bits <= most)
    })
}

/// A host name of at least two labels.
pub(crate) fn dns_name(value: &str) -> bool {
    value.contains('.') && value.split('.').all(label)
}

/// A host name of one label or more: what a guest may call itself.
pub(crate) fn host_name(value: &str) -> bool {
    value.split('.').all(label)
}

fn label(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 63
        && !part.starts_with('-')
        && !part.ends_with('-')
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A Region such as `us-east-1` or `us-gov-west-1`.
pub(crate) fn region(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    parts.len() >= 3
        && parts.last().is_some_and(|last| number(last))
        && parts[..parts.len() - 1]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// An availability zone's id such as `use1-az4`, also a local zone's `usw2-lax1-az1`.
pub(crate) fn zone_id(value: &str) -> bool {
    value.rsplit_once("-az").is_some_and(|(place, zone)| {
        number(zone)
            && place.ends_with(|last: char| last.is_ascii_digit())
            && place.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}

/// Lines, none empty, joined by LF with none at the end, each of a shape.
pub(crate) fn lines(value: &str, each: impl Fn(&str) -> bool) -> bool {
    value.split('\n').all(|line| !line.is_empty() && each(line))
}

/// Standard base64 in lines, as the signatures are: no header, no trailing LF.
pub(crate) fn base64_lines(value: &str) -> bool {
    let joined = value.replace('\n', "");
    let data = joined.trim_end_matches('=');
    lines(value, |_| true)
        && joined.len().is_multiple_of(4)
        && joined.len() - data.len() <= 2
        && data.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

/// The alphabet of tokens, in the order of its values.
pub(crate) const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The bytes of URL-safe base64 with padding; `None` if it is anything else or not in its one canonical form.
pub(crate) fn url_safe(text: &str) -> Option<Vec<u8>> {
    let data = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - data.len() > 2 {
        return None;
    }
    let (mut bits, mut held, mut bytes) = (0u32, 0u32, Vec::new());
    for symbol in data.bytes() {
        let value = URL_SAFE.iter().position(|have| *have == symbol)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    if bits & ((1 << held) - 1) == 0 { Some(bytes) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_tell_right_from_wrong() {
        assert!(id("i-0123456789abcdef0", "i-") && id("ami-01234567", "ami-"));
        assert!(!id("i-0123456789ABCDEF0", "i-") && !id("i-012345678", "i-") && !id("x", "i-"));
        assert!(mac("0a:ff:00:00:00:38") && !mac("0A:ff:00:00:00:38") && !mac("0a:ff:00:00:0038"));
        assert!(
            cidr("172.31.0.0/16", ipv4, 32)
                && !cidr("172.31.0.0/33", ipv4, 32)
                && !cidr("172.31.0.0", ipv4, 32)
        );
        assert!(cidr("2600:1f16:67f:f201:0:0:0:0/64", ipv6, 128));
        assert!(region("us-gov-west-1") && region("us-east-1") && !region("us-east-1a") && !region("east-1"));
        assert!(zone_id("use1-az4") && zone_id("usw2-lax1-az1") && !zone_id("us-east-1a"));
        assert!(dns_name("ip-10-0-0-1.ec2.internal") && !dns_name("host") && !dns_name("a..b"));
        assert!(lines("a\nb", |_| true) && !lines("a\n", |_| true) && !lines("", |_| true));
        assert!(base64_lines("AAAA\nBB==") && !base64_lines("AAAA\n") && !base64_lines("-----BEGIN"));
    }

    #[test]
    fn tokens_decode_in_one_form_only() {
        assert_eq!(url_safe("AQAEAA=="), Some(vec![1, 0, 4, 0]));
        assert_eq!(url_safe("_-8="), Some(vec![0xff, 0xef]));
        assert_eq!(url_safe("AQAEAB=="), None);
        assert_eq!(url_safe("AQAEAA"), None);
        assert_eq!(url_safe("AQ+EAA=="), None);
    }
}
