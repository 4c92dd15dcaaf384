//! From a changed setting to what guests meet: how long a change takes, and whether its answer keeps its word.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::door::{self, Door, Guest};
use super::house::House;
use crate::bench::answer::Answer;
use crate::bench::load;
use crate::bench::statistics::Chance;
use crate::bench::workload::{Call, Workload};

/// Changes that are timed, one after the other.
pub(crate) const CHANGES: usize = 300;
/// Changes that a guest watches, asking all the while.
pub(crate) const WATCHED: usize = 100;
/// How long a watched change may take.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// What changing a setting came to.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    /// From the first byte of `ModifyInstanceMetadataOptions` to the last of its answer, in ms.
    pub(crate) latencies: Vec<f64>,
    /// From that answer to the first answer that a guest who asks all the while gets by the new setting, in µs: below
    /// zero where the guest had its answer first.
    pub(crate) seen: Vec<f64>,
    /// GETs that were sent after the answer.
    pub(crate) later: usize,
    /// Those of them that were answered by the old setting.
    pub(crate) late: usize,
}

/// What guests are: their requests, and whether each has to send a token.
struct Guests<'h> {
    house: &'h House,
    is_required: Vec<bool>,
    request: Vec<u8>,
}

/// Changes `HttpTokens` of one guest after the other, there and back.
pub(crate) fn measure(house: &House, chance: &mut Chance) -> Result<Switch> {
    let request = Workload { call: Call::GetV1, kept: true }.request("");
    let mut guests = Guests { house, is_required: vec![false; house.guests.len()], request };
    let mut door = Door::connect(house.door)?;
    let mut switch = Switch::default();
    for _ in 0..CHANGES {
        guests.change(chance.below(house.guests.len()), &mut door, &mut switch)?;
    }
    for _ in 0..WATCHED {
        guests.watch(chance.below(house.guests.len()), &mut door, &mut switch)?;
    }
    Ok(switch)
}

impl Guests<'_> {
    /// Changes one guest's setting, and asks at once: over a connection that it has, and over a new one.
    fn change(&mut self, index: usize, door: &mut Door, switch: &mut Switch) -> Result<()> {
        let (guest, mut kept) = self.connect(index)?;
        let is_required = !self.is_required[index];
        let started = Instant::now();
        door.modify(&guest.id, is_required)?;
        switch.latencies.push(started.elapsed().as_secs_f64() * 1e3);
        let new = status(is_required);
        switch.count(self.ask(&mut kept)? == new);
        let mut fresh = load::connect_from(guest.address, self.house.server.address)?;
        switch.count(self.ask(&mut fresh)? == new);
        self.is_required[index] = is_required;
        Ok(())
    }

    /// Changes one guest's setting while it asks, one request after the other over one connection.
    fn watch(&mut self, index: usize, door: &mut Door, switch: &mut Switch) -> Result<()> {
        let (guest, stream) = self.connect(index)?;
        let is_required = !self.is_required[index];
        let mut watcher =
            Watcher { stream, request: &self.request, received: Vec::new(), sent: Instant::now() };
        watcher.ask()?;
        let mut document = Vec::new();
        let (mut answered, mut seen) = (None, None);
        door.begin_to_modify(&guest.id, is_required)?;
        while answered.is_none() || seen.is_none() {
            let (is_watcher, is_door) = either(&watcher.stream, &door.stream)?;
            let now = Instant::now();
            if is_watcher && let Some(status_seen) = watcher.read()? {
                let is_new = status_seen == status(is_required);
                if is_new {
                    seen.get_or_insert(now);
                }
                if answered.is_some_and(|answered| watcher.sent > answered) {
                    switch.count(is_new);
                }
                watcher.ask()?;
            }
            if is_door {
                load::receive(&mut door.stream, &mut document)?;
                if Answer::parse(&document)?.is_some() {
                    answered.get_or_insert(now);
                }
            }
        }
        door::acknowledged(&document)?;
        while watcher.read()?.is_none() {}
        switch.count(self.ask(&mut watcher.stream)? == status(is_required));
        let (answered, seen) = answered.zip(seen).context("half a change")?;
        switch.seen.push(apart(answered, seen));
        self.is_required[index] = is_required;
        Ok(())
    }

    /// A connection of a guest, over which it was answered by the setting that it has.
    fn connect(&self, index: usize) -> Result<(&Guest, TcpStream)> {
        let guest = &self.house.guests[index];
        let mut stream = load::connect_from(guest.address, self.house.server.address)?;
        stream.set_nodelay(true)?;
        let answered = self.ask(&mut stream)?;
        ensure!(
            answered == status(self.is_required[index]),
            "{} is answered {answered} before a change",
            guest.id
        );
        Ok((guest, stream))
    }

    fn ask(&self, stream: &mut TcpStream) -> Result<u16> {
        status_of(&load::exchange(stream, &self.request)?)
    }
}

impl Switch {
    /// Counts a GET that was sent after the answer.
    fn count(&mut self, is_new: bool) {
        self.later += 1;
        self.late += usize::from(!is_new);
    }
}

/// A guest that asks all the while.
struct Watcher<'r> {
    stream: TcpStream,
    request: &'r [u8],
    received: Vec<u8>,
    sent: Instant,
}

impl Watcher<'_> {
    fn ask(&mut self) -> Result<()> {
        use std::io::Write as _;
        self.received.clear();
        self.sent = Instant::now();
        Ok(self.stream.write_all(self.request)?)
    }

    /// The status of the answer, once it is whole.
    fn read(&mut self) -> Result<Option<u16>> {
        load::receive(&mut self.stream, &mut self.received)?;
        if Answer::parse(&self.received)?.is_none() {
            return Ok(None);
        }
        status_of(&self.received).map(Some)
    }
}

/// Waits until at least one of two connections has something to read, and says which.
fn either(one: &TcpStream, other: &TcpStream) -> Result<(bool, bool)> {
    let mut fds = [PollFd::new(one, PollFlags::IN), PollFd::new(other, PollFlags::IN)];
    ensure!(poll(&mut fds, Some(&PATIENCE))? > 0, "neither the door nor the service says anything");
    Ok((!fds[0].revents().is_empty(), !fds[1].revents().is_empty()))
}

/// How a GET without a token is answered.
fn status(is_required: bool) -> u16 {
    if is_required { 401 } else { 200 }
}

fn status_of(bytes: &[u8]) -> Result<u16> {
    Answer::parse(bytes)?.and_then(|answer| answer.status()).context("an answer without a status")
}

/// From `one` to `other`, in µs.
fn apart(one: Instant, other: Instant) -> f64 {
    let micros = |length: Duration| length.as_secs_f64() * 1e6;
    if other >= one { micros(other - one) } else { -micros(one - other) }
}

#[cfg(test)]
mod tests {
    use super::{Switch, apart};
    use std::time::{Duration, Instant};

    #[test]
    fn what_comes_first_is_below_zero() {
        let now = Instant::now();
        let later = now + Duration::from_micros(250);
        assert_eq!((apart(now, later), apart(later, now), apart(now, now)), (250.0, -250.0, 0.0));
    }

    #[test]
    fn an_answer_by_the_old_setting_is_late() {
        let mut switch = Switch::default();
        [true, false, true].into_iter().for_each(|is_new| switch.count(is_new));
        assert_eq!((switch.later, switch.late), (3, 1));
    }
}
