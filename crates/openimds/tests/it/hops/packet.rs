//! Captured packets: the file that `tcpdump -y LINUX_SLL` writes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A TCP segment.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) from: IpAddr,
    pub(super) to: SocketAddr,
    /// The TTL of IPv4, the hop limit of IPv6.
    pub(super) hops: u8,
    flags: u8,
    pub(super) payload: Vec<u8>,
}

impl Packet {
    /// Does it carry (a part of) an answer?
    pub(super) fn has_data(&self) -> bool {
        !self.payload.is_empty()
    }

    /// Does it carry a session token?
    pub(super) fn has_token(&self) -> bool {
        self.payload.windows(5).any(|bytes| bytes == b"AQAEA")
    }

    /// Is it the service's part of a handshake?
    pub(super) fn is_handshake(&self) -> bool {
        self.flags & 0x02 != 0
    }

    /// Does it end the connection, with FIN or RST?
    pub(super) fn is_end(&self) -> bool {
        self.flags & 0x05 != 0
    }
}

/// The whole packets of a capture that may still be growing.
pub(super) fn read(mut capture: &[u8]) -> Vec<Packet> {
    let mut packets = Vec::new();
    capture = capture.get(24..).unwrap_or_default();
    while let Some((header, rest)) = capture.split_at_checked(16) {
        let length = u32::from_ne_bytes(header[8..12].try_into().unwrap());
        let Some((packet, rest)) = rest.split_at_checked(length.try_into().unwrap()) else { break };
        packets.extend(segment(&packet[14..]));
        capture = rest;
    }
    packets
}

/// Of a packet, from its protocol on.
fn segment(packet: &[u8]) -> Option<Packet> {
    let (protocol, ip) = packet.split_at(2);
    let (from, to, hops, segment): (IpAddr, IpAddr, _, _) = match protocol {
        [0x08, 0x00] => {
            let end = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
            let addresses =
                (address::<4>(ip, 12).map(Ipv4Addr::from)?, address::<4>(ip, 16).map(Ipv4Addr::from)?);
            (addresses.0.into(), addresses.1.into(), ip[8], &ip[usize::from(ip[0] & 0x0f) * 4..end])
        }
        [0x86, 0xdd] => {
            let end = 40 + usize::from(u16::from_be_bytes([ip[4], ip[5]]));
            let addresses =
                (address::<16>(ip, 8).map(Ipv6Addr::from)?, address::<16>(ip, 24).map(Ipv6Addr::from)?);
            (addresses.0.into(), addresses.1.into(), ip[7], &ip[40..end])
        }
        _ => return None,
    };
    let to = SocketAddr::new(to, u16::from_be_bytes([segment[2], segment[3]]));
    let payload = segment[usize::from(segment[12] >> 4) * 4..].to_vec();
    Some(Packet { from, to, hops, flags: segment[13], payload })
}

fn address<const N: usize>(ip: &[u8], at: usize) -> Option<[u8; N]> {
    ip.get(at..at + N)?.try_into().ok()
}
