//! Connections on which too little is sent, watched at the same time: what becomes of each.

use crate::http::{Connection, End, Request};
use crate::outcome::Stop;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the service may take to give a connection up; its defaults are 5 s. The suite's own tests run
/// against a server that takes one.
pub(crate) const LONGEST: Duration = Duration::from_secs(if cfg!(test) { 4 } else { 15 });

/// How each slow connection ended.
pub(crate) struct Waits {
    /// Nothing was ever sent.
    pub(crate) silent: End,
    /// Half a header was sent.
    pub(crate) half_header: End,
    /// A header was sent that never ended, a byte at a time.
    pub(crate) trickle: End,
    /// A PUT promised a body and sent less.
    pub(crate) half_body: End,
    /// One request was answered on a kept connection, and no other followed.
    pub(crate) idle: End,
}

impl Waits {
    /// Tries all of them, in as much time as the slowest takes.
    ///
    /// # Errors
    /// A connection cannot be opened, or the first request of the kept one gets no answer.
    pub(crate) fn try_all(address: SocketAddr, authority: &str) -> Result<Self, Stop> {
        let half_header = format!("GET /latest/ HTTP/1.1\r\nHost: {authority}\r\nX-Half: ");
        let half_body =
            Request::put_token().ttl("60").with("Content-Length", "10").body(b"abc").bytes(authority);
        std::thread::scope(|scope| {
            let silent = scope.spawn(|| watch(address, b""));
            let half = scope.spawn(|| watch(address, half_header.as_bytes()));
            let trickle = scope.spawn(|| drip(address, half_header.as_bytes()));
            let body = scope.spawn(|| watch(address, &half_body));
            let idle = scope.spawn(|| keep(address, authority));
            let joined = |result: std::thread::Result<Result<End, String>>| match result {
                Ok(end) => end.map_err(Stop::Fail),
                Err(_) => Err(Stop::Fail("a watching thread panicked".into())),
            };
            Ok(Self {
                silent: joined(silent.join())?,
                half_header: joined(half.join())?,
                trickle: joined(trickle.join())?,
                half_body: joined(body.join())?,
                idle: joined(idle.join())?,
            })
        })
    }
}

fn watch(address: SocketAddr, bytes: &[u8]) -> Result<End, String> {
    let mut connection = Connection::open(address)?;
    connection.send(bytes);
    Ok(connection.end(LONGEST))
}

fn drip(address: SocketAddr, start: &[u8]) -> Result<End, String> {
    let mut connection = Connection::open(address)?;
    connection.send(start);
    let begin = Instant::now();
    let mut came = Vec::new();
    while begin.elapsed() < LONGEST {
        connection.send(b"x");
        let end = connection.end(Duration::from_millis(200));
        came.extend_from_slice(&end.surplus);
        if end.closed {
            return Ok(End { surplus: came, closed: true, after: begin.elapsed() });
        }
    }
    Ok(End { surplus: came, closed: false, after: begin.elapsed() })
}

fn keep(address: SocketAddr, authority: &str) -> Result<End, String> {
    let mut connection = Connection::open(address)?;
    let request = Request::put_token().ttl("60").keep_alive();
    connection.send(&request.bytes(authority));
    connection.answer(&request).map_err(|lost| format!("{}: {lost}", request.label()))?;
    Ok(connection.end(LONGEST))
}
