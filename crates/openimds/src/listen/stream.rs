//! A connection's bytes. Reads and writes are tried first, and the socket is registered with the reactor only when one
//! of them would block: a client that asks once costs neither a registration nor a second wait.
//!
//! What the HTTP library answers by itself, before there is a request, leaves here as this service's own page.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use tokio::io::unix::AsyncFd;

use super::connection::{Connection, Phase};
use super::tools::{CHUNK, Tools};

/// Bytes that a client may still send after it was refused before a reset is its own affair.
const LINGER: usize = 1024 * 1024;

/// A connection as the HTTP library uses it.
pub(super) struct Stream {
    socket: Socket,
    tools: Rc<Tools>,
    /// Of the request that is being read: has its first line ended?
    has_line: bool,
    /// Our page in the place of the library's bare refusal, and how much of it is written.
    page: Option<(Vec<u8>, usize)>,
    /// Bytes that were read and dropped at the end.
    dropped: usize,
}

/// The socket, and the reactor's word on it once that is needed.
struct Socket {
    connection: Rc<Connection>,
    registered: Option<AsyncFd<Rc<Connection>>>,
}

impl Socket {
    fn registered(&mut self) -> io::Result<&AsyncFd<Rc<Connection>>> {
        match &mut self.registered {
            Some(registered) => Ok(registered),
            none => Ok(none.insert(watched(Rc::clone(&self.connection))?)),
        }
    }

    /// Reads. Once the reactor watches, it is asked first: after an answer, there is mostly nothing yet.
    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = match &self.registered {
                Some(registered) => Some(ready!(registered.poll_read_ready(cx))?),
                None => None,
            };
            match recv(&self.connection, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, length)) => {
                    // All that there was: what comes later is reported anew.
                    if let Some(guard) = guard.as_mut().filter(|_| 0 < length && length < buffer.len()) {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(length));
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => match &mut guard {
                    Some(guard) => guard.clear_ready(),
                    None => {
                        self.registered()?;
                    }
                },
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Writes. There is mostly room, so that is tried first.
    fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match send(&self.connection, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(length) => return Poll::Ready(Ok(length)),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
            let connection = Rc::clone(&self.connection);
            let mut guard = ready!(self.registered()?.poll_write_ready(cx))?;
            // The reactor may hold a word from before; it is believed if a second attempt agrees.
            match send(&connection, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::INTR) => {}
                result => return Poll::Ready(result.map_err(io::Error::from)),
            }
        }
    }
}

/// Lets the reactor watch a descriptor that its owner keeps open and never replaces.
#[expect(
    deprecated,
    reason = "its successor asks for an unsafe block that promises what is said above, and this package has none"
)]
pub(crate) fn watched<T: AsFd + AsRawFd>(owner: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::new(owner)
}

impl Stream {
    pub(super) fn new(connection: Rc<Connection>, tools: Rc<Tools>) -> Self {
        let socket = Socket { connection, registered: None };
        Self { socket, tools, has_line: false, page: None, dropped: 0 }
    }

    fn connection(&self) -> &Connection {
        &self.socket.connection
    }

    /// Takes note of what comes in.
    fn note(&mut self, bytes: &[u8]) {
        let phase = self.connection().phase();
        if phase == Phase::Idle {
            self.has_line = false;
            self.connection().enter(Phase::Header, self.tools.now());
        }
        if matches!(phase, Phase::Idle | Phase::Header) && !self.has_line {
            self.has_line = memchr::memchr(b'\n', bytes).is_some();
        }
    }

    /// The status of these bytes, if they are the HTTP library's own refusal: there is no request that this service
    /// could have answered.
    fn refusal(&self, bytes: &[u8]) -> Option<u16> {
        if !matches!(self.connection().phase(), Phase::Idle | Phase::Header) {
            return None;
        }
        let status =
            bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
        match std::str::from_utf8(status).ok()?.parse().ok()? {
            // The library counts the request line among the bytes of the header.
            431 if !self.has_line => Some(414),
            status @ 400.. => Some(status),
            _ => None,
        }
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let tools = Rc::clone(&this.tools);
        let mut scratch = tools.scratch();
        let room = into.remaining().min(CHUNK);
        let length = ready!(this.socket.poll_recv(cx, &mut scratch[..room]))?;
        this.note(&scratch[..length]);
        into.put_slice(&scratch[..length]);
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.page.is_none()
            && let Some(status) = this.refusal(bytes)
        {
            // No token is in it: it travels as far as it needs.
            this.connection().limit_hops(None)?;
            this.connection().set_lingering();
            this.page = Some((this.tools.service().bare(status), 0));
        }
        let Some((page, written)) = &mut this.page else {
            return this.socket.poll_send(cx, bytes);
        };
        while *written < page.len() {
            *written += ready!(this.socket.poll_send(cx, &page[*written..]))?;
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().flushed(self.tools.now());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Closing says all that a shutdown would, for one call less; it is near.
        if !this.connection().lingers() {
            return Poll::Ready(Ok(()));
        }
        if this.connection().phase() != Phase::Linger {
            this.connection().enter(Phase::Linger, this.tools.now());
            let _ = shutdown(this.connection(), Shutdown::Write);
        }
        let tools = Rc::clone(&this.tools);
        let mut scratch = tools.scratch();
        while this.dropped < LINGER {
            match ready!(this.socket.poll_recv(cx, &mut scratch[..]))? {
                0 => break,
                length => this.dropped += length,
            }
        }
        Poll::Ready(Ok(()))
    }
}
