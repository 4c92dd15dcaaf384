//! `tags/instance/`: the instance's tags, while its owner lets them be read.

use super::{Entry, Found, Value, Walk};
use crate::Instance;
use crate::options::Switch;

pub(super) const ENTRIES: &[Entry<Instance>] = &[Entry::keyed("instance", "2021-03-23", keys, tag)];

fn are_served(instance: &Instance) -> bool {
    instance.options.instance_metadata_tags == Switch::Enabled
}

fn keys(instance: &Instance) -> Vec<String> {
    if are_served(instance) { instance.tags.keys().cloned().collect() } else { Vec::new() }
}

fn tag(instance: &Instance, key: &str, walk: Walk<'_>) -> Option<Found> {
    walk.end(|| instance.tags.get(key).filter(|_| are_served(instance)).map(Value::text))
}
