//! Instructions a request, counted by callgrind: repeatable where times are not, so the figure to watch.

use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::contestant::Contestant;
use super::measure;
use super::statistics::median;
use super::workload::Workload;

/// Requests of the short and of the long run of a pair: what the long one counts more is the requests' own.
/// nginx closes a kept connection after 1,000 requests.
const REQUESTS: (u64, u64) = (100, 900);
/// Pairs that are counted; how far they lie apart is the bound for a regression.
const PAIRS: usize = 3;

/// What callgrind is started with; its profile is not wanted, only the totals that it prints at the end.
const CALLGRIND: [&str; 4] =
    ["valgrind", "--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=/dev/null"];

/// Instructions in user space for one request.
pub(crate) struct Count {
    /// The median of the pairs.
    pub(crate) median: f64,
    /// The greatest less the least, in percent of the median.
    pub(crate) spread: f64,
}

/// Counts one contestant's instructions for one request of `workload`.
pub(crate) fn count(contestant: &Contestant, workload: Workload, parent: &Path) -> Result<Count> {
    let mut counts = Vec::new();
    for _ in 0..PAIRS {
        let short = run(contestant, workload, parent, REQUESTS.0)?;
        let long = run(contestant, workload, parent, REQUESTS.1)?;
        counts.push((long as f64 - short as f64) / (REQUESTS.1 - REQUESTS.0) as f64);
    }
    counts.sort_by(f64::total_cmp);
    let median = median(&counts);
    Ok(Count { median, spread: 100.0 * (counts[PAIRS - 1] - counts[0]) / median })
}

/// Instructions of a server's whole life in which it answers so many requests, one after the other.
fn run(contestant: &Contestant, workload: Workload, parent: &Path, requests: u64) -> Result<u64> {
    let server = contestant.start_under(&CALLGRIND, parent)?;
    let target = measure::target(workload, &server)?;
    let mut stream = TcpStream::connect(server.address)?;
    for _ in 0..requests {
        target.ask_over(&mut stream)?;
        if !workload.kept {
            stream = TcpStream::connect(server.address)?;
        }
    }
    drop(stream);
    collected(&server.end()?)
}

/// The sum of what callgrind says of each process: `==123== Collected : 456`.
fn collected(log: &str) -> Result<u64> {
    let counts =
        log.lines().filter(|line| line.starts_with("==")).filter_map(|line| line.split_once("Collected : "));
    let counts = counts.map(|(_, count)| count.trim().parse().context("callgrind's count is no number"));
    let counts = counts.collect::<Result<Vec<u64>>>()?;
    let start = log.lines().take(20).collect::<Vec<_>>().join("\n");
    ensure!(!counts.is_empty(), "callgrind counted nothing; the server's log begins:\n{start}");
    Ok(counts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_counts_of_all_processes_are_added() {
        let log = "==7== Events    : Ir\n==7== Collected : 40\na call\n==8== Collected : 2\n";
        assert_eq!(collected(log).unwrap(), 42);
        assert!(collected("a call\n").is_err());
    }
}
