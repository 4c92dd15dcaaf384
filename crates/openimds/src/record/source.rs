//! The service that is recorded: one request after the other, with a token where tokens are given.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use imds_core::token::Ttl;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::crawl::Reply;
use crate::client::{REAL, TOKEN, TTL, endpoint, send};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long all of it may.
const WHOLE: Duration = Duration::from_secs(600);
/// Bytes of an answer.
const BODY: usize = 64 * 1_024;
/// How often one is asked that is busy, and how long it is then left alone.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// A service that is asked.
pub(crate) struct Source {
    endpoint: Uri,
    runtime: Runtime,
    token: Option<String>,
    start: Instant,
    /// What stayed busy under one version, without the version: under all others it is asked once.
    busy: HashSet<String>,
    /// The status of the answer to the request for a token, if none was given.
    pub(crate) no_token: Option<String>,
}

impl Source {
    /// The service at `given`, else at the endpoint that the environment names, else at the real address.
    ///
    /// # Errors
    /// When the environment says that there is no metadata here, or it is no URL.
    pub(crate) fn new(given: Option<&str>) -> anyhow::Result<Self> {
        let endpoint = endpoint(given)?.unwrap_or(Uri::from_static(REAL));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let start = Instant::now();
        let mut source = Self { endpoint, runtime, token: None, start, busy: HashSet::new(), no_token: None };
        source.renew();
        Ok(source)
    }

    /// The host that is asked.
    pub(crate) fn host(&self) -> &str {
        self.endpoint.host().unwrap_or_default()
    }

    /// A path, as it is answered.
    ///
    /// # Errors
    /// When no answer came, or it is too long.
    pub(crate) fn ask(&mut self, path: &str) -> anyhow::Result<Reply> {
        let (mut tries, mut is_renewed) = (1, false);
        let most = if self.busy.contains(unversioned(path)) { 1 } else { TRIES };
        loop {
            if self.start.elapsed() > WHOLE {
                bail!("it took longer than {} minutes", WHOLE.as_secs() / 60);
            }
            let header = self.token.clone();
            let reply = self.send("GET", path, header.as_deref().map(|token| (TOKEN, token)))?;
            match reply.status {
                401 if !is_renewed => {
                    is_renewed = true;
                    self.renew();
                }
                429 | 500..=599 if tries < most => {
                    std::thread::sleep(PAUSE * tries);
                    tries += 1;
                }
                429 | 500..=599 => {
                    self.busy.insert(unversioned(path).to_owned());
                    return Ok(reply);
                }
                401 => bail!("it was refused with 401; no token is given here, or none is taken"),
                _ => return Ok(reply),
            }
        }
    }

    /// Gets a token, or goes on without one.
    fn renew(&mut self) {
        let put = self.send("PUT", "/latest/api/token", Some((TTL, &Ttl::MAX.seconds().to_string())));
        let put = put.and_then(|put| match (put.status, String::from_utf8(put.body.clone())) {
            (200, Ok(token)) if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token),
            (200, _) => Err(anyhow!("what came was no token")),
            (status, _) => Err(anyhow!("{status}")),
        });
        match put {
            Ok(token) => self.token = Some(token),
            Err(error) => {
                self.token = None;
                self.no_token = Some(format!("{error:#}"));
            }
        }
    }

    fn send(&self, method: &str, path: &str, header: Option<(&str, &str)>) -> anyhow::Result<Reply> {
        let authority = self.endpoint.authority().map_or("", http::uri::Authority::as_str);
        let mut request = Request::builder().method(method).uri(path).header("Host", authority);
        request = request.header("Accept", "*/*");
        request = request.header("User-Agent", concat!("imds/", env!("CARGO_PKG_VERSION")));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.body(Full::<Bytes>::default()).context("this cannot be asked for")?;
        let host = self.endpoint.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = self.endpoint.port_u16().unwrap_or(80);
        self.runtime.block_on(async {
            let answered = timeout(PATIENCE, async {
                let stream = TcpStream::connect((&*bare, port)).await;
                let stream = stream.with_context(|| format!("cannot connect to {host} port {port}"))?;
                let (head, body) = send(stream, request).await?.into_parts();
                let body = Limited::new(body, BODY).collect().await;
                let body =
                    body.map_err(|_| anyhow!("the answer broke off, or has more than {BODY} bytes"))?;
                anyhow::Ok(Reply { status: head.status.as_u16(), body: body.to_bytes().to_vec() })
            });
            answered.await.map_err(|_| anyhow!("no answer came"))?
        })
    }
}

/// A path without its version: `meta-data/hostname` of `/latest/meta-data/hostname`.
fn unversioned(path: &str) -> &str {
    path.splitn(3, '/').nth(2).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::sync::mpsc::channel;

    #[test]
    fn what_stays_busy_under_one_version_is_asked_once_under_the_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, asked) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                // Before the answer: whoever has that finds it told.
                sender.send(first.split(' ').nth(1).unwrap().to_owned()).unwrap();
                let status = if first.contains("hostname") || first.contains("mac") { 503 } else { 200 };
                let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).unwrap();
            }
        });
        let mut source = Source::new(Some(&endpoint)).unwrap();
        assert_eq!(asked.try_iter().collect::<Vec<_>>(), ["/latest/api/token"]);
        for (path, status, times) in [
            ("/latest/meta-data/hostname", 503, 3),
            ("/1.0/meta-data/hostname", 503, 1),
            ("/2021-03-23/meta-data/hostname", 503, 1),
            ("/2021-03-23/meta-data/mac", 503, 3),
            ("/1.0/meta-data/ami-id", 200, 1),
        ] {
            assert_eq!(source.ask(path).unwrap().status, status, "{path}");
            assert_eq!(asked.try_iter().collect::<Vec<_>>(), vec![path; times], "{path}");
        }
    }
}
