//! The page that the figures go to.

use std::fmt::Write as _;

use super::contestant::{IMDS, NGINX, NGINX_AGAIN, NGINX_DEFERRED};
use super::fleet::Fleet;
use super::instructions::Count;
use super::machine::{Machine, Unrest};
use super::measure::{Effort, IDLE_CONNECTIONS, Measured, STARTS, Standing};
use super::statistics::Estimate;
use super::workload::Call;

pub(crate) use fleet::{replaced, section as fleet};

mod fleet;

/// Goals for imds against nginx as Debian configures it: kept connections, one connection a request.
const GOALS: (f64, f64) = (1.1, 1.0);

/// Everything that was measured.
pub(crate) struct Results {
    /// Where.
    pub(crate) machine: Machine,
    /// What the machine did besides, before and after.
    pub(crate) unrest: (Unrest, Unrest),
    /// The contestants' names.
    pub(crate) names: Vec<&'static str>,
    /// How much was measured.
    pub(crate) effort: Effort,
    /// Start-up and memory of each contestant.
    pub(crate) standings: Vec<Standing>,
    /// The workloads.
    pub(crate) workloads: Vec<Measured>,
    /// Instructions a request of imds and nginx, for each workload; empty if they were not counted.
    pub(crate) instructions: Vec<[Count; 2]>,
    /// Many instances.
    pub(crate) fleet: Fleet,
}

/// The whole page, in Markdown.
pub(crate) fn page(results: &Results) -> String {
    let (before, after) = &results.unrest;
    let effort = &results.effort;
    let mut page = format!(
        "# What a metadata call costs\n\n\
         Measured {date} on {machine}. Load averages {} before and {} after; {:.1} % of the time was \
         stolen by the hypervisor. {} rounds of {} s, {} connections.\n\n\
         Rerun: `cargo xtask bench` (about {} minutes; as root if nginx is not installed; \
         `--rounds` and `--seconds` shorten it). Read the figures as ratios: they move with the machine.\n\n",
        before.load,
        after.load,
        after.stolen_since(before),
        effort.rounds,
        effort.time.as_secs_f64(),
        effort.connections,
        minutes(results),
        date = results.machine.date,
        machine = results.machine.line,
    );
    page += "## CPU a request, as a multiple of nginx\n\n";
    page += &summary(results);
    page += "\nBelow 1, imds is cheaper. Each cell is the median over the rounds of the ratio within a round, with \
             its bootstrap 95 % interval. *Noise* is nginx against a second nginx of the same configuration. There \
             is no verdict on a gap smaller than the noise interval's farther end, nor on an interval that holds 1.\n";
    page += "\n## Each workload\n";
    for measured in &results.workloads {
        workload(&mut page, results, measured);
    }
    standing(&mut page, results);
    instructions(&mut page, results);
    page += &fleet(&results.fleet);
    page += METHOD_HEADING;
    page += METHOD;
    page += "\n## What differs between the contestants\n\n";
    page += DIFFERENCES;
    answers(&mut page, results);
    page
}

/// The table of ratios.
pub(crate) fn summary(results: &Results) -> String {
    let mut table = String::from(
        "| call | nginx as Debian configures it | nginx, deferred accept | noise | goal against the first |\n\
         |---|---|---|---|---|\n",
    );
    for measured in &results.workloads {
        let noise = measured.ratio(NGINX_AGAIN, NGINX);
        let goal = if measured.workload.kept { GOALS.0 } else { GOALS.1 };
        let ratio = measured.ratio(IMDS, NGINX);
        _ = writeln!(
            table,
            "| {} | {} | {} | {} | ≤ {goal:.1}: {} |",
            measured.workload.name(),
            verdict(ratio, noise),
            verdict(measured.ratio(IMDS, NGINX_DEFERRED), noise),
            interval(noise),
            reached(ratio, goal),
        );
    }
    table
}

/// Whether a ratio is at `goal` or below.
fn reached(ratio: Estimate, goal: f64) -> &'static str {
    match ratio {
        Estimate { high, .. } if high <= goal => "reached",
        Estimate { low, .. } if low > goal => "missed",
        Estimate { .. } => "the interval holds it",
    }
}

fn interval(ratio: Estimate) -> String {
    format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.low, ratio.high)
}

fn verdict(ratio: Estimate, noise: Estimate) -> String {
    let word = match ratio.differs(noise.reach()) {
        false => "no verdict",
        true if ratio.median < 1.0 => "cheaper",
        true => "dearer",
    };
    format!("**{:.2}** ({:.2}–{:.2}), {word}", ratio.median, ratio.low, ratio.high)
}

fn workload(page: &mut String, results: &Results, measured: &Measured) {
    _ = write!(
        page,
        "\n### {}\n\n| | µs CPU a request | requests a second | its core busy | answers a connection | \
         calls logged | bytes an answer |\n|---|---|---|---|---|---|---|\n",
        measured.workload.name()
    );
    for (index, name) in results.names.iter().enumerate() {
        let row = |of: fn(&super::measure::Sample) -> f64| measured.median(index, of);
        _ = writeln!(
            page,
            "| {name} | {:.1} | {:.0} | {:.0} % | {:.0} | {:.1} % | {} |",
            row(super::measure::Sample::cost),
            row(|sample| sample.tally.answers as f64 / sample.wall.as_secs_f64()),
            row(|sample| 100.0 * sample.cpu.as_secs_f64() / sample.wall.as_secs_f64()),
            row(|sample| sample.tally.answers as f64 / sample.tally.connections as f64),
            row(|sample| 100.0 * sample.logged as f64 / sample.tally.answers as f64),
            measured.answers[index].len(),
        );
    }
}

fn standing(page: &mut String, results: &Results) {
    _ = write!(
        page,
        "\n## Start-up and memory\n\n\
         | | start to first 200, ms | idle, RSS KiB | idle, PSS KiB | per idle connection, bytes |\n|---|---|---|---|---|\n"
    );
    for (name, standing) in results.names.iter().zip(&results.standings) {
        let grown = standing.connected.proportional.saturating_sub(standing.idle.proportional);
        _ = writeln!(
            page,
            "| {name} | {:.1} | {} | {} | {} |",
            standing.startup,
            standing.idle.resident,
            standing.idle.proportional,
            grown * 1024 / IDLE_CONNECTIONS as u64,
        );
    }
    _ = write!(
        page,
        "\nStart-up is the median of {STARTS} starts. Memory is the sum over all processes: RSS counts a shared page \
         for each of them, PSS once. The last column is the growth of PSS with {IDLE_CONNECTIONS} kept connections \
         open that were each answered once; what the kernel holds for them is not in it. nginx sets room for its \
         4,096 `worker_connections` aside when it starts, so that part of its cost a connection is in its idle memory.\n"
    );
}

fn instructions(page: &mut String, results: &Results) {
    if results.instructions.is_empty() {
        return;
    }
    *page += "\n## Instructions a request\n\n\
              | call | imds | spread | nginx | spread |\n|---|---|---|---|---|\n";
    for (measured, [imds, nginx]) in results.workloads.iter().zip(&results.instructions) {
        _ = writeln!(
            page,
            "| {} | {:.0} | {:.1} % | {:.0} | {:.1} % |",
            measured.workload.name(),
            imds.median,
            imds.spread,
            nginx.median,
            nginx.spread,
        );
    }
    *page += "\nIn user space, all processes, counted by callgrind as the difference between a long and a short life \
              of the server, one client, one request at a time. The spread is that of repeats: a change beyond it \
              is a change of the program.\n";
}

/// The heading of what is said of the method.
const METHOD_HEADING: &str = "\n## How it is measured\n";

const METHOD: &str = "
Each server is pinned to the first core, the load generator to the last. In every round the contestants come in a \
random order and then in its reverse, each for half of its time; only one is under load at a time. CPU time is the sum \
of `schedstat` over all threads of all processes of a server, read before a stretch of load and after the last answer, \
once the server has come to rest, so that calls logged late are in it. The load generator is part of `xtask`: one \
thread, one epoll, each connection with one request under way. It checks the status and the body of every answer \
while measuring, and one wrong answer ends the run. A closed workload opens a connection for every request.
";

const DIFFERENCES: &str = "\
- nginx answers fixed strings: it seals and opens no token, looks nothing up and checks no option.
- A kept answer of nginx says `Connection: keep-alive`; EC2's, and so ours, says nothing. The order of the headers \
differs. `Server` has the same length.
- Both log every call to a file, with the same fields but for the form of the time and the resolution of the duration. \
nginx writes each line with a `write` of its own, as Debian configures it.
- nginx is configured as Debian ships it where that bears on speed, but with one worker and 4,096 `worker_connections`. \
It closes a kept connection after 1,000 requests, its default.
";

/// The answers to the same call, side by side.
fn answers(page: &mut String, results: &Results) {
    let get_v2 = results.workloads.iter().find(|measured| measured.workload.call == Call::GetV2);
    for contestant in [IMDS, NGINX] {
        let Some(bytes) = get_v2.map(|measured| &measured.answers[contestant]) else { continue };
        let text = String::from_utf8_lossy(bytes).replace('\r', "");
        _ = write!(page, "\n{}, {} bytes:\n\n```\n{text}\n```\n", results.names[contestant], bytes.len());
    }
}

/// Minutes that the measurements of many instances take.
const FLEET_MINUTES: u64 = 2;

/// How long such a run takes, in minutes; a server rests after each stretch of load.
fn minutes(results: &Results) -> u64 {
    let stretches = results.names.len() * results.effort.rounds * results.workloads.len();
    ((results.effort.time.as_secs_f64() + 0.35) * stretches as f64 / 60.0).ceil() as u64 + FLEET_MINUTES + 1
}
