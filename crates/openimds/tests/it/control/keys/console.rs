//! The console where calls must be signed: `imds console` prints the way in, for whoever has a key and as long as he has it.

use super::{Key, closed, door, keys};
use crate::control::cli::{imds, said};
use crate::serve::kept::exchange_from;
use crate::serve::{Files, Watched, until};
use crate::support::{body, exchange, status};

/// Sends what a browser sends: the header's lines end with `\r\n`.
fn browse(service: &Watched, method: &str, path: &str, header: &str, form: &str) -> String {
    let length = form.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n{header}\r\n{form}",
        service.admin
    );
    exchange(service.admin, request.as_bytes())
}

/// The path that `imds console` prints, with these keys.
fn printed(service: &Watched, key: &Key) -> String {
    let url = format!("http://{}", service.admin);
    let mut command = imds();
    command.args(["console", "--admin", &url]);
    command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
    let told = said(&mut command).well();
    told.strip_prefix(&url).and_then(|path| path.strip_suffix('\n')).expect("an address").to_owned()
}

/// The line of a header with the session that an answer gives.
fn cookie(answer: &str) -> String {
    let lower = answer.to_ascii_lowercase();
    let line =
        lower.lines().find_map(|line| line.strip_prefix("set-cookie: imds-session=")).expect("a session");
    let (name, rest) = line.split_once("; ").unwrap();
    assert_eq!(rest, "path=/console; httponly; samesite=strict");
    format!("Cookie: imds-session={name}\r\n")
}

#[test]
fn a_key_opens_the_console_once_and_as_long_as_it_is_there() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let (root, ann) = (Key::add(&state, &[]), Key::add(&state, &["--user", "ann"]));
    let service = closed(&state, &[]);
    let path = printed(&service, &ann);
    let form = path.strip_prefix("/console/enter?").unwrap();
    let own = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", service.admin);
    for _ in 0..2 {
        let page = browse(&service, "GET", &path, "Sec-Purpose: prefetch\r\n", "");
        assert_eq!(status(&page), 200, "{page}");
        assert!(page.contains("<button") && page.contains(&ann.id) && !page.contains(&ann.secret), "{page}");
        assert!(!page.to_ascii_lowercase().contains("set-cookie: imds-session"), "{page}");
    }
    let entered = browse(&service, "POST", "/console/enter", &own, form);
    assert_eq!(status(&entered), 303, "{entered}");
    let session = cookie(&entered);
    let sees = |session: &str| status(&browse(&service, "GET", "/console", session, ""));
    assert_eq!(sees(&session), 200);
    let again = browse(&service, "POST", "/console/enter", &own, form);
    assert!(status(&again) == 410 && again.contains("imds console"), "{again}");
    let other = browse(
        &service,
        "POST",
        "/console/enter",
        &own,
        &printed(&service, &root)["/console/enter?".len()..],
    );
    let other = cookie(&other);

    keys(&state, &["remove", &ann.id]).well();
    until("the session is over", || (sees(&session) == 401).then_some(()));
    assert_eq!(sees(&other), 200);
    let said = service.said();
    for secret in [form, session.trim_end().rsplit('=').next().unwrap(), &ann.secret] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn without_a_key_there_is_nothing_to_see() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let key = Key::add(&state, &[]);
    let service = closed(&state, &["--vpc-cidr", "127.0.0.0/8"]);
    let instance = "/console/instances/i-12345678901234567";
    let edit = format!("{instance}/metadata-options");
    for path in
        ["/console", "/console/instances", instance, &edit, "/console/environments", "/console/defaults"]
    {
        for (method, header) in
            [("GET", ""), ("POST", ""), ("GET", "Cookie: imds-session=0123456789abcdef0123456789abcdef\r\n")]
        {
            let page = browse(&service, method, path, header, "");
            assert!(status(&page) == 401 && body(&page).contains("imds console"), "{path} {page}");
        }
    }
    let other = Key { secret: "another".into(), ..key.clone() };
    let mut command = imds();
    command.args(["console", "--admin", &format!("http://{}", service.admin)]);
    let unsigned = said(&mut command).sentence();
    assert!(
        unsigned.starts_with("imds: this service asks for signatures: set AWS_ACCESS_KEY_ID"),
        "{unsigned}"
    );
    command.env("AWS_ACCESS_KEY_ID", &other.id).env("AWS_SECRET_ACCESS_KEY", &other.secret);
    for sentence in [unsigned, said(&mut command).sentence()] {
        assert!(sentence.contains("AWS_ACCESS_KEY_ID") && !sentence.contains("another"), "{sentence}");
    }
    // A guest does not come in, whatever he found.
    let launch = "Action=RunInstances&ImageId=ami-0abcdef1234567890&MinCount=1&MaxCount=1&Version=2016-11-15&\
                  PrivateIpAddress=127.0.7.9";
    key.send_to(door(&service), "ec2", ("POST", "/", launch), imds_core::Timestamp::now()).well();
    let path = printed(&service, &key);
    for path in ["/console", &path, "/api/v1/console"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = exchange_from([127, 0, 7, 9].into(), service.admin, request.as_bytes());
        assert!(status(&answer) == 403 && body(&answer).contains("guests do not come in here"), "{answer}");
    }
}

#[test]
fn where_nothing_is_signed_the_console_is_open() {
    let service = Watched::start(&[]);
    let url = format!("http://{}", service.admin);
    let told = said(imds().args(["console", "--admin", &url])).well();
    assert_eq!(told, format!("{url}/console\n"));
    let told = said(imds().args(["console", "--admin", &url, "--region", "eu-west-1"])).well();
    assert_eq!(told, format!("{url}/console?region=eu-west-1\n"));
    let told = said(imds().args(["console", "--admin", &url]).env("AWS_DEFAULT_REGION", "eu-west-3")).well();
    assert_eq!(told, format!("{url}/console?region=eu-west-3\n"));
    let page = browse(&service, "GET", "/console", "", "");
    assert!(status(&page) == 200 && body(&page).contains("<h1"), "{page}");
    let session = cookie(&page);
    assert_eq!(status(&browse(&service, "POST", "/console/leave", &session, "seal=x")), 403);
}
