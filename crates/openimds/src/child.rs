//! A child process: a hold on it, and waiting for it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How long a command may take to end when its service is gone.
const GRACE: Duration = Duration::from_secs(2);

/// A hold on a command's process, for who sends it signals. Readable when it has ended.
pub(crate) struct Handle(OwnedFd);

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Handle {
    /// A hold on a child, which has not been waited for.
    ///
    /// # Errors
    /// When the system does not give one.
    pub(crate) fn of(child: &Child) -> io::Result<Self> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self(pidfd_open(pid, PidfdFlags::empty())?))
    }

    /// A further hold on it.
    ///
    /// # Errors
    /// When there is no descriptor to be had.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Sends it a signal. One that cannot be delivered is no reason to end what it was meant for.
    pub(crate) fn signal(&self, signal: i32) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            let _ = pidfd_send_signal(&self.0, signal);
        }
    }

    /// Ends the command, whose service is gone: by asking, and if that does not help, by force.
    ///
    /// # Errors
    /// When the system does not let it.
    pub(crate) fn end(&self) -> io::Result<()> {
        pidfd_send_signal(&self.0, Signal::TERM)?;
        let grace = Timespec::try_from(GRACE).map_err(io::Error::other)?;
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        if retried(|| poll(&mut fds, Some(&grace)))? == 0 {
            pidfd_send_signal(&self.0, Signal::KILL)?;
        }
        Ok(())
    }
}

/// A call that a signal did not interrupt.
pub(crate) fn retried<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return result.map_err(io::Error::from),
        }
    }
}
