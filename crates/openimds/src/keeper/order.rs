//! What the service tells its helper: the way back. It can say little: who got hold of it could change no setting.

use imds_core::audit::{Counts, Tallies};
use imds_core::id::InstanceId;
use serde::{Deserialize, Serialize};

use super::answer::Answer;

/// An order, or an answer.
#[derive(Serialize, Deserialize)]
pub(super) enum Order {
    /// The command may start.
    Start,
    /// The command is to get a signal.
    Signal(i32),
    /// Guests see everything up to this commit.
    Applied(u64),
    /// What the door asked for.
    Told {
        /// The number of the question.
        number: u64,
        /// The answer.
        answer: Answer,
    },
    /// Whether a lodger that was told is served.
    Lodged {
        /// Its number.
        lodger: u64,
        /// Else its sockets are none, or did not come.
        is_served: bool,
    },
}

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
        let answer = Answer::Counted(tallies.clone().into());
        let sent = serde_json::to_vec(&Order::Told { number: 7, answer }).unwrap();
        let Ok(Order::Told { number: 7, answer: Answer::Counted(counted) }) = serde_json::from_slice(&sent)
        else {
            panic!()
        };
        let back = Tallies::from(counted);
        assert_eq!((&back.instances, back.traffic), (&tallies.instances, tallies.traffic));
        assert_eq!(back.strangers, tallies.strangers);
    }
}
