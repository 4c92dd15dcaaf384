//! Where the door is opened: its own accept loop, with a bound on connections and on how long a header may take.

mod patience;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use imds_control::{Door, Peer};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::sync::Semaphore;

use patience::{Patient, Requests};

/// Connections that the door has at once; more wait.
const CONNECTIONS: usize = 256;
/// Bytes of a header: signatures and session tokens of real clients have some thousand.
const HEADER_LIMIT: usize = 64 * 1024;
/// Milliseconds that an answer may wait for its reader.
const UNREAD: u32 = 15_000;

/// Serves the door on a listener, for as long as it is polled. Must be called within a runtime.
///
/// # Errors
/// When the listener cannot be watched.
pub fn open(listener: TcpListener, door: Door) -> io::Result<impl Future<Output = ()>> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let service = TowerToHyperService::new(imds_control::router(door));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    Ok(async move {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection to the door could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            // Who does not read his answer keeps his place no longer than this.
            if let Err(error) = set_tcp_user_timeout(&stream, UNREAD) {
                tracing::debug!(%error, "a connection to the door has no limit on unread answers");
            }
            let mut builder = http1::Builder::new();
            builder.max_buf_size(HEADER_LIMIT);
            let requests = Requests::new(Arc::clone(&places), CONNECTIONS);
            let connection = Patient::new(stream, requests.clone());
            let service = service.clone();
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer.ip().to_canonical()));
                let working = requests.begin();
                let answer = service.call(request);
                async move {
                    let answer = answer.await;
                    drop(working);
                    answer
                }
            });
            let connection = builder.serve_connection(TokioIo::new(connection), service);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to the door ended early");
                }
                drop(place);
            });
        }
    })
}
