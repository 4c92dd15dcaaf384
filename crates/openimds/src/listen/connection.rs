//! What is known of one connection: where it stands, since when, and how far its packets travel.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use imds_core::fault::LONGEST;
use imds_core::options::HopLimit;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, Shutdown, recv, shutdown, sockopt};

use super::gate::Limits;

/// The number of a network namespace that was handed over, in which everybody is one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lodger(pub u64);

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of a next request has come.
    Idle,
    /// A header is coming.
    Header,
    /// A body is coming, or the answer is being made.
    Body,
    /// A fault on request holds the answer back, or keeps it for ever.
    Held,
    /// The answer is being written.
    Answer,
    /// The last answer is written; what still comes is dropped, so that the client can read it.
    Linger,
}

/// A connection, shared by its stream, its service and the worker that watches the time.
pub(super) struct Connection {
    socket: OwnedFd,
    lingers: Cell<bool>,
    is_late: Cell<bool>,
    has_answered: Cell<bool>,
    phase: Cell<Phase>,
    since: Cell<Instant>,
    hops: Cell<Hops>,
    usual: Reach,
    lodger: Option<Lodger>,
}

/// How far the packets of a connection travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hops {
    /// As far as they need.
    Free,
    /// A token is on its way, and must not go further than its instance allows (wire.md decision 7).
    Limited {
        /// How far that is.
        limit: HopLimit,
        /// Has the whole answer been given to the kernel?
        is_written: bool,
    },
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The reactor asks for it beside the safe form above.
impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Connection {
    /// A connection that was just accepted: a header must come.
    pub(super) fn new(socket: OwnedFd, usual: Reach, lodger: Option<Lodger>, since: Instant) -> Self {
        Self {
            socket,
            lingers: false.into(),
            is_late: false.into(),
            has_answered: false.into(),
            phase: Phase::Header.into(),
            since: since.into(),
            hops: Hops::Free.into(),
            usual,
            lodger,
        }
    }

    /// The client was refused before it had sent everything: what still comes will be dropped at the end, so that it
    /// reads the answer and not a reset.
    pub(super) fn set_lingering(&self) {
        self.lingers.set(true);
    }

    pub(super) fn lingers(&self) -> bool {
        self.lingers.get()
    }

    /// Is an answer from before still under way? Lowering the limit would hold that one back, too.
    pub(super) fn is_unsettled(&self) -> bool {
        self.has_answered.get()
            && self.hops.get() == Hops::Free
            && imds_netns::unacknowledged(self.as_fd()).is_ok_and(|bytes| bytes > 0)
    }

    /// Has it been ended because its time was over?
    pub(super) fn was_late(&self) -> bool {
        self.is_late.get()
    }

    /// Ends it from outside of its task, which then reads its end.
    pub(super) fn end_late(&self) {
        self.is_late.set(true);
        self.end();
    }

    /// The same, with no fault of the client's.
    pub(super) fn end(&self) {
        let _ = shutdown(&self.socket, Shutdown::Both);
    }

    /// It ends with a reset, once it is closed.
    pub(super) fn set_resetting(&self) -> io::Result<()> {
        Ok(sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO))?)
    }

    /// Has the client closed it?
    pub(super) fn is_left(&self) -> bool {
        let mut byte = [0];
        match recv(&self.socket, &mut byte[..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, length)) => length == 0,
            Err(error) => !matches!(error, Errno::AGAIN | Errno::INTR),
        }
    }

    /// The lodger that it came from, if it did.
    pub(super) fn lodger(&self) -> Option<Lodger> {
        self.lodger
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Stands somewhere else from `now` on, by the worker's clock.
    pub(super) fn enter(&self, phase: Phase, now: Instant) {
        self.phase.set(phase);
        self.since.set(now);
    }

    /// Has it had its time?
    pub(super) fn is_late(&self, limits: &Limits, now: Instant) -> bool {
        let time = match self.phase.get() {
            Phase::Idle => limits.idle_timeout,
            Phase::Header | Phase::Body | Phase::Answer => limits.header_timeout,
            // Whoever holds it ends it, and this is for what goes wrong with that.
            Phase::Held => LONGEST + limits.header_timeout,
            Phase::Linger => LINGER,
        };
        now.saturating_duration_since(self.since.get()) >= time
    }

    /// All that was to be written is with the kernel.
    pub(super) fn flushed(&self, now: Instant) {
        if self.phase.get() == Phase::Answer {
            self.has_answered.set(true);
            self.enter(Phase::Idle, now);
        }
        if let Hops::Limited { limit, is_written: false } = self.hops.get() {
            self.hops.set(Hops::Limited { limit, is_written: true });
        }
    }

    /// Makes the next answer's packets travel `limit` hops, or as far as they need.
    ///
    /// # Errors
    /// When a token that was sent before is not acknowledged yet: it could be sent again and would travel as far as
    /// this answer. The connection must be closed as it is.
    pub(super) fn limit_hops(&self, limit: Option<HopLimit>) -> io::Result<()> {
        match (self.hops.get(), limit) {
            (Hops::Free, None) => return Ok(()),
            (Hops::Limited { limit: before, .. }, Some(limit)) if limit == before => {}
            (Hops::Limited { is_written, .. }, _)
                if !is_written || imds_netns::unacknowledged(self.as_fd())? > 0 =>
            {
                return Err(io::Error::other("a token is still under way"));
            }
            (Hops::Free, Some(_)) | (Hops::Limited { .. }, _) => {
                self.usual.set(self.as_fd(), limit.map_or(self.usual.hops, HopLimit::hops))?;
            }
        }
        self.hops.set(limit.map_or(Hops::Free, |limit| Hops::Limited { limit, is_written: false }));
        Ok(())
    }
}

/// How far packets travel when nothing limits them. Connections have it from their listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    hops: u8,
    is_ipv6: bool,
}

impl Reach {
    /// That of a socket.
    pub(super) fn of(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let is_ipv6 = sockopt::socket_domain(socket)? == AddressFamily::INET6;
        let hops =
            if is_ipv6 { u32::from(sockopt::ipv6_unicast_hops(socket)?) } else { sockopt::ip_ttl(socket)? };
        Ok(Self { hops: u8::try_from(hops).unwrap_or(64), is_ipv6 })
    }

    /// Lets the packets of a socket of the same kind travel `hops` hops.
    fn set(self, socket: BorrowedFd<'_>, hops: u8) -> io::Result<()> {
        if self.is_ipv6 {
            sockopt::set_ipv6_unicast_hops(socket, Some(hops))?;
        } else {
            sockopt::set_ip_ttl(socket, u32::from(hops))?;
        }
        Ok(())
    }
}

/// How long a client may take to read an answer that it did not wait for.
const LINGER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn pair(address: &str) -> (Connection, TcpStream) {
        let listener = TcpListener::bind(address).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let reach = Reach::of(listener.as_fd()).unwrap();
        (Connection::new(listener.accept().unwrap().0.into(), reach, None, Instant::now()), client)
    }

    fn hops(connection: &Connection) -> u8 {
        Reach::of(connection.as_fd()).unwrap().hops
    }

    fn limit(hops: i64) -> Option<HopLimit> {
        Some(HopLimit::new(hops).unwrap())
    }

    #[test]
    fn a_limit_holds_for_one_answer_and_goes_when_it_is_acknowledged() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (connection, _client) = pair(address);
            let usual = hops(&connection);
            connection.limit_hops(limit(1)).unwrap();
            assert_eq!(hops(&connection), 1);
            assert!(connection.limit_hops(None).is_err(), "not even written");
            connection.limit_hops(limit(1)).expect("the same limit, whatever is under way");
            assert!(connection.limit_hops(limit(2)).is_err(), "further than the token that is under way may");
            connection.flushed(Instant::now());
            connection.limit_hops(limit(3)).unwrap();
            assert_eq!(hops(&connection), 3);
            connection.flushed(Instant::now());
            connection.limit_hops(None).unwrap();
            assert_eq!(hops(&connection), usual);
        }
    }

    #[test]
    fn a_limit_stays_while_anything_is_not_acknowledged() {
        let (connection, _client) = pair("127.0.0.1:0");
        connection.limit_hops(limit(2)).unwrap();
        while rustix::net::send(&connection.socket, &[0; 65_536], rustix::net::SendFlags::DONTWAIT).is_ok() {}
        connection.flushed(Instant::now());
        assert!(connection.limit_hops(None).is_err());
        assert_eq!(hops(&connection), 2);
    }

    #[test]
    fn every_phase_has_its_time() {
        let limits = Limits { idle_timeout: Duration::from_secs(60), ..Limits::default() };
        let (connection, _client) = pair("127.0.0.1:0");
        let in_seconds = |seconds| Instant::now() + Duration::from_secs(seconds);
        for (phase, late) in [
            (Phase::Idle, 60),
            (Phase::Header, 5),
            (Phase::Body, 5),
            (Phase::Held, 65),
            (Phase::Answer, 5),
            (Phase::Linger, 2),
        ] {
            connection.enter(phase, Instant::now());
            assert!(!connection.is_late(&limits, in_seconds(late - 1)), "{phase:?}");
            assert!(connection.is_late(&limits, in_seconds(late)), "{phase:?}");
        }
    }
}
