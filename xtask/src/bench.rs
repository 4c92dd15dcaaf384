//! `cargo xtask bench`: what a metadata call costs, beside nginx that answers the same bytes.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use self::contestant::Contestant;
use crate::workspace;

mod answer;
mod contestant;
mod fleet;
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
    /// Measure this part alone, and replace its section of the page
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Where to write the page [default: bench/results.md]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What can be measured alone.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Part {
    /// 100,000 instances: memory, start-up, what a GET costs, and how soon a changed setting is met
    Fleet,
}

/// Measures everything, or what is asked for, and writes the page.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.rounds > 0 && options.connections > 0, "--rounds and --connections start at 1");
    let time = Duration::try_from_secs_f64(options.seconds).context("--seconds is no length of time")?;
    let effort = measure::Effort { rounds: options.rounds, time, connections: options.connections };
    let output = options.output.clone().unwrap_or_else(|| workspace::root().join("bench/results.md"));
    let imds = || options.imds.clone().map_or_else(workspace::build_imds, Ok);
    let (page, summary) = match options.only {
        Some(Part::Fleet) => fleet_alone(&imds()?, &effort, &output)?,
        None => {
            let nginx = machine::program("nginx", "nginx-light")?;
            everything(options, &imds()?, &nginx, effort)?
        }
    };
    std::fs::write(&output, page).with_context(|| format!("{} cannot be written", output.display()))?;
    println!("{summary}\nwritten to {}", output.display());
    Ok(())
}

/// Measures many instances, and gives the page with that section made new, and the section.
fn fleet_alone(imds: &Path, effort: &measure::Effort, output: &Path) -> Result<(String, String)> {
    let old = std::fs::read_to_string(output)
        .with_context(|| format!("{} cannot be read: run the whole bench first", output.display()))?;
    machine::raise_file_limit()?;
    machine::pin_to_load_core()?;
    let section = report::fleet(&fleet::measure(imds, tempfile::tempdir()?.path(), effort, &mut chance()?)?);
    Ok((report::replaced(&old, &section), section))
}

/// Measures everything, and gives the page and a summary.
fn everything(
    options: &Options,
    imds: &Path,
    nginx: &Path,
    effort: measure::Effort,
) -> Result<(String, String)> {
    if options.instructions {
        machine::program("valgrind", "valgrind")?;
    }
    machine::raise_file_limit()?;
    machine::pin_to_load_core()?;

    let folder = tempfile::tempdir()?;
    let before = machine::Unrest::read()?;
    let contestants = contestant::all(imds, nginx);
    let mut standings = Vec::new();
    for contestant in &contestants {
        println!("start-up and memory: {}", contestant.name);
        standings.push(measure::standing(contestant, folder.path())?);
    }
    let servers: Vec<_> =
        contestants.iter().map(|contestant| contestant.start(folder.path())).collect::<Result<_>>()?;
    let mut chance = chance()?;
    let mut workloads = Vec::new();
    for workload in workload::ALL {
        println!("{}", workload.name());
        workloads.push(measure::workload(workload, &servers, &effort, &mut chance)?);
    }
    drop(servers);
    let unrest = (before, machine::Unrest::read()?);
    let instructions = if options.instructions { count(&contestants, folder.path())? } else { Vec::new() };
    let fleet = fleet::measure(imds, folder.path(), &effort, &mut chance)?;
    let results = report::Results {
        machine: machine::Machine::read()?,
        unrest,
        names: contestants.iter().map(|contestant| contestant.name).collect(),
        effort,
        standings,
        workloads,
        instructions,
        fleet,
    };
    Ok((report::page(&results), report::summary(&results) + &report::fleet(&results.fleet)))
}

/// Another order of rounds each time.
fn chance() -> Result<statistics::Chance> {
    Ok(statistics::Chance::new(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs()))
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
