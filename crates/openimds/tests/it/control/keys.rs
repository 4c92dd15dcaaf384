//! Keys that mean something: `--auth sigv4`, `imds keys`, and calls that are signed, well and badly.

mod console;
mod file;
mod lent;

use std::fs::{self, Permissions};
use std::io::{BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::{HeaderMap, HeaderValue, Uri};
use imds_control::Signer;
use imds_core::Timestamp;
use imds_core::session::{Issuer, Session};
use rustix::process::Signal;

use super::cli::{Said, imds, said};
use super::{Answer, connect, read_answer, text};
use crate::serve::{Files, Watched, until};
use crate::support::IMDS;

const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const ROOT: &str = "arn:aws:iam::123456789012:root";

/// A key, and what goes with a temporary one.
#[derive(Debug, Clone)]
struct Key {
    id: String,
    secret: String,
    token: Option<String>,
}

impl Key {
    /// A new one, of this state folder.
    fn add(state: &Path, more: &[&str]) -> Self {
        let told = keys(state, &[&["add", "--json"], more].concat()).json();
        let field = |name: &str| told[name].as_str().unwrap().to_owned();
        Self { id: field("AccessKeyId"), secret: field("SecretAccessKey"), token: None }
    }

    fn signer<'k>(&'k self, service: &'k str) -> Signer<'k> {
        let (access_key, secret, token) = (&*self.id, &*self.secret, self.token.as_deref());
        Signer { access_key, secret, token, region: "us-east-1", service }
    }

    /// Sends a request that is signed at a time.
    fn send_at(&self, door: Door<'_>, method: &str, path: &str, body: &str, now: Timestamp) -> Answer {
        self.send_to(door, "sts", (method, path, body), now)
    }

    /// Sends a request that is signed for a service.
    fn send_to(
        &self,
        door: Door<'_>,
        service: &str,
        (method, path, body): (&str, &str, &str),
        now: Timestamp,
    ) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("host", door.host.parse().unwrap());
        headers.insert(
            "content-type",
            HeaderValue::from_static(if path == "/" { FORM } else { "application/json" }),
        );
        let uri: Uri = path.parse().unwrap();
        let signer = self.signer(service);
        signer.sign(&method.parse().unwrap(), &uri, &mut headers, body.as_bytes(), now).unwrap();
        door.send(method, path, &headers, body)
    }

    fn send(&self, door: Door<'_>, method: &str, path: &str, body: &str) -> Answer {
        self.send_at(door, method, path, body, Timestamp::now())
    }

    /// A call of IAM that must succeed.
    fn iam(&self, door: Door<'_>, form: &str) -> String {
        let body = format!("{form}&Version=2010-05-08");
        self.send_to(door, "iam", ("POST", "/", &body), Timestamp::now()).well()
    }

    /// A session of a role, which somebody issues who knows the secret.
    fn issued(secret: &[u8; 32], role: &str, role_id: &str, ago: u64) -> Self {
        let issued = Timestamp::now() - Duration::from_secs(ago);
        let session = Session {
            account: "123456789012".parse().unwrap(),
            role: role.into(),
            role_id: role_id.into(),
            name: "me".into(),
            issued,
            expires: issued + Duration::from_secs(900),
        };
        let keys = Issuer::new(secret).issue(&session, [1; 12]);
        Self {
            id: keys.access_key_id,
            secret: keys.secret_access_key.expose().to_owned(),
            token: Some(keys.session_token.expose().to_owned()),
        }
    }

    /// Who the service says that it is.
    fn who(&self, door: Door<'_>) -> Answer {
        self.send(door, "POST", "/", WHO)
    }

    /// Where a GET goes that AWS's own signer has signed in its query string.
    fn presigned(&self, host: &str, path: &str) -> String {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(60));
        let identity = Credentials::new(&*self.id, &*self.secret, self.token.clone(), None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("sts")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let uri = format!("http://{host}{path}");
        let host = [("host", host)].into_iter();
        let signable = SignableRequest::new("GET", &uri, host, SignableBody::empty()).unwrap();
        let mut request = http::Request::new(());
        *request.uri_mut() = uri.parse().unwrap();
        sign(signable, &params).unwrap().into_parts().0.apply_to_request_http1x(&mut request);
        request.uri().path_and_query().unwrap().to_string()
    }
}

/// A door, by the name that it is called by.
#[derive(Clone, Copy)]
struct Door<'s> {
    service: &'s Watched,
    host: &'s str,
}

impl Door<'_> {
    fn send(self, method: &str, path: &str, headers: &HeaderMap, body: &str) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            request += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
        let port = self.service.admin.port();
        let mut stream = connect(([127, 0, 0, 1], port).into()).unwrap();
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
        read_answer(&mut BufReader::new(stream)).unwrap()
    }

    fn unsigned(self, method: &str, path: &str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("host", self.host.parse().unwrap());
        self.send(method, path, &headers, body)
    }
}

fn door(service: &Watched) -> Door<'_> {
    Door { service, host: "localhost" }
}

fn arn(answer: &Answer) -> Option<&str> {
    text(&answer.document, "Arn")
}

/// `imds keys` for a state folder.
fn keys(state: &Path, words: &[&str]) -> Said {
    said(imds().arg("keys").args(words).arg("--state").arg(state))
}

/// A service that takes signed calls alone.
fn closed(state: &Path, more: &[&str]) -> Watched {
    let args = ["--state", state.to_str().unwrap(), "--auth", "sigv4", "--log", "json"];
    Watched::start(&[&args[..], more].concat())
}

/// Why `imds serve` did not start.
fn refused(args: &[&str]) -> String {
    let ports = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--print-ready"];
    let said = said(imds().args(ports).args(args));
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    said.err
}

#[test]
fn a_key_opens_the_door_from_when_it_is_added_to_when_it_is_removed() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let service = closed(&state, &[]);
    let cure = format!("imds keys add --state {}", state.display());
    until(&cure, || service.said().contains(&cure).then_some(()));
    assert_eq!(door(&service).unsigned("POST", "/", WHO).refusal(), (403, "MissingAuthenticationToken"));

    let (root, ann) = (Key::add(&state, &[]), Key::add(&state, &["--user", "ann"]));
    for (key, expected) in [(&root, ROOT), (&ann, "arn:aws:iam::123456789012:user/ann")] {
        let answer =
            until("the key is known", || Some(key.who(door(&service))).filter(|told| told.status == 200));
        assert_eq!(arn(&answer), Some(expected));
    }
    keys(&state, &["remove", &ann.id]).well();
    let answer =
        until("the key is not known", || Some(ann.who(door(&service))).filter(|told| told.status != 200));
    assert_eq!(answer.refusal(), (403, "InvalidClientTokenId"));
    assert_eq!(root.who(door(&service)).status, 200);

    let list = keys(&state, &["list"]).well();
    assert!(list.contains(&root.id) && !list.contains(&ann.id) && !list.contains(&root.secret), "{list}");
    fs::remove_file(state.join("keys")).unwrap();
    until("without the file there are no keys", || (root.who(door(&service)).status == 403).then_some(()));
}

#[test]
fn without_a_good_signature_nobody_does_anything() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let key = Key::add(&state, &[]);
    let service = closed(&state, &[]);
    let (door, now) = (door(&service), Timestamp::now());
    let moved = |seconds: i64| Timestamp::from_second(now.as_second() + seconds).unwrap();
    let other = Key { secret: "another".into(), ..key.clone() };
    let (late, early) = (moved(-1_000), moved(1_000));
    for (what, answer, code, why) in [
        ("secret", other.who(door), "SignatureDoesNotMatch", "signature we calculated"),
        (
            "an old one",
            key.send_at(door, "POST", "/", WHO, late),
            "SignatureDoesNotMatch",
            "is now earlier than",
        ),
        (
            "too early",
            key.send_at(door, "POST", "/", WHO, early),
            "SignatureDoesNotMatch",
            "is still later than",
        ),
    ] {
        assert_eq!(answer.refusal(), (403, code), "{what}");
        assert!(answer.document.contains(why), "{what}: {}", answer.document);
    }
    // A clock that is somewhat off is none the worse.
    for seconds in [-840, 840] {
        assert_eq!(key.send_at(door, "POST", "/", WHO, moved(seconds)).status, 200, "{seconds}");
    }
    let api = "/api/v1/instances/i-12345678901234567";
    for (method, path, body) in [
        ("GET", "/metrics", ""),
        ("GET", "/api/v1/instances/i-12345678901234567/history", ""),
        ("PATCH", api, "{\"hostname\":\"owned\"}"),
    ] {
        for answer in [door.unsigned(method, path, body), other.send(door, method, path, body)] {
            assert_eq!(answer.status, 403, "{path} {}", answer.document);
        }
    }
    assert_eq!(door.unsigned("GET", "/healthz", "").status, 200);
    assert!(key.send(door, "GET", "/metrics", "").well().contains("imds_requests_total"));
    assert_eq!(key.send(door, "PATCH", api, "{\"hostname\":\"mine\"}").well(), "{\"hostname\":\"mine\"}");
    let name = service.get("/latest/meta-data/local-hostname", Some(&service.token()));
    assert!(name.ends_with("\r\n\r\nmine"), "{name}");
}

#[test]
fn a_get_acts_only_when_its_query_string_is_signed() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let key = Key::add(&state, &["--user", "ann"]);
    let other = Key { secret: "another".into(), ..key.clone() };
    let open = Watched::start(&["--state", state.to_str().unwrap()]);
    let path = format!("/?{WHO}");
    let tried = |door: Door<'_>| {
        let get = |path: &str| door.unsigned("GET", path, "");
        assert_eq!(get(&path).status, 405);
        assert_eq!(get(&other.presigned("localhost", &path)).refusal(), (403, "SignatureDoesNotMatch"));
        let good = key.presigned("localhost", &path);
        assert_eq!(get(&good.replace("GetCaller", "GetOther")).refusal(), (403, "SignatureDoesNotMatch"));
        assert_eq!(arn(&get(&good)), Some("arn:aws:iam::123456789012:user/ann"));
    };
    tried(door(&open));
    assert_eq!(open.end(Signal::TERM).0.code(), Some(0));
    tried(door(&closed(&state, &[])));
}

#[test]
fn temporary_keys_stay_good_when_the_service_starts_anew() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let root = Key::add(&state, &[]);
    let service = closed(&state, &[]);
    let secret = session_secret(&state);
    let role = role(&root, door(&service));
    let (good, ended) = (Key::issued(&secret, "web", &role, 0), Key::issued(&secret, "web", &role, 901));
    let other = Key::issued(&secret, "web", "AROAEXAMPLE0000000000", 0);
    let tried = |service: &Watched| {
        assert_eq!(arn(&good.who(door(service))), Some("arn:aws:sts::123456789012:assumed-role/web/me"));
        assert_eq!(ended.who(door(service)).refusal(), (403, "ExpiredToken"));
        let bare = Key { token: None, ..good.clone() };
        for nobody in [&bare, &other] {
            assert_eq!(nobody.who(door(service)).refusal(), (403, "InvalidClientTokenId"));
        }
    };
    tried(&service);
    assert_eq!(service.end(Signal::TERM).0.code(), Some(0));
    let service = closed(&state, &[]);
    tried(&service);
    root.iam(door(&service), "Action=DeleteRole&RoleName=web");
    assert_eq!(good.who(door(&service)).refusal(), (403, "InvalidClientTokenId"), "it ends with its role");
}

fn session_secret(state: &Path) -> [u8; 32] {
    *imds_store::access_key::load(state).unwrap().unwrap().session_secret()
}

/// Makes a role `web`, and gives its id.
fn role(key: &Key, door: Door<'_>) -> String {
    let made = key
        .iam(door, "Action=CreateRole&RoleName=web&AssumeRolePolicyDocument=%7B%22Statement%22%3A%5B%5D%7D");
    text(&made, "RoleId").unwrap().to_owned()
}

#[test]
fn our_own_verbs_sign_with_what_the_environment_has() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let key = Key::add(&state, &["--user", "ann"]);
    let service = closed(&state, &[]);
    let with = |variables: &[(&str, &str)], words: &str| {
        let mut command = imds();
        command.args(words.split(' ')).env("IMDS_ADMIN", format!("http://{}", service.admin));
        said(command.envs(variables.iter().copied()))
    };
    let both = [("AWS_ACCESS_KEY_ID", &*key.id), ("AWS_SECRET_ACCESS_KEY", &*key.secret)];
    let id = "i-12345678901234567";
    assert!(with(&both, "instance list").well().contains(id));
    with(&both, &format!("instance set {id} --hop-limit 3")).well();
    with(&both, "defaults set --hop-limit 2").well();
    let history = with(&both, &format!("instance history {id} --json")).json();
    assert_eq!(history[0]["access_key"], *key.id, "{history}");
    let token = [&both[..], &[("AWS_SESSION_TOKEN", "none")]].concat();
    for words in
        ["instance list", &format!("instance history {id}"), &format!("instance set {id} --hop-limit 9")]
    {
        for variables in [&[][..], &both[..1], &[both[0], ("AWS_SECRET_ACCESS_KEY", "another")], &token] {
            let sentence = with(variables, words).sentence();
            assert!(sentence.contains("AWS_ACCESS_KEY_ID") && !sentence.contains(&key.secret), "{sentence}");
        }
    }
}

#[test]
fn the_door_may_be_where_others_reach_it() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let key = Key::add(&state, &[]);
    let mut command = Command::new(IMDS);
    command.args(["serve", "--listen", "127.0.0.1:0", "--print-ready", "--admin", "0.0.0.0:0", "--state"]);
    command.arg(&state).args(["--auth", "sigv4", "--server-name", "imds.test"]);
    let service = Watched::spawn(&mut command);
    let named = |host| Door { service: &service, host };
    assert_eq!(key.who(named("imds.test")).status, 200);
    assert_eq!(key.who(named("evil.test")).status, 403);
    assert_eq!(named("imds.test").unsigned("POST", "/", WHO).refusal(), (403, "MissingAuthenticationToken"));
    // Signed for another name.
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost"));
    let signer = key.signer("sts");
    let (post, root) = (http::Method::POST, Uri::from_static("/"));
    signer.sign(&post, &root, &mut headers, WHO.as_bytes(), Timestamp::now()).unwrap();
    headers.insert("host", HeaderValue::from_static("imds.test"));
    let answer = named("imds.test").send("POST", "/", &headers, WHO);
    assert_eq!(answer.refusal(), (403, "SignatureDoesNotMatch"));
}

#[test]
fn what_cannot_be_is_refused_with_a_cure() {
    let files = Files::new(&[
        ("imds.toml", "[service]\nauth = \"sigv4\"\n"),
        ("open.toml", "[service]\nauth = \"open\"\n"),
        ("secret", "brought\n"),
    ]);
    let state = files.path("state");
    let (state_text, config) = (state.to_str().unwrap(), files.path("imds.toml"));
    for args in [&["--auth", "sigv4"][..], &["--config", config.to_str().unwrap()]] {
        let why = refused(args);
        assert!(why.contains("--state DIR") && why.contains("imds keys add"), "{why}");
    }
    let open = files.path("open.toml");
    let why = refused(&["--state", state_text, "--auth", "sigv4", "--config", open.to_str().unwrap()]);
    assert!(why.contains("--auth sigv4: the file says `auth = \"open\"`"), "{why}");
    let key = Key::add(&state, &[]);
    let file = state.join("keys");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    for args in [&["--state", state_text][..], &["--state", state_text, "--auth", "sigv4"]] {
        let why = refused(args);
        assert!(why.contains("chmod 600") && !why.contains(&key.secret), "{why}");
    }
    assert!(keys(&state, &["list"]).sentence().contains("chmod 600"));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();

    // A live file that is refused changes nothing.
    let service = closed(&state, &[]);
    let good = fs::read(&file).unwrap();
    fs::write(&file, "[[key]]\nid = \"AKIAEVE\"\n").unwrap();
    until("it is refused", || service.said().contains("the ones before stay").then_some(()));
    assert_eq!(key.who(door(&service)).status, 200);
    fs::write(&file, good).unwrap();

    // A key that somebody brings.
    let secret = files.path("secret");
    let mine = ["add", "--access-key-id", "MINE", "--secret-access-key-file"];
    let told = keys(&state, &[&mine[..], &[secret.to_str().unwrap()]].concat()).well();
    assert!(told.contains("MINE") && !told.contains("brought"), "{told}");
    let mine_key = Key { id: "MINE".into(), secret: "brought".into(), token: None };
    until("it is known", || (mine_key.who(door(&service)).status == 200).then_some(()));
    let twice = keys(&state, &[&mine[..], &[secret.to_str().unwrap()]].concat()).sentence();
    assert!(twice.contains("there is a key MINE already") && twice.contains("imds keys remove"), "{twice}");
    let mut command = imds();
    command.args([
        "keys",
        "add",
        "--access-key-id",
        "PIPED",
        "--secret-access-key-file",
        "-",
        "--state",
        state_text,
    ]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"piped").unwrap();
    assert!(child.wait().unwrap().success());
    let piped = Key { id: "PIPED".into(), secret: "piped".into(), token: None };
    until("it is known", || (piped.who(door(&service)).status == 200).then_some(()));
}

#[test]
fn no_secret_and_no_signature_is_in_the_log() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let key = Key::add(&state, &["--user", "ann"]);
    let service = closed(&state, &[]);
    let door = door(&service);
    let token = Key { token: Some("TOKENTOKEN".into()), ..key.clone() };
    let signed = key.presigned("localhost", &format!("/?{WHO}"));
    let signature = signed.split_once("X-Amz-Signature=").unwrap().1.to_owned();
    for answer in [
        key.who(door),
        token.who(door),
        token.send(door, "GET", "/metrics", ""),
        key.send_at(door, "POST", "/", WHO, Timestamp::UNIX_EPOCH),
        door.unsigned("GET", &signed, ""),
        door.unsigned("GET", &signed.replace("Expires=60", "Expires=61"), ""),
    ] {
        assert!(!answer.document.contains(&key.secret) && !answer.document.contains("TOKENTOKEN"));
    }
    fs::write(state.join("keys"), format!("[[key]]\nsecret = \"{}\"\n", key.secret)).unwrap();
    until("it is refused", || service.said().contains("the ones before stay").then_some(()));
    let session = imds_store::access_key::load(&state);
    assert!(session.is_err());
    let (_, said) = service.end(Signal::TERM);
    for secret in [&key.secret, &signature, "TOKENTOKEN"] {
        assert!(!said.contains(secret), "{said}");
    }
}
