//! Starting the binary, and speaking to it in plain bytes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The binary under test.
pub const IMDS: &str = env!("CARGO_BIN_EXE_imds");

/// A service that ends with its value.
pub struct Service {
    pub child: Child,
    pub listen: Vec<SocketAddr>,
    pub admin: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

impl Service {
    /// Starts a command that prints the ready line.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("no ready line: {line:?}"));
        let address = |value: &serde_json::Value| value.as_str().unwrap().parse().unwrap();
        let listen = ready["listen"].as_array().unwrap().iter().map(address).collect();
        Self { child, listen, admin: address(&ready["admin"]), _stdout: stdout }
    }

    /// Sends bytes on a connection of their own and reads until it closes.
    pub fn exchange(&self, request: &str) -> String {
        exchange(self.listen[0], request.as_bytes())
    }

    /// A new token.
    pub fn token(&self) -> String {
        let answer = self.exchange(
            "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n",
        );
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        body(&answer).to_owned()
    }

    /// GETs a path, without a token or with one.
    pub fn get(&self, path: &str, token: Option<&str>) -> String {
        let token = token.map(|token| format!("X-aws-ec2-metadata-token: {token}\r\n")).unwrap_or_default();
        self.exchange(&format!("GET {path} HTTP/1.1\r\n{token}\r\n"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes that a process started and that have not ended, or are not waited for yet.
pub fn children(of: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // One that has gone meanwhile has no parent.
    let parent = |id: &u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse::<u32>().ok()
    };
    ids.filter(|id| parent(id) == Some(of)).collect()
}

/// Sends bytes and reads until the other side closes.
pub fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// What comes after the header.
pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The status of an answer, 0 if there was none.
pub fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0)
}
