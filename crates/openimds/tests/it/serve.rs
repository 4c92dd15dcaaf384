//! `imds serve` as its users and its strangers meet it, one topic a file; and what those tests share.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Read as _;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{IMDS, Service, body, exchange, status};

mod abuse;
mod answers;
mod calls;
mod confined;
mod credentials;
mod door;
mod faults;
mod instances;
pub(crate) mod kept;
mod limits;
mod log;
mod paths;
mod refused;
mod reload;
mod start;
mod state;

use kept::exchange_from;

/// How long anything that is waited for may take before it is called missing.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tries until there is a value.
pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A service whose standard error is kept.
pub(crate) struct Watched {
    service: Service,
    said: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Deref for Watched {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

impl Watched {
    /// Starts `imds serve` on free ports.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = Command::new(IMDS);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--print-ready"])
            .args(args);
        Self::spawn(&mut command)
    }

    /// Starts `imds serve` with a configuration that lies in `files`.
    pub(crate) fn with(files: &Files, args: &[&str]) -> Self {
        let config = files.path("imds.toml");
        Self::start(&[&["--config", config.to_str().unwrap()], args].concat())
    }

    /// Starts a command that prints the ready line.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut service = Service::spawn(command.stderr(Stdio::piped()));
        let mut stderr = service.child.stderr.take().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&said);
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut piece) {
                into.lock().unwrap().extend_from_slice(&piece[..length]);
            }
        });
        Self { service, said, reader: Some(reader) }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.service.child)
    }

    /// What it has said on standard error so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8(self.said.lock().unwrap().clone()).unwrap()
    }

    /// Waits until it has said `text`.
    pub(crate) fn says(&self, text: &str) -> String {
        until(text, || Some(self.said()).filter(|said| said.contains(text)))
    }

    /// Who `source` is, by the tokenless answer.
    fn id_for(&self, source: [u8; 4]) -> String {
        let answer = exchange_from(
            Ipv4Addr::from(source),
            self.listen[0],
            b"GET /latest/meta-data/instance-id HTTP/1.1\r\n\r\n",
        );
        assert_eq!(status(&answer), 200, "{answer}");
        body(&answer).to_owned()
    }

    /// What /metrics shows.
    pub(crate) fn metrics(&self) -> String {
        let get = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let answer = exchange(self.admin, get);
        assert_eq!(status(&answer), 200, "{answer}");
        answer
    }

    /// Bytes of memory that it holds.
    pub(crate) fn resident(&self) -> usize {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
    }

    /// Waits until a tokenless GET of `path` has this body.
    fn serves(&self, path: &str, value: &str) {
        until(&format!("{path} is {value}"), || (body(&self.get(path, None)) == value).then_some(()));
    }

    /// Sends a signal and waits for the end: how it ended, and all that it said.
    pub(crate) fn end(mut self, signal: Signal) -> (ExitStatus, String) {
        kill_process(self.pid(), signal).unwrap();
        self.ended()
    }

    /// Waits for the end: how it ended, and all that it said.
    fn ended(&mut self) -> (ExitStatus, String) {
        let status = until("the service ends", || self.service.child.try_wait().unwrap());
        self.reader.take().unwrap().join().unwrap();
        (status, self.said())
    }
}

/// Files that a test writes, in a folder of their own.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes a file in place.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes a file beside its place and moves it there.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        self.write("beside", text);
        fs::rename(self.path("beside"), self.path(name)).unwrap();
    }
}
