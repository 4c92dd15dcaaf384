//! `cargo xtask bench`: what a metadata call costs, beside nginx that answers the same bytes.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use self::contestant::Contestant;
use crate::workspace;

mod answer;
mod contestant;
mod instructions;
mod load;
mod machine;
mod measure;
mod report;
mod server;
mod statistics;
mod workload;

/// How much is measured, and where the result goes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Rounds for each workload
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Seconds under load for each contestant in each round
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Connections with a request under way at once
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// A binary `imds` that is already built, in place of a fresh release build
    #[arg(long, value_name = "FILE")]
    imds: Option<PathBuf>,
    /// Count instructions too, with valgrind (minutes more)
    #[arg(long)]
    instructions: bool,
    /// Where to write the page [default: bench/results.md]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Measures everything and writes the page.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.rounds > 0 && options.connections > 0, "--rounds and --connections start at 1");
    let time = Duration::try_from_secs_f64(options.seconds).context("--seconds is no length of time")?;
    let nginx = machine::program("nginx", "nginx-light")?;
    let imds = options.imds.clone().map_or_else(workspace::build_imds, Ok)?;
    if options.instructions {
        machine::program("valgrind", "valgrind")?;
    }
    machine::raise_file_limit()?;
    machine::pin_to_load_core()?;

    let folder = tempfile::tempdir()?;
    let before = machine::Unrest::read()?;
    let contestants = contestant::all(&imds, &nginx);
    let mut standings = Vec::new();
    for contestant in &contestants {
        println!("start-up and memory: {}", contestant.name);
        standings.push(measure::standing(contestant, folder.path())?);
    }
    let servers: Vec<_> =
        contestants.iter().map(|contestant| contestant.start(folder.path())).collect::<Result<_>>()?;
    let effort = measure::Effort { rounds: options.rounds, time, connections: options.connections };
    let mut chance = statistics::Chance::new(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    let mut workloads = Vec::new();
    for workload in workload::ALL {
        println!("{}", workload.name());
        workloads.push(measure::workload(workload, &servers, &effort, &mut chance)?);
    }
    drop(servers);
    let instructions = if options.instructions { count(&contestants, folder.path())? } else { Vec::new() };
    let results = report::Results {
        machine: machine::Machine::read()?,
        unrest: (before, machine::Unrest::read()?),
        names: contestants.iter().map(|contestant| contestant.name).collect(),
        effort,
        standings,
        workloads,
        instructions,
    };
    let output = options.output.clone().unwrap_or_else(|| workspace::root().join("bench/results.md"));
    std::fs::write(&output, report::page(&results))
        .with_context(|| format!("{} cannot be written", output.display()))?;
    println!("{}\nwritten to {}", report::summary(&results), output.display());
    Ok(())
}

/// Counts the instructions of each workload, for imds and for nginx.
fn count(contestants: &[Contestant], parent: &Path) -> Result<Vec<[instructions::Count; 2]>> {
    let count = |contestant: usize, workload| {
        println!("instructions: {}, {}", contestants[contestant].name, workload::Workload::name(workload));
        instructions::count(&contestants[contestant], workload, parent)
    };
    workload::ALL
        .into_iter()
        .map(|it| Ok([count(contestant::IMDS, it)?, count(contestant::NGINX, it)?]))
        .collect()
}
