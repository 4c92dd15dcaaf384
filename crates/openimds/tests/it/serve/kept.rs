//! Connections of the tests: kept ones, and ones that come from an address of their choice.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Connects from a loopback address.
pub(crate) fn connect_from(source: Ipv4Addr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&address.into())?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// As [`crate::support::exchange`], from a loopback address.
pub(crate) fn exchange_from(source: Ipv4Addr, address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect_from(source, address).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// Sends what the other side takes and reads what it gives, until it closes or resets.
pub(crate) fn try_exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect_from(Ipv4Addr::LOCALHOST, address).unwrap();
    let _ = stream.write_all(request);
    String::from_utf8(rest(&mut stream)).unwrap()
}

/// What comes until the other side closes or resets; a connection that stays open is a failure.
pub(crate) fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => {
            panic!("neither closed nor reset: {error}")
        }
        _ => answer,
    }
}

/// A connection that stays open after an answer.
pub(crate) struct Kept(BufReader<TcpStream>);

impl Kept {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect_from(Ipv4Addr::LOCALHOST, address)
    }

    pub(crate) fn connect_from(source: Ipv4Addr, address: SocketAddr) -> io::Result<Self> {
        Ok(Self(BufReader::new(connect_from(source, address)?)))
    }

    /// Sends a request and reads one answer, as long as its header says.
    pub(crate) fn ask(&mut self, request: &str) -> io::Result<String> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut answer)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let length = header(&answer, "Content-Length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
        self.0.read_exact(&mut body)?;
        answer.push_str(&String::from_utf8_lossy(&body));
        Ok(answer)
    }

    /// GETs a path and stays.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<String> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nConnection: keep-alive\r\n\r\n"))
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        assert_eq!(self.0.buffer(), b"", "more than the answer came");
        self.0.into_inner()
    }
}

/// The value of the only header of this name, spelt just so.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    let mut values = head.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let value = values.next();
    assert_eq!(values.next(), None, "{name} came twice: {head}");
    value
}
