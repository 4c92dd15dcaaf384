//! `imds serve` with a door, and what it holds: the built-in instance, or a fleet.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::door::{Door, Guest};
use crate::bench::server::{self, Launch, Server};

/// Where a service keeps its instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// For as long as it runs.
    Memory,
    /// On disk, with `--state`.
    State,
}

/// A service that can be started again and then has what it had.
pub(crate) struct House {
    /// The service as it runs.
    pub(crate) server: Server,
    /// Where its door is.
    pub(crate) door: SocketAddr,
    /// The instances that ask: the launched ones, or the built-in one alone.
    pub(crate) guests: Vec<Guest>,
    imds: PathBuf,
    folder: PathBuf,
    keeping: Keeping,
}

/// What each of the two processes has in memory, in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resident {
    /// The process that answers guests.
    pub(crate) metadata: u64,
    /// The one that keeps what there is, and has the door.
    pub(crate) helper: u64,
}

impl House {
    /// Starts a service with the built-in instance, in a folder of its own inside `parent`.
    pub(crate) fn start(imds: &Path, parent: &Path, name: &str, keeping: Keeping) -> Result<Self> {
        let folder = server::folder(parent, name)?;
        let (server, door) = start(imds, &folder, keeping)?;
        let guests = Door::connect(door)?.guests()?;
        Ok(Self { server, door, guests, imds: imds.to_owned(), folder, keeping })
    }

    /// Launches `count` instances, who from now on are those that ask; says how long that took.
    pub(crate) fn fill(&mut self, count: usize) -> Result<Duration> {
        let started = Instant::now();
        self.guests = Door::connect(self.door)?.launch(count)?;
        Ok(started.elapsed())
    }

    /// Ends it and starts it again.
    pub(crate) fn restarted(self) -> Result<Self> {
        self.server.end()?;
        let (server, door) = start(&self.imds, &self.folder, self.keeping)?;
        Ok(Self { server, door, ..self })
    }

    /// What it has in memory once it has come to rest.
    pub(crate) fn resident(&self) -> Result<Resident> {
        self.server.settled_cpu()?;
        let memories = self.server.memories()?;
        let [metadata, helper] = memories[..] else {
            anyhow::bail!("imds serve is two processes, and there are {}", memories.len());
        };
        Ok(Resident { metadata: metadata.resident, helper: helper.resident })
    }
}

/// The whole of loopback is the VPC: each instance has an address there, and can ask from it.
fn start(imds: &Path, folder: &Path, keeping: Keeping) -> Result<(Server, SocketAddr)> {
    let (port, door) = (server::free_port()?, server::free_port()?);
    let door = SocketAddr::from((Ipv4Addr::LOCALHOST, door));
    let mut command = Command::new(imds);
    command.args(["serve", "--vpc-cidr", "127.0.0.0/8", "--log", "text", "--print-ready"]);
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--admin", &door.to_string()]);
    if keeping == Keeping::State {
        command.arg("--state").arg(folder.join("state"));
    }
    let launch = Launch { command, log: folder.join("stderr.log"), says_ready: true };
    let server = Server::start(launch, port).context("imds does not start")?;
    Ok((server, door))
}
