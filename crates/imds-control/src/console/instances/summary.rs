//! The instances of a region, as lists and counts need them: what is shown of each and no more, since there may be many.

use imds_core::language::Language;
use imds_core::lifecycle::State;
use imds_core::options::{HttpTokens, Switch};
use imds_core::{Machine, Timestamp};
use imds_store::record;

use super::actions::{self, ActionWords};
use crate::call::Call;
use crate::query::Error;

words! {
    /// Texts about what is damaged.
    DamageWords {
        one: "1 instance could not be read: its record in the store is damaged. The log says which." / "1 件のインスタンスを読み込めませんでした。保存されたデータが壊れています。詳細はログを確認してください。";
        many: "{n} instances could not be read: their records in the store are damaged. The log says which." / "{n} 件のインスタンスを読み込めませんでした。保存されたデータが壊れています。詳細はログを確認してください。";
    }
}

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
    /// What is shown of one.
    pub(in crate::console) fn of(machine: &Machine) -> Self {
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

    /// The colour of its state.
    pub(in crate::console) fn class(&self) -> &'static str {
        actions::class(self.state)
    }

    /// The colour of *IMDSv2*.
    pub(in crate::console) fn version_class(&self) -> &'static str {
        match self.tokens {
            HttpTokens::Required => "good",
            HttpTokens::Optional => "warn",
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

/// Shows each of the call's region, in no order, and tells how many instances cannot be read: those are left out.
///
/// # Errors
/// When the store cannot be read.
pub(in crate::console) fn each(call: &Call<'_>, mut show: impl FnMut(Summary)) -> Result<usize, Error> {
    let mut damaged = 0;
    for piece in record::pieces() {
        for (name, found) in record::each::<Machine>(call.store, &piece)? {
            match found {
                Ok(found) if found.record.instance.placement.region == call.region => {
                    show(Summary::of(&found.record));
                }
                Ok(_) => {}
                Err(error) => {
                    damaged += 1;
                    tracing::error!(name, %error, "an instance is left out of a page: its record cannot be read");
                }
            }
        }
    }
    Ok(damaged)
}

/// Puts those first that were launched or started last.
pub(in crate::console) fn sort(all: &mut [Summary]) {
    all.sort_by(|one, other| other.since.cmp(&one.since).then_with(|| one.id.cmp(&other.id)));
}

/// What is said of instances that cannot be read.
pub(in crate::console) fn damaged(count: usize, language: Language) -> Option<String> {
    let words = DamageWords::of(language);
    let told = if count == 1 { words.one } else { words.many };
    (count > 0).then(|| told.replace("{n}", &count.to_string()))
}
