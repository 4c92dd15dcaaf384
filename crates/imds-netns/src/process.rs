//! A helper process, forked while this one has a single thread, and the socketpair that joins the two.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{ExitCode, ExitStatus};

use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::Error;

/// Exit status of a helper that panicked: that of any Rust program.
const PANICKED: u8 = 101;

/// A forked helper and this process's end of the stream between them.
#[derive(Debug)]
pub struct Helper {
    /// This end. The helper sees end-of-file when it is closed, so also when this process ends.
    pub stream: UnixStream,
    /// The helper, to be waited for.
    pub process: Process,
}

impl Helper {
    /// The helper's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Shuts the stream, so that the helper sees end-of-file, and waits until it has ended.
    ///
    /// # Errors
    /// What waitpid(2) answers.
    pub fn wait(self) -> io::Result<ExitStatus> {
        // Not only closed: a helper forked later holds a copy of this end. One that ended is no error.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.process.wait()
    }
}

/// A child process that was forked, not executed. Dropping it does not end it.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
}

impl Process {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// What waitpid(2) answers.
    pub fn wait(self) -> io::Result<ExitStatus> {
        let ended = retry_on_intr(|| waitpid(Some(self.pid), WaitOptions::empty()))?;
        let (_, status) = ended.ok_or(io::ErrorKind::WouldBlock)?;
        Ok(ExitStatus::from_raw(status.as_raw()))
    }
}

/// Forks a helper that runs `body` with its end of a stream and exits with what it returns (101 if it
/// panics). It should end when it reads end-of-file: then this process is gone or wants it to go.
///
/// The helper inherits all that is open here, but not this end of its stream.
///
/// # Errors
/// [`Error::Threads`] if this process has more than one thread: what another thread holds at that moment
/// (the allocator's lock, say) would stay held in the helper for ever. [`Error::Handoff`] or
/// [`Error::Start`] if there is no socketpair or no process to be had.
pub fn fork<F: FnOnce(UnixStream) -> ExitCode>(body: F) -> Result<Helper, Error> {
    start(body)
}

/// As [`fork`], but of all that is open here the helper has nothing but its standard streams and its end of the stream:
/// what `body` brings along is closed as well.
///
/// # Errors
/// Those of [`fork`].
pub fn fork_apart<F: FnOnce(UnixStream) -> ExitCode>(body: F) -> Result<Helper, Error> {
    fork_apart_with(None, |stream, _| body(stream))
}

/// As [`fork_apart`], but it has this stream as well, which here is closed.
///
/// # Errors
/// Those of [`fork`].
pub fn fork_apart_with<F: FnOnce(UnixStream, Option<UnixStream>) -> ExitCode>(
    further: Option<UnixStream>,
    body: F,
) -> Result<Helper, Error> {
    start(move |stream| match close_all_but(&[Some(&stream), further.as_ref()]) {
        Ok(()) => body(stream, further),
        // Nobody listens but to the stream, whose end says enough.
        Err(_) => ExitCode::FAILURE,
    })
}

/// Closes whatever is open but the standard streams and those that are `kept`. Only a process that was just forked may do so.
fn close_all_but(kept: &[Option<&UnixStream>]) -> io::Result<()> {
    let kept: Vec<_> = kept.iter().flatten().map(|stream| stream.as_raw_fd()).collect();
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
        open.push(number.ok_or(io::ErrorKind::InvalidData)?);
    }
    let last_standard = libc::STDERR_FILENO;
    for number in open.into_iter().filter(|number| *number > last_standard && !kept.contains(number)) {
        // SAFETY: what owns these descriptors lies in frames below this one, which a forked helper never returns to.
        // One of them is the folder's own, which is closed already: then this does nothing, as there is one thread.
        unsafe { libc::close(number) };
    }
    Ok(())
}

fn start<F: FnOnce(UnixStream) -> ExitCode>(body: F) -> Result<Helper, Error> {
    require_single_thread()?;
    let (stream, theirs) = UnixStream::pair().map_err(Error::Handoff)?;
    // What is buffered would be written by both. That it cannot be written is not this function's matter.
    let _ = io::stdout().flush();
    // SAFETY: this process has one thread, so the child has a whole copy of it: no lock is held by a thread
    // that does not exist there, and ordinary code may run in it.
    let pid = unsafe { libc::fork() };
    match Pid::from_raw(pid) {
        Some(_) if pid < 0 => Err(Error::Start(io::Error::last_os_error())),
        Some(pid) => Ok(Helper { stream, process: Process { pid } }),
        None => {
            drop(stream);
            let code = catch_unwind(AssertUnwindSafe(|| body(theirs))).map_or(PANICKED, status);
            let _ = io::stdout().flush();
            // SAFETY: ends this process at once. The exit handlers belong to the parent, so they do not run.
            unsafe { libc::_exit(i32::from(code)) }
        }
    }
}

/// The number in an exit code, which the standard library lets one compare but not read.
fn status(code: ExitCode) -> u8 {
    (0..=u8::MAX).find(|number| ExitCode::from(*number) == code).unwrap_or(PANICKED)
}

/// Fails unless the calling thread is the only one.
#[cfg(target_os = "linux")]
pub(crate) fn require_single_thread() -> Result<(), Error> {
    match std::fs::read_dir("/proc/self/task").map_err(Error::Proc)?.count() {
        1 => Ok(()),
        threads => Err(Error::Threads(threads)),
    }
}

#[cfg(not(target_os = "linux"))]
fn require_single_thread() -> Result<(), Error> {
    Err(Error::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_read() {
        for number in [0, 1, 22, 101, 255] {
            assert_eq!(status(ExitCode::from(number)), number);
        }
    }
}
