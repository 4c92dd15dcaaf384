//! One HTTP answer as it came, and what it ought to be.

use anyhow::{Context, Result, bail, ensure};

/// A whole answer.
pub(crate) struct Answer<'a> {
    /// The status line and headers, with the empty line that ends them.
    pub(crate) head: &'a [u8],
    /// What `Content-Length` counted.
    pub(crate) body: &'a [u8],
    /// Whether the server says that it closes the connection.
    pub(crate) closes: bool,
}

/// What the body ought to be.
#[derive(Clone)]
pub(crate) enum Body {
    /// These bytes.
    Exactly(String),
    /// That many printable characters: a token.
    Token(usize),
}

impl<'a> Answer<'a> {
    /// The answer at the start of `bytes`; `None` while some of it is still to come.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let (head, rest) = bytes.split_at(end + 4);
        let text = std::str::from_utf8(head).context("an answer's head is not text")?;
        let (mut length, mut closes) = (None, false);
        for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse::<usize>().ok();
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        let length = length.with_context(|| format!("an answer without Content-Length:\n{text}"))?;
        Ok(rest.get(..length).map(|body| Self { head, body, closes }))
    }

    /// The status; `None` where there is none.
    pub(crate) fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.head.get(9..12)?).ok()?.parse().ok()
    }

    /// An error unless this is a 200 with the right body and nothing of another answer behind it.
    pub(crate) fn check(&self, expected: &Body, received: usize) -> Result<()> {
        let right = match expected {
            Body::Exactly(text) => self.body == text.as_bytes(),
            Body::Token(length) => self.body.len() == *length && self.body.iter().all(u8::is_ascii_graphic),
        };
        if !right || self.status() != Some(200) {
            bail!("a wrong answer:\n{}{}", self.head.escape_ascii(), self.body.escape_ascii());
        }
        ensure!(self.size() == received, "{} bytes follow an answer", received - self.size());
        Ok(())
    }

    /// Bytes on the wire, head and body.
    pub(crate) fn size(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Body};

    const BYTES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nConnection: close\r\n\r\nabc";

    #[test]
    fn an_answer_is_whole_or_not_yet() {
        for cut in 0..BYTES.len() {
            assert!(Answer::parse(&BYTES[..cut]).unwrap().is_none(), "{cut}");
        }
        let answer = Answer::parse(BYTES).unwrap().unwrap();
        assert_eq!((answer.body, answer.closes, answer.size()), (&b"abc"[..], true, BYTES.len()));
        assert_eq!(answer.status(), Some(200));
    }

    #[test]
    fn an_answer_is_right_or_an_error() {
        let exactly = |text: &str| Body::Exactly(text.to_owned());
        let answer = Answer::parse(BYTES).unwrap().unwrap();
        assert!(answer.check(&exactly("abc"), BYTES.len()).is_ok());
        assert!(answer.check(&Body::Token(3), BYTES.len()).is_ok());
        assert!(answer.check(&exactly("abd"), BYTES.len()).is_err());
        assert!(answer.check(&Body::Token(56), BYTES.len()).is_err());
        assert!(answer.check(&exactly("abc"), BYTES.len() + 1).is_err());
        let refused =
            Answer::parse(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").unwrap().unwrap();
        assert!(refused.check(&exactly(""), 48).is_err());
        assert_eq!(refused.status(), Some(401));
    }
}
