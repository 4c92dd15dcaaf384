//! The instances of a region, as lists and counts need them: what is shown of each and no more, since there may be many.

use imds_core::lifecycle::State;
use imds_core::options::{HttpTokens, Switch};
use imds_core::{Machine, Timestamp};
use imds_store::record;

use super::actions::ActionWords;
use crate::call::Call;
use crate::query::Error;

/// An instance in a list.
#[derive(Debug, Clone)]
pub(in crate::console) struct Summary {
    /// `i-…`
    pub(in crate::console) id: String,
    /// Its tag `Name`, if it has one.
    pub(in crate::console) name: String,
    /// Its state, once what was begun is over.
    pub(in crate::console) state: State,
    /// `t3.micro`
    pub(in crate::console) instance_type: String,
    /// Its private IPv4 address; none for one that is gone.
    pub(in crate::console) address: Option<String>,
    /// *IMDSv2*
    pub(in crate::console) tokens: HttpTokens,
    /// *Instance metadata service*
    pub(in crate::console) endpoint: Switch,
    /// When it was launched or started.
    since: Timestamp,
}

impl Summary {
    fn of(machine: &Machine) -> Self {
        let (instance, state) = (&machine.instance, machine.state.settled());
        let address = instance.local_ipv4().filter(|_| !state.is_terminated());
        Self {
            id: instance.id.to_string(),
            name: instance.tags.get("Name").cloned().unwrap_or_default(),
            state,
            instance_type: instance.instance_type.clone(),
            address: address.map(|address| address.to_string()),
            tokens: instance.options.http_tokens,
            endpoint: instance.options.http_endpoint,
            since: instance.pending_time,
        }
    }

    /// Its state in words.
    pub(in crate::console) fn told(&self, words: &ActionWords) -> &'static str {
        words.told(self.state)
    }

    /// Does IMDSv1 answer it, or will when it is started?
    pub(in crate::console) fn has_imds_v1(&self) -> bool {
        self.tokens == HttpTokens::Optional && self.endpoint == Switch::Enabled && !self.state.is_terminated()
    }
}

/// All of the call's region, those that were launched or started last first.
pub(in crate::console) fn all(call: &Call<'_>) -> Result<Vec<Summary>, Error> {
    let mut all = Vec::new();
    for piece in record::pieces() {
        for (_, found) in record::each::<Machine>(call.store, &piece)? {
            let machine = found?.record;
            if machine.instance.placement.region == call.region {
                all.push(Summary::of(&machine));
            }
        }
    }
    all.sort_by(|one, other| other.since.cmp(&one.since).then_with(|| one.id.cmp(&other.id)));
    Ok(all)
}
