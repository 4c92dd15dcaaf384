//! `imds instance` and `imds defaults` with a service of their own, one topic a file; and what those tests share.

use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use crate::serve::Watched;
use crate::serve::kept::exchange_from;
use crate::support::{IMDS, body, status};

mod change;
mod defaults;
mod launch;
mod refused;

/// An address of the instances that these tests launch.
const ADDRESS: [u8; 4] = [127, 0, 7, 9];
/// The image that says nothing of IMDS.
const AL2: &str = "ami-0abcdef1234567890";
/// The one that asks for IMDSv2.
const AL2023: &str = "ami-0abcdef1234562023";

/// A service whose instances have addresses of loopback, and a user of it.
struct User {
    service: Watched,
    key: Option<&'static str>,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// What it said, having done its work.
    #[track_caller]
    pub(super) fn well(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{self:?}");
        self.out
    }

    /// Its one sentence, having failed.
    #[track_caller]
    pub(super) fn sentence(self) -> String {
        assert_eq!((self.code, self.out.as_str(), self.err.lines().count()), (Some(1), "", 1), "{self:?}");
        self.err
    }

    pub(super) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.well()).unwrap()
    }
}

/// `imds` with an environment that says nothing, but that no AWS client may speak to anybody.
pub(super) fn imds() -> Command {
    let mut command = Command::new(IMDS);
    command
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    command
}

pub(super) fn said(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl User {
    fn new() -> Self {
        Self { service: Watched::start(&["--vpc-cidr", "127.0.0.0/8"]), key: None }
    }

    /// `imds` with these words, separated by spaces, for this service.
    fn imds(&self, words: &str) -> Said {
        self.with(&words.split_whitespace().collect::<Vec<_>>())
    }

    fn with(&self, words: &[&str]) -> Said {
        let mut command = imds();
        command.args(words).env("IMDS_ADMIN", format!("http://{}", self.service.admin));
        if let Some(key) = self.key {
            command.env("AWS_ACCESS_KEY_ID", key);
        }
        said(&mut command)
    }

    /// Launches an instance at [`ADDRESS`], and gives its id.
    fn launch(&self, options: &str) -> String {
        let out = self.imds(&format!("instance launch --private-ip 127.0.7.9 {options}")).well();
        let id = out.strip_suffix('\n').unwrap();
        assert!(id.len() == 19 && id.starts_with("i-"), "{out}");
        id.to_owned()
    }

    /// The instance as it is shown to programs.
    fn show(&self, id: &str) -> serde_json::Value {
        self.imds(&format!("instance show {id} --json")).json()
    }

    /// The status and the body of a tokenless GET from [`ADDRESS`].
    fn get(&self, path: &str) -> (u16, String) {
        let request = format!("GET /latest/{path} HTTP/1.1\r\n\r\n");
        let answer = exchange_from(Ipv4Addr::from(ADDRESS), self.service.listen[0], request.as_bytes());
        (status(&answer), body(&answer).to_owned())
    }

    /// An action that the command line has no verb for.
    fn post(&self, form: &str) -> String {
        let length = form.len();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n\r\n{form}"
        );
        let answer = crate::support::exchange(self.service.admin, request.as_bytes());
        assert_eq!(status(&answer), 200, "{answer}");
        answer
    }
}

/// A file with this content, and its path.
fn file(content: &[u8]) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    (file, path)
}
