//! A worker: one thread with a listener on every address and the connections that the kernel gives it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use imds_server::{Carry, Service, Source, Strike};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use slab::Slab;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio::task::LocalSet;

use crate::thread;

use super::connection::{Connection, Lodger, Phase};
use super::gate::{Gate, Pass};
use super::lodgers::{Lodgers, Told};
use super::socket::Listener;
use super::stream::{Stream, watched};
use super::tools::Tools;

/// How often late connections are looked for and log lines are handed on, while there are any.
const TICK: Duration = Duration::from_millis(100);
/// Bytes of a request line and header together; the library answers 431 above.
const HEADER_LIMIT: usize = 16 * 1024;
/// Connections that are accepted in a row.
const BATCH: u64 = 64;
/// How long answers from before may take to be acknowledged.
const SETTLED: Duration = Duration::from_secs(2);
/// How long connections of `imds serve` may go on after it was told to end.
pub const GRACE: Duration = Duration::from_secs(2);

/// One thread's part of the service: its connections, and what they share.
pub struct Worker {
    tools: Rc<Tools>,
    gate: Arc<Gate>,
    connections: RefCell<Slab<Rc<Connection>>>,
    is_asleep: Cell<bool>,
    work: Notify,
}

/// A connection's place among those that are watched, left when its task ends, however it ends.
struct Place {
    worker: Rc<Worker>,
    key: usize,
}

impl Place {
    fn new(worker: &Rc<Worker>, connection: &Rc<Connection>) -> Self {
        let key = worker.connections.borrow_mut().insert(Rc::clone(connection));
        Self { worker: Rc::clone(worker), key }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().remove(self.key);
    }
}

impl Worker {
    fn new(service: Service, gate: Arc<Gate>) -> Self {
        Self {
            tools: Rc::new(Tools::new(service)),
            gate,
            connections: RefCell::default(),
            is_asleep: Cell::new(false),
            work: Notify::new(),
        }
    }

    /// Accepts until told to stop.
    async fn accept(self: Rc<Self>, listener: Listener) -> io::Result<()> {
        let ready = watched(listener.socket.as_fd())?;
        let mut accepted = 0_u64;
        loop {
            let mut guard = ready.readable().await?;
            match acceptfrom_with(&listener.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok((socket, Some(peer))) => {
                    let peer = SocketAddr::try_from(peer).map_or(IpAddr::from([0; 4]), |peer| peer.ip());
                    self.open(socket, &listener, peer).await;
                }
                Ok((_, None)) | Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(Errno::AGAIN) => guard.clear_ready(),
                // A lodger's that does not listen any longer. Whoever lets it listen again says so.
                Err(Errno::INVAL) => return Ok(()),
                Err(error) => {
                    // No descriptors or no memory: others may give some back.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(TICK).await;
                }
            }
            // An accept that finds nobody makes a socket and throws it away: asking first costs a fraction of it.
            if !has_waiting(&listener) {
                guard.clear_ready();
            }
            accepted += 1;
            if accepted.is_multiple_of(BATCH) {
                // Those who came before are served before more are let in.
                tokio::task::yield_now().await;
            }
        }
    }

    async fn open(self: &Rc<Self>, socket: OwnedFd, listener: &Listener, peer: IpAddr) {
        let source = listener.source(&socket, peer);
        let traffic = &self.tools.service().shared().traffic;
        traffic.accepted.fetch_add(1, Relaxed);
        // Lodgers all have the same addresses.
        let pass = match listener.lodger {
            Some(lodger) => self.gate.enter(lodger),
            None => self.gate.enter(source.peer),
        };
        let Some(pass) = pass else {
            traffic.over_limit.fetch_add(1, Relaxed);
            return;
        };
        if !source.is_admitted(&self.tools.service().shared().registry) {
            return;
        }
        if self.is_asleep.replace(false) {
            self.tools.tick();
            self.work.notify_one();
        }
        let connection = Rc::new(Connection::new(socket, listener.reach, listener.lodger, self.tools.now()));
        let mut serving = Box::pin(Rc::clone(self).serve(connection, source, pass));
        // Whoever asks once and closes is mostly served at the first try, and needs no task of its own. A panic ends
        // its connection, as it would in one, and not the listener's.
        let first = poll_fn(|cx| {
            Poll::Ready(
                catch_unwind(AssertUnwindSafe(|| serving.as_mut().poll(cx))).unwrap_or(Poll::Ready(())),
            )
        });
        if first.await.is_pending() {
            tokio::task::spawn_local(serving);
        }
    }

    async fn serve(self: Rc<Self>, connection: Rc<Connection>, source: Source, _pass: Pass) {
        let _place = Place::new(&self, &connection);
        let stream = Stream::new(Rc::clone(&connection), Rc::clone(&self.tools));
        let service = service_fn(|request| self.answer(&connection, &source, request));
        let served = http1::Builder::new()
            .title_case_headers(true)
            .auto_date_header(false)
            .half_close(true)
            .header_read_timeout(None)
            .max_buf_size(HEADER_LIMIT)
            .serve_connection(stream, service)
            .await;
        if let Err(error) = served {
            tracing::debug!(source = %source.peer, %error, "a connection ended early");
        }
    }

    async fn answer(
        &self,
        connection: &Connection,
        source: &Source,
        request: http::Request<Incoming>,
    ) -> io::Result<http::Response<imds_server::response::Body>> {
        connection.enter(Phase::Body, self.tools.now());
        let reply = self.tools.service().call(request, source, || connection.was_late()).await;
        if let Some(strike) = &reply.strike {
            suffer(connection, strike, self.tools.now()).await?;
        }
        if reply.hop_limit.is_some() {
            settle(connection).await;
        }
        connection.limit_hops(reply.hop_limit)?;
        if reply.is_cut_short {
            connection.set_lingering();
        }
        connection.enter(Phase::Answer, self.tools.now());
        Ok(reply.response)
    }

    /// Ends late connections and hands log lines on, while there are any; sleeps when there is nothing.
    async fn watch(self: Rc<Self>) {
        loop {
            tokio::time::sleep(TICK).await;
            self.tools.tick();
            self.tools.service().hand_on_log();
            self.end_late();
            if self.connections.borrow().is_empty() {
                self.is_asleep.set(true);
                self.work.notified().await;
            }
        }
    }

    fn end_late(&self) {
        // What was noted at a tick may have happened until the next: nobody is ended early.
        let (now, limits) = (self.tools.now() - TICK, self.gate.limits());
        for (_, connection) in
            self.connections.borrow().iter().filter(|(_, connection)| connection.is_late(limits, now))
        {
            if connection.phase() != Phase::Idle {
                self.tools.service().shared().traffic.timed_out.fetch_add(1, Relaxed);
            }
            connection.end_late();
        }
    }

    /// Does what it is told. The listeners of lodgers are `lodgings`.
    fn heed(self: &Rc<Self>, told: Told, lodgings: &mut HashMap<Lodger, Vec<(SocketAddr, Accepting)>>) {
        match told {
            Told::Listen(lodger, listener) => {
                let address = listener.address();
                let accepting = tokio::task::spawn_local(Rc::clone(self).accept(listener));
                lodgings.entry(lodger).or_default().push((address, accepting));
            }
            Told::Stop(lodger, address) => {
                let listeners = lodgings.entry(lodger).or_default();
                listeners.extract_if(.., |(at, _)| *at == address).for_each(|(_, task)| task.abort());
            }
            Told::Leave(lodger) => {
                lodgings.remove(&lodger).into_iter().flatten().for_each(|(_, task)| task.abort());
                let connections = self.connections.borrow();
                let of_lodger = connections.iter().filter(|(_, one)| one.lodger() == Some(lodger));
                of_lodger.for_each(|(_, connection)| connection.end());
            }
            Told::HandOn(question) => self.tools.service().hand_on_calls(question),
        }
    }

    async fn run(
        self: Rc<Self>,
        listeners: Vec<Listener>,
        mut told: UnboundedReceiver<Told>,
        mut stop: watch::Receiver<Option<Duration>>,
    ) {
        let watching = tokio::task::spawn_local(Rc::clone(&self).watch());
        let accepting: Vec<_> = listeners
            .into_iter()
            .map(|listener| tokio::task::spawn_local(Rc::clone(&self).accept(listener)))
            .collect();
        let mut lodgings = HashMap::new();
        let grace = loop {
            tokio::select! {
                grace = stop.wait_for(Option::is_some) => break grace.ok().and_then(|grace| *grace),
                Some(told) = told.recv() => self.heed(told, &mut lodgings),
            }
        };
        let of_lodgers = lodgings.into_values().flatten().map(|(_, task)| task);
        for task in accepting.into_iter().chain(of_lodgers) {
            task.abort();
        }
        let end = Instant::now() + grace.unwrap_or_default();
        let is_at_work = |phase| matches!(phase, Phase::Body | Phase::Answer);
        while self.connections.borrow().iter().any(|(_, connection)| is_at_work(connection.phase()))
            && Instant::now() < end
        {
            tokio::time::sleep(TICK / 10).await;
        }
        watching.abort();
        self.tools.service().hand_on_log();
    }
}

/// A task that accepts.
type Accepting = tokio::task::JoinHandle<io::Result<()>>;

/// Is somebody there to be accepted?
fn has_waiting(listener: &Listener) -> bool {
    let mut listener = [PollFd::new(&listener.socket, PollFlags::IN)];
    poll(&mut listener, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// Does to a connection what a fault on request says. An error closes it without an answer.
async fn suffer(connection: &Connection, strike: &Strike, now: Instant) -> io::Result<()> {
    let carry = strike.carry();
    let end = Instant::now() + strike.wait();
    connection.enter(Phase::Held, now);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        // Who has shut down its own side may still read a late answer, but waits for none that never comes.
        let is_left = carry == Carry::Nothing && connection.is_left();
        if left.is_zero() || is_left || strike.is_lifted() {
            break;
        }
        tokio::time::sleep(left.min(TICK)).await;
    }
    match carry {
        Carry::Answer => return Ok(()),
        Carry::Reset => connection.set_resetting()?,
        Carry::Nothing => {}
    }
    Err(io::Error::other(strike.to_string()))
}

/// Waits until answers from before are acknowledged, which a client that sends the next request too early has not done.
async fn settle(connection: &Connection) {
    let end = Instant::now() + SETTLED;
    while connection.is_unsettled() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The threads of a running service. They accept once they are released.
pub struct Workers {
    threads: Vec<JoinHandle<()>>,
    start: Arc<Barrier>,
    stop: watch::Sender<Option<Duration>>,
    told: Vec<UnboundedSender<Told>>,
}

/// Has all workers hand their calls on to the journal.
pub struct Callers(Vec<UnboundedSender<Told>>);

impl Callers {
    /// How many they are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Tells them of a question. Returns how many of them are gone, and will not hear it.
    #[must_use]
    pub fn hand_on(&self, question: u64) -> usize {
        self.0.iter().filter(|worker| worker.send(Told::HandOn(question)).is_err()).count()
    }
}

impl Workers {
    /// Starts a thread for each set of listeners, with a service of its own.
    ///
    /// # Errors
    /// When a thread or its reactor cannot be made.
    pub fn prepare(
        sets: Vec<Vec<Listener>>,
        gate: &Arc<Gate>,
        service: impl Fn() -> Service + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let service = Arc::new(service);
        let start = Arc::new(Barrier::new(sets.len() + 1));
        let (stop, stopped) = watch::channel(None);
        let mut threads = Vec::with_capacity(sets.len());
        let mut told = Vec::with_capacity(sets.len());
        for listeners in sets {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (service, gate, start, stopped) =
                (Arc::clone(&service), Arc::clone(gate), Arc::clone(&start), stopped.clone());
            let (teller, hears) = unbounded_channel();
            told.push(teller);
            threads.push(thread::start("imds-worker", move || {
                let worker = Rc::new(Worker::new(service(), gate));
                start.wait();
                LocalSet::new().block_on(&runtime, worker.run(listeners, hears, stopped));
            })?);
        }
        Ok(Self { threads, start, stop, told })
    }

    /// Lodgers of theirs, of whom there are none yet.
    #[must_use]
    pub fn lodgers(&self) -> Lodgers {
        Lodgers::new(self.told.clone())
    }

    /// A way to have all of them hand their calls on.
    #[must_use]
    pub fn callers(&self) -> Callers {
        Callers(self.told.clone())
    }

    /// Lets the threads accept.
    pub fn release(&self) {
        self.start.wait();
    }

    /// Ends all threads, after what they read and write now, if that takes no longer than `grace`.
    pub fn stop(self, grace: Duration) {
        let _ = self.stop.send(Some(grace));
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker had ended by a panic");
            }
        }
    }
}
