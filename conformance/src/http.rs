//! The raw HTTP client: a TCP connection, the bytes sent on it and the bytes that came back, never tidied.

mod message;

pub(crate) use message::{Answer, Request, TOKEN, TTL, abbreviated};

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How long a connection may take to open, and an answer to arrive in full.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// No answer of a metadata service is longer: user-data is 16 KB.
const LONGEST_ANSWER: usize = 4 << 20;

/// The endpoint under test: `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// As it stands in a `Host` header.
    pub(crate) authority: String,
    host: String,
    port: u16,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let Some(rest) = url.strip_prefix("http://") else {
            return Err("an endpoint is http://HOST:PORT; IMDS is not served over anything else".into());
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@']) {
            return Err("an endpoint is http://HOST:PORT, without a path, a query or a user".into());
        }
        let bracket_end = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority[bracket_end..].rsplit_once(':') {
            Some((_, port)) => {
                let number = port.parse().map_err(|_| format!("{port:?} is not a port, 1 to 65535"))?;
                (&authority[..authority.len() - port.len() - 1], number)
            }
            None => (authority, 80),
        };
        let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err("an endpoint is http://HOST:PORT; the host is missing".into());
        }
        Ok(Self { authority: authority.to_owned(), host: host.to_owned(), port })
    }
}

impl Endpoint {
    /// Where the endpoint is; a name is looked up.
    ///
    /// # Errors
    /// The name does not resolve.
    pub(crate) fn address(&self) -> Result<SocketAddr, String> {
        (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|error| format!("{} cannot be resolved: {error}", self.host))?
            .next()
            .ok_or_else(|| format!("{} resolves to no address", self.host))
    }
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The connection ended before a whole answer; the bytes that did come.
    Closed(Vec<u8>),
    /// Nothing more came in time; the bytes that did come.
    Silent(Vec<u8>),
    /// Bytes came that are no HTTP answer as EC2 writes it.
    Malformed(String),
}

impl fmt::Display for Lost {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(bytes) if bytes.is_empty() => {
                write!(to, "the connection was closed without an answer")
            }
            Self::Closed(bytes) => write!(to, "the connection was closed after {} bytes", bytes.len()),
            Self::Silent(bytes) => write!(to, "no whole answer came in time, only {} bytes", bytes.len()),
            Self::Malformed(what) => write!(to, "the answer is malformed: {what}"),
        }
    }
}

/// What came after the last answer was read.
#[derive(Debug)]
pub(crate) struct End {
    /// Bytes beyond the last answer.
    pub(crate) surplus: Vec<u8>,
    /// Whether the server closed within the wait.
    pub(crate) closed: bool,
    /// How long it took, or the whole wait.
    pub(crate) after: Duration,
}

/// One TCP connection to the endpoint.
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// What one read brought.
enum Got {
    Bytes,
    End,
    Nothing,
}

impl Connection {
    /// Connects; small writes go out as they are.
    ///
    /// # Errors
    /// Why the address cannot be reached.
    pub(crate) fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// Sends bytes. A server may have answered and closed before it took them all, so a failed write is
    /// no finding by itself: what was answered is.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends bytes over and over, until `most` are sent or the server takes no more; says how many it took.
    pub(crate) fn flood(&mut self, bytes: &[u8], most: usize) -> usize {
        let mut taken = 0;
        while taken < most {
            match self.stream.write(bytes) {
                Ok(length) => taken += length,
                Err(_) => break,
            }
        }
        taken
    }

    /// Reads one answer to `request`: an interim one (1xx) is an answer too.
    ///
    /// # Errors
    /// The connection ended, nothing came, or what came is no answer.
    pub(crate) fn answer(&mut self, request: &Request) -> Result<Answer, Lost> {
        let deadline = Instant::now() + PATIENCE;
        let head_end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more(deadline)?;
        };
        let mut answer = Answer::parse(&self.unread[..head_end], request).map_err(Lost::Malformed)?;
        self.unread.drain(..head_end);
        match answer.body_length().map_err(Lost::Malformed)? {
            Some(length) => {
                while self.unread.len() < length {
                    self.more(deadline)?;
                }
                answer.body = self.unread.drain(..length).collect();
            }
            None => {
                let end = self.end(PATIENCE);
                answer.body = end.surplus;
            }
        }
        Ok(answer)
    }

    /// Reads until the server closes, at most `wait`.
    pub(crate) fn end(&mut self, wait: Duration) -> End {
        let start = Instant::now();
        let closed = loop {
            match self.read(start + wait) {
                Got::Bytes if self.unread.len() < LONGEST_ANSWER => {}
                Got::End => break true,
                Got::Bytes | Got::Nothing => break false,
            }
        };
        End { surplus: std::mem::take(&mut self.unread), closed, after: start.elapsed() }
    }

    fn more(&mut self, deadline: Instant) -> Result<(), Lost> {
        if self.unread.len() > LONGEST_ANSWER {
            return Err(Lost::Malformed(format!("it is longer than {LONGEST_ANSWER} bytes")));
        }
        match self.read(deadline) {
            Got::Bytes => Ok(()),
            Got::End => Err(Lost::Closed(std::mem::take(&mut self.unread))),
            Got::Nothing => Err(Lost::Silent(std::mem::take(&mut self.unread))),
        }
    }

    fn read(&mut self, deadline: Instant) -> Got {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
            return Got::Nothing;
        }
        let mut piece = [0; 16 << 10];
        match self.stream.read(&mut piece) {
            Ok(0) => Got::End,
            Ok(length) => {
                self.unread.extend_from_slice(&piece[..length]);
                Got::Bytes
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Got::Nothing,
            Err(error) if error.kind() == ErrorKind::Interrupted => Got::Bytes,
            // A reset is how a connection ends whose last bytes the server did not read.
            Err(_) => Got::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn endpoints_are_read_and_refused() {
        let endpoint: Endpoint = "http://127.0.0.1:1338/".parse().unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port), ("127.0.0.1", 1338));
        let endpoint: Endpoint = "http://[::1]:80".parse().unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.authority.as_str()), ("::1", "[::1]:80"));
        let endpoint: Endpoint = "http://[::1]".parse().unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port), ("::1", 80));
        for wrong in [
            "127.0.0.1:80",
            "https://x",
            "http://",
            "http://:80",
            "http://x:y",
            "http://x/latest",
            "http://x?y",
        ] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
    }

    fn served(bytes: &'static [u8], request: &Request) -> (Result<Answer, Lost>, End) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(bytes).unwrap();
        });
        let mut connection = Connection::open(address).unwrap();
        let answer = connection.answer(request);
        let end = connection.end(Duration::from_secs(2));
        server.join().unwrap();
        (answer, end)
    }

    #[test]
    fn an_answer_is_read_to_its_length_and_the_rest_is_surplus() {
        let (answer, end) = served(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore", &Request::get("/"));
        assert_eq!(answer.unwrap().body, b"ok");
        assert_eq!(end.surplus, b"more");
        assert!(end.closed);
    }

    #[test]
    fn a_body_after_head_is_surplus() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let (answer, end) = served(bytes, &Request::new("HEAD", "/"));
        assert!(answer.unwrap().body.is_empty());
        assert_eq!(end.surplus, b"ok");
    }

    #[test]
    fn without_a_length_the_body_ends_with_the_connection() {
        let (answer, _) = served(b"HTTP/1.1 200 OK\r\nServer: EC2ws\r\n\r\nrest", &Request::get("/"));
        assert_eq!(answer.unwrap().body, b"rest");
    }

    #[test]
    fn a_cut_answer_is_lost() {
        let (answer, _) = served(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", &Request::get("/"));
        assert!(matches!(answer, Err(Lost::Closed(bytes)) if bytes == b"ok"));
        let (answer, _) = served(b"nonsense\r\n\r\n", &Request::get("/"));
        assert!(matches!(answer, Err(Lost::Malformed(_))));
    }
}
