//! The load generator: one thread, one epoll, a fixed number of connections; every answer is checked.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use super::answer::{Answer, Body};

/// How long a server may stay silent before the measurement is given up.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// How long one that asks once waits: a server with many instances may take its time to start.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// More than any answer that is asked for here.
const LONGEST_ANSWER: usize = 4096;

/// Who asks, and the body of the answer.
pub(crate) struct Client {
    /// The address that it asks from; any if it has none.
    pub(crate) source: Option<Ipv4Addr>,
    /// The body that each of its answers has.
    pub(crate) body: Body,
}

/// Whom to ask, what, and who does.
pub(crate) struct Target {
    server: SocketAddr,
    request: Vec<u8>,
    clients: Vec<Client>,
    /// Connections so far: each is the next client's.
    turn: Cell<usize>,
}

impl Target {
    /// Asks `server` for `request`, one connection of each of `clients` after the other; there must be one at least.
    pub(crate) fn new(server: SocketAddr, request: Vec<u8>, clients: Vec<Client>) -> Self {
        Self { server, request, clients, turn: Cell::new(0) }
    }

    /// Opens a connection of the next client.
    pub(crate) fn open(&self) -> Result<(TcpStream, &Client)> {
        let turn = self.turn.replace(self.turn.get().wrapping_add(1));
        let client = &self.clients[turn % self.clients.len()];
        let stream = match client.source {
            Some(source) => connect_from(source, self.server),
            None => Ok(TcpStream::connect(self.server)?),
        };
        Ok((stream.context("the server takes no connection")?, client))
    }

    /// Asks once, over a connection of its own, and returns the answer's bytes.
    pub(crate) fn ask_once(&self) -> Result<Vec<u8>> {
        let (mut stream, client) = self.open()?;
        ask_once(&mut stream, &self.request, &client.body)
    }

    /// Asks once over a connection that is the first client's.
    pub(crate) fn ask_over(&self, stream: &mut TcpStream) -> Result<Vec<u8>> {
        ask_once(stream, &self.request, &self.clients[0].body)
    }
}

/// What a stretch of load came to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Right answers (a wrong one is an error).
    pub(crate) answers: u64,
    /// Connections that were opened for them.
    pub(crate) connections: u64,
}

/// One connection with one request under way.
struct Connection<'t> {
    stream: TcpStream,
    client: &'t Client,
    answers: u64,
    received: usize,
    buffer: [u8; LONGEST_ANSWER],
}

/// What reading from a connection came to.
enum Progress {
    /// The rest of the answer is still to come.
    Waiting,
    /// The answer is here, and the connection takes another request.
    Kept,
    /// The answer is here, and the server closes the connection.
    Closed,
    /// The server closed the connection, kept so far, before it read the request.
    Lost,
}

/// Keeps `connections` requests under way for `length`, then waits for the last answers.
pub(crate) fn run(target: &Target, connections: usize, length: Duration) -> Result<Tally> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut tally = Tally::default();
    let open = |index: usize, tally: &mut Tally| -> Result<Option<Connection<'_>>> {
        let connection = Connection::open(target)?;
        epoll::add(
            &epoll,
            &connection.stream,
            epoll::EventData::new_u64(index as u64),
            epoll::EventFlags::IN,
        )?;
        tally.connections += 1;
        Ok(Some(connection))
    };
    let mut slots = (0..connections).map(|index| open(index, &mut tally)).collect::<Result<Vec<_>>>()?;
    let mut events = Vec::with_capacity(connections);
    let end = Instant::now() + length;
    while slots.iter().any(Option::is_some) {
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&PATIENCE))?;
        ensure!(!events.is_empty(), "{} said nothing for {} s", target.server, PATIENCE.tv_sec);
        let go_on = Instant::now() < end;
        for event in events.drain(..) {
            let index = usize::try_from(event.data.u64())?;
            let Some(connection) = &mut slots[index] else { continue };
            let progress = connection.read()?;
            tally.answers += u64::from(matches!(progress, Progress::Kept | Progress::Closed));
            match progress {
                Progress::Waiting => {}
                Progress::Kept if go_on => connection.ask(target)?,
                Progress::Lost => slots[index] = open(index, &mut tally)?,
                Progress::Closed if go_on => {
                    // The old socket goes first, as a client's that has its answer does.
                    slots[index] = None;
                    slots[index] = open(index, &mut tally)?;
                }
                Progress::Kept | Progress::Closed => slots[index] = None,
            }
        }
    }
    Ok(tally)
}

impl<'t> Connection<'t> {
    fn open(target: &'t Target) -> Result<Self> {
        let (stream, client) = target.open()?;
        let mut connection = Self { stream, client, answers: 0, received: 0, buffer: [0; LONGEST_ANSWER] };
        connection.ask(target)?;
        connection.stream.set_nonblocking(true)?;
        Ok(connection)
    }

    /// Sends a request; it is small, and the one before it is answered, so that it always fits.
    fn ask(&mut self, target: &Target) -> Result<()> {
        self.received = 0;
        // A kept connection that the server has just closed is found when its answer is read.
        match self.stream.write_all(&target.request) {
            Err(error) if self.answers == 0 || !is_loss(error.kind()) => {
                Err(error).context("a request cannot be sent")
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn read(&mut self) -> Result<Progress> {
        let count = match self.stream.read(&mut self.buffer[self.received..]) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Waiting),
            Err(error) if is_loss(error.kind()) => 0,
            Err(error) => return Err(error).context("an answer cannot be read"),
        };
        if count == 0 {
            ensure!(
                self.answers > 0 && self.received == 0,
                "the server closed a connection without an answer"
            );
            return Ok(Progress::Lost);
        }
        self.received += count;
        let Some(answer) = Answer::parse(&self.buffer[..self.received])? else {
            ensure!(self.received < LONGEST_ANSWER, "an answer has more than {LONGEST_ANSWER} bytes");
            return Ok(Progress::Waiting);
        };
        answer.check(&self.client.body, self.received)?;
        self.answers += 1;
        Ok(if answer.closes { Progress::Closed } else { Progress::Kept })
    }
}

fn is_loss(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// Asks once over `stream` and returns the answer's bytes.
pub(crate) fn ask_once(stream: &mut TcpStream, request: &[u8], body: &Body) -> Result<Vec<u8>> {
    let bytes = exchange(stream, request)?;
    if let Some(answer) = Answer::parse(&bytes)? {
        answer.check(body, bytes.len())?;
    }
    Ok(bytes)
}

/// Asks once over `stream` and returns the bytes of the whole answer, whatever it says.
pub(crate) fn exchange(stream: &mut TcpStream, request: &[u8]) -> Result<Vec<u8>> {
    stream.set_read_timeout(Some(LONGEST_WAIT))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    while Answer::parse(&bytes)?.is_none() {
        receive(stream, &mut bytes)?;
    }
    Ok(bytes)
}

/// Reads what there is of an answer.
pub(crate) fn receive(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<()> {
    let mut buffer = [0; 16 * 1024];
    match stream.read(&mut buffer).context("no answer came")? {
        0 => bail!("the server closed a connection without a whole answer"),
        count => bytes.extend_from_slice(&buffer[..count]),
    }
    Ok(())
}

/// Opens `count` connections, each of them answered once and then kept.
///
/// They come from several loopback addresses, since a server may limit what one source may hold.
pub(crate) fn open_idle(target: &Target, count: usize) -> Result<Vec<TcpStream>> {
    let open = |index: usize| {
        let source = Ipv4Addr::new(127, 0, 0, u8::try_from(1 + index % 4)?);
        let mut stream = connect_from(source, target.server)?;
        target.ask_over(&mut stream)?;
        Ok(stream)
    };
    (0..count).map(open).collect()
}

/// Connects from a loopback address.
pub(crate) fn connect_from(source: Ipv4Addr, server: SocketAddr) -> Result<TcpStream> {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddrV4::new(source, 0))?;
    connect(&socket, &server)?;
    Ok(TcpStream::from(socket))
}
