//! The control API of a running service, from outside: what is asked at the door is what guests get.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::serve::Watched;
use crate::serve::kept::exchange_from;
use crate::support::{body, children, status};

mod cli;
pub(crate) mod clock;
mod crash;
mod door;
mod environments;
pub(crate) mod identity;
mod instances;
mod keys;
mod limits;
mod restart;
mod roles;
mod switch;
mod timeline;

/// The image of the launches here: it asks for nothing.
const AMI: &str = "ami-0abcdef1234567890";
/// Whose key the calls name.
const KEY: &str = "AKIDEXAMPLE";
/// A kept connection that was silent for so long is not used again: the door may be about to close it.
const SILENT: Duration = Duration::from_secs(2);

/// One who calls the control API, on a connection that is kept.
struct Api {
    door: SocketAddr,
    kept: Option<(BufReader<TcpStream>, Instant)>,
}

/// An answer of the door.
#[derive(Debug)]
struct Answer {
    status: u16,
    document: String,
}

impl Answer {
    /// The document of a call that did what it was asked for.
    #[track_caller]
    fn well(self) -> String {
        assert_eq!(self.status, 200, "{}", self.document);
        self.document
    }

    /// The status and the code of a refusal.
    fn refusal(&self) -> (u16, &str) {
        (self.status, text(&self.document, "Code").unwrap_or_default())
    }
}

impl Api {
    fn of(service: &Watched) -> Self {
        Self { door: service.admin, kept: None }
    }

    /// Makes a call: the form of an action, without its version.
    fn call(&mut self, form: &str) -> Answer {
        self.try_call(form).unwrap()
    }

    /// As [`Api::call`], of a service that may be gone.
    fn try_call(&mut self, form: &str) -> io::Result<Answer> {
        self.post("ec2", "2016-11-15", form)
    }

    /// Makes a call to a service, by the name and the version that it has in calls.
    fn post(&mut self, service: &str, version: &str, form: &str) -> io::Result<Answer> {
        let form = format!("{form}&Version={version}");
        let length = form.len();
        self.exchange(&format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: \
             AWS4-HMAC-SHA256 Credential={KEY}/20261124/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\
             Content-Length: {length}\r\n\r\n{form}"
        ))
    }

    /// The document of a call that must succeed.
    #[track_caller]
    fn well(&mut self, form: &str) -> String {
        self.call(form).well()
    }

    /// What [`instances`] tells of all that there are.
    fn instances(&mut self) -> Vec<String> {
        instances(&self.well("Action=DescribeInstances"))
    }

    /// What [`instances`] tells of one.
    #[track_caller]
    fn instance(&mut self, id: &str) -> String {
        let document = self.well(&format!("Action=DescribeInstances&InstanceId.1={id}"));
        instances(&document).pop().unwrap()
    }

    /// Launches an instance at an address, with further parameters that begin with `&`, and gives its id.
    #[track_caller]
    fn launch(&mut self, address: Ipv4Addr, more: &str) -> String {
        let form = format!("{RUN_ONE}&PrivateIpAddress={address}{more}");
        text(&self.well(&form), "instanceId").unwrap().to_owned()
    }

    /// Changes metadata options.
    #[track_caller]
    fn modify(&mut self, id: &str, options: &str) -> String {
        self.well(&format!("Action=ModifyInstanceMetadataOptions&InstanceId={id}&{options}"))
    }

    /// `StartInstances`, `StopInstances`, `TerminateInstances`, `RebootInstances`.
    #[track_caller]
    fn send(&mut self, action: &str, id: &str) -> String {
        self.well(&format!("Action={action}&InstanceId.1={id}"))
    }

    /// Who changed which metadata option: option, old and new value, oldest first.
    fn history(&mut self, id: &str) -> Vec<Change> {
        let path = format!("/api/v1/instances/{id}/history");
        let answer = self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).unwrap();
        let told: serde_json::Value = serde_json::from_str(&answer.well()).unwrap();
        let text = |change: &serde_json::Value, name: &str| change[name].as_str().map(str::to_owned);
        let changes = told["history"].as_array().unwrap().iter().map(|change| Change {
            option: text(change, "option").unwrap(),
            old: text(change, "old").unwrap(),
            new: text(change, "new").unwrap(),
            access_key: text(change, "access_key"),
            address: text(change, "address").unwrap(),
        });
        changes.collect()
    }

    fn exchange(&mut self, request: &str) -> io::Result<Answer> {
        let kept = self.kept.take().filter(|(_, used)| used.elapsed() < SILENT);
        let mut stream = match kept {
            Some((stream, _)) => stream,
            None => BufReader::new(connect(self.door)?),
        };
        stream.get_mut().write_all(request.as_bytes())?;
        let answer = read_answer(&mut stream)?;
        self.kept = Some((stream, Instant::now()));
        Ok(answer)
    }
}

/// A launch of one instance.
const RUN_ONE: &str =
    "Action=RunInstances&ImageId=ami-0abcdef1234567890&InstanceType=t3.micro&MinCount=1&MaxCount=1";

/// A change of a metadata option.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    option: String,
    old: String,
    new: String,
    access_key: Option<String>,
    address: String,
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads one answer, as long as its header says.
fn read_answer(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let mut document = vec![0; length];
    stream.read_exact(&mut document)?;
    let document = String::from_utf8(document).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Answer { status: status(&head), document })
}

/// What is in the first element of this name.
fn text<'d>(document: &'d str, name: &str) -> Option<&'d str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// What is told of each instance, its id first.
fn instances(document: &str) -> Vec<String> {
    let all = document.split("<instanceId>").skip(1);
    all.map(|of_one| format!("<instanceId>{of_one}")).collect()
}

/// The state of an instance.
fn state(instance: &str) -> &str {
    text(text(instance, "instanceState").unwrap(), "name").unwrap()
}

/// A metadata option of an instance, or the `state` of all.
fn option<'i>(instance: &'i str, name: &str) -> &'i str {
    text(text(instance, "metadataOptions").unwrap(), name).unwrap()
}

/// The value of a tag of an instance.
fn tag<'i>(instance: &'i str, key: &str) -> Option<&'i str> {
    let (_, rest) = instance.split_once(&format!("<key>{key}</key>"))?;
    text(rest, "value")
}

/// A service whose instances have addresses of loopback.
fn serve(args: &[&str]) -> Watched {
    Watched::start(&[&["--vpc-cidr", "127.0.0.0/8"], args].concat())
}

/// A guest: who it is, the service tells by the address that it calls from.
#[derive(Clone, Copy)]
struct Guest {
    address: Ipv4Addr,
    service: SocketAddr,
}

impl Guest {
    fn at(service: &Watched, address: Ipv4Addr) -> Self {
        Self { address, service: service.listen[0] }
    }

    fn ask(self, request: &str) -> String {
        exchange_from(self.address, self.service, request.as_bytes())
    }

    /// GETs a path below `/latest/`: status and body.
    fn get(self, path: &str, token: Option<&str>) -> (u16, String) {
        let token = token.map(|token| format!("X-aws-ec2-metadata-token: {token}\r\n")).unwrap_or_default();
        let answer = self.ask(&format!("GET /latest/{path} HTTP/1.1\r\n{token}\r\n"));
        (status(&answer), body(&answer).to_owned())
    }

    /// The status of a call without a token, or with one.
    fn status(self, token: Option<&str>) -> u16 {
        self.get("meta-data/instance-id", token).0
    }

    /// Who it is, by a token of its own.
    #[track_caller]
    fn id(self) -> String {
        let (status, id) = self.get("meta-data/instance-id", Some(&self.token()));
        assert_eq!(status, 200, "{id}");
        id
    }

    /// A token.
    #[track_caller]
    fn token(self) -> String {
        let answer =
            self.ask("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n");
        assert_eq!(status(&answer), 200, "{answer}");
        body(&answer).to_owned()
    }
}

/// The helper of a service.
fn helper(service: &Watched) -> Pid {
    let children = children(service.child.id());
    let [child] = children[..] else { panic!("one child: {children:?}") };
    Pid::from_raw(child.try_into().unwrap()).unwrap()
}

/// Ends both processes of a service at once, with no time to put anything in order.
fn kill(service: Watched) {
    let helper = helper(&service);
    let _ = kill_process(Pid::from_child(&service.child), Signal::KILL);
    let _ = kill_process(helper, Signal::KILL);
    drop(service);
}
