//! Many clients at once, for long, through a kill, and thousands that say nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Signal, getrlimit};

use crate::serve::kept::{Kept, exchange_from};
use crate::serve::{Files, Watched, until};
use crate::support::{IMDS, body, status};

/// How long clients ask for tokens. The promise is 30 seconds without an error.
const LOAD: Duration = Duration::from_secs(30);
const CLIENTS: u8 = 16;
/// Connections that are open and silent while somebody else asks.
const IDLE: usize = 10_000;
/// How long a new request may take beside them.
const PROMPT: Duration = Duration::from_secs(5);
/// How often the service is killed under load.
const KILLS: u32 = 3;

const ASK_FOR_TOKEN: &str =
    "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\n";
const KEEP: &str = "Connection: keep-alive\r\n";

/// A client's own address, so that each has all ports to itself.
fn source(client: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 3, client + 1)
}

/// The token of an answer, which must hold one.
fn token(answer: &str) -> String {
    assert_eq!(status(answer), 200, "{answer}");
    assert_eq!((body(answer).len(), &body(answer)[..5]), (56, "AQAEA"), "{answer}");
    body(answer).to_owned()
}

/// Asks for tokens until the time is over, on a connection each or on one that is kept: how many, and the last.
fn ask_for_tokens(client: u8, address: SocketAddr, end: Instant) -> (u64, String) {
    let mut kept = client.is_multiple_of(2).then(|| Kept::connect_from(source(client), address).unwrap());
    let (mut count, mut last) = (0, String::new());
    while Instant::now() < end {
        let answer = match &mut kept {
            Some(kept) => kept.ask(&format!("{ASK_FOR_TOKEN}{KEEP}\r\n")).unwrap(),
            None => exchange_from(source(client), address, format!("{ASK_FOR_TOKEN}\r\n").as_bytes()),
        };
        last = token(&answer);
        count += 1;
    }
    (count, last)
}

#[test]
fn sixteen_clients_ask_for_tokens_and_none_meets_an_error() {
    let service = Watched::spawn(&mut quiet(&[]));
    let (address, end) = (service.listen[0], Instant::now() + LOAD);
    let clients: Vec<_> =
        (0..CLIENTS).map(|client| thread::spawn(move || ask_for_tokens(client, address, end))).collect();
    let results: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    let all: u64 = results.iter().map(|(count, _)| count).sum();
    for (count, last) in &results {
        assert!(*count > 0);
        assert_eq!(status(&service.get("/latest/meta-data/", Some(last))), 200);
    }
    report(&format!("{all} tokens for {CLIENTS} clients in {LOAD:?}, no error"));
    let metrics = service.metrics();
    let issued = format!("imds_tokens_issued_total{{instance=\"i-12345678901234567\"}} {all}\n");
    assert!(metrics.contains(&issued), "{metrics}");
}

/// `imds serve` on a free port, whose many lines of log nobody reads.
fn quiet(args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let script = r#"exec "$0" "$@" 2>/dev/null"#;
    command.args(["-c", script, IMDS, "serve", "--print-ready", "--admin", "127.0.0.1:0"]);
    if !args.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.args(args);
    command
}

/// Says something that is worth reading when all goes well, which the test harness would keep to itself.
fn report(text: &str) {
    io::stdout().write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// Opens connections, half of which ask once and stay and half of which say nothing, and holds them until its
/// standard input ends.
const IDLE_CLIENT: &str = r#"
ulimit -n "$(ulimit -H -n)"
for ((number = 0; number < $3; number += 2)); do
    exec {asked}<>"/dev/tcp/$1/$2" {silent}<>"/dev/tcp/$1/$2" || exit 1
    printf 'GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n' >&"$asked"
    read -r status <&"$asked"
    [[ $status == 'HTTP/1.1 200 OK'* ]] || { echo "answered $status"; exit 1; }
done
echo "open"
read -r _ || exit 0
"#;

#[test]
fn ten_thousand_idle_connections_keep_nobody_out() {
    let descriptors = getrlimit(Resource::Nofile).maximum;
    assert!(descriptors.is_none_or(|most| most > IDLE as u64 + 100), "raise `ulimit -H -n`: {descriptors:?}");
    let limits = ["--max-connections", "20000", "--max-connections-per-source", "20000"];
    let times = ["--idle-timeout", "60s", "--header-timeout", "60s"];
    let service = Watched::spawn(&mut quiet(&[limits, times].concat()));
    assert_eq!(status(&service.get("/", None)), 200);
    let (before, address) = (service.resident(), service.listen[0]);

    let mut idle = Command::new("bash");
    idle.args(["-c", IDLE_CLIENT, "bash", &address.ip().to_string(), &address.port().to_string()])
        .arg(IDLE.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut idle = idle.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(idle.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "open\n");
    let open = || std::fs::read_dir(format!("/proc/{}/fd", service.child.id())).unwrap().count();
    until("the service has accepted all of them", || (open() > IDLE).then_some(()));

    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let start = Instant::now();
        assert_eq!(status(&service.get("/", Some(&service.token()))), 200);
        slowest = slowest.max(start.elapsed());
    }
    let each = (service.resident() - before) / IDLE;
    assert!(open() > IDLE, "none was closed for it");
    report(&format!(
        "{IDLE} idle connections: {each} bytes each, a token and a GET beside them in {slowest:?}"
    ));
    assert!(slowest < PROMPT, "{slowest:?}");
    assert!(each < 64 * 1024, "{each} bytes each");

    drop(idle.stdin.take());
    assert!(idle.wait().unwrap().success());
    until("their places are free again", || (open() < 200).then_some(()));
}

/// What the clients of a service that is killed know of it.
#[derive(Default)]
struct Life {
    /// Odd while the service is ready, even while it is not.
    generation: AtomicU64,
    is_over: AtomicBool,
    answered: AtomicU64,
}

/// Ends the clients, also when the test fails.
struct Over<'a>(&'a Life);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, SeqCst);
    }
}

/// Asks on and on. What began and ended within one life of the service must be answered.
fn ask_through_kills(client: u8, address: SocketAddr, life: &Life, old: &str) {
    let mut kept = None;
    let mut of = 0;
    while !life.is_over.load(SeqCst) {
        let generation = life.generation.load(SeqCst);
        // A connection belongs to the life that it was opened in.
        if generation != of || !client.is_multiple_of(2) {
            kept = None;
            of = generation;
        }
        let answer = ask_once(client, address, &mut kept, old);
        match answer {
            Ok(answer) => {
                assert_eq!(status(&answer), 200, "{answer}");
                life.answered.fetch_add(1, SeqCst);
            }
            Err(error) => {
                kept = None;
                let is_same = life.generation.load(SeqCst) == generation;
                assert!(
                    !is_same || generation.is_multiple_of(2),
                    "client {client}, life {generation}: {error}"
                );
            }
        }
    }
}

/// A token or, with one from before all kills, metadata.
fn ask_once(client: u8, address: SocketAddr, kept: &mut Option<Kept>, old: &str) -> io::Result<String> {
    let connection = match kept {
        Some(kept) => kept,
        None => kept.insert(Kept::connect_from(source(CLIENTS + client), address)?),
    };
    let with_old = format!("GET /latest/meta-data/ HTTP/1.1\r\nX-aws-ec2-metadata-token: {old}\r\n");
    let request = if client % 4 < 2 { ASK_FOR_TOKEN } else { &with_old };
    connection.ask(&format!("{request}{}\r\n", if client.is_multiple_of(2) { KEEP } else { "" }))
}

#[test]
fn a_kill_under_load_costs_nobody_a_request_once_the_service_is_ready_again() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let start = |listen: &str| {
        let args = ["--listen", listen, "--http-tokens", "required", "--state", state.to_str().unwrap()];
        Watched::spawn(&mut quiet(&args))
    };
    // At an address where nobody else takes the port while the service is away.
    let mut service = start("127.0.4.1:0");
    let address = service.listen[0];
    let (old, life) = (service.token(), Life::default());
    thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let (life, old) = (&life, &old);
                scope.spawn(move || ask_through_kills(client, address, life, old))
            })
            .collect();
        let over = Over(&life);
        for kill in 0..=KILLS {
            life.generation.fetch_add(1, SeqCst);
            let answered = life.answered.load(SeqCst);
            until("2,000 answers", || {
                let is_failed = clients.iter().any(thread::ScopedJoinHandle::is_finished);
                (is_failed || life.answered.load(SeqCst) > answered + 2_000).then_some(())
            });
            assert_eq!(status(&service.get("/latest/meta-data/", Some(&old))), 200, "after {kill} kills");
            if kill < KILLS {
                life.generation.fetch_add(1, SeqCst);
                service.end(Signal::KILL);
                service = start(&address.to_string());
            }
        }
        drop(over);
        for client in clients {
            client.join().unwrap();
        }
    });
}
