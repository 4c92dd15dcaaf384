//! Counters as Prometheus reads them (its text format 0.0.4), under CloudWatch's names where CloudWatch has one.

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use imds_core::audit::{BUCKETS, Counts, STATUSES, Tally, Traffic};
use imds_core::options::HttpTokens;
use imds_store::Directory;

/// All counters. Label values are instance ids that the owner configured, statuses of a fixed list, and bounds.
pub(crate) fn text(directory: &Directory, strangers: &Tally, traffic: &Traffic) -> String {
    let mut instances: Vec<_> = directory.all().collect();
    instances.sort_by(|a, b| a.instance.id.cmp(&b.instance.id));
    let counted: Vec<_> = instances
        .iter()
        .map(|snapshot| {
            (snapshot.instance.id.as_str(), snapshot.instance.options.http_tokens, snapshot.tally.read())
        })
        .collect();
    let mut out = String::new();
    let of = |tokens| counted.iter().filter(move |(_, required, _)| *required == tokens);
    family(&mut out, "MetadataNoToken", "IMDSv1 calls that were answered, while tokens are optional.");
    for (id, _, counts) in of(HttpTokens::Optional) {
        let _ = writeln!(out, "MetadataNoToken{{instance=\"{id}\"}} {}", counts.metadata_no_token);
    }
    family(
        &mut out,
        "MetadataNoTokenRejected",
        "IMDSv1 calls that were answered 401, while tokens are required.",
    );
    for (id, _, counts) in of(HttpTokens::Required) {
        let _ = writeln!(
            out,
            "MetadataNoTokenRejected{{instance=\"{id}\"}} {}",
            counts.metadata_no_token_rejected
        );
    }
    family(&mut out, "imds_tokens_issued_total", "Session tokens issued.");
    for (id, _, counts) in &counted {
        let _ = writeln!(out, "imds_tokens_issued_total{{instance=\"{id}\"}} {}", counts.tokens_issued);
    }
    let unknown = strangers.read();
    let all = || counted.iter().map(|(id, _, counts)| (*id, counts)).chain([("", &unknown)]);
    family(
        &mut out,
        "imds_requests_total",
        "Requests by status; without an instance, those of strangers and what HTTP refuses.",
    );
    for (id, counts) in all() {
        for (status, count) in STATUSES.iter().zip(counts.statuses) {
            let _ = writeln!(out, "imds_requests_total{{instance=\"{id}\",status=\"{status}\"}} {count}");
        }
    }
    let _ = writeln!(out, "# HELP imds_request_duration_seconds From the whole header to the answer.");
    let _ = writeln!(out, "# TYPE imds_request_duration_seconds histogram");
    for (id, counts) in all() {
        histogram(&mut out, id, counts);
    }
    for (name, help, counter) in [
        ("imds_connections_total", "Connections accepted.", &traffic.accepted),
        (
            "imds_connections_over_limit_total",
            "Connections closed because there were too many.",
            &traffic.over_limit,
        ),
        (
            "imds_connections_timed_out_total",
            "Connections closed because a header or a body did not come.",
            &traffic.timed_out,
        ),
        (
            "imds_log_lines_lost_total",
            "Access log lines that could not be written in time.",
            &traffic.lines_lost,
        ),
    ] {
        family(&mut out, name, help);
        let _ = writeln!(out, "{name} {}", counter.load(Relaxed));
    }
    out
}

fn family(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter");
}

fn histogram(out: &mut String, id: &str, counts: &Counts) {
    let mut sum = 0;
    for (bound, count) in BUCKETS.iter().zip(counts.latencies) {
        sum += count;
        let bound = seconds(*bound);
        let _ =
            writeln!(out, "imds_request_duration_seconds_bucket{{instance=\"{id}\",le=\"{bound}\"}} {sum}");
    }
    let all: u64 = counts.latencies.iter().sum();
    let _ = writeln!(out, "imds_request_duration_seconds_bucket{{instance=\"{id}\",le=\"+Inf\"}} {all}");
    let _ = writeln!(
        out,
        "imds_request_duration_seconds_sum{{instance=\"{id}\"}} {}",
        seconds(counts.latency_sum)
    );
    let _ = writeln!(out, "imds_request_duration_seconds_count{{instance=\"{id}\"}} {all}");
}

/// Microseconds as seconds, without a float's rounding.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::access::Refusal;
    use imds_core::answer::Answer;
    use imds_core::testing::{launch, noon};
    use imds_store::registry::Entry;

    fn directory(tokens: HttpTokens) -> Directory {
        let mut instance = launch().instance();
        instance.options.http_tokens = tokens;
        let entry = Entry { instance, is_dated: true, listen: vec![], is_default: true };
        Directory::new(vec![entry], &Directory::default(), noon())
    }

    #[test]
    fn each_of_cloudwatchs_two_counters_is_there_in_its_own_mode() {
        for (tokens, shown, hidden) in [
            (
                HttpTokens::Optional,
                "MetadataNoToken{instance=\"i-12345678901234567\"} 0",
                "MetadataNoTokenRejected{",
            ),
            (
                HttpTokens::Required,
                "MetadataNoTokenRejected{instance=\"i-12345678901234567\"} 1",
                "MetadataNoToken{",
            ),
        ] {
            let directory = directory(tokens);
            directory.default_instance().unwrap().tally.count(&Answer::Refused(Refusal::TokenMissing), 30);
            let text = text(&directory, &Tally::default(), &Traffic::default());
            assert!(text.contains(shown) && !text.contains(hidden), "{text}");
            assert!(
                text.contains("imds_requests_total{instance=\"i-12345678901234567\",status=\"401\"} 1\n")
            );
            assert!(text.contains("_bucket{instance=\"i-12345678901234567\",le=\"0.000025\"} 0\n"));
            assert!(text.contains("_bucket{instance=\"i-12345678901234567\",le=\"0.000050\"} 1\n"));
            assert!(text.contains("_sum{instance=\"i-12345678901234567\"} 0.000030\n"));
        }
    }
}
