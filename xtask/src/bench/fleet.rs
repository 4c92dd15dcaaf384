//! Many instances: what the hundred-thousandth costs, and how soon a changed setting is what guests meet.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use self::house::{House, Keeping, Resident};
use self::switch::Switch;
use super::answer::Body;
use super::load::{Client, Target};
use super::machine::{Machine, Unrest};
use super::measure::{self, Effort, Measured};
use super::server::Server;
use super::statistics::{Chance, median};
use super::workload::{Call, Workload};

mod door;
pub(crate) mod house;
pub(crate) mod switch;

/// Instances of a fleet.
pub(crate) const INSTANCES: usize = 100_000;
/// Starts that a start-up time is the median of.
pub(crate) const STARTS: usize = 5;
/// Rounds and seconds at most: there is more to measure than one ratio.
const LONGEST: (usize, Duration) = (6, Duration::from_secs(1));
/// Connections at least, each of which is another instance's.
const LEAST_CONNECTIONS: usize = 256;

/// A service with one instance.
pub(crate) const ONE: usize = 0;
/// The same once more: what differs between the two is the machine's noise.
pub(crate) const ONE_AGAIN: usize = 1;
/// A service with a fleet.
pub(crate) const MANY: usize = 2;

/// Everything that was measured.
pub(crate) struct Fleet {
    /// Where.
    pub(crate) machine: Machine,
    /// What the machine did besides, before and after.
    pub(crate) unrest: (Unrest, Unrest),
    /// How much was measured.
    pub(crate) effort: Effort,
    /// Seconds that launching the fleet took, in memory and on disk.
    pub(crate) filling: [f64; 2],
    /// Memory in memory and on disk, and on disk after a restart.
    pub(crate) memory: [Grown; 3],
    /// Start-up with one instance and with a fleet.
    pub(crate) startups: [Startup; 2],
    /// What a GET costs.
    pub(crate) gets: Vec<Measured>,
    /// Changes of a setting: how instances are kept, how many there are, and what came of it.
    pub(crate) switches: Vec<(Keeping, usize, Switch)>,
}

/// What the two processes have in memory with the built-in instance alone, and with a fleet.
pub(crate) struct Grown {
    /// Before the fleet was launched.
    pub(crate) before: Resident,
    /// With the fleet.
    pub(crate) after: Resident,
}

/// Medians of some starts, in ms from the start of the process.
pub(crate) struct Startup {
    /// To the line that says where it answers.
    pub(crate) ready: f64,
    /// To the first 200 of who asks again and again.
    pub(crate) answer: f64,
}

/// Measures it all, in folders inside `parent`.
pub(crate) fn measure(imds: &Path, parent: &Path, effort: &Effort, chance: &mut Chance) -> Result<Fleet> {
    let unrest = Unrest::read()?;
    let effort = Effort {
        rounds: effort.rounds.min(LONGEST.0),
        time: effort.time.min(LONGEST.1),
        connections: effort.connections.max(LEAST_CONNECTIONS),
    };
    let start = |name, keeping| House::start(imds, parent, name, keeping);
    let (many, filled_on_disk, on_disk) = fill(start("fleet", Keeping::State)?)?;
    let (many, startup_of_many) = starts(many, "a fleet")?;
    let restarted = Grown { before: on_disk.before, after: many.resident()? };
    let (one, startup_of_one) = starts(start("one", Keeping::State)?, "one instance")?;
    let again = start("one-again", Keeping::State)?;

    let mut gets = Vec::new();
    for kept in [true, false] {
        let workload = Workload { call: Call::GetV1, kept };
        println!("fleet: {}", workload.name());
        let contestants = [&one, &again, &many].map(|house| (&house.server, target(house, workload, chance)));
        gets.push(measure::rounds(workload, &contestants, &effort, chance)?);
    }
    drop(again);
    let mut switches = Vec::new();
    let mut switch = |keeping, house: &House, chance: &mut Chance| -> Result<()> {
        println!("fleet: changes of a setting, {keeping:?}, {} instances", house.guests.len());
        switches.push((keeping, house.guests.len(), switch::measure(house, chance)?));
        Ok(())
    };
    switch(Keeping::State, &one, chance)?;
    switch(Keeping::State, &many, chance)?;
    drop((one, many));
    switch(Keeping::Memory, &start("one-in-memory", Keeping::Memory)?, chance)?;
    let (many, filled_in_memory, in_memory) = fill(start("fleet-in-memory", Keeping::Memory)?)?;
    switch(Keeping::Memory, &many, chance)?;
    Ok(Fleet {
        machine: Machine::read()?,
        unrest: (unrest, Unrest::read()?),
        effort,
        filling: [filled_in_memory, filled_on_disk],
        memory: [in_memory, on_disk, restarted],
        startups: [startup_of_one, startup_of_many],
        gets,
        switches,
    })
}

/// Launches a fleet; says how many seconds that took, and what it takes in memory.
fn fill(mut house: House) -> Result<(House, f64, Grown)> {
    println!("fleet: launching {INSTANCES} instances");
    let before = house.resident()?;
    let taken = house.fill(INSTANCES)?;
    let after = house.resident()?;
    Ok((house, taken.as_secs_f64(), Grown { before, after }))
}

/// Starts a service again and again.
fn starts(mut house: House, what: &str) -> Result<(House, Startup)> {
    println!("fleet: start-up with {what}");
    let (mut ready, mut answer) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        house = house.restarted()?;
        let Server { ready: line, startup, .. } = &house.server;
        ready.push(line.context("no ready line")?.as_secs_f64() * 1e3);
        answer.push(startup.as_secs_f64() * 1e3);
    }
    Ok((house, Startup { ready: median(&ready), answer: median(&answer) }))
}

/// Its guests in a random order, each asking for its own id.
fn target(house: &House, workload: Workload, chance: &mut Chance) -> Target {
    let mut guests: Vec<_> = house.guests.iter().collect();
    chance.shuffle(&mut guests);
    let client =
        |guest: &door::Guest| Client { source: Some(guest.address), body: Body::Exactly(guest.id.clone()) };
    Target::new(house.server.address, workload.request(""), guests.into_iter().map(client).collect())
}
