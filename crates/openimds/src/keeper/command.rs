//! The command of `imds run`, from its start to its end.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};

use imds_netns::{Helper, Plan};

use super::report::{Reporter, Wire};
use crate::child::Handle;
use crate::pasta::{self, Ports};

/// The command of `imds run`.
pub struct Command {
    /// Its name, for messages.
    pub name: OsString,
    /// How it is started.
    pub command: std::process::Command,
    /// Where it runs.
    pub plan: Plan,
    /// What of this machine's loopback it reaches, if it has a way out.
    pub outside: Option<Ports>,
}

/// The command, while it runs.
pub(super) struct Running {
    child: Child,
    handle: Handle,
    /// What is between it and the service.
    _spaces: Vec<OwnedFd>,
    /// Who made its way out.
    outside: Option<Helper>,
}

impl Running {
    /// A further hold on it.
    pub(super) fn handle(&self) -> io::Result<Handle> {
        self.handle.try_clone()
    }

    /// Waits for its end, which has come when the descriptor is readable.
    pub(super) fn ended(&mut self) -> io::Result<Wire<'static>> {
        let ended: ExitStatus = self.child.wait()?;
        // Nothing is left when the command's end is told.
        self.outside.take().map(Helper::wait).transpose()?;
        Ok(Wire::Ended { status: ended.code(), signal: ended.signal() })
    }
}

impl AsFd for Running {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl Command {
    /// Starts it and reports how that went.
    pub(super) fn start(mut self, reporter: &Reporter) -> Option<Running> {
        let name = self.name.display().to_string();
        let outside = self.outside.take().map(|ports| pasta::lead(&mut self.plan, ports)).transpose();
        let mut outside = match outside {
            Ok(outside) => outside,
            Err(error) => {
                let _ = reporter.tell(&Wire::Failed { message: error.to_string(), status: 1 });
                return None;
            }
        };
        let started = imds_netns::spawn(&mut self.command, &self.plan).map_err(|error| {
            if let imds_netns::Error::Exec(error) = &error {
                not_started(&name, error)
            } else {
                (pasta::explained(&error, outside.as_ref()), 1)
            }
        });
        let started = started.and_then(|spawned| {
            let handle =
                Handle::of(&spawned.child).map_err(|error| (format!("cannot watch {name}: {error}"), 1))?;
            Ok((spawned, handle))
        });
        match started {
            Ok((spawned, handle)) => {
                let sockets: Vec<_> =
                    spawned.inside.listeners.iter().map(|listener| listener.as_fd()).collect();
                reporter.hand_over(&Wire::Started, &sockets).ok()?;
                Some(Running { child: spawned.child, handle, _spaces: spawned.inside.spaces, outside })
            }
            Err((message, status)) => {
                let _ = outside.take().map(Helper::wait);
                let _ = reporter.tell(&Wire::Failed { message, status });
                None
            }
        }
    }
}

/// What is said of a command that could not be executed, and the exit status.
pub(crate) fn not_started(name: &str, error: &io::Error) -> (String, u8) {
    let (cure, status) = if error.kind() == io::ErrorKind::NotFound {
        ("is it installed, and in the PATH?", 127)
    } else {
        ("may this user execute it?", 126)
    };
    (format!("cannot run {name}: {error}; {cure}"), status)
}
