//! Running a credential process: without a shell, for a limited time, for a limited number of bytes. What it says on
//! standard error goes nowhere: it may name a secret.

use std::collections::HashSet;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imds_core::credentials::Credentials;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use super::{Failure, output};
use crate::child::{Handle, retried};

/// What a process may take and print.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// How long it may run.
    pub time: Duration,
    /// How many bytes it may print.
    pub bytes: usize,
}

/// What SDKs wait for at most is a minute, where they have a limit at all.
pub const LIMIT: Limit = Limit { time: Duration::from_secs(60), bytes: 64 * 1024 };

/// Variables that would lead a process back to this service, or to another one of its kind: they are for its guests.
const REMOVED: &[&str] = &["AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"];
/// How further such variables begin.
const REMOVED_START: &str = "AWS_CONTAINER_";

/// The processes that run, each the leader of a group of its own.
#[derive(Debug, Default)]
pub struct Children(Mutex<Running>);

#[derive(Debug, Default)]
struct Running {
    leaders: HashSet<Pid>,
    is_over: bool,
}

impl Children {
    /// Ends them all, and lets none start from now on.
    pub fn end(&self) {
        let mut running = self.lock();
        running.is_over = true;
        for leader in running.leaders.drain() {
            // One that has ended meanwhile is no matter.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }

    fn start(&self, command: &mut Command) -> io::Result<(Child, Pid)> {
        let mut running = self.lock();
        if running.is_over {
            return Err(io::ErrorKind::Interrupted.into());
        }
        // It ends with this thread, whatever ends that: whoever runs commands lives as long as its process.
        let child = imds_netns::start_bound(command)?;
        let leader = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        running.leaders.insert(leader);
        Ok((child, leader))
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs it, and reads what it prints.
///
/// # Errors
/// When it cannot be run, takes too long, prints too much, fails, or prints no keys.
pub fn run(words: &[String], limit: Limit, running: &Children) -> Result<Credentials, Failure> {
    let (name, arguments) =
        words.split_first().ok_or_else(|| Failure::new("the credential process has no name"))?;
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // A group of its own: what it starts ends with it, and no terminal's signal reaches it.
    command.process_group(0);
    for (variable, _) in std::env::vars_os() {
        let is_removed =
            variable.to_str().is_some_and(|name| REMOVED.contains(&name) || name.starts_with(REMOVED_START));
        if is_removed {
            command.env_remove(&variable);
        }
    }
    let (mut child, leader) = running.start(&mut command).map_err(|error| unrun(name, &error))?;
    let printed = printed(&mut child, limit);
    if printed.is_err() {
        // Before it is waited for: until then the group is certainly its own.
        let _ = kill_process_group(leader, Signal::KILL);
    }
    // It has ended, or is about to.
    running.lock().leaders.remove(&leader);
    let status = child.wait().map_err(|_| Failure::new("the credential process cannot be waited for"))?;
    let printed = printed?;
    if !status.success() {
        return Err(Failure::new(match status.code() {
            Some(code) => format!("the credential process ended with status {code}"),
            None => "the credential process was ended by a signal".to_owned(),
        }));
    }
    output::read(&printed)
}

/// Why a program cannot be run, and what there is to do. Which one was tried is told if it was a path: what is looked for in
/// the PATH is told by the log, which names the source.
fn unrun(name: &str, error: &io::Error) -> Failure {
    let kind = error.kind();
    if !name.contains('/') {
        return Failure::new(format!("the credential process cannot be run ({kind}); is it in the PATH?"));
    }
    let path = std::path::absolute(name).unwrap_or_else(|_| name.into());
    let cure = if kind == io::ErrorKind::NotFound {
        "is it there, and what its first line names?"
    } else if kind == io::ErrorKind::PermissionDenied {
        "may it be executed? chmod +x"
    } else {
        "is it a program of this machine, or has it a first line such as #!/bin/sh?"
    };
    let path = path.display();
    Failure::new(format!("the credential process {path} cannot be run ({kind}); {cure}"))
}

/// What it prints until it has ended. The process is not waited for.
fn printed(child: &mut Child, limit: Limit) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let end = Instant::now() + limit.time;
    let broken = |_: io::Error| Failure::new("the credential process cannot be read");
    let handle = Handle::of(child).map_err(broken)?;
    let mut stdout =
        child.stdout.take().ok_or_else(|| Failure::new("the credential process says nothing"))?;
    rustix::io::ioctl_fionbio(&stdout, true).map_err(|error| broken(error.into()))?;
    // Room from the start: what grows leaves copies behind.
    let mut printed = Zeroizing::new(Vec::with_capacity(limit.bytes + 1));
    let mut is_open = true;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let wait = Timespec::try_from(left).map_err(|error| broken(io::Error::other(error)))?;
        let mut polled = vec![PollFd::from_borrowed_fd(handle.as_fd(), PollFlags::IN)];
        if is_open {
            polled.push(PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::IN));
        }
        if retried(|| poll(&mut polled, Some(&wait))).map_err(broken)? == 0 {
            let seconds = limit.time.as_secs();
            return Err(Failure::new(format!("the credential process took more than {seconds} seconds")));
        }
        let has_ended = !polled[0].revents().is_empty();
        if is_open {
            is_open = take(&mut stdout, &mut printed, limit.bytes)?;
        }
        // What it left running may keep the pipe open for ever.
        if has_ended {
            return Ok(printed);
        }
    }
}

/// Takes what there is to be read. Is there more to come?
fn take(stdout: &mut ChildStdout, printed: &mut Vec<u8>, most: usize) -> Result<bool, Failure> {
    let mut piece = Zeroizing::new([0; 4096]);
    loop {
        match stdout.read(&mut *piece) {
            Ok(0) => return Ok(false),
            Ok(length) if printed.len() + length > most => {
                return Err(Failure::new(format!("the credential process printed more than {most} bytes")));
            }
            Ok(length) => printed.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(Failure::new("the credential process cannot be read")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Limit) -> Result<Credentials, Failure> {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        run(&words, limit, &Children::default())
    }

    const GOOD: &str = r#"echo '{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"hunter2"}'"#;

    #[test]
    fn what_a_process_prints_is_read_to_its_end() {
        for script in [
            GOOD.to_owned(),
            format!("echo hunter3 >&2; {GOOD}"),
            // Nobody to read from, and something left behind that keeps the pipe.
            format!("cat; {GOOD}; sleep 30 &"),
            format!("{GOOD}; exec >&-; exec true"),
        ] {
            let begun = Instant::now();
            let keys = shell(&script, LIMIT).unwrap();
            assert_eq!(keys.secret_access_key.expose(), "hunter2", "{script}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{script}");
        }
    }

    #[test]
    fn hostile_processes_end_in_a_sentence_without_their_words() {
        let short = Limit { time: Duration::from_millis(300), bytes: 4096 };
        for (script, expected) in [
            ("sleep 30", "took more than"),
            ("exec >&-; sleep 30", "took more than"),
            ("sleep 30 & wait", "took more than"),
            ("exec yes hunter2", "printed more than 4096 bytes"),
            ("head -c 5000 /dev/zero", "printed more than 4096 bytes"),
            ("head -c 4000 /dev/urandom", "no JSON object"),
            ("echo hunter2 >&2; exit 7", "ended with status 7"),
            ("echo hunter2; exit 1", "ended with status 1"),
            ("kill -9 $$", "ended by a signal"),
            ("true", "no JSON object"),
        ] {
            let begun = Instant::now();
            let limit = if expected.starts_with("took") { short } else { Limit { bytes: 4096, ..LIMIT } };
            let failure = shell(script, limit).unwrap_err().to_string();
            assert!(failure.contains(expected) && !failure.contains("hunter2"), "{script}: {failure}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{script}");
        }
    }

    #[test]
    fn a_program_that_cannot_be_run_is_named_if_it_is_a_path_and_its_arguments_never() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(at("plain"), "").unwrap();
        let here = std::env::current_dir().unwrap();
        for (program, expected) in [
            (
                "/nowhere/keys".to_owned(),
                "process /nowhere/keys cannot be run (entity not found); is it there".to_owned(),
            ),
            ("./no/keys".to_owned(), format!("process {}/no/keys cannot be run", here.display())),
            (
                at("plain"),
                format!("{} cannot be run (permission denied); may it be executed? chmod +x", at("plain")),
            ),
            ("no-such-program".to_owned(), "is it in the PATH?".to_owned()),
        ] {
            let words = [program, "hunter2".to_owned()];
            let failure = run(&words, LIMIT, &Children::default()).unwrap_err().to_string();
            assert!(failure.contains(&expected) && !failure.contains("hunter2"), "{failure}");
        }
    }

    #[test]
    fn when_the_service_is_gone_its_processes_are() {
        let children = Children::default();
        std::thread::scope(|scope| {
            let running = scope.spawn(|| {
                let words = ["/bin/sh", "-c", "sleep 30"].map(str::to_owned);
                run(&words, LIMIT, &children)
            });
            while children.lock().leaders.is_empty() {
                std::thread::yield_now();
            }
            children.end();
            assert!(running.join().unwrap().is_err());
        });
        let words = ["/bin/true".to_owned()];
        assert!(run(&words, LIMIT, &children).unwrap_err().to_string().contains("cannot be run"));
    }
}
