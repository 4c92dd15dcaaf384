//! A call as a worker writes it down: a head of a fixed length, which says how long the rest is, and the rest.

use std::net::{IpAddr, Ipv6Addr};

use imds_core::Timestamp;
use imds_core::audit::{Call, Recorded, Version};
use imds_core::fault::Kind;
use imds_core::id::InstanceId;

use crate::audit::{field, shown};

/// Writes a call that ended at `done`. What of it a guest sent is cut and cleaned as in the log.
pub(super) fn write(out: &mut Vec<u8>, call: &Call<'_>, done: u64) {
    let id = call.instance.map_or(&b""[..], |id| id.as_str().as_bytes());
    let fields = [call.method.as_bytes(), call.path, call.user_agent].map(field);
    let (is_ipv4, source) = match call.source {
        IpAddr::V4(address) => (true, address.to_ipv6_mapped()),
        IpAddr::V6(address) => (false, address),
    };
    for number in [done, call.micros] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&call.at.as_microsecond().to_le_bytes());
    out.extend_from_slice(&source.octets());
    out.extend_from_slice(&call.status.to_le_bytes());
    let is_v2 = matches!(call.version, Version::V2);
    out.extend_from_slice(&[u8::from(is_ipv4), u8::from(is_v2), call.fault.map_or(0, number)]);
    for part in [id, &*fields[0], &*fields[1], &*fields[2]] {
        // None is longer than a field of the log.
        out.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_le_bytes());
    }
    out.extend_from_slice(id);
    fields.iter().for_each(|field| out.extend_from_slice(field));
}

/// Every kind of fault, in the order of their numbers, which begin with 1.
const KINDS: [Kind; 8] = [
    Kind::Latency,
    Kind::Status,
    Kind::Reset,
    Kind::Drop,
    Kind::Truncate,
    Kind::Empty,
    Kind::StaleCredentials,
    Kind::Throttle,
];

fn number(kind: Kind) -> u8 {
    kind as u8 + 1
}

/// A call as it is read again.
pub(super) struct Entry<'a> {
    /// All of it.
    pub(super) bytes: &'a [u8],
    /// When it ended.
    pub(super) done: u64,
    /// The instance, empty for a stranger.
    pub(super) owner: &'a [u8],
    micros: u64,
    at: i64,
    source: IpAddr,
    status: u16,
    version: Version,
    fault: Option<Kind>,
    method: &'a [u8],
    path: &'a [u8],
    user_agent: &'a [u8],
}

/// Takes so many bytes from the front.
fn array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

impl<'a> Entry<'a> {
    /// The first of some, and the rest of them; `None` at their end.
    pub(super) fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut rest = bytes;
        let done = u64::from_le_bytes(array(&mut rest)?);
        let micros = u64::from_le_bytes(array(&mut rest)?);
        let at = i64::from_le_bytes(array(&mut rest)?);
        let source = Ipv6Addr::from(array::<16>(&mut rest)?);
        let status = u16::from_le_bytes(array(&mut rest)?);
        let [is_ipv4, is_v2, fault] = array(&mut rest)?;
        let mut lengths = [0; 4];
        for length in &mut lengths {
            *length = usize::from(u16::from_le_bytes(array(&mut rest)?));
        }
        let mut parts = [&b""[..]; 4];
        for (part, length) in parts.iter_mut().zip(lengths) {
            (*part, rest) = rest.split_at_checked(length)?;
        }
        let [owner, method, path, user_agent] = parts;
        let entry = Self {
            bytes: &bytes[..bytes.len() - rest.len()],
            done,
            owner,
            micros,
            at,
            source: if is_ipv4 == 1 { source.to_canonical() } else { source.into() },
            status,
            version: if is_v2 == 1 { Version::V2 } else { Version::V1 },
            fault: KINDS.into_iter().find(|kind| number(*kind) == fault),
            method,
            path,
            user_agent,
        };
        Some((entry, rest))
    }

    /// The call, as it is told.
    pub(super) fn recorded(&self, number: u64) -> Option<Recorded> {
        let instance = match self.owner {
            [] => None,
            id => Some(std::str::from_utf8(id).ok()?.parse::<InstanceId>().ok()?),
        };
        Some(Recorded {
            number,
            at: Timestamp::from_microsecond(self.at).ok()?,
            instance,
            source: self.source,
            method: shown(self.method),
            path: shown(self.path),
            status: self.status,
            version: self.version,
            user_agent: shown(self.user_agent),
            micros: self.micros,
            fault: self.fault,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::testing::{launch, noon};

    #[test]
    fn every_kind_of_fault_has_its_number() {
        assert_eq!(KINDS.map(number), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_call_is_read_as_it_was_written() {
        let id = launch().id;
        let mut bytes = Vec::new();
        let sources: [IpAddr; 3] =
            [[10, 1, 2, 3].into(), "fd00::1".parse().unwrap(), "::ffff:10.0.0.1".parse().unwrap()];
        let long = vec![b'x'; 70_000];
        for (index, source) in sources.into_iter().enumerate() {
            let call = Call {
                at: noon(),
                instance: (index > 0).then_some(&id),
                source,
                method: "BREW",
                path: if index == 2 { &long } else { b"/a" },
                status: 405,
                version: if index == 1 { Version::V2 } else { Version::V1 },
                user_agent: b"curl/8",
                micros: u64::MAX,
                fault: (index == 2).then_some(Kind::StaleCredentials),
            };
            write(&mut bytes, &call, 7);
        }
        let mut rest = &bytes[..];
        for (index, source) in sources.into_iter().enumerate() {
            let (entry, left) = Entry::first(rest).unwrap();
            assert_eq!((entry.done, entry.bytes.len()), (7, rest.len() - left.len()));
            rest = left;
            let expected = Recorded {
                number: 9,
                at: noon(),
                instance: (index > 0).then(|| id.clone()),
                source,
                method: "BREW".into(),
                path: if index == 2 { "x".repeat(256) } else { "/a".into() },
                status: 405,
                version: if index == 1 { Version::V2 } else { Version::V1 },
                user_agent: "curl/8".into(),
                micros: u64::MAX,
                fault: (index == 2).then_some(Kind::StaleCredentials),
            };
            assert_eq!(entry.recorded(9), Some(expected));
        }
        assert!(rest.is_empty());
        for length in 0..bytes.len() - rest.len() {
            // Whatever is missing, there is no panic.
            let mut rest = &bytes[..length];
            while let Some((_, left)) = Entry::first(rest) {
                rest = left;
            }
        }
    }
}
