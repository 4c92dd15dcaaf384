//! One request as it goes out and one answer as it came: names in their order and casing, nothing decoded.

/// The header that carries a token.
pub(crate) const TOKEN: &str = "X-aws-ec2-metadata-token";
/// The header that asks for a token's life in seconds.
pub(crate) const TTL: &str = "X-aws-ec2-metadata-token-ttl-seconds";

/// Header values longer than this stay out of reports; a token has 56 characters.
const LONGEST_SHOWN: usize = 40;

/// A request, built header by header.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    target: String,
    version: &'static str,
    host: bool,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    raw: Option<Vec<u8>>,
}

impl Request {
    /// A request with a `Host` header and nothing else.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            version: "HTTP/1.1",
            host: true,
            headers: Vec::new(),
            body: Vec::new(),
            raw: None,
        }
    }

    /// A GET without a token.
    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A PUT of the token path, without its TTL header.
    pub(crate) fn put_token() -> Self {
        Self::new("PUT", "/latest/api/token")
    }

    /// Bytes that need not be HTTP; `what` names them in a report.
    pub(crate) fn raw(what: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { raw: Some(bytes.into()), ..Self::new("", what) }
    }

    /// Adds a header, also a second of the same name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds the TTL header.
    pub(crate) fn ttl(self, seconds: &str) -> Self {
        self.with(TTL, seconds)
    }

    /// Adds the token header.
    pub(crate) fn token(self, token: &str) -> Self {
        self.with(TOKEN, token)
    }

    /// Asks for the connection to be kept.
    pub(crate) fn keep_alive(self) -> Self {
        self.with("Connection", "keep-alive")
    }

    /// Speaks HTTP/1.0.
    pub(crate) fn http10(mut self) -> Self {
        self.version = "HTTP/1.0";
        self
    }

    /// Leaves `Host` out.
    pub(crate) fn without_host(mut self) -> Self {
        self.host = false;
        self
    }

    /// Adds bytes after the head; their framing is the headers' business.
    pub(crate) fn body(mut self, bytes: &[u8]) -> Self {
        self.body.extend_from_slice(bytes);
        self
    }

    /// The bytes on the wire; `authority` fills `Host`.
    pub(crate) fn bytes(&self, authority: &str) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut head = format!("{} {} {}\r\n", self.method, self.target, self.version);
        if self.host {
            head.push_str(&format!("Host: {authority}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The request in a report: no token in it.
    pub(crate) fn label(&self) -> String {
        // A token may also stand in a header of another name, where a check puts it.
        let secret =
            |name: &str, value: &str| name.eq_ignore_ascii_case(TOKEN) || value.len() > LONGEST_SHOWN;
        let shown = |(name, value): &(String, String)| {
            if secret(name, value) {
                format!("{name}: ({} characters)", value.chars().count())
            } else {
                format!("{name}: {}", abbreviated(value.as_bytes()))
            }
        };
        let headers: Vec<String> = self.headers.iter().map(shown).collect();
        let line = if self.raw.is_some() {
            self.target.clone()
        } else {
            format!("{} {}", self.method, abbreviated(self.target.as_bytes()))
        };
        if headers.is_empty() { line } else { format!("{line} [{}]", headers.join("; ")) }
    }

    /// Whether a right answer's body must stay out of reports.
    fn asks_for_a_secret(&self) -> bool {
        self.method == "PUT"
            || self.target.contains("security-credentials")
            || self.target.contains("user-data")
    }
}

/// An answer, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The request it answers, for a report.
    pub(crate) request: String,
    /// The status line without its line end.
    pub(crate) status_line: String,
    /// The status code.
    pub(crate) status: u16,
    /// Names and values in their order and casing.
    pub(crate) headers: Vec<(String, String)>,
    /// The bytes after the head, by `Content-Length`.
    pub(crate) body: Vec<u8>,
    /// Whether it answers a HEAD.
    pub(crate) to_head: bool,
    secret: bool,
}

impl Answer {
    /// Reads a head, up to and with its blank line, as strictly as EC2 writes it.
    ///
    /// # Errors
    /// Which line is not as it should be.
    pub(crate) fn parse(head: &[u8], request: &Request) -> Result<Self, String> {
        let text: String = head.iter().copied().map(char::from).collect();
        let block = text.strip_suffix("\r\n\r\n").ok_or("its head does not end with a blank line")?;
        let mut lines = block.split("\r\n");
        let status_line = lines.next().unwrap_or_default().to_owned();
        let status = status_of(&status_line)
            .ok_or_else(|| format!("the status line is {}", abbreviated(status_line.as_bytes())))?;
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line
                .split_once(": ")
                .filter(|(name, value)| {
                    is_name(name) && value.trim() == *value && !line.contains(['\r', '\n'])
                })
                .ok_or_else(|| format!("a header line is {}", abbreviated(line.as_bytes())))?;
            headers.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self {
            request: request.label(),
            status_line,
            status,
            headers,
            body: Vec::new(),
            to_head: request.method == "HEAD",
            secret: request.asks_for_a_secret() && status == 200,
        })
    }

    /// The only value of a header, its name exactly as written.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter().filter(|(have, _)| have == name);
        match (all.next(), all.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// The reason phrase.
    pub(crate) fn reason(&self) -> &str {
        self.status_line.get(13..).unwrap_or_default()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body's length; `None` means until the end of the connection.
    ///
    /// # Errors
    /// `Content-Length` is no number.
    pub(crate) fn body_length(&self) -> Result<Option<usize>, String> {
        if self.to_head || self.status < 200 || self.status == 204 || self.status == 304 {
            return Ok(Some(0));
        }
        match self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            Some((_, value)) => value.parse().map(Some).map_err(|_| format!("Content-Length is {value:?}")),
            None => Ok(None),
        }
    }

    /// The answer in a report: abbreviated, and without a body that could be a secret.
    pub(crate) fn shown(&self) -> String {
        let mut head = self.status_line.clone();
        for (name, value) in &self.headers {
            head.push_str(&format!("\\r\\n{name}: {value}"));
        }
        let body = if self.secret {
            format!("({} bytes, not shown)", self.body.len())
        } else {
            abbreviated(&self.body)
        };
        format!("{head} / {body}")
    }
}

fn status_of(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/1.")?;
    let bytes = rest.as_bytes();
    let spaced = bytes.len() >= 6 && matches!(bytes[0], b'0' | b'1') && bytes[1] == b' ' && bytes[5] == b' ';
    if spaced { rest[2..5].parse().ok().filter(|code| (100..600).contains(code)) } else { None }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Bytes for a report: escaped, and cut at 120.
pub(crate) fn abbreviated(bytes: &[u8]) -> String {
    const MOST: usize = 120;
    let shown = bytes[..bytes.len().min(MOST)].escape_ascii();
    if bytes.len() > MOST {
        format!("\"{shown}\"… ({} bytes)", bytes.len())
    } else {
        format!("\"{shown}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<Answer, String> {
        Answer::parse(head.as_bytes(), &Request::get("/"))
    }

    #[test]
    fn a_head_keeps_order_and_casing() {
        let answer =
            parse("HTTP/1.1 405 Not Allowed\r\nServer: EC2ws\r\nallow: OPTIONS, PUT\r\n\r\n").unwrap();
        assert_eq!((answer.status, answer.reason()), (405, "Not Allowed"));
        assert_eq!(answer.headers[1], ("allow".into(), "OPTIONS, PUT".into()));
        assert_eq!((answer.header("Allow"), answer.header("allow")), (None, Some("OPTIONS, PUT")));
    }

    #[test]
    fn a_doubled_header_has_no_value() {
        let answer = parse("HTTP/1.1 200 OK\r\nServer: a\r\nServer: a\r\n\r\n").unwrap();
        assert_eq!(answer.header("Server"), None);
    }

    #[test]
    fn what_is_not_written_as_ec2_writes_it_is_refused() {
        for head in [
            "HTTP/1.1 200 OK\nServer: x\n\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 200\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer:x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer : x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer:  x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer: x\n\r\n\r\n",
        ] {
            assert!(parse(head).is_err(), "{head:?}");
        }
    }

    #[test]
    fn reports_hold_no_secret() {
        let request = Request::get("/latest/meta-data/iam/security-credentials/web").token("sesame");
        assert!(!request.label().contains("sesame"));
        assert!(!Request::get("/").with("Cookie", &"sesame".repeat(9)).label().contains("sesame"));
        let mut answer = Answer::parse(b"HTTP/1.1 200 OK\r\n\r\n", &request).unwrap();
        answer.body = b"sesame".to_vec();
        assert!(!answer.shown().contains("sesame"));
    }

    #[test]
    fn requests_are_written_as_asked() {
        let request = Request::get("/a").with("x", "1").with("x", "2").body(b"hi");
        assert_eq!(request.bytes("h:1"), b"GET /a HTTP/1.1\r\nHost: h:1\r\nx: 1\r\nx: 2\r\n\r\nhi");
        assert_eq!(Request::get("/").http10().without_host().bytes("h"), b"GET / HTTP/1.0\r\n\r\n");
        assert_eq!(Request::raw("junk", *b"\0\r\n").bytes("h"), b"\0\r\n");
    }
}
