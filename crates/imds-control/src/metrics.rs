//! Counters as Prometheus reads them (its text format 0.0.4), under CloudWatch's names where CloudWatch has one.

use std::fmt::Write as _;

use imds_core::audit::{BUCKETS, Counts, STATUSES, Tallies};
use imds_core::options::HttpTokens;

/// All counters. Label values are ids of instances, statuses of a fixed list, and bounds.
pub(crate) fn text(tallies: &Tallies) -> String {
    let mut counted: Vec<_> =
        tallies.instances.iter().map(|(id, tokens, counts)| (id.as_str(), *tokens, counts)).collect();
    counted.sort_by_key(|(id, ..)| *id);
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
    let all = || counted.iter().map(|(id, _, counts)| (*id, *counts)).chain([("", &tallies.strangers)]);
    family(
        &mut out,
        "imds_requests_total",
        "Requests by status; without an instance, those of strangers and what HTTP refuses.",
    );
    for (id, counts) in all() {
        for (status, count) in STATUSES.iter().zip(counts.statuses) {
            let status = if *status == 0 { "other".to_owned() } else { status.to_string() };
            let _ = writeln!(out, "imds_requests_total{{instance=\"{id}\",status=\"{status}\"}} {count}");
        }
    }
    let _ = writeln!(out, "# HELP imds_request_duration_seconds From the whole header to the answer.");
    let _ = writeln!(out, "# TYPE imds_request_duration_seconds histogram");
    for (id, counts) in all() {
        histogram(&mut out, id, counts);
    }
    let traffic = [
        ("imds_connections_total", "Connections accepted."),
        ("imds_connections_over_limit_total", "Connections closed because there were too many."),
        ("imds_connections_timed_out_total", "Connections closed because a header or a body did not come."),
        ("imds_log_lines_lost_total", "Access log lines that could not be written in time."),
        ("imds_journal_calls_lost_total", "Calls that could not be remembered in time."),
    ];
    for ((name, help), count) in traffic.into_iter().zip(tallies.traffic) {
        family(&mut out, name, help);
        let _ = writeln!(out, "{name} {count}");
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
    use imds_core::audit::Tally;
    use imds_core::testing::launch;

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
            let tally = Tally::default();
            tally.count(&Answer::Refused(Refusal::TokenMissing), 30);
            let instances = vec![(launch().id, tokens, tally.read())];
            let text = text(&Tallies { instances, ..Tallies::default() });
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
