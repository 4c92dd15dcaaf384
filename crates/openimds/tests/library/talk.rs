//! Speaking to a service in plain bytes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What is answered to a request, header and body; nothing, if no answer came.
pub(crate) fn exchange(url: &str, request: &str, headers: &str, body: &str) -> String {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head =
        format!("{request} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: a test\r\nConnection: close\r\n{length}");
    stream.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// What a GET is answered, without a token or with one.
pub(crate) fn get(url: &str, path: &str, token: Option<&str>) -> String {
    let token = token.map(|token| format!("X-aws-ec2-metadata-token: {token}\r\n")).unwrap_or_default();
    exchange(url, &format!("GET {path}"), &token, "")
}

/// The status that IMDSv1 is answered with.
pub(crate) fn v1(url: &str, path: &str) -> u16 {
    get(url, path, None)[9..12].parse().unwrap()
}

/// What IMDSv2 reads.
pub(crate) fn ok(url: &str, path: &str, token: &str) -> String {
    body(&get(url, path, Some(token)))
}

/// A new token.
pub(crate) fn put_token(url: &str) -> String {
    body(&exchange(url, "PUT /latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n", ""))
}

fn body(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body.to_owned()
}

/// What an action of one of AWS's services is answered.
pub(crate) fn action(admin: &str, service: &str, action: &str, parameters: &[(&str, &str)]) -> String {
    let version = match service {
        "iam" => "2010-05-08",
        "elasticbeanstalk" => "2010-12-01",
        _ => "2016-11-15",
    };
    let mut form = form_urlencoded::Serializer::new(format!("Action={action}&Version={version}"));
    let form = form.extend_pairs(parameters).finish();
    let headers = format!(
        "Content-Type: application/x-www-form-urlencoded\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=test/20261124/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n"
    );
    body(&exchange(admin, "POST /", &headers, &form))
}
