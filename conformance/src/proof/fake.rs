//! A throw-away metadata service for the suite's own tests: right in everything that is checked, unless a flaw
//! is asked for by name.

use super::categories::Categories;
use crate::checks::versions::first::{LISTED, is_in};
use crate::shape::URL_SAFE;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longer than the suite waits for a close that is due at once, shorter than it waits for one that is not.
const TIMEOUT: Duration = Duration::from_millis(1_500);
const DATE: &str = "Tue, 24 Nov 2026 12:00:00 GMT";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";

/// What the fake serves and what is wrong with it.
#[derive(Clone, Default)]
pub(super) struct Fake {
    pub(super) required: bool,
    pub(super) empty_pages: bool,
    pub(super) categories: Categories,
    /// The name of what is wrong; empty for nothing.
    pub(super) flaw: &'static str,
    pub(super) tokens: Arc<Mutex<HashMap<String, (Instant, u64)>>>,
}

pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: String,
    http10: bool,
    headers: Vec<(String, String)>,
}

impl Asked {
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(have, _)| have == name).map(|(_, value)| value.as_str()).collect()
    }

    fn keeps(&self) -> bool {
        !self.http10 && self.all("connection").iter().any(|value| value.eq_ignore_ascii_case("keep-alive"))
    }
}

pub(super) struct Reply {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Fake {
    /// Listens on loopback for as long as the test process lives.
    pub(super) fn start(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let fake = self.clone();
                std::thread::spawn(move || fake.serve(stream));
            }
        });
        address
    }

    pub(super) fn has(&self, flaw: &str) -> bool {
        self.flaw == flaw
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut unread = Vec::new();
        stream.set_nodelay(true).ok()?;
        loop {
            let head = match self.head(&mut stream, &mut unread)? {
                Ok(head) => head,
                Err(status) => return self.last(&mut stream, &self.refusal(status)),
            };
            let Some(asked) = parse(&head) else {
                return self.last(&mut stream, &self.refusal("400 Bad Request"));
            };
            if let Some(status) = self.drop_body(&mut stream, &mut unread, &asked)? {
                return self.last(&mut stream, &self.refusal(status));
            }
            let mut reply = self.decide(&asked);
            let kept_10 = self.has("http10-kept") && asked.http10 && !asked.all("connection").is_empty();
            let closes = !asked.keeps() && !kept_10;
            if !closes {
                reply.headers.retain(|(name, _)| name != "Connection");
            }
            super::flaws::spoil(self, &asked, &mut reply);
            if asked.method == "HEAD" && !self.has("head-body") {
                reply.body.clear();
            }
            if closes && !self.has("never-closes") {
                return self.last(&mut stream, &reply);
            }
            stream.write_all(&bytes(&reply)).ok()?;
        }
    }

    fn last(&self, stream: &mut TcpStream, reply: &Reply) -> Option<()> {
        stream.write_all(&bytes(reply)).ok()?;
        stream.shutdown(std::net::Shutdown::Write).ok()?;
        stream.set_read_timeout(Some(TIMEOUT)).ok()?;
        let mut rest = [0; 65_536];
        for _ in 0..100 {
            if stream.read(&mut rest).ok()? == 0 {
                break;
            }
        }
        None
    }

    fn more(&self, stream: &mut TcpStream, unread: &mut Vec<u8>, deadline: Instant) -> Option<()> {
        let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
        let mut piece = [0; 65_536];
        let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
        unread.extend_from_slice(&piece[..length]);
        Some(())
    }

    fn deadline(&self) -> Instant {
        Instant::now() + if self.has("never-closes") { TIMEOUT * 30 } else { TIMEOUT }
    }

    fn head(&self, stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Result<Vec<u8>, &'static str>> {
        let deadline = self.deadline();
        loop {
            if let Some(at) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
                return Some(Ok(unread.drain(..at + 4).collect()));
            }
            if unread.len() > 65_536 && !self.has("no-limits") {
                return Some(Err("431 Request Header Fields Too Large"));
            }
            self.more(stream, unread, deadline)?;
        }
    }

    /// Reads the body away; a status is a refusal.
    fn drop_body(
        &self,
        stream: &mut TcpStream,
        unread: &mut Vec<u8>,
        asked: &Asked,
    ) -> Option<Option<&'static str>> {
        let deadline = self.deadline();
        let lengths = asked.all("content-length");
        let length = match (lengths.first(), lengths.len()) {
            (None, _) => 0,
            (Some(text), 1) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().unwrap_or(usize::MAX)
            }
            _ => return Some(Some("400 Bad Request")),
        };
        if length > 65_536 && !self.has("no-limits") {
            return Some(Some("413 Payload Too Large"));
        }
        if self.has("body-not-dropped") {
            return Some(None);
        }
        if asked.all("transfer-encoding").is_empty() {
            while unread.len() < length.min(1 << 20) {
                self.more(stream, unread, deadline)?;
            }
            unread.drain(..length.min(1 << 20));
            return Some(None);
        }
        if !asked.all("expect").is_empty() {
            if self.has("expect-417") {
                return Some(Some("417 Expectation Failed"));
            }
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        loop {
            let Some(line_end) = unread.windows(2).position(|two| two == b"\r\n") else {
                self.more(stream, unread, deadline)?;
                continue;
            };
            let size = std::str::from_utf8(&unread[..line_end])
                .ok()
                .and_then(|text| usize::from_str_radix(text, 16).ok());
            let Some(size) = size else { return Some(Some("400 Bad Request")) };
            while unread.len() < line_end + 2 + size + 2 {
                self.more(stream, unread, deadline)?;
            }
            if &unread[line_end + 2 + size..line_end + 4 + size] != b"\r\n" {
                return Some(Some("400 Bad Request"));
            }
            unread.drain(..line_end + 4 + size);
            if size == 0 {
                return Some(None);
            }
        }
    }

    fn error(&self, status: &str, allow: Option<&str>) -> Reply {
        let title = status.replacen(' ', " - ", 1);
        let page = String::from_utf8_lossy(include_bytes!("../../golden/404.xhtml"))
            .replace("404 - Not Found", &title);
        let body = if self.empty_pages && !status.starts_with("404") { String::new() } else { page };
        self.bare(status, allow, body)
    }

    /// What HTTP itself refuses; with a flaw, as an HTTP library does it by itself.
    fn refusal(&self, status: &str) -> Reply {
        if !self.has("bare-refusals") {
            return self.error(status, None);
        }
        let headers = named(&[("connection", "close"), ("content-length", "0")]);
        Reply { line: format!("HTTP/1.1 {status}"), headers, body: Vec::new() }
    }

    fn bare(&self, status: &str, allow: Option<&str>, body: String) -> Reply {
        let kind = if body.is_empty() { "text/plain" } else { "text/html" };
        let mut headers = named(&[
            ("Content-Length", &body.len().to_string()),
            ("Date", DATE),
            ("Server", "EC2ws"),
            ("Connection", "close"),
            ("Content-Type", kind),
        ]);
        headers.splice(0..0, allow.map(|methods| ("Allow".to_owned(), methods.to_owned())));
        Reply { line: format!("HTTP/1.1 {status}"), headers, body: body.into_bytes() }
    }

    /// The order of decisions.
    fn decide(&self, asked: &Asked) -> Reply {
        let path = asked.target.split(['?', '#']).next().unwrap_or_default();
        let method = asked.method.as_str();
        let token_path =
            path == "/latest/api/token" || (self.has("token-path-folds") && path == "/latest/api/token/");
        match (token_path, method) {
            (true, "PUT") => return self.put(asked),
            (true, "OPTIONS") => return self.bare("200 OK", Some("OPTIONS, PUT"), String::new()),
            (true, _) => return self.error("405 Not Allowed", Some("OPTIONS, PUT")),
            (false, "PUT") => return self.error("403 Forbidden", None),
            (false, "OPTIONS") => return self.bare("200 OK", Some("GET, HEAD, OPTIONS"), String::new()),
            (false, "GET" | "HEAD") => {}
            (false, _) => return self.error("405 Not Allowed", Some("GET, HEAD, OPTIONS")),
        }
        let found = self.resolve(asked.target.split(['?', '#']).next().unwrap_or_default());
        if self.has("404-before-401") && found.is_none() {
            return self.error("404 Not Found", None);
        }
        let tokens = asked.all(TOKEN);
        let left = match (tokens.len(), tokens.first()) {
            (0, _) if self.required => return self.error("401 Unauthorized", None),
            (0, _) => None,
            (count, Some(token)) if count == 1 || self.has("last-token-wins") => match self.left(token) {
                Some(left) => Some(left),
                None => return self.error("401 Unauthorized", None),
            },
            _ => return self.error("401 Unauthorized", None),
        };
        match found {
            Some((kind, body)) => value(left, kind, body),
            None => self.error("404 Not Found", None),
        }
    }

    fn left(&self, token: &str) -> Option<u64> {
        if self.has("empty-token-is-v1") && token.is_empty() && !self.required {
            return Some(0);
        }
        let tokens = self.tokens.lock().unwrap();
        let key = if self.has("malleable") { format!("{}A==", token.get(..53)?) } else { token.to_owned() };
        let (issued, ttl) = tokens.get(&key)?;
        let elapsed = u64::try_from(issued.elapsed().as_millis()).ok()?;
        let left = (ttl * 1_000).checked_sub(elapsed).filter(|left| *left > 0 || self.has("one-ms-late"));
        match (left, self.flaw) {
            (_, "never-expires") => Some(1),
            (Some(_), "ttl-does-not-count") => Some(*ttl),
            (Some(left), "ttl-rounds-down") => Some(left / 1_000),
            (left, _) => left.map(|left| left.div_ceil(1_000)),
        }
    }

    fn put(&self, asked: &Asked) -> Reply {
        let ttls = asked.all(TTL);
        let lenient = self.has("lenient-ttl");
        let valid = |text: &&str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number =
                if lenient { text.trim().parse::<u64>().ok() } else { text.parse().ok().filter(|_| digits) };
            number.filter(|ttl| (1..=21_600).contains(ttl))
        };
        let ttl = if ttls.len() == 1 { ttls.first().and_then(valid) } else { None };
        let forwarded = !asked.all("x-forwarded-for").is_empty();
        if forwarded && !(self.has("ttl-before-xff") && ttl.is_none()) {
            return self.error("403 Forbidden", None);
        }
        let Some(ttl) = ttl else { return self.error("400 Bad Request", None) };
        let token = self.seal();
        self.tokens.lock().unwrap().insert(token.clone(), (Instant::now(), ttl));
        let headers = named(&[
            ("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", &ttl.to_string()),
            ("Content-Length", &token.len().to_string()),
            ("Date", DATE),
            ("Server", "EC2ws"),
            ("Connection", "close"),
            ("Content-Type", "text/plain"),
        ]);
        Reply { line: "HTTP/1.1 200 OK".into(), headers, body: token.into_bytes() }
    }

    fn seal(&self) -> String {
        if self.has("one-token") {
            return format!("AQAEA{}A==", "-".repeat(48));
        }
        let mut bytes = vec![1u8, 0, 4, 0];
        while bytes.len() < 40 {
            bytes.extend(RandomState::new().hash_one(bytes.len()).to_le_bytes());
        }
        bytes.truncate(40);
        if self.has("malleable") {
            bytes[39] &= 0xfc;
        }
        let symbol = |bits: u32| char::from(URL_SAFE[bits as usize & 63]);
        let mut text: String = bytes[..39]
            .chunks(3)
            .map(|three| u32::from_be_bytes([0, three[0], three[1], three[2]]))
            .flat_map(|bits| [symbol(bits >> 18), symbol(bits >> 12), symbol(bits >> 6), symbol(bits)])
            .collect();
        let last = u32::from(bytes[39]);
        text.extend([symbol(last >> 2), symbol(last << 4), '=', '=']);
        text
    }

    /// The content type and the body of a path.
    fn resolve(&self, path: &str) -> Option<(&'static str, String)> {
        let lowered = path.to_lowercase().replace("%2d", "-");
        let path = if self.has("lenient-paths") { lowered.as_str() } else { path };
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty() && (*segment != "." || !self.has("lenient-paths")))
            .collect();
        let Some((version, rest)) = segments.split_first() else {
            return Some(("text/plain", [&LISTED[..], &["latest"]].concat().join("\n")));
        };
        if *version != "latest" && !LISTED.contains(version) {
            return None;
        }
        let there = |leaf: &str| match self.flaw {
            "no-gating" => true,
            "nothing-dated" => *version == "latest" || leaf.ends_with("/instance-id"),
            _ => *version == "latest" || is_in(leaf, version) != Some(false),
        };
        let path = rest.join("/");
        if let Some(value) = self.categories.get(&path).filter(|_| there(&path)) {
            let slash = self.has("no-slash-on-leaf") && segments.join("/").len() + 1 < lowered.len();
            let kind = if path == "user-data" { "application/octet-stream" } else { "text/plain" };
            return if slash { None } else { Some((kind, value.clone())) };
        }
        let prefix = if path.is_empty() { path } else { format!("{path}/") };
        let mut names = BTreeMap::new();
        for leaf in self.categories.keys() {
            if let Some(below) = leaf.strip_prefix(&prefix).filter(|_| there(leaf)) {
                let (name, directory) = below.split_once('/').map_or((below, ""), |(name, _)| (name, "/"));
                let slash = if prefix.is_empty() { "" } else { directory };
                names.insert(
                    name.to_owned(),
                    if prefix.ends_with("public-keys/") { "=my-key" } else { slash },
                );
            }
        }
        let lines: Vec<String> = names.iter().map(|(name, mark)| format!("{name}{mark}")).collect();
        if lines.is_empty() { None } else { Some(("text/plain", lines.join("\n"))) }
    }
}

fn named(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn value(left: Option<u64>, kind: &str, body: String) -> Reply {
    let mut headers = named(&[
        ("Content-Type", kind),
        ("Accept-Ranges", "none"),
        ("Last-Modified", "Wed, 11 Jun 2025 15:38:21 GMT"),
        ("Content-Length", &body.len().to_string()),
        ("Date", DATE),
        ("Server", "EC2ws"),
        ("Connection", "close"),
    ]);
    headers
        .splice(0..0, left.map(|left| ("X-Aws-Ec2-Metadata-Token-Ttl-Seconds".to_owned(), left.to_string())));
    Reply { line: "HTTP/1.1 200 OK".into(), headers, body: body.into_bytes() }
}

fn bytes(reply: &Reply) -> Vec<u8> {
    let mut head = format!("{}\r\n", reply.line);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", &reply.body].concat()
}

fn parse(head: &[u8]) -> Option<Asked> {
    let text: String = head.iter().copied().map(char::from).collect();
    let mut lines = text.strip_suffix("\r\n\r\n")?.split("\r\n");
    let parts: Vec<&str> = lines.next()?.split(' ').collect();
    let [method, target, version @ ("HTTP/1.1" | "HTTP/1.0")] = parts[..] else { return None };
    let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !target.starts_with('/')
        || !visible(target)
        || target.contains(['<', '>', '`'])
        || !method.is_ascii()
        || method.contains('@')
    {
        return None;
    }
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || !name.bytes().all(token) || value.contains('\0') {
            return None;
        }
        headers.push((name.to_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
    }
    Some(Asked {
        method: method.to_owned(),
        target: target.to_owned(),
        http10: version == "HTTP/1.0",
        headers,
    })
}
