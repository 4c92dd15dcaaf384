//! How the child of a spawn tells its parent where the setup stopped: six bytes over their socketpair.

use rustix::io::Errno;

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
    /// A namespace on the way to the service, and its links.
    Router,
    /// An address does not lead to the service over the routers alone.
    Astray,
    /// The process that makes a way out did not.
    Outside,
    Handoff,
    /// The parent ended meanwhile: nobody reads this.
    Parent,
}

impl Step {
    const ALL: [Self; 13] = [
        Self::UserNamespace,
        Self::IdentityMap,
        Self::NetworkNamespace,
        Self::Loopback,
        Self::Address,
        Self::NotLocal,
        Self::NotClosed,
        Self::Listen,
        Self::Router,
        Self::Astray,
        Self::Outside,
        Self::Handoff,
        Self::Parent,
    ];

    /// This step, failed with `errno`; for `map_err`.
    pub(crate) fn failed(self, errno: Errno) -> Failure {
        self.failed_at(0, errno)
    }

    /// The same about one item of the plan: the index of an address or a listen, the number of a router.
    pub(crate) fn failed_at(self, item: usize, errno: Errno) -> Failure {
        Failure { step: self, item: u8::try_from(item).unwrap_or(u8::MAX), errno }
    }
}

/// The first step that failed and the kernel's answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) item: u8,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_survives_the_trip() {
        for step in Step::ALL {
            let failure = step.failed_at(3, Errno::ACCESS);
            assert_eq!(Failure::decode(&failure.encode()), Some(failure));
        }
        assert_eq!(Failure::decode(&[0; LENGTH]), None);
        assert_eq!(Failure::decode(&[1, 0]), None);
    }
}
