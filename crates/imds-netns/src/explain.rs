//! From the step that failed to what the user is told.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::failure::{Failure, Step};
use crate::{Error, Plan, userns};

impl Failure {
    /// What to tell the user; `sysctls` is `/proc/sys`.
    pub(crate) fn explain(self, plan: &Plan, sysctls: &Path) -> Error {
        let cause = io::Error::from(self.errno);
        let refused = matches!(self.errno, Errno::PERM | Errno::ACCESS);
        let forbidden = match self.step {
            Step::UserNamespace => true,
            Step::IdentityMap => refused,
            // AppArmor lets the namespace be made and then withholds its capabilities.
            Step::NetworkNamespace | Step::Loopback | Step::Address | Step::Listen | Step::Router => {
                refused && userns::restricted_by_apparmor(sysctls)
            }
            Step::NotLocal
            | Step::NotClosed
            | Step::Astray
            | Step::Outside
            | Step::Handoff
            | Step::Parent => false,
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
            Step::Router => Error::Router { number: self.item, cause },
            Step::Astray => plan.addresses.get(item).map_or(Error::NotClosed, |a| Error::Astray(*a)),
            Step::Outside => Error::Outside(cause),
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
        Plan { addresses, listen: vec!["169.254.169.254:80".parse().unwrap()], ..Plan::default() }
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
