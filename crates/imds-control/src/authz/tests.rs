//! Who comes in, and as whom, where keys mean something and where they do not.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use imds_core::Timestamp;
use imds_core::credentials::{Credentials, Secret};
use imds_core::session::Session;
use imds_store::access_key::{AccessKey, AccessKeys};
use imds_store::record::{self, Batch, Role, Trace};

use super::{Authority, Changed};
use crate::door::Door;
use crate::query::Signer;
use crate::testing::{door, keep_machine, keep_role, request, text};

const HOST: &str = "127.0.0.1:1339";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const ROOT: &str = "arn:aws:iam::123456789012:root";
const ANN: &str = "arn:aws:iam::123456789012:user/ann";

fn keys() -> AccessKeys {
    let mut keys = AccessKeys::new(&[7; 32]);
    for (id, user) in [("AKIAROOT", None), ("AKIAANN", Some("ann"))] {
        let secret = Secret::new(format!("secret of {id}").replace(' ', "-"));
        assert!(keys.add(AccessKey::new(id, secret, user, Timestamp::UNIX_EPOCH).unwrap()));
    }
    keys
}

fn with(keys: AccessKeys, is_required: bool) -> Door {
    let door = Door { authority: Arc::new(Authority::new(keys, is_required)), ..door() };
    keep_role(&door, "web");
    door
}

fn closed() -> Door {
    with(keys(), true)
}

fn open() -> Door {
    with(keys(), false)
}

/// Keys of a session that began so many seconds ago, and lasts for an hour.
fn session(door: &Door, ago: u64) -> Credentials {
    let issued = Timestamp::now() - Duration::from_secs(ago);
    let session = Session {
        account: "123456789012".parse().unwrap(),
        role: "web".into(),
        role_id: "AROAEXAMPLE0000000000".into(),
        name: "i-12345678901234567".into(),
        issued,
        expires: issued + Duration::from_secs(3_600),
    };
    door.authority.issuer().issue(&session, [1; 12])
}

/// Whose key signs, with which secret, and for what.
struct By<'k> {
    id: &'k str,
    secret: &'k str,
    token: Option<&'k str>,
    service: &'k str,
}

const BY_ANN: By<'static> = By { id: "AKIAANN", secret: "secret-of-AKIAANN", token: None, service: "sts" };

impl By<'_> {
    /// Sends a request that is signed in its headers.
    async fn send(&self, door: &Door, method: &str, path: &str, body: &str) -> (StatusCode, String) {
        let kind = if path == "/" { FORM } else { "application/json" };
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static(HOST));
        headers.insert("content-type", HeaderValue::from_static(kind));
        let signer = Signer {
            access_key: self.id,
            secret: self.secret,
            token: self.token,
            region: "us-east-1",
            service: self.service,
        };
        let (method_, uri): (_, Uri) = (method.parse().unwrap(), path.parse().unwrap());
        signer.sign(&method_, &uri, &mut headers, body.as_bytes(), Timestamp::now()).unwrap();
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        request(door, method, path, &headers, body).await
    }

    async fn who(&self, door: &Door) -> (StatusCode, String) {
        self.send(door, "POST", "/", WHO).await
    }
}

fn by(keys: &Credentials) -> By<'_> {
    By {
        id: &keys.access_key_id,
        secret: keys.secret_access_key.expose(),
        token: Some(keys.session_token.expose()),
        service: "sts",
    }
}

/// Where a request goes that AWS's own signer has signed in its query string.
fn presigned(by: &By<'_>, method: &str, path: &str, body: &str) -> String {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(60));
    let identity =
        aws_credential_types::Credentials::new(by.id, by.secret, by.token.map(str::to_owned), None, "test")
            .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(by.service)
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = format!("http://{HOST}{path}");
    let body = SignableBody::Bytes(body.as_bytes());
    let signable = SignableRequest::new(method, &uri, [("host", HOST)].into_iter(), body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let mut request = axum::http::Request::new(());
    *request.uri_mut() = uri.parse().unwrap();
    instructions.apply_to_request_http1x(&mut request);
    request.uri().path_and_query().unwrap().to_string()
}

#[tokio::test]
async fn whoever_signs_is_who_signed() {
    for door in [closed(), open()] {
        let keys = session(&door, 0);
        let root = By { id: "AKIAROOT", secret: "secret-of-AKIAROOT", ..BY_ANN };
        let assumed = "arn:aws:sts::123456789012:assumed-role/web/i-12345678901234567";
        for (by, arn) in [(BY_ANN, ANN), (root, ROOT), (by(&keys), assumed)] {
            let (status, document) = by.who(&door).await;
            assert_eq!((status, text(&document, "Arn")), (StatusCode::OK, Some(arn)), "{document}");
        }
        let (_, document) = BY_ANN.who(&door).await;
        let id = text(&document, "UserId").unwrap();
        assert!(id.len() == 21 && id.starts_with("AIDA"), "{id}");
        assert_eq!(text(&BY_ANN.who(&door).await.1, "UserId"), Some(id));
        let (_, document) = by(&keys).who(&door).await;
        assert_eq!(text(&document, "UserId"), Some("AROAEXAMPLE0000000000:i-12345678901234567"));
    }
}

#[tokio::test]
async fn who_has_no_key_does_not_come_in() {
    let door = closed();
    let (keys, ended) = (session(&door, 0), session(&door, 3_601));
    let elsewhere = Door { authority: Arc::new(Authority::open(&[8; 32])), ..self::door() };
    let elsewhere = session(&elsewhere, 0);
    for (what, by, code, ec2) in [
        ("a wrong secret", By { secret: "x", ..BY_ANN }, "SignatureDoesNotMatch", "AuthFailure"),
        ("a key of nobody", By { id: "AKIAEVE", ..BY_ANN }, "InvalidClientTokenId", "AuthFailure"),
        ("a token of nobody", By { token: Some("x"), ..BY_ANN }, "InvalidClientTokenId", "AuthFailure"),
        (
            "a session without its token",
            By { token: None, ..by(&keys) },
            "InvalidClientTokenId",
            "AuthFailure",
        ),
        (
            "a session's token with another key",
            By { id: "AKIAANN", ..by(&keys) },
            "InvalidClientTokenId",
            "AuthFailure",
        ),
        (
            "a session with another secret",
            By { secret: "x", ..by(&keys) },
            "SignatureDoesNotMatch",
            "AuthFailure",
        ),
        ("a session that has ended", by(&ended), "ExpiredToken", "RequestExpired"),
        ("a session of another service", by(&elsewhere), "InvalidClientTokenId", "AuthFailure"),
    ] {
        let (status, document) = By { service: "sts", ..by }.who(&door).await;
        assert_eq!(
            (status, text(&document, "Code")),
            (StatusCode::FORBIDDEN, Some(code)),
            "{what}: {document}"
        );
        assert!(document.contains("<ErrorResponse xmlns=\"https://sts."), "{document}");
        let form = "Action=DescribeInstances&Version=2016-11-15";
        let (status, document) = By { service: "ec2", ..by }.send(&door, "POST", "/", form).await;
        assert_eq!(text(&document, "Code"), Some(ec2), "{what}: {document}");
        assert!(status.is_client_error() && document.contains("<RequestID>"), "{document}");
    }
    for (service, form) in [("sts", WHO), ("s3", "Action=ListBuckets&Version=2006-03-01")] {
        let (status, document) = request(&door, "POST", "/", &[("content-type", FORM)], form).await;
        let code = text(&document, "Code");
        assert_eq!((status, code), (StatusCode::FORBIDDEN, Some("MissingAuthenticationToken")), "{service}");
    }
}

#[tokio::test]
async fn nothing_is_done_for_who_has_not_signed_it() {
    let door = closed();
    keep_machine(&door);
    let before = door.store.revision().unwrap();
    let form = "Action=ModifyInstanceMetadataOptions&InstanceId=i-12345678901234567&HttpTokens=required&Version=2016-11-15";
    let api = "/api/v1/instances/i-12345678901234567";
    let wrong = By { secret: "x", ..BY_ANN };
    for (method, path, body) in [
        ("POST", "/", form),
        ("PATCH", api, "{\"hostname\": \"owned\"}"),
        ("GET", "/api/v1/instances/i-12345678901234567/history", ""),
        ("GET", "/api/v1/nothing", ""),
        ("GET", "/metrics", ""),
        ("GET", "/nothing", ""),
    ] {
        let headers = [("content-type", if path == "/" { FORM } else { "application/json" })];
        let (status, told) = request(&door, method, path, &headers, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path} {told}");
        assert!(told.contains("MissingAuthenticationToken"), "{told}");
        assert_eq!(told.starts_with("{\"error\":"), path.starts_with("/api/"), "{told}");
        let (status, told) = By { service: "ec2", ..wrong }.send(&door, method, path, body).await;
        assert!([StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED].contains(&status), "{path} {told}");
    }
    assert_eq!(door.store.revision().unwrap(), before);
    assert_eq!(request(&door, "GET", "/healthz", &[], "").await.0, StatusCode::OK);
    // Whose signature is good may, whatever service the scope names, but for the AWS APIs.
    let any = By { service: "prometheus", ..BY_ANN };
    assert_eq!(any.send(&door, "GET", "/metrics", "").await.0, StatusCode::OK);
    assert_eq!(any.send(&door, "GET", "/nothing", "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(any.send(&door, "PATCH", api, "{\"hostname\": \"mine\"}").await.0, StatusCode::OK);
    let (_, document) = any.send(&door, "POST", "/", form).await;
    assert_eq!(text(&document, "Code"), Some("InvalidAction"));
    assert_eq!(By { service: "ec2", ..BY_ANN }.send(&door, "POST", "/", form).await.0, StatusCode::OK);
    let changes = record::list::<Trace>(&*door.store, "").unwrap();
    assert!(changes.iter().all(|(_, found)| found.record.by.access_key.as_deref() == Some("AKIAANN")));
}

#[tokio::test]
async fn keys_that_are_changed_hold_at_once() {
    let door = closed();
    let keys_of_session = session(&door, 0);
    assert_eq!(BY_ANN.who(&door).await.0, StatusCode::OK);
    let mut fewer = keys();
    fewer.remove("AKIAANN");
    let set = |keys, is_changed| {
        let changed = Changed { keys: is_changed, sessions: false };
        assert_eq!(door.authority.set_keys(keys), changed);
    };
    set(Some(fewer.clone()), true);
    set(Some(fewer), false);
    assert_eq!(text(&BY_ANN.who(&door).await.1, "Code"), Some("InvalidClientTokenId"));
    set(None, true);
    set(None, false);
    set(Some(AccessKeys::new(&[7; 32])), false);
    assert_eq!(by(&keys_of_session).who(&door).await.0, StatusCode::OK, "its secret is the same");
    set(Some(keys()), true);
    assert_eq!(BY_ANN.who(&door).await.0, StatusCode::OK);
}

#[tokio::test]
async fn with_another_secret_the_sessions_before_are_nobody_s() {
    for door in [closed(), open()] {
        let before = session(&door, 0);
        let mut rotated = keys();
        rotated.rotate(&[9; 32]);
        let changed = Changed { keys: false, sessions: true };
        assert_eq!(door.authority.set_keys(Some(rotated)), changed);
        nobody(&door, &before).await;
        let (status, document) = by(&session(&door, 0)).who(&door).await;
        assert_eq!(status, StatusCode::OK);
        assert!(text(&document, "Arn").unwrap().contains(":assumed-role/web/"), "{document}");
        assert_eq!(BY_ANN.who(&door).await.0, StatusCode::OK, "keys are as they were");
        door.authority.set_keys(None);
        nobody(&door, &before).await;
    }
}

/// These keys are of nobody who is known: where that matters they open to nothing, and elsewhere they are the account's own.
async fn nobody(door: &Door, keys: &Credentials) {
    let (_, document) = by(keys).who(door).await;
    if !door.authority.is_required() {
        assert_eq!(text(&document, "Arn"), Some(ROOT), "{document}");
        return;
    }
    assert_eq!(text(&document, "Code"), Some("InvalidClientTokenId"), "{document}");
    let form = "Action=DescribeInstances&Version=2016-11-15";
    let (_, document) = By { service: "ec2", ..by(keys) }.send(door, "POST", "/", form).await;
    assert_eq!(text(&document, "Code"), Some("AuthFailure"), "{document}");
    for path in ["/metrics", "/api/v1/instances"] {
        let (status, told) = by(keys).send(door, "GET", path, "").await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path} {told}");
        assert!(told.contains("InvalidClientTokenId"), "{told}");
    }
}

#[tokio::test]
async fn a_session_ends_with_its_role_and_is_none_of_another_of_its_name() {
    for door in [closed(), open()] {
        let keys = session(&door, 0);
        let is_the_role_s = async || {
            let (_, document) = by(&keys).who(&door).await;
            text(&document, "Arn").is_some_and(|arn| arn.contains(":assumed-role/web/"))
        };
        let keep = |change: &dyn Fn(&mut Batch)| {
            let mut batch = Batch::default();
            change(&mut batch);
            door.store.commit(batch.writes()).unwrap();
        };
        let role = record::get::<Role>(&*door.store, "web").unwrap().unwrap().record;
        assert!(is_the_role_s().await);
        keep(&|batch| batch.put("web", &Role { description: "else".into(), ..role.clone() }));
        assert!(is_the_role_s().await, "it is the same");
        for change in [
            &(|batch: &mut Batch| batch.delete::<Role>("web")) as &dyn Fn(&mut Batch),
            &|batch| batch.put("web", &Role { id: "AROAEXAMPLE0000000001".into(), ..role.clone() }),
            &|batch| batch.put("web", &Role { name: "Web".into(), ..role.clone() }),
        ] {
            keep(change);
            nobody(&door, &keys).await;
        }
        // What is damaged vouches for nobody.
        let damaged = imds_store::store::Write {
            key: "role/web".into(),
            expected: imds_store::store::Expected::Any,
            effect: imds_store::store::Effect::Set(Arc::from(&b"{"[..])),
        };
        door.store.commit(&[damaged]).unwrap();
        nobody(&door, &keys).await;
    }
}

#[tokio::test]
async fn where_nothing_is_verified_every_key_is_taken() {
    let door = open();
    let ended = session(&door, 3_601);
    for (by, arn) in [
        (By { secret: "x", ..BY_ANN }, ANN),
        (By { id: "AKIAEVE", ..BY_ANN }, ROOT),
        (By { token: Some("x"), ..BY_ANN }, ANN),
        (by(&ended), ROOT),
    ] {
        let (status, document) = by.who(&door).await;
        assert_eq!((status, text(&document, "Arn")), (StatusCode::OK, Some(arn)), "{document}");
    }
    for headers in [&[][..], &[("authorization", "Basic x")], &[("authorization", "AWS4-HMAC-SHA256 x")]] {
        let (status, document) = request(&door, "POST", "/", headers, WHO).await;
        assert_eq!((status, text(&document, "Arn")), (StatusCode::OK, Some(ROOT)));
    }
}

#[tokio::test]
async fn a_get_acts_only_if_its_query_string_is_signed_and_that_is_verified() {
    let modify = "/?Action=ModifyInstanceMetadataOptions&InstanceId=i-12345678901234567&HttpTokens=required&\
                  Version=2016-11-15";
    for door in [closed(), open()] {
        keep_machine(&door);
        let before = door.store.revision().unwrap();
        let keys = session(&door, 0);
        let wrong = By { secret: "x", ..BY_ANN };
        let eve = By { id: "AKIAEVE", ..BY_ANN };
        let good = presigned(&By { service: "ec2", ..BY_ANN }, "GET", modify, "");
        for (method, path, expected) in [
            ("GET", modify.to_owned(), "InvalidRequest"),
            ("GET", presigned(&wrong, "GET", modify, ""), "SignatureDoesNotMatch"),
            ("GET", presigned(&eve, "GET", modify, ""), "InvalidClientTokenId"),
            ("GET", presigned(&By { service: "ec2", ..eve }, "GET", modify, ""), "AuthFailure"),
            ("GET", good.replace("required", "optional"), "AuthFailure"),
            ("GET", good.replace("X-Amz-Signature=", "X-Amz-Signature=0"), "AuthFailure"),
            ("GET", format!("{modify}&X-Amz-Signature=00"), "IncompleteSignature"),
            ("GET", format!("{modify}&X-Amz-Credential=x"), "IncompleteSignature"),
            ("GET", presigned(&By { service: "ec2", ..BY_ANN }, "POST", modify, ""), "AuthFailure"),
        ] {
            let (status, document) = request(&door, method, &path, &[], "").await;
            assert!(status.is_client_error(), "{document}");
            assert_eq!(text(&document, "Code"), Some(expected), "{path}: {document}");
        }
        let head = presigned(&By { service: "ec2", ..BY_ANN }, "HEAD", modify, "");
        assert_eq!(request(&door, "HEAD", &head, &[], "").await.0, StatusCode::METHOD_NOT_ALLOWED);
        // A body is no part of a signed query.
        let (_, document) =
            request(&door, "GET", &good, &[("content-type", FORM)], "HttpTokens=optional").await;
        assert_eq!(text(&document, "Code"), Some("AuthFailure"));
        // A signature in the header is none of the query string.
        let (status, _) = By { service: "ec2", ..BY_ANN }.send(&door, "GET", modify, "").await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(door.store.revision().unwrap(), before);

        let who = presigned(&by(&keys), "GET", &format!("/?{WHO}"), "");
        let (status, document) = request(&door, "GET", &who, &[], "").await;
        assert_eq!(status, StatusCode::OK, "{document}");
        assert!(text(&document, "Arn").unwrap().contains(":assumed-role/web/"), "{document}");
        assert_eq!(request(&door, "GET", &good, &[], "").await.0, StatusCode::OK);
        assert_ne!(door.store.revision().unwrap(), before);
    }
}

#[tokio::test]
async fn a_post_may_be_signed_in_its_query_string_too() {
    for door in [closed(), open()] {
        let all_there = presigned(&BY_ANN, "POST", &format!("/?{WHO}"), "");
        let (in_body, half) = (presigned(&BY_ANN, "POST", "/", WHO), "Version=2011-06-15");
        let divided = presigned(&BY_ANN, "POST", "/?Action=GetCallerIdentity", half);
        for (path, body) in [(&all_there, ""), (&in_body, WHO), (&divided, half)] {
            let (status, document) = request(&door, "POST", path, &[("content-type", FORM)], body).await;
            assert_eq!((status, text(&document, "Arn")), (StatusCode::OK, Some(ANN)), "{path}: {document}");
        }
    }
    // Parameters in a query string that is not signed are none.
    let (_, document) = request(&open(), "POST", &format!("/?{WHO}"), &[("content-type", FORM)], "").await;
    assert_eq!(text(&document, "Code"), Some("MissingParameter"));
}
