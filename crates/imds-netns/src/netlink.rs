//! Raw rtnetlink: messages as bytes, both ways, and the socket that carries them; rtnetlink(7).

use std::net::IpAddr;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// `nlmsghdr`: length u32, kind u16, flags u16, sequence u32, port u32.
const HEADER: usize = 16;
/// `ifinfomsg`: family u8, padding u8, type u16, index i32, flags u32, change u32.
pub(crate) const LINK_BODY: usize = 16;
/// `ifaddrmsg`: family u8, prefix length u8, flags u8, scope u8, index u32.
pub(crate) const ADDRESS_BODY: usize = 8;
/// `rtmsg`: family, destination length, source length, tos, table, protocol, scope, type (u8 each), flags u32.
pub(crate) const ROUTE_BODY: usize = 12;
/// `rtgenmsg`: family u8, padded.
pub(crate) const NAMESPACE_BODY: usize = 4;
/// Attributes of a link, if_link.h: libc has them for some targets only.
const IFLA_IFNAME: u16 = 3;
pub(crate) const IFLA_LINK: u16 = 5;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
/// The namespace of a link's other end, as this namespace numbers it.
pub(crate) const IFLA_LINK_NETNSID: u16 = 37;
/// Of a new link: its kind, and what that needs, which for veth is the other end.
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
/// Attributes of a namespace, net_namespace.h: its number, and the file that it is asked for by.
pub(crate) const NETNSA_NSID: u16 = 1;
const NETNSA_FD: u16 = 3;
/// The kernel packs a dump into messages of at most 32 KiB.
const BUFFER: usize = 32 * 1024;

const ACKNOWLEDGED: i32 = libc::NLM_F_REQUEST | libc::NLM_F_ACK;
const DUMPED: i32 = libc::NLM_F_REQUEST | libc::NLM_F_DUMP;

/// One request, ready to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request(Vec<u8>);

impl Request {
    /// Sets the interface `index` up.
    pub(crate) fn set_up(index: u32) -> Self {
        let mut body = [0; LINK_BODY];
        let up = (libc::IFF_UP as u32).to_ne_bytes();
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        body[8..12].copy_from_slice(&up);
        body[12..].copy_from_slice(&up);
        Self::new(libc::RTM_NEWLINK, ACKNOWLEDGED, &body)
    }

    /// Adds `address`, alone in its network, to the interface `index`. An IPv6 address skips duplicate
    /// address detection: it can be used at once.
    pub(crate) fn add_address(index: u32, address: IpAddr) -> Self {
        Self::add_neighbour(index, address, bits(address))
    }

    /// The same, in a network of `length` bits that is reached over the interface.
    pub(crate) fn add_neighbour(index: u32, address: IpAddr, length: u8) -> Self {
        let flags = if address.is_ipv6() { libc::IFA_F_NODAD as u8 } else { 0 };
        let mut body = [family(address), length, flags, libc::RT_SCOPE_UNIVERSE, 0, 0, 0, 0];
        body[4..].copy_from_slice(&index.to_ne_bytes());
        let octets = octets(address);
        Self::new(libc::RTM_NEWADDR, ACKNOWLEDGED | libc::NLM_F_CREATE | libc::NLM_F_EXCL, &body)
            .attribute(libc::IFA_LOCAL, &octets)
            .attribute(libc::IFA_ADDRESS, &octets)
    }

    /// Makes a pair of veth devices: one end here, and one in the namespace `there`.
    pub(crate) fn add_pair(here: &str, there: &str, namespace: BorrowedFd<'_>) -> Self {
        let name = |name: &str| [name.as_bytes(), &[0]].concat();
        let peer = Self(vec![0; LINK_BODY])
            .attribute(IFLA_IFNAME, &name(there))
            .attribute(IFLA_NET_NS_FD, &namespace.as_raw_fd().to_ne_bytes());
        let data = Self(Vec::new()).attribute(VETH_INFO_PEER, &peer.0);
        let info = Self(Vec::new()).attribute(IFLA_INFO_KIND, b"veth").attribute(IFLA_INFO_DATA, &data.0);
        let flags = ACKNOWLEDGED | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        Self::new(libc::RTM_NEWLINK, flags, &[0; LINK_BODY])
            .attribute(IFLA_IFNAME, &name(here))
            .attribute(IFLA_LINKINFO, &info.0)
    }

    /// Deletes the interface `index`, and with a pair's end the other one.
    pub(crate) fn delete(index: u32) -> Self {
        let mut body = [0; LINK_BODY];
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        Self::new(libc::RTM_DELLINK, ACKNOWLEDGED, &body)
    }

    /// Leads the network of `length` bits around `address` to `gateway`, over the interface `index`.
    pub(crate) fn add_route(address: IpAddr, length: u8, gateway: IpAddr, index: u32) -> Self {
        let mut body = [0; ROUTE_BODY];
        body[..2].copy_from_slice(&[family(address), length]);
        body[4..8].copy_from_slice(&[
            libc::RT_TABLE_MAIN,
            libc::RTPROT_STATIC,
            libc::RT_SCOPE_UNIVERSE,
            libc::RTN_UNICAST,
        ]);
        Self::new(libc::RTM_NEWROUTE, ACKNOWLEDGED | libc::NLM_F_CREATE | libc::NLM_F_EXCL, &body)
            .attribute(libc::RTA_DST, &octets(address))
            .attribute(libc::RTA_GATEWAY, &octets(gateway))
            .attribute(libc::RTA_OIF, &index.to_ne_bytes())
    }

    /// Asks for the number that the namespace has given another.
    pub(crate) fn number_of(namespace: BorrowedFd<'_>) -> Self {
        Self::new(libc::RTM_GETNSID, ACKNOWLEDGED, &[0; NAMESPACE_BODY])
            .attribute(NETNSA_FD, &namespace.as_raw_fd().to_ne_bytes())
    }

    /// Asks how the namespace would send to `address`.
    pub(crate) fn route_to(address: IpAddr) -> Self {
        let mut body = [0; ROUTE_BODY];
        body[0] = family(address);
        body[1] = bits(address);
        Self::new(libc::RTM_GETROUTE, ACKNOWLEDGED, &body).attribute(libc::RTA_DST, &octets(address))
    }

    /// Asks for every interface.
    pub(crate) fn links() -> Self {
        Self::new(libc::RTM_GETLINK, DUMPED, &[0; LINK_BODY])
    }

    /// Asks for every address, of every family.
    pub(crate) fn addresses() -> Self {
        Self::new(libc::RTM_GETADDR, DUMPED, &[0; ADDRESS_BODY])
    }

    /// Asks for every route, of every family and table.
    pub(crate) fn routes() -> Self {
        Self::new(libc::RTM_GETROUTE, DUMPED, &[0; ROUTE_BODY])
    }

    fn new(kind: u16, flags: i32, body: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(flags as u16).to_ne_bytes());
        bytes.extend_from_slice(body);
        Self(bytes)
    }

    /// Appends an `rtattr`: length u16, kind u16, value, padding to four bytes.
    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let length = 4 + value.len() as u16;
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }
}

fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// One message of the kernel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    kind: u16,
    sequence: u32,
    payload: Vec<u8>,
}

impl Message {
    /// The byte of the fixed part at `offset`; 0 past its end.
    pub(crate) fn byte(&self, offset: usize) -> u8 {
        self.payload.get(offset).copied().unwrap_or(0)
    }

    /// The 32-bit field of the fixed part at `offset`; 0 past its end.
    pub(crate) fn word(&self, offset: usize) -> u32 {
        self.payload.get(offset..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_ne_bytes(*word))
    }

    /// The value of the attribute `kind`, looked for behind a fixed part of `body` bytes.
    pub(crate) fn attribute(&self, body: usize, kind: u16) -> Option<&[u8]> {
        let mut rest = self.payload.get(body..)?;
        while let [l0, l1, k0, k1, ..] = *rest {
            let length = usize::from(u16::from_ne_bytes([l0, l1]));
            let value = rest.get(4..length)?;
            if u16::from_ne_bytes([k0, k1]) == kind {
                return Some(value);
            }
            rest = rest.get(length.next_multiple_of(4)..)?;
        }
        None
    }

    /// The value of the attribute `kind` as an address.
    pub(crate) fn address(&self, body: usize, kind: u16) -> Option<IpAddr> {
        let value = self.attribute(body, kind)?;
        let v4 = <[u8; 4]>::try_from(value).map(IpAddr::from);
        v4.or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from)).ok()
    }

    /// The value of the attribute `kind` as a 32-bit number.
    pub(crate) fn number(&self, body: usize, kind: u16) -> Option<u32> {
        self.attribute(body, kind)?.try_into().ok().map(u32::from_ne_bytes)
    }

    /// `Some` if the message ends the answer: an acknowledgement, the end of a dump, or an error.
    fn end(&self) -> Option<Result<(), Errno>> {
        let ends = [libc::NLMSG_ERROR as u16, libc::NLMSG_DONE as u16].contains(&self.kind);
        // Both carry a negated errno, 0 if all is well.
        ends.then(|| match self.word(0) as i32 {
            0 => Ok(()),
            error => Err(Errno::from_raw_os_error(error.wrapping_neg())),
        })
    }
}

/// The messages in what one receive brought, up to the first that is cut off.
fn messages(bytes: &[u8]) -> Vec<Message> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(header) = rest.first_chunk::<HEADER>() {
        let [l0, l1, l2, l3, k0, k1, _, _, s0, s1, s2, s3, ..] = *header;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let Some(payload) = rest.get(HEADER..length) else { break };
        let (kind, sequence) = (u16::from_ne_bytes([k0, k1]), u32::from_ne_bytes([s0, s1, s2, s3]));
        found.push(Message { kind, sequence, payload: payload.to_vec() });
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

/// A netlink socket: it speaks to the network namespace in which it was opened.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: OwnedFd,
    sequence: u32,
}

impl Socket {
    pub(crate) fn open() -> Result<Self, Errno> {
        // No protocol given is protocol 0, which is NETLINK_ROUTE.
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// The interface with this name, as the kernel numbers it.
    pub(crate) fn index(&self, name: &str) -> Result<u32, Errno> {
        rustix::net::netdevice::name_to_index(&self.socket, name)
    }

    /// Sends a request and gathers the answer, without the message that ends it.
    pub(crate) fn ask(&mut self, request: Request) -> Result<Vec<Message>, Errno> {
        self.sequence += 1;
        send(&self.socket, &request.finish(self.sequence), SendFlags::empty())?;
        let mut answer = Vec::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            // With TRUNC the length is the true one, so a cut-off answer shows.
            let (_, length) = retry_on_intr(|| recv(&self.socket, &mut buffer[..], RecvFlags::TRUNC))?;
            let received = buffer.get(..length).ok_or(Errno::MSGSIZE)?;
            for message in messages(received).into_iter().filter(|m| m.sequence == self.sequence) {
                match message.end() {
                    Some(end) => return end.map(|()| answer),
                    None => answer.push(message),
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    #[test]
    fn lo_is_set_up() {
        let bytes = Request::set_up(1).finish(7);
        let header = [32, 0, 0, 0, 16, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        let body = [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(bytes, [header, body].concat());
    }

    #[test]
    fn an_ipv4_address_is_added() {
        let bytes = Request::add_address(1, "169.254.169.254".parse().unwrap()).finish(2);
        let header = [40, 0, 0, 0, 20, 0, 5, 6, 2, 0, 0, 0, 0, 0, 0, 0];
        let body = [2, 32, 0, 0, 1, 0, 0, 0, 8, 0, 2, 0, 169, 254, 169, 254, 8, 0, 1, 0, 169, 254, 169, 254];
        assert_eq!(bytes, [&header[..], &body[..]].concat());
    }

    #[test]
    fn an_ipv6_address_is_added_without_duplicate_detection() {
        let bytes = Request::add_address(1, "fd00:ec2::254".parse().unwrap()).finish(3);
        let address = [0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54];
        let mut expected = vec![64, 0, 0, 0, 20, 0, 5, 6, 3, 0, 0, 0, 0, 0, 0, 0, 10, 128, 2, 0, 1, 0, 0, 0];
        for kind in [2, 1] {
            expected.extend([20, 0, kind, 0]);
            expected.extend(address);
        }
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_route_is_asked_for() {
        let bytes = Request::route_to("169.254.170.2".parse().unwrap()).finish(4);
        let header = [36, 0, 0, 0, 26, 0, 5, 0, 4, 0, 0, 0, 0, 0, 0, 0];
        let body = [2, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 1, 0, 169, 254, 170, 2];
        assert_eq!(bytes, [&header[..], &body[..]].concat());
    }

    #[test]
    fn dumps_are_asked_for() {
        for (request, length, kind) in
            [(Request::links(), 32, 18), (Request::addresses(), 24, 22), (Request::routes(), 28, 26)]
        {
            let bytes = request.finish(5);
            assert_eq!(bytes[..16], [length, 0, 0, 0, kind, 0, 1, 3, 5, 0, 0, 0, 0, 0, 0, 0]);
            assert_eq!(bytes.len(), usize::from(length));
        }
    }

    #[test]
    fn a_pair_is_made_with_its_other_end_elsewhere() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let fd = file.as_raw_fd().to_le_bytes();
        let bytes = Request::add_pair("a", "bb", std::os::fd::AsFd::as_fd(&file)).finish(1);
        let mut expected = vec![92, 0, 0, 0, 16, 0, 5, 6, 1, 0, 0, 0, 0, 0, 0, 0];
        expected.extend([0; LINK_BODY]);
        expected.extend([6, 0, 3, 0, b'a', 0, 0, 0]);
        // IFLA_LINKINFO: IFLA_INFO_KIND; IFLA_INFO_DATA: VETH_INFO_PEER: ifinfomsg, IFLA_IFNAME, IFLA_NET_NS_FD.
        expected.extend([52, 0, 18, 0, 8, 0, 1, 0, b'v', b'e', b't', b'h', 40, 0, 2, 0, 36, 0, 1, 0]);
        expected.extend([0; LINK_BODY]);
        expected.extend([7, 0, 3, 0, b'b', b'b', 0, 0, 8, 0, 28, 0]);
        expected.extend(fd);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_route_over_a_gateway_is_added() {
        let gateway = "172.17.0.1".parse().unwrap();
        let bytes = Request::add_route("169.254.169.254".parse().unwrap(), 32, gateway, 3).finish(1);
        let header = [52, 0, 0, 0, 24, 0, 5, 6, 1, 0, 0, 0, 0, 0, 0, 0];
        let body = [2, 32, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];
        let attributes = [8, 0, 1, 0, 169, 254, 169, 254, 8, 0, 5, 0, 172, 17, 0, 1, 8, 0, 4, 0, 3, 0, 0, 0];
        assert_eq!(bytes, [&header[..], &body, &attributes].concat());
    }

    #[test]
    fn an_odd_attribute_is_padded() {
        let bytes = Request::new(16, 0, &[]).attribute(3, b"lo\0").finish(1);
        assert_eq!(bytes[HEADER..], [7, 0, 3, 0, b'l', b'o', 0, 0]);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let address = "169.254.169.254".parse().unwrap();
        let mut bytes = Request::add_address(9, address).finish(6);
        bytes.extend(Request::set_up(1).finish(6));
        let found = messages(&bytes);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].word(4), 9);
        assert_eq!(found[0].address(ADDRESS_BODY, libc::IFA_ADDRESS), Some(address));
        assert_eq!(found[0].attribute(ADDRESS_BODY, 99), None);
        assert_eq!(found[1].byte(8), 1);
    }

    #[test]
    fn an_answer_ends_with_an_acknowledgement_or_an_error() {
        let end =
            |kind, errno: i32| Message { kind, sequence: 1, payload: errno.to_ne_bytes().to_vec() }.end();
        assert_eq!(end(2, 0), Some(Ok(())));
        assert_eq!(end(2, -1), Some(Err(Errno::PERM)));
        assert_eq!(end(3, 0), Some(Ok(())));
        assert_eq!(end(24, 0), None);
    }

    #[test]
    fn damaged_bytes_are_left_alone() {
        let whole = Request::add_address(1, "fd00:ec2::254".parse().unwrap()).finish(1);
        for length in 0..whole.len() {
            assert_eq!(messages(&whole[..length]), [], "{length}");
        }
        let message = Message { kind: 20, sequence: 1, payload: vec![0; 12] };
        assert_eq!(message.attribute(ADDRESS_BODY, 1), None, "an attribute shorter than its header");
        let mut endless = whole;
        endless[..4].copy_from_slice(&0u32.to_ne_bytes());
        assert_eq!(messages(&endless), []);
    }
}
