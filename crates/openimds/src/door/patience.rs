//! How long a connection to the door is waited for: a header must come soon once it has begun, and between two requests
//! clients may think. Some ask the same thing every five seconds, or thirty, and each time on the connection that they kept.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep, sleep};

/// How long the header of a request may take, the first one from the connection on.
const HEADER: Duration = Duration::from_secs(5);
/// How long a kept connection may be silent, while more than half of the door's places are free. Else it is as long as a
/// header may take: a crowd that says nothing keeps nobody out for long.
const IDLE: Duration = Duration::from_secs(60);

/// The requests of a connection whose headers are there: how many there were, and whether one is being worked on, whose body
/// and answer have limits of their own.
#[derive(Clone)]
pub(super) struct Requests(Arc<Counts>);

struct Counts {
    begun: AtomicU64,
    done: AtomicU64,
    /// The places of the door, and how many there are.
    places: (Arc<Semaphore>, usize),
}

/// A request that is being worked on, until this is dropped.
pub(super) struct Working(Requests);

impl Requests {
    /// None yet, on a connection that has one of these places, so many there are.
    pub(super) fn new(places: Arc<Semaphore>, count: usize) -> Self {
        Self(Arc::new(Counts { begun: AtomicU64::new(0), done: AtomicU64::new(0), places: (places, count) }))
    }

    /// How long silence may last.
    fn idle(&self) -> Duration {
        let (places, count) = &self.0.places;
        if places.available_permits() > count / 2 { IDLE } else { HEADER }
    }

    /// The header of a request is there.
    pub(super) fn begin(&self) -> Working {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Working(self.clone())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection whose reads end in time.
pub(super) struct Patient<S> {
    stream: S,
    requests: Requests,
    /// How many had begun when that was last looked at.
    seen: u64,
    /// Has a header begun that is not there yet?
    is_begun: bool,
    end: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, requests: Requests) -> Self {
        Self { stream, requests, seen: 0, is_begun: true, end: Box::pin(sleep(HEADER)) }
    }

    /// Silence begins now: after a request, and after each part of its answer that is on its way.
    fn begin_silence(&mut self) {
        self.is_begun = false;
        let idle = self.requests.idle();
        self.end.as_mut().reset(Instant::now() + idle);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let begun = this.requests.0.begun.load(Ordering::Relaxed);
        let is_busy = begun != this.requests.0.done.load(Ordering::Relaxed);
        if begun != this.seen {
            this.seen = begun;
            this.begin_silence();
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if is_busy {
            return read;
        }
        if read.is_pending() {
            ready!(this.end.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if !this.is_begun && buffer.filled().len() > before {
            this.is_begun = true;
            this.end.as_mut().reset(Instant::now() + HEADER);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.begin_silence();
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, bytes));
        self.begin_silence();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    fn requests() -> Requests {
        Requests::new(Arc::new(Semaphore::new(2)), 2)
    }

    async fn read(connection: &mut Patient<DuplexStream>) -> Result<usize, io::ErrorKind> {
        connection.read(&mut [0; 16]).await.map_err(|error| error.kind())
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_must_come_soon_and_silence_may_last() {
        let (mut client, server) = duplex(64);
        let requests = requests();
        let mut connection = Patient::new(server, requests.clone());
        for _ in 0..2 {
            let began = Instant::now();
            client.write_all(b"POST").await.unwrap();
            assert_eq!(read(&mut connection).await, Ok(4));
            let working = requests.begin();
            client.write_all(b"body").await.unwrap();
            assert_eq!(read(&mut connection).await, Ok(4));
            drop(working);
            // The next one comes after a pause.
            let pause = tokio::spawn(async move {
                sleep(IDLE - HEADER).await;
                client.write_all(b"P").await.unwrap();
                client
            });
            assert_eq!(read(&mut connection).await, Ok(1));
            assert!(began.elapsed() >= IDLE - HEADER);
            client = pause.await.unwrap();
        }
        let began = Instant::now();
        assert_eq!(read(&mut connection).await, Err(io::ErrorKind::TimedOut));
        assert_eq!(began.elapsed().as_secs(), HEADER.as_secs(), "the rest of a header");
    }

    #[tokio::test(start_paused = true)]
    async fn what_says_nothing_is_closed() {
        let (_client, server) = duplex(64);
        let requests = requests();
        let mut connection = Patient::new(server, requests.clone());
        let began = Instant::now();
        assert_eq!(read(&mut connection).await, Err(io::ErrorKind::TimedOut));
        assert_eq!(began.elapsed().as_secs(), HEADER.as_secs(), "no header at all");

        let (_client, server) = duplex(64);
        let mut connection = Patient::new(server, requests.clone());
        drop(requests.begin());
        let began = Instant::now();
        assert_eq!(read(&mut connection).await, Err(io::ErrorKind::TimedOut));
        assert_eq!(began.elapsed().as_secs(), IDLE.as_secs(), "nothing after a request");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_may_be_read_slowly() {
        let (mut client, server) = duplex(8);
        let requests = requests();
        let mut connection = Patient::new(server, requests.clone());
        drop(requests.begin());
        let began = Instant::now();
        let reader = tokio::spawn(async move {
            for _ in 0..4 {
                sleep(IDLE - HEADER).await;
                client.read_exact(&mut [0; 8]).await.unwrap();
            }
            client
        });
        // As the HTTP library does, which looks for the end of what comes while it writes.
        let (mut from, mut to) = tokio::io::split(&mut connection);
        let mut nothing = [0; 1];
        tokio::select! {
            read = from.read(&mut nothing) => panic!("{read:?} after {:?}", began.elapsed()),
            written = to.write_all(&[0; 32]) => written.unwrap(),
        }
        assert!(began.elapsed() > 2 * IDLE);
        drop(reader.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn where_there_is_a_crowd_silence_is_short() {
        let places = Arc::new(Semaphore::new(2));
        let requests = Requests::new(Arc::clone(&places), 2);
        let _place = places.acquire().await.unwrap();
        let (_client, server) = duplex(64);
        let mut connection = Patient::new(server, requests.clone());
        drop(requests.begin());
        let began = Instant::now();
        assert_eq!(read(&mut connection).await, Err(io::ErrorKind::TimedOut));
        assert_eq!(began.elapsed().as_secs(), HEADER.as_secs());
    }
}
