//! Limits in time and number: who is slow or too many is closed, and the others are served.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::kept::{Kept, connect_from, rest};
use super::{Watched, until};
use crate::support::status;

const ASK: &str = "GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n";
const SECOND: Duration = Duration::from_secs(1);

/// Sends a piece again and again until the connection is closed without an answer: how long after `start` that was.
fn drip(mut stream: TcpStream, piece: &[u8], start: Instant) -> Duration {
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    until("the slow one is closed", || {
        let _ = stream.write_all(piece);
        match stream.read(&mut [0; 64]) {
            Ok(0) => Some(start.elapsed()),
            Ok(length) => panic!("{length} bytes of an answer"),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(start.elapsed()),
            Err(_) => None,
        }
    })
}

#[test]
fn a_header_and_a_body_that_are_slow_are_closed_without_an_answer() {
    let service = Watched::start(&["--header-timeout", "1s", "--idle-timeout", "60s"]);
    // Before anything is sent: this machine may be slow between that and looking at its watch.
    let start = Instant::now();
    let connect = || connect_from(Ipv4Addr::LOCALHOST, service.listen[0]).unwrap();
    let sent = |bytes: &str| {
        let mut stream = connect();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream
    };
    let mut kept = Kept::connect(service.listen[0]).unwrap();
    kept.ask(ASK).unwrap();
    let slow = [
        ("silent", connect(), ""),
        ("a slow line", sent("GET /"), "x"),
        ("a slow header", sent("GET / HTTP/1.1\r\nX: "), "x"),
        ("an endless header", sent("GET / HTTP/1.1\r\n"), "X: y\r\n"),
        ("a slow body", sent("POST / HTTP/1.1\r\nContent-Length: 10000\r\n\r\n"), "x"),
        (
            "slow chunks",
            sent("PUT /latest/api/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "1\r\nx\r\n",
        ),
        ("a slow second header", kept.into_stream(), "G"),
    ];
    thread::scope(|scope| {
        for (name, stream, piece) in slow {
            scope.spawn(move || {
                let time = drip(stream, piece.as_bytes(), start);
                assert!(time > SECOND, "{name} was closed after {time:?}");
            });
        }
        // Meanwhile others are served.
        for _ in 0..10 {
            assert_eq!(status(&service.get("/", None)), 200);
        }
    });
}

#[test]
fn a_client_that_takes_no_answer_is_closed() {
    let service = Watched::start(&["--header-timeout", "1s"]);
    let mut stream = connect_from(Ipv4Addr::LOCALHOST, service.listen[0]).unwrap();
    stream.set_nonblocking(true).unwrap();
    let many = ASK.repeat(1000);
    until("it is closed", || {
        stream.write(many.as_bytes()).is_err_and(|error| error.kind() != ErrorKind::WouldBlock).then_some(())
    });
    assert_eq!(status(&service.get("/", None)), 200);
}

#[test]
fn a_kept_connection_is_closed_when_it_is_idle_and_not_before() {
    let service = Watched::start(&["--idle-timeout", "3s"]);
    let mut kept = Kept::connect(service.listen[0]).unwrap();
    let mut last = Instant::now();
    for _ in 0..8 {
        last = Instant::now();
        assert_eq!(status(&kept.ask(ASK).unwrap()), 200);
        thread::sleep(SECOND / 2);
    }
    assert_eq!(rest(&mut kept.into_stream()), b"");
    assert!(last.elapsed() > 3 * SECOND, "closed after {:?}", last.elapsed());
}

/// One more connection from `source`: is it served?
fn is_served(service: &Watched, source: [u8; 4]) -> Option<Kept> {
    let mut kept = Kept::connect_from(source.into(), service.listen[0]).ok()?;
    match kept.ask(ASK) {
        Ok(answer) => {
            assert_eq!(status(&answer), 200);
            Some(kept)
        }
        Err(error) => {
            let closed = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(closed.contains(&error.kind()), "{error}");
            None
        }
    }
}

#[test]
fn one_too_many_from_a_source_is_closed_and_others_are_not() {
    let service = Watched::start(&["--max-connections-per-source", "3", "--idle-timeout", "60s"]);
    let (one, other) = ([127, 0, 9, 1], [127, 0, 9, 2]);
    let mut open: Vec<_> = (0..3).map(|_| is_served(&service, one).unwrap()).collect();
    for _ in 0..5 {
        assert!(is_served(&service, one).is_none());
    }
    assert!(is_served(&service, other).is_some());
    for kept in &mut open {
        assert_eq!(status(&kept.ask(ASK).unwrap()), 200, "those that were there are served on");
    }
    open.pop();
    let _third = until("a place is free", || is_served(&service, one));
    assert!(is_served(&service, one).is_none());
}

#[test]
fn one_too_many_in_all_is_closed() {
    let service = Watched::start(&["--max-connections", "4", "--idle-timeout", "60s"]);
    let mut open: Vec<_> = (1..=4).map(|last| is_served(&service, [127, 0, 9, last]).unwrap()).collect();
    for last in 5..10 {
        assert!(is_served(&service, [127, 0, 9, last]).is_none());
    }
    assert_eq!(status(&open[0].ask(ASK).unwrap()), 200);
    open.remove(0);
    until("a place is free", || is_served(&service, [127, 0, 9, 5]));
}

#[test]
fn a_connection_past_a_limit_gets_no_byte_and_is_counted() {
    let service = Watched::start(&["--max-connections", "1", "--idle-timeout", "60s"]);
    let _open = is_served(&service, [127, 0, 9, 1]).unwrap();
    let mut extra = connect_from(Ipv4Addr::LOCALHOST, service.listen[0]).unwrap();
    extra.write_all(ASK.as_bytes()).unwrap();
    assert_eq!(rest(&mut extra), b"");
    let metrics = service.metrics();
    assert!(metrics.contains("\nimds_connections_over_limit_total 1\n"), "{metrics}");
}
