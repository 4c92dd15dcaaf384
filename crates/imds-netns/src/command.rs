//! Starting a command in a namespace of its own: what the child does before it executes the command, and
//! what the parent makes of its report. Or this process goes there itself, and starts the command then.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};

use crate::failure::{self, Failure, Step};
use crate::{Error, Inside, Plan, Spawned, handoff, link, outside, process, routers, userns};

/// The report of a child that is ready; any other is an encoded [`Failure`].
const READY: u8 = 0;

/// See [`crate::spawn`].
pub(crate) fn spawn(command: &mut Command, plan: &Plan) -> Result<Spawned, Error> {
    process::require_single_thread()?;
    let (ours, theirs) = UnixStream::pair().map_err(Error::Handoff)?;
    // The command keeps its closure; through a weak reference it keeps no socket.
    let theirs = Arc::new(theirs);
    let report = Arc::downgrade(&theirs);
    let (parent, inside) = (getpid(), plan.clone());
    let prepare = move || match report.upgrade() {
        Some(report) => prepare(&inside, &report, parent),
        None => Err(io::Error::other("this command was started before")),
    };
    // SAFETY: the closure runs in a forked child. That restricts it only where another thread may hold a
    // lock, such as the allocator's; this process has one thread, as was just verified.
    unsafe { command.pre_exec(prepare) };
    let started = command.spawn();
    drop(theirs);
    match (started, receive(&ours)) {
        (Ok(child), Ok(Report::Ready(files))) => Ok(Spawned { child, inside: files.inside(plan) }),
        (Ok(mut child), report) => {
            // It runs, but its sockets did not arrive: it must not go on without a service.
            child.kill().and_then(|()| child.wait()).map_err(Error::Handoff)?;
            Err(Error::Handoff(report.err().unwrap_or_else(|| io::ErrorKind::InvalidData.into())))
        }
        (Err(error), Ok(Report::Ready(_))) => Err(Error::Exec(error)),
        (Err(_), Ok(Report::Failed(failure))) => Err(failure.explain(plan, Path::new("/proc/sys"))),
        // The child did not come as far as the setup.
        (Err(error), Err(_)) => Err(Error::Start(error)),
    }
}

/// In the child: everything before the command is executed.
fn prepare(plan: &Plan, report: &UnixStream, parent: Pid) -> io::Result<()> {
    let ready = isolate(plan, parent).and_then(|files| {
        let fds: Vec<_> = files.0.iter().map(AsFd::as_fd).collect();
        handoff::send(report, &[READY], &fds)
            .map_err(|error| Step::Handoff.failed(Errno::from_io_error(&error).unwrap_or(Errno::INVAL)))
    });
    ready.map_err(|failure| {
        // If this too fails, the parent still learns from the standard library that nothing was executed.
        let _ = handoff::send(report, &failure.encode(), &[]);
        failure.errno.into()
    })
}

/// The sockets that listen, as planned, and then the namespaces of the routers.
struct Files(Vec<OwnedFd>);

impl Files {
    fn inside(mut self, plan: &Plan) -> Inside {
        let spaces = self.0.split_off(plan.listen.len().min(self.0.len()));
        Inside { listeners: self.0.into_iter().map(TcpListener::from).collect(), spaces }
    }
}

fn isolate(plan: &Plan, parent: Pid) -> Result<Files, Failure> {
    let files = inside(plan)?;
    // Last, since a change of credentials clears it: prctl(2).
    end_with(parent, Signal::TERM).map_err(|errno| Step::Parent.failed(errno))?;
    Ok(files)
}

/// Moves this process into a namespace as planned.
fn inside(plan: &Plan) -> Result<Files, Failure> {
    userns::enter()?;
    link::hold(&plan.addresses)?;
    let mut files = link::listen(&plan.listen)?;
    if plan.routers > 0 {
        files.extend(routers::put_between(plan.routers, &plan.addresses)?);
    }
    if let Some(stream) = &plan.outside {
        outside::connect(stream, &plan.addresses)?;
    }
    Ok(Files(files))
}

/// Has this process get a signal when its parent ends: to be exact, when the thread does that forked it.
fn end_with(parent: Pid, signal: Signal) -> Result<(), Errno> {
    set_parent_process_death_signal(Some(signal))?;
    // A parent that ended before that call sends no signal any more.
    if getppid() == Some(parent) { Ok(()) } else { Err(Errno::CANCELED) }
}

/// See [`crate::enter`].
pub(crate) fn enter(plan: &Plan) -> Result<Inside, Error> {
    process::require_single_thread()?;
    let files = inside(plan).map_err(|failure| failure.explain(plan, Path::new("/proc/sys")))?;
    Ok(files.inside(plan))
}

/// See [`crate::start`] and [`crate::start_bound`].
pub(crate) fn start(command: &mut Command, signal: Signal) -> io::Result<Child> {
    let parent = getpid();
    // SAFETY: the closure makes two system calls and touches nothing that a lock could guard.
    unsafe { command.pre_exec(move || Ok(end_with(parent, signal)?)) };
    command.spawn()
}

enum Report {
    Ready(Files),
    Failed(Failure),
}

/// The child's report: it was sent before the spawn returned, or never will be.
fn receive(stream: &UnixStream) -> io::Result<Report> {
    stream.set_nonblocking(true)?;
    let mut bytes = [0; failure::LENGTH];
    let (length, fds) = handoff::recv(stream, &mut bytes)?;
    match bytes.get(..length) {
        Some([READY]) => Ok(Report::Ready(Files(fds))),
        report => {
            let failed = report.and_then(Failure::decode);
            failed.map(Report::Failed).ok_or_else(|| io::ErrorKind::InvalidData.into())
        }
    }
}
