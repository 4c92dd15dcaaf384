//! `where-am-i`: prints the id of the instance that it runs on. With `--v1` it asks as programs did before IMDSv2.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

fn main() -> io::Result<()> {
    let is_v1 = std::env::args().any(|argument| argument == "--v1");
    let token = if is_v1 {
        String::new()
    } else {
        let token = ask("PUT /latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n")?;
        format!("X-aws-ec2-metadata-token: {token}\r\n")
    };
    let id = ask("GET /latest/meta-data/instance-id", &token)?;
    writeln!(io::stdout(), "{id}")
}

/// Asks the metadata service, and gives what it says.
fn ask(what: &str, header: &str) -> io::Result<String> {
    let endpoint = std::env::var("AWS_EC2_METADATA_SERVICE_ENDPOINT").map_err(io::Error::other)?;
    let host = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let mut connection = TcpStream::connect(host)?;
    write!(connection, "{what} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{header}\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(io::Error::other(format!("the metadata service refused {what}: {answer}"))),
    }
}
