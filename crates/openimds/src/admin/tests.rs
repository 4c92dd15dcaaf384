//! Calls to a service that a test plays itself: what is sent, and what becomes of answers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use super::*;

/// A service that answers one request with these bytes, and gives what it was sent.
fn service(answer: &'static str) -> (Admin, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        let mut piece = [0; 4096];
        while !is_whole(&request) {
            let length = stream.read(&mut piece).unwrap();
            assert_ne!(length, 0, "the request ended early: {request}");
            request.push_str(str::from_utf8(&piece[..length]).unwrap());
        }
        stream.write_all(answer.as_bytes()).unwrap();
        request
    });
    (admin(address), heard)
}

/// Is a request there with all of its body?
fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn admin(address: SocketAddr) -> Admin {
    Admin {
        url: format!("http://{address}").parse().unwrap(),
        region: "eu-west-1".into(),
        is_named: true,
        key: "AKID".into(),
        secret: None,
        token: None,
    }
}

#[test]
fn a_call_carries_its_region_and_the_name_of_its_key() {
    let (admin, heard) =
        service("HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n<R><return>true</return></R>\n");
    let answer = admin.call("CreateTags", &Form::default().with("Tag.1.Value", "a b")).unwrap();
    assert_eq!(answer.text("return"), Some("true"));
    let request = heard.join().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "Action=CreateTags&Version=2016-11-15&Tag.1.Value=a+b");
    let date = Timestamp::now().strftime("%Y%m%d").to_string();
    for line in [
        "POST / HTTP/1.1".to_owned(),
        format!("Host: {}", admin.url.authority()),
        format!(
            "Authorization: AWS4-HMAC-SHA256 Credential=AKID/{date}/eu-west-1/ec2/aws4_request, SignedHeaders=host, \
             Signature=unsigned"
        ),
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8".to_owned(),
    ] {
        assert!(head.lines().any(|sent| sent == line), "{line}: {head}");
    }
}

#[test]
fn a_call_is_signed_with_the_secret_that_there_is() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n<R><return>true</return></R>\n";
    for token in [None, Some("TOKEN")] {
        let (admin, heard) = service(answer);
        let secret = |text: &str| Secret::new(text.into());
        let admin = Admin { secret: Some(secret("SECRET")), token: token.map(secret), ..admin };
        admin.call("CreateTags", &Form::default()).unwrap();
        let request = heard.join().unwrap();
        assert!(!request.contains("SECRET") && !request.contains("unsigned"), "{request}");
        let scope = "/eu-west-1/ec2/aws4_request, SignedHeaders=content-type;host;x-amz-date";
        assert!(request.contains(scope), "{request}");
        let is_sent = request.to_lowercase().contains("x-amz-security-token: token\r\n");
        assert_eq!((is_sent, request.contains(";x-amz-security-token,")), (token.is_some(), token.is_some()));
    }
}

#[test]
fn a_call_of_another_service_is_of_its_version_and_in_its_scope() {
    let (admin, heard) = service(
        "HTTP/1.1 200 OK\r\nContent-Length: 137\r\n\r\n<XResponse><XResult><EnvironmentId>e-1</EnvironmentId></XResult>\
         <ResponseMetadata><RequestId>U</RequestId></ResponseMetadata></XResponse>",
    );
    let outcome = admin.query(Api::ElasticBeanstalk, "X", &Form::default().with("Name", "a b")).unwrap();
    assert_eq!((outcome.request_id.as_str(), outcome.result.text("EnvironmentId")), ("U", Some("e-1")));
    let request = heard.join().unwrap();
    assert!(request.ends_with("\r\n\r\nAction=X&Version=2010-12-01&Name=a+b"), "{request}");
    assert!(request.contains("/eu-west-1/elasticbeanstalk/aws4_request"), "{request}");
}

#[test]
fn what_aws_has_no_action_for_is_json() {
    let (admin, heard) = service("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"history\":[]}");
    assert_eq!(admin.get("/api/v1/x").unwrap(), serde_json::json!({ "history": [] }));
    assert!(heard.join().unwrap().starts_with("GET /api/v1/x HTTP/1.1\r\n"));
    let (admin, heard) = service("HTTP/1.1 204 No Content\r\n\r\n");
    admin.patch("/api/v1/x", &serde_json::json!({ "hostname": "web-1" })).unwrap();
    let request = heard.join().unwrap();
    assert!(request.starts_with("PATCH /api/v1/x HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"hostname\":\"web-1\"}"), "{request}");
    assert!(request.contains("\r\nContent-Type: application/json\r\n"), "{request}");
}

#[test]
fn refusals_strangers_and_silence() {
    let refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 96\r\n\r\n<Response><Errors><Error><Code>C</Code>\
                   <Message>M</Message></Error></Errors></Response>          ";
    let (admin, _heard) = service(refused);
    let error = admin.get("/").unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (Some("C"), "C: M"));
    let (admin, _heard) = service("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert!(matches!(admin.get("/").unwrap_err(), Error::Foreign { .. }));
    let (admin, _heard) = service("");
    assert!(matches!(admin.get("/").unwrap_err(), Error::Broken { .. }));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = self::admin(nobody).get("/").unwrap_err();
    assert!(error.to_string().contains(&format!("`imds serve --admin {nobody}`")), "{error}");
}
