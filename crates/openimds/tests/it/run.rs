//! `imds run`: a command with the metadata addresses to itself, for root and for an ordinary user.
//!
//! Every `imds run` of these tests is itself started in an empty network namespace: were it ever to run a command
//! outside of its own, that command would reach nothing. Needs curl and util-linux; no root.

mod client;
mod credentials;
mod doctor;
mod explain;
mod hops;
mod identity;
mod network;
mod process;
mod reload;
mod story;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::IMDS;

pub(crate) use doctor::summary;

/// `nobody`, on every Linux.
pub(crate) const NOBODY: &str = "65534";
/// How long anything may take that should take no time.
const PATIENCE: Duration = Duration::from_secs(20);

/// GETs every path it is told.
pub(crate) const ASKER: &str = "while read -r path; do
    curl --silent --fail --max-time 10 --write-out ' %{http_code}\\n' http://169.254.169.254$path
done";

/// Somebody who runs commands.
pub(crate) struct User {
    /// What becomes this user in an empty network namespace.
    pub(crate) become_user: Vec<&'static str>,
    /// Where the binary is: an ordinary user may not be able to reach the original.
    pub(crate) imds: OsString,
    _folder: Option<TempDir>,
}

/// The user of this test, and an ordinary one if that is root.
pub(crate) fn users() -> Vec<User> {
    if !rustix::process::geteuid().is_root() {
        let become_user = vec!["unshare", "--user", "--map-current-user", "--net"];
        return vec![User { become_user, imds: IMDS.into(), _folder: None }];
    }
    let root = User { become_user: vec!["unshare", "--net"], imds: IMDS.into(), _folder: None };
    let folder = folder();
    let copy = copy(IMDS.as_ref(), folder.path());
    let become_user =
        vec!["unshare", "--net", "setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
    vec![root, User { become_user, imds: copy.into(), _folder: Some(folder) }]
}

/// A copy of a program that every user can reach.
pub(crate) fn copy(program: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join(program.file_name().unwrap());
    // By a process of its own: what this one has open for writing, others that are just being started have as well, and
    // such a file cannot be executed.
    assert!(Command::new("cp").arg(program).arg(&copy).status().unwrap().success());
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

/// A folder that every user can read.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

impl User {
    /// A program of this user's, with an environment that says where `imds` is and little else.
    fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(self.become_user[0]);
        command.args(&self.become_user[1..]).arg(program);
        // A folder in the path that this user may not search would change what is said of a missing command.
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("HOME", "/");
        command.env("IMDS", &self.imds);
        command
    }

    /// `imds run` with these options and this command.
    fn run(&self, options: &[&str], command: &[&str]) -> Command {
        let mut imds = self.program(&self.imds);
        imds.arg("run").args(options).arg("--").args(command);
        imds
    }

    /// What a script in `imds run` prints, and how it ends.
    fn script(&self, options: &[&str], script: &str) -> Said {
        Said::by(&mut self.run(options, &["sh", "-c", script]))
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn by(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).output().expect("unshare and setpriv, of util-linux").into()
    }

    /// Everything on standard output, if it ended well and had nothing to complain about.
    #[track_caller]
    pub(crate) fn well(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A command that runs, with its streams in hand.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) out: Lines,
    pub(crate) err: Lines,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("unshare and setpriv, of util-linux");
        let out = Lines::of(child.stdout.take().unwrap());
        let err = Lines::of(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// `imds run` with a command that GETs every path it is told.
    fn asker(user: &User, options: &[&str]) -> Self {
        Self::start(&mut user.run(options, &["sh", "-c", ASKER]))
    }

    /// What an asker gets: the body, if all is well, and the status.
    pub(crate) fn ask(&mut self, path: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{path}").unwrap();
        self.out.next()
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Closes its input and waits for it.
    pub(crate) fn end(mut self) -> std::process::ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines that come when they come.
pub(crate) struct Lines(pub(crate) Receiver<String>);

impl Lines {
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        thread::spawn(move || {
            BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self(lines)
    }

    /// The next one.
    #[track_caller]
    pub(crate) fn next(&self) -> String {
        self.0.recv_timeout(PATIENCE).expect("another line")
    }
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what} has not happened");
        thread::sleep(Duration::from_millis(5));
    }
}
