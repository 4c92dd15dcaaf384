//! The measurements: CPU a request round by round, start-up time, and memory.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::answer::Answer;
use super::contestant::Contestant;
use super::load::{self, Client, Tally, Target};
use super::server::{Memory, Server};
use super::statistics::{Chance, Estimate, median};
use super::workload::{Call, Workload};

/// Connections that are held to see what an idle one costs.
pub(crate) const IDLE_CONNECTIONS: usize = 2_000;
/// Starts that the start-up time is the median of.
pub(crate) const STARTS: usize = 10;

/// How much to measure.
pub(crate) struct Effort {
    /// Rounds for each workload.
    pub(crate) rounds: usize,
    /// Time under load for each contestant and round.
    pub(crate) time: Duration,
    /// Connections with a request under way.
    pub(crate) connections: usize,
}

/// What one contestant spent in one round.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    /// Its CPU time.
    pub(crate) cpu: Duration,
    /// The time that passed.
    pub(crate) wall: Duration,
    /// What it answered.
    pub(crate) tally: Tally,
    /// Calls that it logged.
    pub(crate) logged: u64,
}

impl Sample {
    fn add(&mut self, other: &Self) {
        self.cpu += other.cpu;
        self.wall += other.wall;
        self.tally.answers += other.tally.answers;
        self.tally.connections += other.tally.connections;
        self.logged += other.logged;
    }

    /// CPU time for one request, in µs.
    pub(crate) fn cost(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.tally.answers as f64
    }
}

/// One workload, measured: a row of samples for each contestant, in the same order of rounds.
pub(crate) struct Measured {
    /// What was asked.
    pub(crate) workload: Workload,
    /// For each contestant one sample a round.
    pub(crate) samples: Vec<Vec<Sample>>,
    /// For each contestant the bytes of one answer.
    pub(crate) answers: Vec<Vec<u8>>,
}

impl Measured {
    /// The cost of `one` as a multiple of the cost of `other`, from the ratio of each round.
    pub(crate) fn ratio(&self, one: usize, other: usize) -> Estimate {
        let pairs = self.samples[one].iter().zip(&self.samples[other]);
        Estimate::of(&pairs.map(|(one, other)| one.cost() / other.cost()).collect::<Vec<_>>())
    }

    /// The median over the rounds of a contestant.
    pub(crate) fn median(&self, contestant: usize, of: impl Fn(&Sample) -> f64) -> f64 {
        median(&self.samples[contestant].iter().map(of).collect::<Vec<_>>())
    }
}

/// Measures one workload that the local machine asks for.
pub(crate) fn workload(
    workload: Workload,
    servers: &[Server],
    effort: &Effort,
    chance: &mut Chance,
) -> Result<Measured> {
    let contestants =
        servers.iter().map(|server| Ok((server, target(workload, server)?))).collect::<Result<Vec<_>>>()?;
    rounds(workload, &contestants, effort, chance)
}

/// Measures one workload: in every round the contestants in a random order, and then in the reverse of it.
pub(crate) fn rounds(
    workload: Workload,
    contestants: &[(&Server, Target)],
    effort: &Effort,
    chance: &mut Chance,
) -> Result<Measured> {
    let answers = contestants.iter().map(|(_, target)| target.ask_once()).collect::<Result<Vec<_>>>()?;
    let mut samples = vec![Vec::with_capacity(effort.rounds); contestants.len()];
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    for (server, target) in contestants {
        stretch(server, target, effort.connections, effort.time / 4)?;
    }
    for _ in 0..effort.rounds {
        chance.shuffle(&mut order);
        let mut round = vec![Sample::default(); contestants.len()];
        for contestant in order.iter().chain(order.iter().rev()) {
            let (server, target) = &contestants[*contestant];
            round[*contestant].add(&stretch(server, target, effort.connections, effort.time / 2)?);
        }
        for (samples, sample) in samples.iter_mut().zip(round) {
            samples.push(sample);
        }
    }
    Ok(Measured { workload, samples, answers })
}

/// One stretch of load on one contestant, everybody else idle; it starts and ends at rest.
fn stretch(server: &Server, target: &Target, connections: usize, time: Duration) -> Result<Sample> {
    server.take_log()?;
    let before = server.cpu()?;
    let started = Instant::now();
    let tally = load::run(target, connections, time)?;
    let wall = started.elapsed();
    let cpu = server.settled_cpu()? - before;
    Ok(Sample { cpu, wall, tally, logged: server.take_log()? })
}

/// What to ask `server`; for IMDSv2 it is first asked for a token.
pub(crate) fn target(workload: Workload, server: &Server) -> Result<Target> {
    let put = Workload { call: Call::PutToken, kept: false };
    let bytes = load::ask_once(&mut TcpStream::connect(server.address)?, &put.request(""), &put.body())?;
    let token = Answer::parse(&bytes)?.map(|answer| String::from_utf8_lossy(answer.body).into_owned());
    let token = token.context("the server gives no token")?;
    let client = Client { source: None, body: workload.body() };
    Ok(Target::new(server.address, workload.request(&token), vec![client]))
}

/// What a contestant takes before it works.
pub(crate) struct Standing {
    /// From the start of its process to the first 200: the median, in ms.
    pub(crate) startup: f64,
    /// Its memory right after that.
    pub(crate) idle: Memory,
    /// Its memory with the idle connections open.
    pub(crate) connected: Memory,
}

/// Starts a contestant again and again, and once looks at its memory with and without idle connections.
pub(crate) fn standing(contestant: &Contestant, parent: &Path) -> Result<Standing> {
    let mut startups = Vec::new();
    for _ in 0..STARTS {
        startups.push(contestant.start(parent)?.startup.as_secs_f64() * 1e3);
    }
    let server = contestant.start(parent)?;
    server.settled_cpu()?;
    let idle = server.memory()?;
    let target = target(Workload { call: Call::GetV2, kept: true }, &server)?;
    let mut open = load::open_idle(&target, IDLE_CONNECTIONS)?;
    let connected = server.memory()?;
    // All of them were open while the memory was read: the first, which is the oldest, still is.
    target.ask_over(&mut open[0]).context("an idle connection was closed too soon")?;
    Ok(Standing { startup: median(&startups), idle, connected })
}
