//! An HTTP exchange, as it goes over the wire or as `curl -v` shows it: what is wrong with the requests, what the
//! answers mean, and the commands that ask rightly.

use http::StatusCode;
use imds_core::finding::{self, PROXY, V1_REFUSED};

use super::Found;
use super::request::{
    self, Place, Problem, TOKEN_PATH, TOKEN_WRITTEN, TTL_WRITTEN, is_metadata_host, ttl_value,
};
use crate::client::{TOKEN, TTL};

/// The host that commands are written for when the exchange does not name it.
const HOST: &str = "169.254.169.254";
const METHODS: [&str; 8] = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"];

/// A request, and the answer to it.
#[derive(Debug, Default)]
struct Turn {
    line: usize,
    /// Empty, if only the answer is shown.
    method: String,
    target: String,
    headers: Vec<String>,
    status: Option<u16>,
    status_line: usize,
}

/// What is found in an exchange, commands in its place, if there are any that can be written, and how many requests and
/// answers it has. Nothing, if the text is none.
pub(super) fn check(text: &str) -> Option<(Vec<Found>, Option<String>, usize)> {
    let turns = read(text);
    if turns.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    let mut commands = Commands::default();
    for turn in &turns {
        turn.judge(&mut found, &mut commands);
    }
    for each in &mut found {
        each.is_corrected = !commands.lines.is_empty();
    }
    Some((found, (!commands.lines.is_empty()).then(|| commands.lines.concat()), turns.len()))
}

/// Lines without what `curl -v` puts before them.
fn read(text: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    // Which part the headers belong to that come now.
    let mut is_in_request = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        let bare = line.strip_prefix("> ").or_else(|| line.strip_prefix("< ")).unwrap_or(line);
        if let Some((method, target)) = request_line(bare) {
            let turn = Turn {
                line: index + 1,
                method: method.to_owned(),
                target: target.to_owned(),
                ..Turn::default()
            };
            turns.push(turn);
            is_in_request = true;
        } else if let Some(status) = status_line(bare).or_else(|| page(bare)) {
            is_in_request = false;
            // The page repeats what the status line said, and an interim answer says nothing.
            let is_known = turns.last().is_some_and(|turn| turn.status.is_some());
            let is_page = status_line(bare).is_none();
            if status >= 200 && !(is_known && is_page) {
                if is_known || turns.is_empty() {
                    turns.push(Turn { line: index + 1, ..Turn::default() });
                }
                if let Some(turn) = turns.last_mut() {
                    (turn.status, turn.status_line) = (Some(status), index + 1);
                }
            }
        } else if is_in_request && (bare.is_empty() || bare == ">") {
            is_in_request = false;
        } else if is_in_request
            && bare.contains(':')
            && !line.starts_with('*')
            && let Some(turn) = turns.last_mut()
        {
            turn.headers.push(bare.to_owned());
        }
    }
    turns
}

/// `PUT /latest/api/token HTTP/1.1`
fn request_line(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_one = METHODS.contains(&method.to_ascii_uppercase().as_str()) && version.starts_with("HTTP/");
    (is_one && words.next().is_none()).then_some((method, target))
}

/// `HTTP/1.1 401 Unauthorized`
fn status_line(line: &str) -> Option<u16> {
    let (version, rest) = line.split_once(' ')?;
    let status = rest.get(..3)?.parse().ok()?;
    let ends = rest[3..].is_empty() || rest[3..].starts_with(' ');
    (version.starts_with("HTTP/") && ends && (100..600).contains(&status)).then_some(status)
}

/// The heading of the service's page of an error, also as a browser shows it.
fn page(line: &str) -> Option<u16> {
    let line = line.trim();
    let heading = line.strip_prefix("<h1>").and_then(|rest| rest.strip_suffix("</h1>"));
    let (status, reason) = heading.unwrap_or(line).split_once(" - ")?;
    let status = status.parse().ok().filter(|status| (400..600).contains(status))?;
    let named = StatusCode::from_u16(status).ok()?.canonical_reason();
    (heading.is_some() || named == Some(reason)).then_some(status)
}

impl Turn {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn judge(&self, found: &mut Vec<Found>, commands: &mut Commands) {
        let mut note = |finding, line| found.push(Found { finding, line, is_corrected: true });
        if self.method.is_empty() {
            // Of an answer alone one can say what it means, and no more.
            if let Some(status) = self.status.filter(|status| *status >= 400) {
                note(
                    if status == 401 { &V1_REFUSED } else { finding::refusal("GET", status, false) },
                    self.status_line,
                );
                commands.list(HOST);
            }
            return;
        }
        // To a proxy, whole addresses are sent.
        let (host, path) = match self.target.strip_prefix("http://") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => (self.header("Host").unwrap_or(HOST), self.target.as_str()),
        };
        let is_whole = self.target.starts_with("http://");
        if Place::of(path) == Place::Elsewhere || (is_whole && !is_metadata_host(host)) {
            return;
        }
        if is_whole {
            note(&PROXY, self.line);
        }
        let headers: Vec<&str> = self.headers.iter().map(String::as_str).collect();
        let problems = request::problems(&self.method, path, &headers);
        let has_token = self.header(TOKEN).is_some_and(|token| !token.is_empty());
        match self.status {
            // The answer says the same more exactly.
            Some(401) if problems == [Problem::NoToken] => note(&V1_REFUSED, self.status_line),
            Some(status) if status >= 400 && problems.is_empty() => {
                note(finding::refusal(&self.method, status, has_token), self.status_line);
            }
            _ => problems.iter().for_each(|problem| note(problem.finding(), self.line)),
        }
        match Place::of(path) {
            Place::Token | Place::TokenWrongly(_) => {
                commands.fetch(host, &ttl_value(self.header(TTL).unwrap_or_default()));
            }
            Place::Metadata => commands.get(host, path),
            Place::Elsewhere => {}
        }
    }
}

/// Commands that ask as it should have been asked. What came from the exchange is not put into them unless it is
/// harmless in a shell.
#[derive(Debug, Default)]
struct Commands {
    lines: Vec<String>,
    has_token: bool,
}

impl Commands {
    fn host(host: &str) -> &str {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".:[]-".contains(c);
        if !host.is_empty() && host.chars().all(is_plain) { host } else { HOST }
    }

    fn fetch(&mut self, host: &str, ttl: &str) {
        let ttl = if ttl.bytes().all(|byte| byte.is_ascii_digit()) { ttl } else { "21600" };
        let host = Self::host(host);
        self.lines.push(format!(
            "TOKEN=$(curl -f -X PUT \"http://{host}{TOKEN_PATH}\" -H \"{TTL_WRITTEN}: {ttl}\")\n"
        ));
        self.has_token = true;
    }

    fn get(&mut self, host: &str, path: &str) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._~:@+,=-".contains(c);
        if !path.chars().all(is_plain) {
            return;
        }
        if !self.has_token {
            self.fetch(host, "21600");
        }
        let host = Self::host(host);
        self.lines.push(format!("curl -f -H \"{TOKEN_WRITTEN}: $TOKEN\" \"http://{host}{path}\"\n"));
    }

    fn list(&mut self, host: &str) {
        self.get(host, "/latest/meta-data/");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<&'static str> {
        check(text).unwrap().0.iter().map(|found| found.finding.id).collect()
    }

    #[test]
    fn an_exchange_is_explained_by_what_was_asked_and_what_came() {
        let ttl = "X-aws-ec2-metadata-token-ttl-seconds";
        for (text, expected) in [
            ("GET /latest/meta-data/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n", vec!["v1-call"]),
            ("GET /latest/ HTTP/1.1\n\nHTTP/1.1 401 Unauthorized\nServer: EC2ws\n", vec!["v1-refused"]),
            (
                "> GET /latest/ HTTP/1.1\n> X-aws-ec2-metadata-token: AQ==\n>\n< HTTP/1.1 401 Unauthorized\n",
                vec!["token-refused"],
            ),
            (
                "> GET /latest/ HTTP/1.1\n> X-aws-metadata-token: AQ==\n>\n< HTTP/1.1 401 Unauthorized\n",
                vec!["wrong-header"],
            ),
            ("PUT /latest/api/token HTTP/1.1\n\nHTTP/1.1 400 Bad Request\n", vec!["ttl-missing"]),
            ("PUT /latest/api/token/ HTTP/1.1\n", vec!["token-path-slash", "ttl-missing"]),
            ("HTTP/1.1 403 Forbidden\n", vec!["endpoint-disabled"]),
            ("HTTP/1.1 200 OK\n", vec![]),
            (" <body>\n  <h1>401 - Unauthorized</h1>\n </body>\n", vec!["v1-refused"]),
            ("401 - Unauthorized", vec!["v1-refused"]),
            ("  404 - Not Found\r\n", vec!["nothing-here"]),
            ("GET http://169.254.169.254/latest/ HTTP/1.1\nX-aws-ec2-metadata-token: A\n", vec!["proxy"]),
            ("GET / HTTP/1.1\nMetadata-Flavor: Google\n", vec![]),
            ("GET /index.html HTTP/1.1\nHost: example.com\n\nHTTP/1.1 404 Not Found\n", vec![]),
        ] {
            assert_eq!(ids(text), expected, "{text:?}");
        }
        for (header, status, expected) in [
            ("X-Forwarded-For: 192.0.2.1", 403, "forwarded-header"),
            ("Expect: 100-continue", 417, "expect-header"),
            ("Accept: */*", 403, "put-forbidden"),
            ("Accept: */*", 429, "throttled"),
            ("Accept: */*", 404, "no-tokens"),
        ] {
            let text = format!(
                "> PUT /latest/api/token HTTP/1.1\n> {ttl}: 60\n> {header}\n> \n< HTTP/1.1 100 Continue\n< HTTP/1.1 {status} X\n"
            );
            assert_eq!(ids(&text), [expected], "{text}");
        }
    }

    #[test]
    fn commands_take_the_place_of_an_exchange_and_nothing_in_it_runs() {
        let text = "PUT /2021-03-23/api/token HTTP/1.1\nHost: 169.254.169.254\nX-aws-ec2-metadata-token-ttl-seconds: 60\n\n\
            HTTP/1.1 403 Forbidden\n\nGET /2021-03-23/meta-data/mac HTTP/1.1\nHost: 169.254.169.254\n\n\
            HTTP/1.1 401 Unauthorized\n";
        assert_eq!(
            check(text).unwrap().1.unwrap(),
            "TOKEN=$(curl -f -X PUT \"http://169.254.169.254/latest/api/token\" -H \
             \"X-aws-ec2-metadata-token-ttl-seconds: 60\")\n\
             curl -f -H \"X-aws-ec2-metadata-token: $TOKEN\" \"http://169.254.169.254/2021-03-23/meta-data/mac\"\n"
        );
        for hostile in [
            "GET /latest/meta-data/$(reboot) HTTP/1.1\n",
            "GET /latest/meta-data/`reboot` HTTP/1.1\n",
            "GET /latest/meta-data/\";reboot;\" HTTP/1.1\n",
        ] {
            assert_eq!(check(hostile).unwrap().1, None, "{hostile}");
        }
        let host = "GET /latest/ HTTP/1.1\nHost: $(reboot)\n";
        assert!(!check(host).unwrap().1.unwrap().contains("reboot"));
    }

    #[test]
    fn other_text_is_no_exchange() {
        for text in [
            "401 - not quite",
            "200 - OK",
            "401 -",
            "",
            "GET",
            "GET / ",
            "HTTP/1.1",
            "HTTP/1.1 4",
            "HTTP/1.1 4é1 x",
            "<h1>no - page</h1>",
            "a: b\n",
        ] {
            assert!(check(text).is_none(), "{text:?}");
        }
    }
}
