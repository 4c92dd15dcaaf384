//! One request and its answer, on a connection of its own.

use std::io;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::timeout;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Why no answer came.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was heard while connecting.
    NoConnection,
    /// There is nothing to connect to.
    Refused(io::Error),
    /// There is a connection, and nothing, or not all, was heard in time.
    NoAnswer,
    /// The connection ended, or what came was not HTTP.
    Broken(hyper::Error),
}

/// Sends a request, and waits until the whole answer is there. What comes after the connection may take `patience`.
pub(crate) async fn exchange(
    to: impl ToSocketAddrs,
    request: Request<Full<Bytes>>,
    patience: Duration,
) -> Result<Response<Bytes>, Failure> {
    let stream = timeout(CONNECT, TcpStream::connect(to)).await.map_err(|_| Failure::NoConnection)?;
    converse(stream.map_err(Failure::Refused)?, request, patience).await
}

/// Sends a request over a connection, and waits for the whole answer for as long as `patience`.
pub(crate) async fn converse(
    stream: TcpStream,
    request: Request<Full<Bytes>>,
    patience: Duration,
) -> Result<Response<Bytes>, Failure> {
    let answered = timeout(patience, async {
        let (head, body) = send(stream, request).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    });
    answered.await.map_err(|_| Failure::NoAnswer)?.map_err(Failure::Broken)
}

/// Sends a request over a connection, and waits until the answer's body begins.
pub(crate) async fn send(
    stream: TcpStream,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, hyper::Error> {
    let mut http = hyper::client::conn::http1::Builder::new();
    let (mut sender, connection) = http.title_case_headers(true).handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    sender.send_request(request).await
}
