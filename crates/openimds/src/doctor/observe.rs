//! Looking: a connection, a call without a token, a token, a call with it, and how far a token travels.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use imds_core::Timestamp;
use imds_core::date::parse_http_date;
use imds_core::token::Ttl;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::{Answer, Connection, Observations, proxy, way};
use crate::client::{TOKEN, TTL, converse, is_disabled};

/// How long a connection, and an answer, may take. SDKs wait for one second.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a packet may take that may not come at all, if the first ones were quick.
const SHORT: Duration = Duration::from_millis(300);
/// The most routers that are looked for.
const ROUTERS: u8 = 8;
const IPV4: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);
const IPV6: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(imds_server::IPV6_ENDPOINT), 80);
const ID: &str = "/latest/meta-data/instance-id";

/// Looks at the service at `endpoint`, or at the real addresses.
///
/// # Errors
/// When there is no runtime to be had.
pub fn observe(endpoint: Option<&Uri>) -> io::Result<Observations> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(look(endpoint)))
}

async fn look(endpoint: Option<&Uri>) -> Observations {
    let (authority, found, answers_ipv6) = match endpoint {
        Some(uri) => {
            let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
            (authority, resolved(uri).await, None)
        }
        None => {
            let (ipv4, ipv6) = tokio::join!(connect(IPV4, None, PATIENCE), connect(IPV6, None, PATIENCE));
            let has_ipv6 = ipv6.is_ok();
            let address = if ipv4.is_err() && has_ipv6 { IPV6 } else { IPV4 };
            (host_of(address), Some(address), Some(has_ipv6))
        }
    };
    let host = endpoint.and_then(Uri::host).unwrap_or(&authority);
    let mut seen = Observations {
        proxies: proxy::in_the_way(host, |name| std::env::var(name).ok()),
        connection: Connection::Unreachable,
        answers_ipv6,
        way: None,
        plain: None,
        put: None,
        with_token: None,
        goes_further: None,
        hops: None,
        instance: None,
        clock: None,
        is_disabled: is_disabled(),
        endpoint: format!("http://{authority}"),
    };
    let Some(address) = found else { return seen };
    seen.way = way::to(address);
    let begun = Instant::now();
    seen.connection = match connect(address, None, PATIENCE).await {
        Ok(_) => Connection::Made,
        Err(connection) => connection,
    };
    if seen.connection == Connection::Made {
        let service = Service { address, authority: &authority, is_near: begun.elapsed() < SHORT / 4 };
        service.look(&mut seen).await;
    }
    seen
}

/// The address of an endpoint.
async fn resolved(endpoint: &Uri) -> Option<SocketAddr> {
    let host = endpoint.host()?.trim_start_matches('[').trim_end_matches(']');
    let port = endpoint.port_u16().unwrap_or(80);
    tokio::net::lookup_host((host, port)).await.ok()?.next()
}

/// An address without its port, as a URL has it.
fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

/// Connects, with packets that live for so many hops.
async fn connect(to: SocketAddr, hops: Option<u8>, patience: Duration) -> Result<TcpStream, Connection> {
    let told = |error: io::Error| {
        let is = |kinds: &[io::ErrorKind]| kinds.contains(&error.kind());
        if is(&[io::ErrorKind::ConnectionRefused, io::ErrorKind::ConnectionReset]) {
            Connection::Refused
        } else if is(&[io::ErrorKind::PermissionDenied]) {
            Connection::Forbidden
        } else if is(&[io::ErrorKind::TimedOut]) {
            Connection::Silent
        } else {
            Connection::Unreachable
        }
    };
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(told)?;
    if let Some(hops) = hops {
        let socket = SockRef::from(&socket);
        let hops = u32::from(hops);
        if to.is_ipv4() { socket.set_ttl_v4(hops) } else { socket.set_unicast_hops_v6(hops) }
            .map_err(told)?;
    }
    timeout(patience, socket.connect(to)).await.map_err(|_| Connection::Silent)?.map_err(told)
}

/// A service that takes connections.
struct Service<'a> {
    address: SocketAddr,
    /// What is sent as `Host`.
    authority: &'a str,
    /// Did the connection come at once?
    is_near: bool,
}

impl Service<'_> {
    async fn look(&self, seen: &mut Observations) {
        let plain = self.ask("GET", ID, None).await;
        seen.plain = Some(answer(plain.as_ref()));
        let put = self.put(None, PATIENCE).await;
        seen.put = Some(answer(put.as_ref()));
        let token = put.as_ref().filter(|put| put.status() == 200);
        let token = token.and_then(|put| std::str::from_utf8(put.body()).ok());
        let mut with_token = None;
        if let Some(token) = token {
            with_token = self.ask("GET", ID, Some((TOKEN, token))).await;
            seen.with_token = Some(answer(with_token.as_ref()));
        }
        seen.clock = [&plain, &put, &with_token].into_iter().flatten().find_map(offset);
        seen.instance = [&with_token, &plain].into_iter().flatten().find_map(instance);
        if token.is_some() && !self.address.ip().is_loopback() {
            let patience = if self.is_near { SHORT } else { PATIENCE };
            seen.goes_further = self.goes_further(patience).await;
        }
        let is_too_far = seen.put == Some(Answer::Nothing) && matches!(seen.plain, Some(Answer::Status(_)));
        if is_too_far {
            seen.hops = self.hops().await;
        }
    }

    /// Asks for a token; with `hops`, only one that would have come by one hop less than so many further.
    async fn put(&self, hops: Option<u8>, patience: Duration) -> Option<Response<Bytes>> {
        let stream = connect(self.address, None, PATIENCE).await.ok()?;
        if let Some(hops) = hops {
            imds_netns::least_hops(stream.as_fd(), hops, self.address.is_ipv6()).ok()?;
        }
        let ttl = Ttl::MAX.seconds().to_string();
        converse(stream, self.request("PUT", "/latest/api/token", Some((TTL, &ttl)))?, patience).await.ok()
    }

    async fn ask(&self, method: &str, path: &str, header: Option<(&str, &str)>) -> Option<Response<Bytes>> {
        let stream = connect(self.address, None, PATIENCE).await.ok()?;
        converse(stream, self.request(method, path, header)?, PATIENCE).await.ok()
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        header: Option<(&str, &str)>,
    ) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", self.authority)
            .header("Accept", "*/*");
        request = request.header("User-Agent", concat!("imds/", env!("CARGO_PKG_VERSION")));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        request.body(Full::default()).ok()
    }

    /// Would a token have come one hop further? Nothing, where this system cannot tell.
    async fn goes_further(&self, patience: Duration) -> Option<bool> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        Some(self.put(Some(2), patience).await.is_some())
    }

    /// How many hops it is to the service, and so, if the way back is as long, for a token to here.
    async fn hops(&self) -> Option<u8> {
        let patience = if self.is_near { SHORT } else { PATIENCE };
        for hops in 1..=ROUTERS {
            if connect(self.address, Some(hops), patience).await.is_ok() {
                return Some(hops);
            }
        }
        None
    }
}

fn answer(response: Option<&Response<Bytes>>) -> Answer {
    response.map_or(Answer::Nothing, |response| Answer::Status(response.status().as_u16()))
}

/// How many seconds this clock is ahead of the one of the answer.
fn offset(response: &Response<Bytes>) -> Option<i64> {
    let date = parse_http_date(response.headers().get("date")?.to_str().ok()?)?;
    Some(Timestamp::now().as_second() - date.as_second())
}

/// The instance id that an answer is.
fn instance(response: &Response<Bytes>) -> Option<String> {
    let body = std::str::from_utf8(response.body()).ok()?.trim_end();
    let digits = body.strip_prefix("i-")?;
    let is_id = [8, 17].contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (response.status() == 200 && is_id).then(|| body.to_owned())
}
