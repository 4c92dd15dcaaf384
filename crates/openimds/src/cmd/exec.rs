//! `imds exec`: a command as an instance of a running service, in a network namespace of its own.
//!
//! This process goes into the namespace, hands the sockets that listen there to the service, and keeps the connection
//! to it: as long as that lasts, the instance is served there. Only then the command is started.

mod attach;

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, bail};
use imds_core::id::InstanceId;
use imds_netns::{Helper, Inside, Plan, handoff};
use imds_server::audit::Format;
use tokio::io::AsyncReadExt as _;

use super::{environment, inside};
use crate::admin::Url;
use crate::app::{Signals, fail};
use crate::args::exec::Exec;
use crate::child::Handle;
use crate::keeper;
use crate::listen::watched;
use crate::runtime::{self, Answer, Wish};
use crate::{logging, pasta};

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of its answer.
const LIMIT: usize = 64 * 1024;

pub(super) fn run(args: &Exec) -> anyhow::Result<ExitCode> {
    logging::start(Format::Text, tracing::Level::WARN);
    let id = match (&args.instance, &args.environment) {
        (Some(id), _) => id.clone(),
        (None, Some(name)) => environment::instance_of(name, &args.door)?,
        (None, None) => bail!("say which instance, or which --environment"),
    };
    wait_alone()?;
    if let Some(pid) = args.attach {
        return attach::run(pid, &id, service(&args.door.admin)?);
    }
    let mut plan = inside::plan(inside::kernel_has_ipv6(), args.hops);
    // Before there is a connection, which this one would hold, too.
    let outside = inside::ports(args.network)?.map(|ports| pasta::lead(&mut plan, ports)).transpose()?;
    let ended = be(&id, args, plan, outside.as_ref());
    // Nothing is left when this process ends.
    outside.map(Helper::wait).transpose()?;
    Ok(match ended? {
        Ended::Command(status) => inside::exit(status.code(), status.signal()),
        Ended::Early(code) => code,
    })
}

/// How it ended.
enum Ended {
    /// As the command did.
    Command(ExitStatus),
    /// Without a command, or before it.
    Early(ExitCode),
}

/// Is the instance, as long as the command runs.
fn be(id: &InstanceId, args: &Exec, plan: Plan, outside: Option<&Helper>) -> anyhow::Result<Ended> {
    // Connected before it goes inside: from there, nobody is heard.
    let service = service(&args.door.admin)?;
    let entered = imds_netns::enter(&plan);
    // The routers go with this process.
    let Inside { listeners, spaces: _spaces } = match entered {
        Ok(inside) => inside,
        Err(error) => bail!(pasta::explained(&error, outside)),
    };
    lodge(&service, id, listeners)?;

    let (name, mut command) = inside::command(&words(&args.command));
    let signals = catch()?;
    match imds_netns::start(&mut command) {
        Ok(child) => attend(child, signals, service),
        Err(error) => {
            let (message, status) = keeper::not_started(&name.display().to_string(), &error);
            fail(message);
            Ok(Ended::Early(ExitCode::from(status)))
        }
    }
}

/// The service whose door this is.
fn service(door: &Url) -> anyhow::Result<UnixStream> {
    match runtime::find(door.port()) {
        Err(runtime::Error::Nobody(port)) if is_taken(door) => bail!(
            "no service with its --admin at port {port} runs on this machine for this user: one answers at {door}, but it \
             was started by another user, or with another XDG_RUNTIME_DIR; run `imds exec` as it was"
        ),
        found => Ok(found?),
    }
}

/// Does anybody answer there, on this machine? A service that is just ending takes connections, and answers none.
fn is_taken(door: &Url) -> bool {
    const PATIENCE: Duration = Duration::from_secs(1);
    let answers = |address| {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let host = door.authority();
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        stream.read(&mut [0])
    };
    let found = (door.host(), door.port()).to_socket_addrs();
    let mut own = found.into_iter().flatten().filter(|address| address.ip().is_loopback());
    own.any(|address| answers(address).is_ok_and(|length| length > 0))
}

/// Waits until there is one thread: one that looked a name up is listed for a moment after it has ended.
fn wait_alone() -> io::Result<()> {
    for _ in 0..1000 {
        if std::fs::read_dir("/proc/self/task")?.count() == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The command, else the user's shell.
fn words(command: &[OsString]) -> Vec<OsString> {
    if command.is_empty() {
        let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
        return vec![shell.unwrap_or_else(|| "/bin/sh".into())];
    }
    command.to_vec()
}

/// Has the service answer on these sockets as the instance, as long as there is the connection.
fn lodge(service: &UnixStream, id: &InstanceId, listeners: Vec<TcpListener>) -> anyhow::Result<()> {
    let wish = keeper::encode(&Wish { instance: id.to_string() })?;
    let sockets: Vec<_> = listeners.iter().map(|listener| listener.as_fd()).collect();
    let cure = "the service did not answer; is it of the same version, and does it run?";
    service.set_read_timeout(Some(PATIENCE)).and_then(|()| service.set_write_timeout(Some(PATIENCE)))?;
    // Who refuses may do so before he has read anything, and his reason is worth more than that.
    let sent = handoff::send(service, &wish, &sockets);
    let answer = keeper::body(&mut &*service, LIMIT);
    let answer = answer.and_then(|answer| serde_json::from_slice(&answer).ok());
    match (answer, sent) {
        (Some(Answer::Served), _) => Ok(()),
        (Some(Answer::Refused(why)), _) => bail!(why),
        (None, Ok(())) => bail!(cure),
        (None, Err(error)) => Err(error).context(cure),
    }
}

/// The signals that are passed on. One that was ignored when this was started, as `nohup` has it, stays so.
fn catch() -> io::Result<Signals> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    Signals::catch_those(|signal| ignored & (1 << (signal - 1)) == 0)
}

/// Waits for the command, passing signals on. Without the service it must not go on.
fn attend(mut child: Child, signals: Signals, service: UnixStream) -> anyhow::Result<Ended> {
    let command = Handle::of(&child)?;
    let mut signals = signals.forwarded()?;
    service.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let is_served = runtime.block_on(async {
        let mut service = tokio::net::UnixStream::from_std(service)?;
        let ended = watched(command.as_fd())?;
        let mut said = [0];
        loop {
            tokio::select! {
                biased;
                ended = ended.readable() => return ended.map(|_| true),
                // What the terminal sends, the command has got already.
                Some(signal) = signals.recv() => if signal.is_sent {
                    command.signal(signal.number);
                },
                // It says nothing more: whatever comes is its end.
                _ = service.read(&mut said) => return Ok(false),
            }
        }
    })?;
    if !is_served {
        command.end()?;
        child.wait()?;
        let code = fail("the service has ended, and the command with it; start `imds serve` again");
        return Ok(Ended::Early(code));
    }
    Ok(Ended::Command(child.wait()?))
}
