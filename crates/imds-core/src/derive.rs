//! What follows from an instance's id and place when nobody says otherwise: stable, plausible, EC2's own forms.

use std::net::Ipv4Addr;

/// Hexadecimal digits that follow from `id` and `label` alone, so that a restart gives the same names.
pub(crate) fn hex(id: &str, label: &str, digits: usize) -> String {
    let mut text = format!("{:016x}{:016x}", hash(id, label, 0), hash(id, label, 1));
    text.truncate(digits);
    text
}

/// A number that follows from `id` and `label` alone.
pub(crate) fn number(id: &str, label: &str) -> u64 {
    hash(id, label, 2)
}

/// FNV-1a with a final mix: names need to differ, not to keep a secret.
fn hash(id: &str, label: &str, round: u8) -> u64 {
    let bytes = id.bytes().chain([0]).chain(label.bytes()).chain([0, round]);
    let mut state = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    state ^= state >> 33;
    state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^ (state >> 33)
}

/// The region of an availability zone: `us-east-1a` is in `us-east-1`, `us-west-2-lax-1a` in `us-west-2`.
pub(crate) fn region(availability_zone: &str) -> &str {
    let mut end = 0;
    for (at, part) in availability_zone.split('-').scan(0, |at, part| {
        let start = *at;
        *at += part.len() + 1;
        Some((start, part))
    }) {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            end = at + digits;
            break;
        }
    }
    if end == 0 { availability_zone } else { &availability_zone[..end] }
}

/// The zone's id that does not depend on the account: `us-east-1a` is taken for `use1-az1`.
pub(crate) fn availability_zone_id(availability_zone: &str) -> String {
    let region = region(availability_zone);
    let mut short = String::new();
    for (index, part) in region.split('-').enumerate() {
        short += match (index, part) {
            (0, area) => area,
            (_, "northeast") => "ne",
            (_, "northwest") => "nw",
            (_, "southeast") => "se",
            (_, "southwest") => "sw",
            (_, word) if word.starts_with(|c: char| c.is_ascii_digit()) => word,
            (_, word) => word.get(..1).unwrap_or_default(),
        };
    }
    let letter = availability_zone.bytes().last().filter(u8::is_ascii_lowercase).unwrap_or(b'a');
    format!("{short}-az{}", letter - b'a' + 1)
}

/// The partition of a region: `aws`, `aws-cn` or `aws-us-gov`.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The domain of the region's services.
pub(crate) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// The IP-based private DNS name.
pub(crate) fn local_hostname(region: &str, address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    if region == "us-east-1" {
        format!("ip-{a}-{b}-{c}-{d}.ec2.internal")
    } else {
        format!("ip-{a}-{b}-{c}-{d}.{region}.compute.internal")
    }
}

/// The public DNS name.
pub(crate) fn public_hostname(region: &str, address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    let domain = domain(region);
    if region == "us-east-1" {
        format!("ec2-{a}-{b}-{c}-{d}.compute-1.{domain}")
    } else {
        format!("ec2-{a}-{b}-{c}-{d}.{region}.compute.{domain}")
    }
}

/// `arm64` for Graviton types (a `g` after the generation: `t4g`, `c7gn`), else `x86_64`.
pub(crate) fn architecture(instance_type: &str) -> &'static str {
    let family = instance_type.split('.').next().unwrap_or_default();
    let options = family
        .trim_start_matches(|c: char| c.is_ascii_lowercase())
        .trim_start_matches(|c: char| c.is_ascii_digit());
    if options.contains('g') || family == "a1" { "arm64" } else { "x86_64" }
}

/// The hypervisor, as the `system` category names it.
pub(crate) fn system(instance_type: &str) -> &'static str {
    if instance_type.starts_with("t2.") { "xen-on-nitro" } else { "nitro" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_gives_its_names() {
        for (zone, of, id, name) in [
            ("us-east-1b", "us-east-1", "use1-az2", "ip-172-31-0-9.ec2.internal"),
            ("eu-west-1a", "eu-west-1", "euw1-az1", "ip-172-31-0-9.eu-west-1.compute.internal"),
            (
                "ap-northeast-1c",
                "ap-northeast-1",
                "apne1-az3",
                "ip-172-31-0-9.ap-northeast-1.compute.internal",
            ),
            ("us-west-2-lax-1a", "us-west-2", "usw2-az1", "ip-172-31-0-9.us-west-2.compute.internal"),
            ("nowhere", "nowhere", "nowhere-az5", "ip-172-31-0-9.nowhere.compute.internal"),
        ] {
            assert_eq!(region(zone), of);
            assert_eq!(availability_zone_id(zone), id);
            assert_eq!(local_hostname(of, Ipv4Addr::new(172, 31, 0, 9)), name);
        }
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
        assert_eq!((partition("cn-north-1"), domain("cn-north-1")), ("aws-cn", "amazonaws.com.cn"));
    }

    #[test]
    fn a_type_gives_its_architecture() {
        for (kind, expected) in [
            ("t3.micro", "x86_64"),
            ("t4g.nano", "arm64"),
            ("c7gn.large", "arm64"),
            ("g4dn.xlarge", "x86_64"),
            ("a1.medium", "arm64"),
        ] {
            assert_eq!(architecture(kind), expected, "{kind}");
        }
    }

    #[test]
    fn names_differ_by_label_and_stay_the_same() {
        assert_eq!(hex("i-1", "eni", 17).len(), 17);
        assert_eq!(hex("i-1", "eni", 17), hex("i-1", "eni", 17));
        assert_ne!(hex("i-1", "eni", 17), hex("i-1", "subnet", 17));
        assert_ne!(hex("i-1", "eni", 17), hex("i-2", "eni", 17));
    }
}
