//! Counters on their way from the service to its helper.

use imds_core::audit::{Counts, Tallies};
use imds_core::id::InstanceId;
use serde::{Deserialize, Serialize};

/// Counters on their way.
#[derive(Serialize, Deserialize)]
pub(super) struct Counted {
    /// Id, `HttpTokens`, counts.
    instances: Vec<(String, String, Vec<u64>)>,
    strangers: Vec<u64>,
    traffic: [u64; 5],
}

impl Counted {
    /// The counts of one instance, if they are there.
    pub(super) fn of(self, instance: &InstanceId) -> Option<Counts> {
        let mut all = Tallies::from(self).instances.into_iter();
        all.find_map(|(id, _, counts)| (id == *instance).then_some(counts))
    }
}

impl From<Tallies> for Counted {
    fn from(tallies: Tallies) -> Self {
        let instances = tallies.instances.into_iter();
        Self {
            instances: instances
                .map(|(id, tokens, counts)| (id.to_string(), tokens.to_string(), flat(&counts)))
                .collect(),
            strangers: flat(&tallies.strangers),
            traffic: tallies.traffic,
        }
    }
}

impl From<Counted> for Tallies {
    fn from(counted: Counted) -> Self {
        let instances = counted.instances.into_iter();
        Self {
            instances: instances
                .filter_map(|(id, tokens, counts)| {
                    Some((id.parse().ok()?, tokens.parse().ok()?, structured(&counts)))
                })
                .collect(),
            strangers: structured(&counted.strangers),
            traffic: counted.traffic,
        }
    }
}

fn flat(counts: &Counts) -> Vec<u64> {
    let single = [
        counts.metadata_no_token,
        counts.metadata_no_token_rejected,
        counts.tokens_issued,
        counts.latency_sum,
    ];
    single.into_iter().chain(counts.statuses).chain(counts.latencies).collect()
}

fn structured(flat: &[u64]) -> Counts {
    let mut numbers = flat.iter().copied();
    let mut next = || numbers.next().unwrap_or_default();
    let mut counts = Counts {
        metadata_no_token: next(),
        metadata_no_token_rejected: next(),
        tokens_issued: next(),
        latency_sum: next(),
        ..Counts::default()
    };
    counts.statuses = counts.statuses.map(|_| next());
    counts.latencies = counts.latencies.map(|_| next());
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::options::HttpTokens;
    use imds_core::testing::launch;

    #[test]
    fn counters_come_back_as_they_were() {
        let mut counts = Counts { metadata_no_token: 1, latency_sum: 2, ..Counts::default() };
        counts.statuses[3] = 3;
        counts.latencies[8] = 4;
        let tallies = Tallies {
            instances: vec![(launch().id, HttpTokens::Required, counts.clone())],
            strangers: counts,
            traffic: [1, 2, 3, 4, 5],
        };
        let sent = serde_json::to_vec(&Counted::from(tallies.clone())).unwrap();
        let back = Tallies::from(serde_json::from_slice::<Counted>(&sent).unwrap());
        assert_eq!((&back.instances, back.traffic), (&tallies.instances, tallies.traffic));
        assert_eq!(back.strangers, tallies.strangers);
    }
}
