//! The section on many instances.

use std::fmt::Write as _;

use super::{interval, verdict};
use crate::bench::fleet::house::Keeping;
use crate::bench::fleet::switch::{CHANGES, Switch, WATCHED};
use crate::bench::fleet::{Fleet, Grown, INSTANCES, MANY, ONE, ONE_AGAIN, STARTS};
use crate::bench::measure::Sample;
use crate::bench::statistics::{median, percentile};

/// What a GET may cost among many instances, as a multiple of what it costs where there is one.
const GOAL: f64 = 1.1;

/// Bytes that an instance may take in the metadata process.
const GOAL_BYTES: u64 = 600;

/// The heading that the section begins with.
const HEADING: &str = "\n## Many instances\n";

/// The whole section.
pub(crate) fn section(fleet: &Fleet) -> String {
    let (before, after) = &fleet.unrest;
    let many = thousands(INSTANCES);
    let mut page = format!(
        "{HEADING}\nMeasured {} on {}. Load averages {} before and {} after; {:.1} % of the time was stolen by the \
         hypervisor. Rerun this alone: `cargo xtask bench --only fleet` (about 2 minutes). The {many} \
         instances were launched by `RunInstances`, a thousand a call, in {:.0} s, and in {:.0} s with `--state`.\n",
        fleet.machine.date,
        fleet.machine.line,
        before.load,
        after.load,
        after.stolen_since(before),
        fleet.filling[0],
        fleet.filling[1],
    );
    gets(&mut page, fleet);
    memory(&mut page, fleet);
    startup(&mut page, fleet);
    switches(&mut page, fleet);
    page
}

/// `page` with its section on many instances replaced; where there is none yet it comes before the method.
pub(crate) fn replaced(page: &str, section: &str) -> String {
    let from = [HEADING, super::METHOD_HEADING].into_iter().find_map(|heading| page.find(heading));
    let from = from.unwrap_or(page.len());
    let (head, rest) = page.split_at(from);
    // Where the next section begins: this one's own heading is skipped.
    let rest = match rest.strip_prefix(HEADING) {
        Some(old) => old.find("\n## ").map_or("", |next| &old[next..]),
        None => rest,
    };
    format!("{head}{section}{rest}")
}

/// The table of ratios.
fn gets(page: &mut String, fleet: &Fleet) {
    let (effort, many) = (&fleet.effort, thousands(INSTANCES));
    _ = write!(
        page,
        "\n### What a GET costs\n\n| call | at 1, µs CPU | at {many}, µs CPU | ratio | noise | goal |\n\
         |---|---|---|---|---|---|\n"
    );
    for measured in &fleet.gets {
        let (ratio, noise) = (measured.ratio(MANY, ONE), measured.ratio(ONE_AGAIN, ONE));
        _ = writeln!(
            page,
            "| {} | {:.1} | {:.1} | {} | {} | ≤ {GOAL:.1}: {} |",
            measured.workload.name(),
            measured.median(ONE, Sample::cost),
            measured.median(MANY, Sample::cost),
            verdict(ratio, noise),
            interval(noise),
            super::reached(ratio, GOAL),
        );
    }
    _ = write!(
        page,
        "\nServers side by side, one with the built-in instance, a second like it for the noise, and one with \
         {many} more. {} rounds of {} s, {} connections. Each connection comes from another instance's address, \
         and gets that instance's id: a kept one stays with its instance for half of a round, a closed one is \
         another's each time.\n",
        effort.rounds,
        effort.time.as_secs_f64(),
        effort.connections,
    );
}

fn memory(page: &mut String, fleet: &Fleet) {
    let many = thousands(INSTANCES);
    _ = write!(
        page,
        "\n### Memory\n\n\
         | | metadata process at 1, RSS KiB | at {many} | bytes an instance | helper at 1, RSS KiB | \
         at {many} | bytes an instance |\n|---|---|---|---|---|---|---|\n"
    );
    let each = |before: u64, after: u64| after.saturating_sub(before) * 1024 / INSTANCES as u64;
    for (name, Grown { before, after }) in
        ["in memory", "with `--state`", "with `--state`, restarted"].iter().zip(&fleet.memory)
    {
        _ = writeln!(
            page,
            "| {name} | {} | {} | **{}** | {} | {} | **{}** |",
            before.metadata,
            after.metadata,
            each(before.metadata, after.metadata),
            before.helper,
            after.helper,
            each(before.helper, after.helper),
        );
    }
    let is_reached = fleet
        .memory
        .iter()
        .all(|Grown { before, after }| each(before.metadata, after.metadata) <= GOAL_BYTES);
    _ = write!(
        page,
        "\nThe metadata process answers guests; the goal is ≤ {GOAL_BYTES} bytes an instance there: {}. Its helper keeps \
         what there is, with `--state` in a file that it holds parts of in memory, and has the control API. With \
         `--state` it has by then looked through all that it keeps once, after a start.\n",
        if is_reached { "reached" } else { "missed" },
    );
}

fn startup(page: &mut String, fleet: &Fleet) {
    _ = write!(
        page,
        "\n### Start-up, with `--state`\n\n| instances | to the ready line, ms | to the first 200, ms |\n|---|---|---|\n"
    );
    for (count, startup) in [1, INSTANCES].into_iter().zip(&fleet.startups) {
        _ = writeln!(page, "| {} | {:.1} | {:.1} |", thousands(count), startup.ready, startup.answer);
    }
    _ = write!(
        page,
        "\nMedians of {STARTS} starts, both processes on one core. Who asks again and again may be answered before the \
         line is written.\n"
    );
}

fn switches(page: &mut String, fleet: &Fleet) {
    _ = write!(
        page,
        "\n### From a changed setting to what guests meet\n\n\
         | instances | | change, ms: median | 99 % within | first answer by the new setting, µs after the change's: \
         median | latest | GETs sent after it | of them by the old setting |\n|---|---|---|---|---|---|---|---|\n"
    );
    for (keeping, count, switch) in &fleet.switches {
        let Switch { latencies, seen, later, late } = switch;
        let keeping = match keeping {
            Keeping::Memory => "in memory",
            Keeping::State => "with `--state`",
        };
        _ = writeln!(
            page,
            "| {} | {keeping} | {:.2} | {:.2} | {:.0} | {:.0} | {later} | **{late}** |",
            thousands(*count),
            median(latencies),
            percentile(latencies, 99.0),
            median(seen),
            percentile(seen, 100.0),
        );
    }
    _ = write!(
        page,
        "\n`ModifyInstanceMetadataOptions` sets `HttpTokens` of an instance to `required` or back, each time a random \
         one's, over a kept connection. It is answered once the change is kept and guests meet it. {CHANGES} changes \
         are timed; after each, the instance asks over a connection that it had and over a new one, and both must be \
         answered by the new setting. Then {WATCHED} changes are watched: the instance asks all the while, one GET \
         after the other. Below zero, it had its first answer by the new setting before the change was answered; \
         above zero is the rest of a GET that was on its way by then.\n"
    );
}

/// A number below a million, as `100,000`.
fn thousands(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADING, replaced, thousands};
    use crate::bench::report::METHOD_HEADING;

    #[test]
    fn numbers() {
        assert_eq!([1, 999, 1_000, 100_000].map(thousands), ["1", "999", "1,000", "100,000"]);
    }

    #[test]
    fn a_section_takes_the_place_of_the_old_one_or_comes_before_the_method() {
        let new = format!("{HEADING}\nnew\n\n### Part\n");
        let page = |section: &str| {
            format!("# Page\n\n## One\n\none\n{section}{METHOD_HEADING}\nthe method\n\n## Last\n")
        };
        assert_eq!(replaced(&page(""), &new), page(&new));
        assert_eq!(replaced(&page(&format!("{HEADING}\nold\n\n### Part\n\nmore\n")), &new), page(&new));
        assert_eq!(replaced("# Page\n", &new), format!("# Page\n{new}"));
    }
}
