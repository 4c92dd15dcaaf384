//! How packets get from here to an address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use serde::Serialize;

/// The way to an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// It is an address of this machine, or of this network namespace, itself.
    Own,
    /// Out over a device, and through a gateway if it is not on its link.
    Over {
        /// The device.
        device: String,
        /// The gateway.
        #[serde(skip_serializing_if = "Option::is_none")]
        gateway: Option<Ipv4Addr>,
    },
    /// There is none.
    Missing,
}

/// The way to `address`, as far as this machine tells. Nothing is sent.
pub(super) fn to(address: SocketAddr) -> Option<Way> {
    let own: SocketAddr = if address.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(own).ok()?;
    // A datagram socket asks for a route, and sends nothing before it is given something.
    if let Err(error) = socket.connect(address) {
        let is_unreachable = [std::io::ErrorKind::NetworkUnreachable, std::io::ErrorKind::HostUnreachable];
        return is_unreachable.contains(&error.kind()).then_some(Way::Missing);
    }
    if socket.local_addr().is_ok_and(|local| local.ip() == address.ip()) {
        return Some(Way::Own);
    }
    match address.ip() {
        IpAddr::V4(address) => route(&std::fs::read_to_string("/proc/net/route").ok()?, address),
        IpAddr::V6(_) => None,
    }
}

/// The route for `address` in the kernel's table.
fn route(table: &str, address: Ipv4Addr) -> Option<Way> {
    let number =
        |hex: &str| u32::from_str_radix(hex, 16).ok().map(|number| Ipv4Addr::from(number.to_ne_bytes()));
    let mut best: Option<(u32, u32, Way)> = None;
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [device, destination, gateway, flags, _, _, metric, mask, ..] = fields[..] else { continue };
        let (Some(destination), Some(gateway), Some(mask)) =
            (number(destination), number(gateway), number(mask))
        else {
            continue;
        };
        let is_up = u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 != 0);
        let (mask, metric) = (u32::from(mask), metric.parse().unwrap_or(u32::MAX));
        if !is_up || u32::from(address) & mask != u32::from(destination) {
            continue;
        }
        let is_better = best.as_ref().is_none_or(|(best_mask, best_metric, _)| {
            (mask, std::cmp::Reverse(metric)) > (*best_mask, std::cmp::Reverse(*best_metric))
        });
        if is_better {
            let gateway = Some(gateway).filter(|gateway| !gateway.is_unspecified());
            best = Some((mask, metric, Way::Over { device: device.to_owned(), gateway }));
        }
    }
    best.map(|(_, _, way)| way)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Device, destination, gateway, metric and mask.
    type Row = (&'static str, [u8; 4], [u8; 4], u32, [u8; 4]);

    /// The kernel writes addresses as numbers of this machine.
    fn table(rows: &[Row]) -> String {
        let hex = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let mut text = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n".to_owned();
        for (device, destination, gateway, metric, mask) in rows {
            let (destination, gateway, mask) = (hex(*destination), hex(*gateway), hex(*mask));
            text += &format!("{device}\t{destination}\t{gateway}\t0003\t0\t0\t{metric}\t{mask}\t0\t0\t0\n");
        }
        text
    }

    #[test]
    fn the_longest_prefix_wins_and_then_the_lowest_metric() {
        let service = Ipv4Addr::new(169, 254, 169, 254);
        let over = |device: &str, gateway: Option<[u8; 4]>| {
            Some(Way::Over { device: device.to_owned(), gateway: gateway.map(Ipv4Addr::from) })
        };
        let default = ("eth0", [0; 4], [10, 0, 0, 1], 100, [0; 4]);
        let cheap = ("eth1", [0; 4], [10, 0, 1, 1], 50, [0; 4]);
        let link_local = ("eth2", [169, 254, 0, 0], [0; 4], 1000, [255, 255, 0, 0]);
        let other = ("eth3", [10, 0, 0, 0], [0; 4], 0, [255, 0, 0, 0]);
        assert_eq!(route(&table(&[]), service), None);
        assert_eq!(route(&table(&[other]), service), None);
        assert_eq!(route(&table(&[default, other]), service), over("eth0", Some([10, 0, 0, 1])));
        assert_eq!(route(&table(&[default, cheap]), service), over("eth1", Some([10, 0, 1, 1])));
        assert_eq!(route(&table(&[link_local, default]), service), over("eth2", None));
        for damaged in ["", "x", "a\nb c d\n", "a\neth0 XX 0 0001 0 0 0 0\n"] {
            assert_eq!(route(damaged, service), None);
        }
    }

    #[test]
    fn loopback_is_this_machines_own() {
        assert_eq!(to((Ipv4Addr::LOCALHOST, 80).into()), Some(Way::Own));
    }
}
