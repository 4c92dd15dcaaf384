//! `--network host`: a way out of the command's namespace, by pasta (Debian's package passt).
//!
//! A process of its own starts pasta and waits, outside of the namespace and of the terminal's group. It ends pasta when
//! the other end of its stream is gone, however that ends: pasta itself outlives the namespace that it serves.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use imds_netns::{CONNECTED, Helper, Plan, fork, handoff};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{FdFlags, fcntl_setfd};

use crate::child::{Handle, retried};
use crate::runtime;

/// How long pasta may take to begin.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of what pasta complains about that are kept.
const LIMIT: usize = 64 * 1024;

/// Ports of this machine's loopback that are there inside, too.
#[derive(Debug, Clone)]
pub struct Ports(Vec<u16>);

impl Ports {
    /// Those where something listens now, but for the doors of this user's services. One by one: pasta opens sockets for
    /// each port of a range.
    ///
    /// # Errors
    /// When /proc does not tell.
    pub fn listening() -> io::Result<Self> {
        let doors = runtime::doors();
        let mut all = listening(&fs::read_to_string("/proc/net/tcp")?);
        // A kernel without IPv6 has none.
        all.extend(listening(&fs::read_to_string("/proc/net/tcp6").unwrap_or_default()));
        all.retain(|port| !doors.contains(port));
        all.sort_unstable();
        all.dedup();
        Ok(Self(all))
    }

    /// As pasta is told.
    fn spec(&self) -> String {
        let mut spec = String::new();
        for port in &self.0 {
            let _ = write!(spec, "{}{port}", if spec.is_empty() { "" } else { "," });
        }
        if spec.is_empty() { "none".to_owned() } else { spec }
    }
}

/// Ports of a table of /proc/net whose sockets are listened on and answer at 127.0.0.1 or at ::1.
fn listening(table: &str) -> Vec<u16> {
    const LISTEN: &str = "0A";
    // As the kernel writes them: words of four bytes, as they lie in a little-endian memory.
    const LOOPBACK: [&str; 5] = [
        "0100007F",
        "00000000",
        "00000000000000000000000001000000",
        "00000000000000000000000000000000",
        "0000000000000000FFFF00000100007F",
    ];
    let of_line = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (address, port) = fields.next()?.split_once(':')?;
        let is_listening = fields.nth(1)? == LISTEN && LOOPBACK.contains(&address);
        is_listening.then(|| u16::from_str_radix(port, 16).ok()).flatten()
    };
    table.lines().skip(1).filter_map(of_line).collect()
}

/// Starts the process that will give a namespace a way out. Must be called before the first thread, outside.
///
/// # Errors
/// When there cannot be one.
fn start(ports: Ports) -> Result<Helper, imds_netns::Error> {
    fork(move |mut stream| match serve(&mut stream, &ports) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Who is gone needs no reason.
            let _ = stream.write_all(&[!CONNECTED]).and_then(|()| stream.write_all(why.as_bytes()));
            ExitCode::FAILURE
        }
    })
}

/// The same, for the namespace of a plan.
///
/// # Errors
/// When there cannot be one.
pub(crate) fn lead(plan: &mut Plan, ports: Ports) -> Result<Helper, imds_netns::Error> {
    let helper = start(ports)?;
    let stream = helper.stream.try_clone().map_err(imds_netns::Error::Handoff)?;
    plan.outside = Some(Arc::new(stream));
    Ok(helper)
}

/// What is said of an error: of a missing way out, why it is missing.
pub(crate) fn explained(error: &imds_netns::Error, helper: Option<&Helper>) -> String {
    let is_its = matches!(error, imds_netns::Error::Outside(_));
    let mut why = String::new();
    if let Some(helper) = helper.filter(|_| is_its) {
        // Read until it has ended, which is its last word.
        let _ = (&helper.stream).take(LIMIT as u64).read_to_string(&mut why);
    }
    if why.is_empty() { error.to_string() } else { why }
}

fn serve(stream: &mut UnixStream, ports: &Ports) -> Result<(), String> {
    // What the terminal sends is for the command.
    let _ = rustix::process::setpgid(None, None);
    let failed = |error: io::Error| format!("pasta cannot be watched: {error}");
    let (length, files) = handoff::recv(stream, &mut [0]).map_err(failed)?;
    if length == 0 {
        return Ok(());
    }
    let mut child = command(&files, ports).and_then(|mut command| imds_netns::start(&mut command));
    let child = child.as_mut().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            "--network host needs pasta: install it (Debian's package passt), or leave --network out"
                .to_owned()
        } else {
            format!("pasta cannot be started: {error}; leave --network out")
        }
    })?;
    // Else the namespace would live as long as this process.
    drop(files);
    let served = attend(child, stream);
    child.wait().map_err(failed)?;
    served
}

/// The program, for the network namespace and the user namespace of these files.
fn command(files: &[OwnedFd], ports: &Ports) -> io::Result<Command> {
    let [network, user] = files else { return Err(io::ErrorKind::InvalidData.into()) };
    // Handed down under their numbers: it may not look at the process that is there.
    let inherited = |file: &OwnedFd| {
        fcntl_setfd(file, FdFlags::empty())?;
        Ok::<_, io::Error>(format!("/proc/self/fd/{}", file.as_raw_fd()))
    };
    let mut command = Command::new("pasta");
    command.args(["--foreground", "--quiet", "--config-net", "--no-map-gw", "--pid", "/dev/stdout"]);
    command.args([
        "--tcp-ports",
        "none",
        "--udp-ports",
        "none",
        "--udp-ns",
        "none",
        "--tcp-ns",
        &ports.spec(),
    ]);
    command.args(["--netns", &inherited(network)?]);
    let own = fs::read_link("/proc/self/ns/user")?;
    if fs::read_link(format!("/proc/self/fd/{}", user.as_raw_fd()))? == own {
        command.arg("--netns-only");
    } else {
        command.args(["--userns", &inherited(user)?]);
    }
    if rustix::process::geteuid().is_root() {
        // As nobody, it could not enter.
        command.args(["--runas", "0"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// From the beginning of pasta to its end, which comes with that of the stream.
fn attend(child: &mut Child, stream: &mut UnixStream) -> Result<(), String> {
    let failed = |error: io::Error| format!("pasta cannot be watched: {error}");
    let handle = Handle::of(child).map_err(failed)?;
    let complaints = child.stderr.take().map(read);
    let began = child.stdout.take().map_or(Ok(Began::Ended), |stdout| begin(stdout, stream));
    match began.map_err(failed)? {
        Began::Running => {}
        Began::Ended => {
            handle.end().map_err(failed)?;
            let said = complaints.and_then(|complaints| complaints.join().ok()).unwrap_or_default();
            return Err(unable(&said));
        }
        Began::Late => {
            handle.end().map_err(failed)?;
            return Err(unable("it did not begin in time"));
        }
        Began::Unwanted => return handle.end().map_err(failed),
    }
    stream.write_all(&[CONNECTED]).map_err(failed)?;
    let mut fds = [PollFd::new(&handle, PollFlags::IN), PollFd::new(&*stream, PollFlags::IN)];
    retried(|| poll(&mut fds, None)).map_err(failed)?;
    if fds[1].revents().is_empty() {
        let _ = writeln!(io::stderr(), "imds: pasta has ended, and the command has no network any longer");
        let mut fds = [PollFd::new(&*stream, PollFlags::IN)];
        retried(|| poll(&mut fds, None)).map_err(failed)?;
    }
    handle.end().map_err(failed)
}

/// How pasta began.
enum Began {
    /// The namespace has its way out.
    Running,
    /// It has ended.
    Ended,
    /// It has not said so in time.
    Late,
    /// Nobody waits for it any longer.
    Unwanted,
}

/// Waits until it has written its number, as it does when all is in place.
fn begin(mut stdout: ChildStdout, stream: &UnixStream) -> io::Result<Began> {
    let end = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    loop {
        let left =
            Timespec::try_from(end.saturating_duration_since(Instant::now())).map_err(io::Error::other)?;
        let mut fds = [PollFd::new(&stdout, PollFlags::IN), PollFd::new(stream, PollFlags::IN)];
        if retried(|| poll(&mut fds, Some(&left)))? == 0 {
            return Ok(Began::Late);
        }
        let [of_pasta, of_stream] = fds.map(|fd| !fd.revents().is_empty());
        if of_stream {
            return Ok(Began::Unwanted);
        }
        let mut piece = [0; 64];
        if of_pasta {
            match stdout.read(&mut piece)? {
                0 => return Ok(Began::Ended),
                length => said.extend_from_slice(&piece[..length]),
            }
            if said.ends_with(b"\n") {
                return Ok(Began::Running);
            }
        }
    }
}

/// Reads what it complains about to its end, of which the beginning is kept.
fn read(stderr: ChildStderr) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let mut stderr = stderr;
        let _ = (&mut stderr).take(LIMIT as u64).read_to_end(&mut kept);
        let _ = io::copy(&mut stderr, &mut io::sink());
        String::from_utf8_lossy(&kept).into_owned()
    })
}

/// The sentence, of what it said last.
fn unable(said: &str) -> String {
    // Of its log it says when that is not to be had, which has nothing to do with it.
    let mut lines = said.lines().rev().map(str::trim);
    let last =
        lines.find(|line| !line.is_empty() && !line.contains("syslog")).unwrap_or("it ended without a word");
    let cure = if last.contains("tun") {
        "as root run `chmod 666 /dev/net/tun`"
    } else {
        "see that this machine has a default route"
    };
    format!(
        "pasta cannot connect the command with the network: {}; {cure}, or leave --network out",
        crate::admin::printable(last)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_those_that_answer_at_loopback() {
        let ipv4 = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:46A0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 3500007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0100007F:9C40 0100007F:46A0 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 100 0 0 10 0
   4: 0200A8C0:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5 1 0 100 0 0 10 0\n";
        assert_eq!(listening(ipv4), [18_080, 22]);
        let ipv6 = "  sl  local_address                         remote_address                        st
   0: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0 0
   1: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0 0
   2: 000080FE00000000FF005450B6AD1DFE:0050 00000000000000000000000000000000:0000 0A 0 0
damaged\n";
        assert_eq!(listening(ipv6), [631, 8080]);
        assert_eq!(Ports(vec![22, 8080]).spec(), "22,8080");
        assert_eq!(Ports(Vec::new()).spec(), "none");
    }

    #[test]
    fn what_it_says_last_is_told_in_one_sentence() {
        let said = "Template interface: eth0 (IPv4)\nFailed to open tun socket in namespace: Permission denied\n\
                    Failed to send 46 bytes to syslog\n\n";
        assert_eq!(
            unable(said),
            "pasta cannot connect the command with the network: Failed to open tun socket in namespace: Permission denied; \
             as root run `chmod 666 /dev/net/tun`, or leave --network out"
        );
        assert!(unable("").contains("it ended without a word"));
        assert!(!unable("a\u{1b}[2J").contains('\u{1b}'));
    }
}
