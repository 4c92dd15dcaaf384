//! A contestant that runs: starting it, reading its costs from procfs, ending it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::load::ask_once;
use super::machine;
use super::workload::{Call, Workload};

/// How long a server may take to answer first, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that did next to nothing for so long has come to rest: longer than logs are held back to be written at once.
const REST: Duration = Duration::from_millis(150);

/// How often it is looked whether it has: a service that has just started may still look through all that it keeps.
const RESTS: u32 = 100;

/// What a contestant's command needs to be started and read.
pub(crate) struct Launch {
    /// The command, without its standard streams.
    pub(crate) command: Command,
    /// The file of its calls: standard error goes to it too.
    pub(crate) log: PathBuf,
    /// Whether it writes a line to standard output once it answers.
    pub(crate) says_ready: bool,
}

/// A running server, with all the processes that it started; ended when dropped.
pub(crate) struct Server {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// From the start of the process to the first 200.
    pub(crate) startup: Duration,
    /// From the start of the process to its ready line, if it writes one.
    pub(crate) ready: Option<Duration>,
    child: Child,
    log: PathBuf,
    /// What each thread has spent, by its folder in procfs.
    spent: RefCell<HashMap<PathBuf, Duration>>,
}

/// Memory of a process, or of all those of a server, in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Resident: pages that processes share are counted once for each.
    pub(crate) resident: u64,
    /// Proportional: a shared page is shared out among all who map it.
    pub(crate) proportional: u64,
}

/// A loopback port that nobody listened on a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

impl Server {
    /// Starts the command on the core for servers and waits for its first answer.
    pub(crate) fn start(launch: Launch, port: u16) -> Result<Self> {
        let Launch { mut command, log, says_ready } = launch;
        let file = OpenOptions::new().create(true).append(true).open(&log)?;
        // What an earlier start wrote.
        file.set_len(0)?;
        let stdout = if says_ready { Stdio::piped() } else { file.try_clone()?.into() };
        command.stdin(Stdio::null()).stdout(stdout).stderr(file);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let started = Instant::now();
        // A child keeps the core of the thread that started it.
        machine::pin_to_server_core()?;
        let child = command.spawn().with_context(|| format!("{command:?} cannot be started"));
        machine::pin_to_load_core()?;
        let mut child = child?;
        let ready = child.stdout.take().map(|stdout| std::thread::spawn(move || line_at(stdout)));
        let mut server =
            Self { address, startup: Duration::ZERO, ready: None, child, log, spent: RefCell::default() };
        server.wait_for_first_answer(started)?;
        server.startup = started.elapsed();
        if let Some(ready) = ready {
            let at = ready.join().ok().flatten().context("the server says nothing on standard output")?;
            server.ready = Some(at - started);
        }
        Ok(server)
    }

    fn wait_for_first_answer(&mut self, started: Instant) -> Result<()> {
        let probe = Workload { call: Call::GetV1, kept: false };
        let ask = || ask_once(&mut TcpStream::connect(self.address)?, &probe.request(""), &probe.body());
        loop {
            match ask() {
                Ok(_) => return Ok(()),
                Err(error) if is_too_soon(&error) => {}
                Err(error) => return Err(error),
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}; it said:\n{}", fs::read_to_string(&self.log)?);
            }
            if started.elapsed() > PATIENCE {
                bail!("the server did not listen on {} within {PATIENCE:?}", self.address);
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// CPU time that all its threads and processes have used, from schedstat.
    ///
    /// Exact only for who sleeps: a running thread's last stretch is not in it yet. A thread that has ended had been
    /// idle for long, and spent what it had when it was last looked at.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut spent = self.spent.borrow_mut();
        for thread in self.processes().iter().flat_map(|process| threads(*process)) {
            let Ok(line) = fs::read_to_string(thread.join("schedstat")) else { continue };
            let nanos = line.split(' ').next().and_then(|field| field.parse().ok());
            let nanos = nanos.with_context(|| format!("schedstat says {line:?}"))?;
            spent.insert(thread, Duration::from_nanos(nanos));
        }
        Ok(spent.values().sum())
    }

    /// CPU time once the server has come to rest: calls that it logs later, in one go, are in it.
    pub(crate) fn settled_cpu(&self) -> Result<Duration> {
        let mut before = self.cpu()?;
        for _ in 0..RESTS {
            std::thread::sleep(REST);
            let now = self.cpu()?;
            if now - before < Duration::from_micros(200) {
                return Ok(now);
            }
            before = now;
        }
        bail!("the server is still busy {:?} after the last answer", RESTS * REST)
    }

    /// Memory of all its processes.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let mut sum = Memory { resident: 0, proportional: 0 };
        for memory in self.memories()? {
            sum.resident += memory.resident;
            sum.proportional += memory.proportional;
        }
        Ok(sum)
    }

    /// Memory of each of its processes, first of the one that was started, then of those that came from it.
    pub(crate) fn memories(&self) -> Result<Vec<Memory>> {
        let memory = |process: u32| {
            let path = format!("/proc/{process}/smaps_rollup");
            let text = fs::read_to_string(&path).with_context(|| format!("{path}: run the bench as root"))?;
            Ok(Memory { resident: kib(&text, "Rss:")?, proportional: kib(&text, "Pss:")? })
        };
        self.processes().into_iter().map(memory).collect()
    }

    /// Lines in its log, which is emptied.
    pub(crate) fn take_log(&self) -> Result<u64> {
        let lines = fs::read(&self.log)?.iter().filter(|byte| **byte == b'\n').count();
        File::options().write(true).open(&self.log)?.set_len(0)?;
        Ok(lines as u64)
    }

    /// Ends the server and returns its log.
    pub(crate) fn end(self) -> Result<String> {
        let log = self.log.clone();
        drop(self);
        Ok(fs::read_to_string(log)?)
    }

    /// The process that was started, and all that came from it.
    fn processes(&self) -> Vec<u32> {
        let mut found = vec![self.child.id()];
        let mut next = 0;
        while let Some(process) = found.get(next).copied() {
            for thread in threads(process) {
                let children = fs::read_to_string(thread.join("children")).unwrap_or_default();
                found.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
            }
            next += 1;
        }
        found
    }
}

impl Drop for Server {
    /// Asks the server to end, and kills what is left of it when it does not.
    fn drop(&mut self) {
        let processes = self.processes();
        signal(self.child.id(), Signal::TERM);
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        processes.into_iter().for_each(|process| signal(process, Signal::KILL));
        _ = self.child.wait();
    }
}

fn signal(process: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        _ = kill_process(pid, signal);
    }
}

/// Whether nobody listens yet, or whoever did for a moment to try the port out.
fn is_too_soon(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    matches!(kind, Some(ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset))
}

/// When a first line came, if one did.
fn line_at(stdout: ChildStdout) -> Option<Instant> {
    let mut line = String::new();
    let length = BufReader::new(stdout).read_line(&mut line).ok()?;
    (length > 0).then(Instant::now)
}

/// The folders of a process's threads; none if it has ended.
fn threads(process: u32) -> Vec<PathBuf> {
    let folder = PathBuf::from(format!("/proc/{process}/task"));
    fs::read_dir(folder).into_iter().flatten().flatten().map(|thread| thread.path()).collect()
}

/// The value of one line of an smaps file.
fn kib(text: &str, key: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let value = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok());
    value.with_context(|| format!("smaps_rollup has no {key}"))
}

/// A folder for one server inside `parent`.
pub(crate) fn folder(parent: &Path, name: &str) -> Result<PathBuf> {
    let folder = parent.join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
