//! AWS's own signer signs, we verify; and the other way round the two say the same.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;

use super::*;

/// How AWS's signer signs.
#[derive(Debug, Clone, Copy)]
struct How {
    is_in_query: bool,
    with_hash: bool,
    token: Option<&'static str>,
    region: &'static str,
    service: &'static str,
}

const HEADER: How =
    How { is_in_query: false, with_hash: false, token: None, region: "us-east-1", service: "sts" };
const QUERY: How = How { is_in_query: true, ..HEADER };

/// The request, signed by AWS's signer at [`then`].
fn by_aws(sent: &Sent, how: How) -> Sent {
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind =
        if how.with_hash { PayloadChecksumKind::XAmzSha256 } else { PayloadChecksumKind::NoHeader };
    if how.is_in_query {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(60));
    }
    let identity = Credentials::new(KEY, SECRET, how.token.map(str::to_owned), None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(how.region)
        .name(how.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let host = sent.headers["host"].to_str().unwrap();
    let uri = format!("http://{host}{}", sent.uri);
    let headers = sent.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let body = SignableBody::Bytes(&sent.body);
    let request = SignableRequest::new(sent.method.as_str(), &uri, headers, body).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let mut request = axum::http::Request::new(());
    *request.uri_mut() = uri.parse().unwrap();
    *request.headers_mut() = sent.headers.clone();
    instructions.apply_to_request_http1x(&mut request);
    let uri = request.uri().path_and_query().unwrap().to_string();
    Sent { uri: uri.parse().unwrap(), headers: request.headers().clone(), ..sent.clone() }
}

#[test]
fn what_awss_signer_signs_verifies_wherever_it_puts_the_signature() {
    let token = Some("IQoJb3JpZ2luX2VjEAAaCXVzLWVhc3QtMSJH+/=");
    for how in [
        HEADER,
        QUERY,
        How { with_hash: true, ..HEADER },
        How { token, ..HEADER },
        How { token, ..QUERY },
        How { region: "eu-west-1", service: "elasticbeanstalk", token, with_hash: true, ..HEADER },
        How { region: "aws-global", service: "iam", ..QUERY },
    ] {
        for (method, body) in
            [("GET", ""), ("POST", "Action=X&Value=a+b%20c"), ("PATCH", "{\"hostname\": \"ü\"}")]
        {
            let mut sent = call();
            (sent.method, sent.body) = (method.parse().unwrap(), body.into());
            let sent = by_aws(&sent, how);
            let signature = sent.verdict().unwrap_or_else(|error| panic!("{how:?} {method}: {error:?}"));
            let credential = &signature.credential;
            assert_eq!((&*credential.region, &*credential.service), (how.region, how.service));
            assert_eq!(signature.token.as_ref().map(imds_core::credentials::Secret::expose), how.token);
            assert_eq!(signature.is_in_query(), how.is_in_query);
            assert_eq!(kind(sent.verdict_with("another", then())), Kind::Mismatch);
        }
    }
}

#[test]
fn odd_requests_verify_as_awss_signer_signs_them() {
    let names =
        ["a", "A", "b", "%61", "a-b", "%C3%BC", "X", "%2F", "a%20b", "a+b", "~", "%7E", "Filter.1.Value"];
    let values = [
        "",
        "1",
        "a+b",
        "%20",
        "%2B",
        "%2b",
        "a%2Fb",
        "%E1%88%B4",
        "=",
        "a=b",
        "%3D",
        "%26",
        "*",
        "(1)",
        "'",
        "~.-_",
        "%25",
    ];
    let paths = ["/", "//", "/a/../b", "/api/v1/instances/i-1/history", "/a%20b", "/./a/", "/~x", "/a:b@c"];
    let headers = ["x-amz-meta", "x-custom", "accept", "amz-sdk-request", "content-type"];
    let texts = ["", "a", "  a   b ", "a,b", "a, b", "\"q   q\"", "attempt=1; max=3", "*/*"];
    let hosts =
        ["127.0.0.1:1339", "localhost:8080", "[::1]:1339", "imds.test", "ec2.us-east-1.amazonaws.com"];
    let mut dice = Dice(1);
    for round in 0..3_000 {
        let mut query = Vec::new();
        for _ in 0..dice.below(6) {
            let (name, value) = (*dice.one(&names), *dice.one(&values));
            query.push(if dice.below(5) == 0 { name.to_owned() } else { format!("{name}={value}") });
        }
        let uri = format!("{}?{}", dice.one(&paths), query.join("&"));
        let mut lines = vec![("host", *dice.one(&hosts))];
        for _ in 0..dice.below(6) {
            lines.push((*dice.one(&headers), *dice.one(&texts)));
        }
        let body = "x".repeat(dice.below(70));
        let sent = Sent::new(dice.one::<&str>(&["GET", "POST", "PATCH", "DELETE"]), &uri, &lines, &body);
        let how = How {
            is_in_query: dice.below(2) == 0,
            with_hash: dice.below(2) == 0,
            token: [None, Some("token//++==")][dice.below(2)],
            ..HEADER
        };
        let signed = by_aws(&sent, how);
        assert!(signed.verdict().is_ok(), "{round}: {signed:?}");
    }
}

#[test]
fn our_own_signer_signs_as_awss_does() {
    for token in [None, Some("token//++==")] {
        let sent = call();
        let signer = Signer { access_key: KEY, secret: SECRET, token, region: "us-east-1", service: "sts" };
        let mut ours = sent.headers.clone();
        signer.sign(&sent.method, &sent.uri, &mut ours, &sent.body, then()).unwrap();
        let theirs = by_aws(&sent, How { token, ..HEADER }).headers;
        assert_eq!(ours, theirs);
        // A second time it is the same, and not signed with what was there.
        signer.sign(&sent.method, &sent.uri, &mut ours, &sent.body, then()).unwrap();
        assert_eq!(ours, theirs);
    }
}
