//! How the child of a spawn tells its parent where the setup stopped: six bytes over their socketpair.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::{Error, Plan, userns};

/// A step of the setup in the child, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    UserNamespace = 1,
    IdentityMap,
    NetworkNamespace,
    /// Bringing `lo` up, and asking the kernel about what is there.
    Loopback,
    Address,
    /// An address does not lead to `lo`.
    NotLocal,
    /// `lo` is down, or something leads elsewhere.
    NotClosed,
    Listen,
    Handoff,
    /// The parent ended meanwhile: nobody reads this.
    Parent,
}

impl Step {
    const ALL: [Self; 10] = [
        Self::UserNamespace,
        Self::IdentityMap,
        Self::NetworkNamespace,
        Self::Loopback,
        Self::Address,
        Self::NotLocal,
        Self::NotClosed,
        Self::Listen,
        Self::Handoff,
        Self::Parent,
    ];

    /// This step, failed with `errno`; for `map_err`.
    pub(crate) fn failed(self, errno: Errno) -> Failure {
        self.failed_at(0, errno)
    }

    /// The same about one item of the plan: the index of an address or a listen.
    pub(crate) fn failed_at(self, item: usize, errno: Errno) -> Failure {
        Failure { step: self, item: u8::try_from(item).unwrap_or(u8::MAX), errno }
    }
}

/// The first step that failed and the kernel's answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    step: Step,
    item: u8,
    pub(crate) errno: Errno,
}

/// Length of an encoded failure: step, item, errno.
pub(crate) const LENGTH: usize = 6;

impl Failure {
    pub(crate) fn encode(self) -> [u8; LENGTH] {
        let [a, b, c, d] = self.errno.raw_os_error().to_ne_bytes();
        [self.step as u8, self.item, a, b, c, d]
    }

    /// Reads what [`Self::encode`] wrote; `None` for anything else.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let &[step, item, a, b, c, d] = bytes else { return None };
        let step = Step::ALL.into_iter().find(|known| *known as u8 == step)?;
        Some(Self { step, item, errno: Errno::from_raw_os_error(i32::from_ne_bytes([a, b, c, d])) })
    }

    /// What to tell the user; `sysctls` is `/proc/sys`.
    pub(crate) fn explain(self, plan: &Plan, sysctls: &Path) -> Error {
        let cause = io::Error::from(self.errno);
        let refused = matches!(self.errno, Errno::PERM | Errno::ACCESS);
        let forbidden = match self.step {
            Step::UserNamespace => true,
            Step::IdentityMap => refused,
            // AppArmor lets the namespace be made and then withholds its capabilities.
            Step::NetworkNamespace | Step::Loopback | Step::Address | Step::Listen => {
                refused && userns::restricted_by_apparmor(sysctls)
            }
            Step::NotLocal | Step::NotClosed | Step::Handoff | Step::Parent => false,
        };
        if forbidden {
            return Error::UserNamespacesForbidden { obstacle: userns::obstacle(self.errno, sysctls), cause };
        }
        let item = usize::from(self.item);
        match self.step {
            Step::UserNamespace | Step::NetworkNamespace => Error::NetworkNamespace(cause),
            Step::IdentityMap => Error::IdentityMap(cause),
            Step::Loopback => Error::Loopback(cause),
            Step::Address => match plan.addresses.get(item) {
                Some(&address) if address.is_ipv6() && without_ipv6(self.errno) => {
                    Error::Ipv6Unavailable { address, cause }
                }
                Some(&address) => Error::Address { address, cause },
                None => Error::Loopback(cause),
            },
            Step::NotLocal => plan.addresses.get(item).map_or(Error::NotClosed, |a| Error::NotLocal(*a)),
            Step::NotClosed => Error::NotClosed,
            Step::Listen => match plan.listen.get(item) {
                Some(&listen) => Error::Listen { listen, cause },
                None => Error::Loopback(cause),
            },
            Step::Handoff | Step::Parent => Error::Handoff(cause),
        }
    }
}

/// What the kernel answers to an IPv6 address: EOPNOTSUPP or EAFNOSUPPORT without the protocol, EACCES (in
/// older kernels ENODEV) where `disable_ipv6` is set for the interface.
fn without_ipv6(errno: Errno) -> bool {
    matches!(errno, Errno::OPNOTSUPP | Errno::AFNOSUPPORT | Errno::ACCESS | Errno::NODEV)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let addresses = vec!["169.254.169.254".parse().unwrap(), "fd00:ec2::254".parse().unwrap()];
        Plan { addresses, listen: vec!["169.254.169.254:80".parse().unwrap()] }
    }

    #[test]
    fn every_step_survives_the_trip() {
        for step in Step::ALL {
            let failure = step.failed_at(3, Errno::ACCESS);
            assert_eq!(Failure::decode(&failure.encode()), Some(failure));
        }
        assert_eq!(Failure::decode(&[0; LENGTH]), None);
        assert_eq!(Failure::decode(&[1, 0]), None);
    }

    #[test]
    fn a_missing_ipv6_is_told_apart() {
        let nowhere = Path::new("/nonexistent");
        let error = Step::Address.failed_at(1, Errno::OPNOTSUPP).explain(&plan(), nowhere);
        assert!(error.to_string().starts_with("cannot add fd00:ec2::254: IPv6 is not available"), "{error}");
        let error = Step::Address.failed_at(0, Errno::INVAL).explain(&plan(), nowhere);
        assert!(matches!(error, Error::Address { .. }), "{error}");
    }

    #[test]
    fn the_failed_listen_is_named() {
        let error = Step::Listen.failed_at(0, Errno::ADDRINUSE).explain(&plan(), Path::new("/nonexistent"));
        assert!(error.to_string().starts_with("cannot listen on 169.254.169.254:80 "), "{error}");
    }
}
