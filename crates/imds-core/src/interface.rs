//! A network interface of an instance.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::Error;
use crate::id::AccountId;

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed =
            || Error::malformed(text, "a MAC address: six pairs of hexadecimal digits joined by colons");
        let mut mac = [0; 6];
        let mut pairs = text.split(':');
        for byte in &mut mac {
            let pair = pairs.next().filter(|pair| pair.len() == 2 && !pair.starts_with('+'));
            *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(malformed)?;
        }
        if pairs.next().is_some() { Err(malformed()) } else { Ok(Self(mac)) }
    }
}

/// What `network/interfaces/macs/MAC/` says of one interface (wire.md section 3.2). What is empty or `None` is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its place among the instance's interfaces; 0 is the one that gives `local-ipv4`, `mac`, `hostname`.
    pub device_number: u16,
    /// The network card that carries it.
    pub network_card: u16,
    /// Its hardware address, the name of its directory.
    pub mac: Mac,
    /// `eni-…`
    pub interface_id: String,
    /// The account that owns it.
    pub owner_id: AccountId,
    /// Private IPv4 addresses, the primary first.
    pub local_ipv4s: Vec<Ipv4Addr>,
    /// IPv6 addresses, the primary first.
    pub ipv6s: Vec<Ipv6Addr>,
    /// Public IPv4 addresses, each with the private ones that it stands for.
    pub ipv4_associations: Vec<(Ipv4Addr, Vec<Ipv4Addr>)>,
    /// Delegated IPv4 prefixes, as CIDR blocks.
    pub ipv4_prefix: Vec<String>,
    /// Delegated IPv6 prefixes, as CIDR blocks.
    pub ipv6_prefix: Vec<String>,
    /// The private DNS name.
    pub local_hostname: String,
    /// The public DNS name.
    pub public_hostname: Option<String>,
    /// Names of its security groups.
    pub security_groups: Vec<String>,
    /// Ids of its security groups.
    pub security_group_ids: Vec<String>,
    /// `subnet-…`
    pub subnet_id: String,
    /// The subnet's IPv4 block.
    pub subnet_ipv4_cidr_block: Option<String>,
    /// The subnet's IPv6 blocks.
    pub subnet_ipv6_cidr_blocks: Vec<String>,
    /// `vpc-…`
    pub vpc_id: String,
    /// The VPC's first IPv4 block.
    pub vpc_ipv4_cidr_block: Option<String>,
    /// All of the VPC's IPv4 blocks.
    pub vpc_ipv4_cidr_blocks: Vec<String>,
    /// The VPC's IPv6 blocks.
    pub vpc_ipv6_cidr_blocks: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_six_pairs() {
        assert_eq!("0A:ff:00:01:02:03".parse::<Mac>().unwrap().to_string(), "0a:ff:00:01:02:03");
        for bad in [
            "",
            "0a:ff:00:01:02",
            "0a:ff:00:01:02:03:04",
            "0a:ff:00:01:02:0",
            "+a:ff:00:01:02:03",
            "0aff00010203",
        ] {
            assert!(bad.parse::<Mac>().is_err(), "{bad}");
        }
    }
}
