//! The machine that is measured on: its cores, what else it does, and the packages it needs.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Everything about the machine that the report names.
pub(crate) struct Machine {
    /// The processor's model, the number of cores, the kernel.
    pub(crate) line: String,
    /// The day of the run, in UTC, as `2026-01-31`.
    pub(crate) date: String,
}

/// What the machine did besides, at one moment.
pub(crate) struct Unrest {
    /// The load averages, as the kernel prints them.
    pub(crate) load: String,
    /// Ticks of all cores since the machine started, and those of them that the hypervisor took away.
    ticks: u64,
    stolen: u64,
}

impl Machine {
    /// Reads what the machine is.
    pub(crate) fn read() -> Result<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let model = processors.lines().find(|line| line.starts_with("model name"));
        let model =
            model.and_then(|line| line.split_once(": ")).map_or("unknown processor", |(_, name)| name);
        let cores = processors.lines().filter(|line| line.starts_with("processor\t")).count();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let date = Command::new("date").args(["-u", "+%F"]).output().context("date cannot be started")?;
        Ok(Self {
            line: format!("{model}, {cores} cores, Linux {}", kernel.trim()),
            date: String::from_utf8(date.stdout)?.trim().to_owned(),
        })
    }
}

impl Unrest {
    /// Reads the load averages and the ticks.
    pub(crate) fn read() -> Result<Self> {
        let load = fs::read_to_string("/proc/loadavg")?.split(' ').take(3).collect::<Vec<_>>().join(" ");
        let text = fs::read_to_string("/proc/stat")?;
        let total = text.lines().next().context("/proc/stat is empty")?;
        // user nice system idle iowait irq softirq steal; guest time is part of user time already.
        let ticks: Vec<u64> =
            total.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
        Ok(Self { load, stolen: ticks.get(7).copied().unwrap_or(0), ticks: ticks.iter().sum() })
    }

    /// Percent of all ticks since `earlier` that the hypervisor took away.
    pub(crate) fn stolen_since(&self, earlier: &Self) -> f64 {
        100.0 * (self.stolen - earlier.stolen) as f64 / (self.ticks - earlier.ticks).max(1) as f64
    }
}

/// The first core runs the servers.
pub(crate) fn pin_to_server_core() -> Result<()> {
    pin(cores()?.0)
}

/// The last core runs the load generator.
pub(crate) fn pin_to_load_core() -> Result<()> {
    pin(cores()?.1)
}

fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("core {core} cannot be taken"))
}

/// The first and the last core that this program was given when it started.
fn cores() -> Result<(usize, usize)> {
    static GIVEN: std::sync::OnceLock<CpuSet> = std::sync::OnceLock::new();
    let given = match GIVEN.get() {
        Some(given) => *given,
        None => *GIVEN.get_or_init(|| sched_getaffinity(None).unwrap_or_default()),
    };
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| given.is_set(*core));
    let (first, last) = (cores.next(), cores.next_back());
    first.zip(last).context("the bench needs two cores: one for the server, one for the load")
}

/// Lets this program, and the servers it starts, hold as many files as the kernel allows it.
pub(crate) fn raise_file_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).context("the limit of open files cannot be raised")
}

/// Where `program` is; Debian's `package` is installed if it is nowhere.
pub(crate) fn program(program: &str, package: &str) -> Result<PathBuf> {
    if let Some(found) = find(program) {
        return Ok(found);
    }
    ensure!(
        rustix::process::geteuid().is_root(),
        "{program} is not installed: run the bench as root once, or `apt-get install {package}`"
    );
    println!("installing {package}");
    for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", package]] {
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null())
            .status()
            .context("apt-get cannot be started: the bench knows Debian's packages only")?;
        ensure!(status.success(), "apt-get {} failed", arguments.join(" "));
    }
    find(program).with_context(|| format!("{package} brought no {program}"))
}

/// Looks where programs are, and where those for root are.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}
