//! The helper process: it reads files, starts the command of `imds run` and waits for it, so that the process that
//! reads guests' bytes needs to do none of that and can be shut in.
//!
//! Reports go one way over the socketpair, signals for the command the other. Each ends when the other does.

mod duty;
mod report;

use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use imds_netns::{Helper, fork, handoff};

pub use duty::{Command, Duty};
pub use report::{Link, Report};

/// The helper process, as the service sees it.
pub struct Keeper {
    stream: UnixStream,
}

/// Starts the helper. Must be called before the first thread is.
///
/// # Errors
/// When there cannot be one.
pub fn start(duty: Duty) -> Result<Keeper, imds_netns::Error> {
    let Helper { stream, .. } = fork(|stream| duty.carry_out(stream))?;
    Ok(Keeper { stream })
}

impl Keeper {
    /// Lets the command start, waits until it runs, and takes the sockets that listen in its namespace.
    ///
    /// # Errors
    /// The helper's report when the command could not be started.
    pub fn listeners(&mut self) -> io::Result<Result<Vec<TcpListener>, Report>> {
        self.stream.write_all(&[START])?;
        let mut buffer = vec![0; 64 * 1024];
        let (length, sockets) = handoff::recv(&self.stream, &mut buffer)?;
        buffer.truncate(length);
        match report::decode(&buffer) {
            Some(Report::Started) => {
                Ok(Ok(sockets.into_iter().map(|fd: OwnedFd| TcpListener::from(fd)).collect()))
            }
            Some(report) => Ok(Err(report)),
            None => Err(io::Error::other("the helper process ended before it had started the command")),
        }
    }

    /// The stream of reports, from here on.
    #[must_use]
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }
}

/// Says on the way back that the command may start. No signal has this number.
const START: u8 = 0;

/// Waits until the command may start; `None` when the service is gone.
fn may_start(stream: &mut UnixStream) -> Option<()> {
    let mut byte = [0; 1];
    stream.read_exact(&mut byte).ok()
}

/// Reads the signals that are to be passed to the command; `None` when the service is gone.
fn signals(stream: &mut UnixStream) -> Option<Vec<i32>> {
    let mut buffer = [0; 16];
    match stream.read(&mut buffer) {
        Ok(0) => None,
        Ok(length) => Some(buffer[..length].iter().copied().map(i32::from).collect()),
        Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {
            Some(Vec::new())
        }
        Err(_) => None,
    }
}
