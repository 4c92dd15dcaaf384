//! One signed call of `AssumeRole`, over plain HTTP.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use imds_control::Signer;
use imds_core::Timestamp;
use imds_core::credentials::{Credentials, Secret};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{Assume, Endpoint, Failure};
use crate::admin::is_metadata;
use crate::client::send;

/// How long the whole call may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that an answer may have.
const LARGEST: usize = 64 * 1024;

/// Calls it.
///
/// # Errors
/// When it cannot be called, or gives no keys.
pub fn assume(
    assume: &Assume,
    endpoint: &Endpoint,
    region: &str,
    owner: &Credentials,
    now: Timestamp,
) -> Result<Credentials, Failure> {
    let request = request(assume, endpoint, region, owner, now)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("STS cannot be called: {}", error.kind())))?;
    let (status, answer) = runtime.block_on(async {
        let answered = timeout(PATIENCE, exchange(endpoint, request)).await;
        answered.unwrap_or_else(|_| Err(Failure::new("STS did not answer in time")))
    })?;
    read(status, &answer)
}

fn request(
    assume: &Assume,
    endpoint: &Endpoint,
    region: &str,
    owner: &Credentials,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, Failure> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "AssumeRole").append_pair("Version", "2011-06-15");
    form.append_pair("RoleArn", &assume.role_arn).append_pair("RoleSessionName", &assume.session_name);
    form.append_pair("DurationSeconds", &assume.seconds.to_string());
    if let Some(id) = &assume.external_id {
        form.append_pair("ExternalId", id);
    }
    let body = Bytes::from(form.finish());
    let unasked = || Failure::new("STS cannot be asked this: are key, token and endpoint plain text?");
    let request = Request::builder().method(Method::POST).uri("/").header(HOST, endpoint.authority());
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
    let mut request = request.map_err(|_| unasked())?;
    let token = owner.session_token.expose();
    let signer = Signer {
        access_key: &owner.access_key_id,
        secret: owner.secret_access_key.expose(),
        token: (!token.is_empty()).then_some(token),
        region,
        service: "sts",
    };
    let (uri, body) = (request.uri().clone(), request.body().clone());
    signer.sign(&Method::POST, &uri, request.headers_mut(), &body, now).map_err(|_| unasked())?;
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("*/*"));
    Ok(request.map(Full::new))
}

async fn exchange(
    endpoint: &Endpoint,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Zeroizing<Vec<u8>>), Failure> {
    let unreachable =
        |error: std::io::Error| Failure::new(format!("STS cannot be reached: {}", error.kind()));
    let broken = |_| Failure::new("STS gave no answer of HTTP");
    let addresses: Vec<_> = lookup_host(endpoint.authority()).await.map_err(unreachable)?.collect();
    // A service that asks metadata for its keys would ask itself.
    if addresses.iter().any(|address| is_metadata(address.ip())) {
        return Err(Failure::new("the endpoint is a metadata address, and no STS"));
    }
    let stream = TcpStream::connect(&addresses[..]).await.map_err(unreachable)?;
    let (head, body) = send(stream, request).await.map_err(broken)?.into_parts();
    let body = Limited::new(body, LARGEST).collect().await;
    let body = body.map_err(|_| Failure::new("STS' answer broke off, or is too long"))?;
    Ok((head.status, Zeroizing::new(body.to_bytes().to_vec())))
}

/// Reads an answer. Of a refusal its code is told, and nothing else.
fn read(status: StatusCode, answer: &[u8]) -> Result<Credentials, Failure> {
    let unread = || Failure::new("STS' answer holds no keys");
    let text = std::str::from_utf8(answer).map_err(|_| unread())?;
    if !status.is_success() {
        let code =
            element(text, "Code").filter(|code| code.chars().all(|letter| letter.is_ascii_alphanumeric()));
        let what =
            format!("STS answered {} {}", status.as_u16(), code.filter(|code| code.len() < 65).unwrap_or(""));
        let what = what.trim_end().to_owned();
        return Err(if code == Some("AccessDenied") { Failure::Denied(what) } else { Failure::Other(what) });
    }
    let keys = element(text, "Credentials").ok_or_else(unread)?;
    let of = |name: &str| element(keys, name).map(str::trim).ok_or_else(unread);
    Ok(Credentials {
        access_key_id: of("AccessKeyId")?.to_owned(),
        secret_access_key: Secret::new(of("SecretAccessKey")?.to_owned()),
        session_token: Secret::new(of("SessionToken")?.to_owned()),
        issued: None,
        expiration: Some(of("Expiration")?.parse().map_err(|_| unread())?),
    })
}

/// What is between the tags of the first element of a name. Keys need no escapes, and a tree would leave copies of them.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Place;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    const GOOD: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>\
        <SecretAccessKey>hunter2</SecretAccessKey><SessionToken>token</SessionToken>\
        <Expiration>2026-11-24T12:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

    fn owner() -> Credentials {
        Credentials {
            access_key_id: "AKIAOWNER".into(),
            secret_access_key: Secret::new("hunter3".into()),
            session_token: Secret::new(String::new()),
            issued: None,
            expiration: None,
        }
    }

    fn web() -> Assume {
        Assume {
            role_arn: "arn:aws:iam::123456789012:role/web".into(),
            session_name: "me".into(),
            seconds: 900,
            external_id: Some("a b".into()),
            place: Place::Here,
        }
    }

    /// What the call came to, and what was sent, when this was answered.
    fn called(answer: &'static [u8]) -> (Result<Credentials, Failure>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut sent = String::new();
            let mut piece = [0; 4096];
            while !sent.contains("ExternalId=a+b") {
                let length = stream.read(&mut piece).unwrap();
                sent.push_str(std::str::from_utf8(&piece[..length]).unwrap());
            }
            // One that is refused is not read to its end.
            let _ = stream.write_all(answer);
            sent
        });
        let found = assume(&web(), &endpoint, "eu-west-1", &owner(), Timestamp::UNIX_EPOCH);
        (found, server.join().unwrap())
    }

    #[test]
    fn a_call_is_signed_and_its_answer_read() {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{GOOD}", GOOD.len());
        let (found, sent) = called(answer.leak().as_bytes());
        let keys = found.unwrap();
        assert_eq!((&*keys.access_key_id, keys.secret_access_key.expose()), ("ASIA", "hunter2"));
        assert_eq!(keys.expiration, "2026-11-24T12:00:00Z".parse().ok());
        assert!(sent.contains("Credential=AKIAOWNER/19700101/eu-west-1/sts/aws4_request"), "{sent}");
        assert!(sent.contains("DurationSeconds=900") && !sent.contains("hunter3"), "{sent}");
    }

    #[test]
    fn hostile_answers_are_not_quoted() {
        let denied = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 59\r\n\r\n\
                       <Error><Code>AccessDenied</Code><Message>hunter2</Message>!";
        let (found, _) = called(denied);
        assert_eq!(found, Err(Failure::Denied("STS answered 403 AccessDenied".into())));
        for (answer, expected) in [
            (&b"hunter2\r\n\r\n"[..], "no answer of HTTP"),
            (b"", "no answer of HTTP"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\nhunter2", "broke off"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nhunter2", "holds no keys"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe", "holds no keys"),
            (b"HTTP/1.1 500 hunter2\r\nContent-Length: 0\r\n\r\n", "STS answered 500"),
            (b"HTTP/1.1 400 x\r\nContent-Length: 23\r\n\r\n<Code>hunter 2!</Code>..", "STS answered 400"),
            (b"HTTP/1.1 302 Found\r\nLocation: /hunter2\r\nContent-Length: 0\r\n\r\n", "STS answered 302"),
        ] {
            let failure = called(answer).0.unwrap_err().to_string();
            assert!(failure.contains(expected) && !failure.contains("hunter"), "{failure}");
        }
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{}", "x".repeat(70_000));
        assert!(called(long.leak().as_bytes()).0.unwrap_err().to_string().contains("too long"));
    }

    #[test]
    fn who_is_not_there_or_is_the_metadata_is_told_so() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for (endpoint, expected) in [
            (format!("http://{free}"), "cannot be reached"),
            ("http://169.254.169.254".to_owned(), "a metadata address"),
        ] {
            let endpoint = endpoint.parse().unwrap();
            let failure =
                assume(&web(), &endpoint, "us-east-1", &owner(), Timestamp::UNIX_EPOCH).unwrap_err();
            assert!(failure.to_string().contains(expected), "{failure}");
        }
    }
}
