//! The helper process: it keeps the store and opens the door, reads files, starts the command of `imds run` and waits
//! for it, so that the process that reads guests' bytes needs to do none of that and can be shut in.
//!
//! Reports go one way over the socketpair, orders the other. Each process ends when the other does.

mod access;
mod answer;
mod clock;
mod command;
mod counted;
mod duty;
mod errands;
mod feed;
mod house;
mod inbox;
mod lender;
mod link;
mod lodging;
mod notary;
mod order;
mod orders;
mod progress;
mod question;
mod questions;
mod report;
mod resident;
mod signals;
mod watch;

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use imds_netns::{Helper, fork, fork_apart_with, handoff};
use imds_server::Faults;
use imds_store::Registry;

pub use command::Command;
pub(crate) use command::not_started;
pub use duty::{Duty, Task};
pub use errands::Fetcher;
pub use link::Link;
pub use question::{Asked, Owner};
pub use report::Report;
pub(crate) use report::{body, encode};
pub(crate) use resident::Resident;

/// The helper process, as the service sees it.
pub struct Keeper {
    stream: UnixStream,
    faults: Faults,
}

/// Starts the helper. Must be called before the first thread is.
///
/// # Errors
/// When there cannot be one.
pub fn start(duty: Duty) -> Result<Keeper, imds_netns::Error> {
    let Helper { stream, .. } = match duty.task {
        // Whoever waits for the end of what this process writes would wait for the helper's, too.
        Task::Serve => {
            let Duty { fetcher, .. } = duty;
            let duty = Duty { fetcher: None, ..duty };
            fork_apart_with(fetcher, |stream, fetcher| Duty { fetcher, ..duty }.carry_out(stream))?
        }
        // The command has whatever this process was started with.
        Task::Run(_) => fork(|stream| duty.carry_out(stream))?,
    };
    Ok(Keeper { stream, faults: Faults::default() })
}

impl Keeper {
    /// Waits until the helper has told all that there is, which goes to the registry as it comes. Says where the door
    /// is, if there is one.
    ///
    /// # Errors
    /// The helper's report when it could not.
    pub fn opened(&mut self, registry: &Registry) -> Result<Option<SocketAddr>, Report> {
        loop {
            match report::wait(&mut self.stream) {
                Some(Report::Changed { changes, .. }) => registry.apply(changes),
                Some(Report::Faults(told)) => self.faults.set(told),
                Some(Report::Opened { admin }) => return Ok(admin),
                Some(report) => return Err(report),
                None => return Err(gone()),
            }
        }
    }

    /// Lets the command start, waits until it runs, and takes the sockets that listen in its namespace.
    ///
    /// # Errors
    /// When the helper cannot be spoken with; the helper's report when the command could not be started.
    pub fn listeners(&mut self) -> io::Result<Result<Vec<TcpListener>, Report>> {
        self.stream.write_all(&report::encode(&order::Order::Start)?)?;
        let mut buffer = vec![0; 64 * 1024];
        let (length, sockets) = handoff::recv(&self.stream, &mut buffer)?;
        buffer.truncate(length);
        Ok(match report::decode_whole(&buffer) {
            Some(Report::Started) => {
                Ok(sockets.into_iter().map(|fd: OwnedFd| TcpListener::from(fd)).collect())
            }
            Some(report) => Err(report),
            None => Err(gone()),
        })
    }

    /// The faults on request that were told so far.
    #[must_use]
    pub fn faults(&mut self) -> Faults {
        std::mem::take(&mut self.faults)
    }

    /// The stream of reports, from here on.
    #[must_use]
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }
}

fn gone() -> Report {
    Report::Failed { message: "the helper process ended before its work began".to_owned(), status: 1 }
}
