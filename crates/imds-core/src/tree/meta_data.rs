//! `meta-data/`, but for the parts that are rooms of their own (wire.md 3.1).

use std::collections::BTreeMap;

use super::{
    Entry, Found, Value, Walk, events, iam, identity_credentials, lines, maybe, network, placement, tags,
};
use crate::Instance;

pub(super) const ENTRIES: &[Entry<Instance>] = &[
    Entry::leaf("ami-id", "1.0", |i| Some(Value::text(&i.ami_id))),
    Entry::leaf("ami-launch-index", "1.0", |i| Some(Value::text(i.ami_launch_index.to_string()))),
    Entry::leaf("ami-manifest-path", "1.0", |i| Some(Value::text(&i.ami_manifest_path))),
    Entry::leaf("ancestor-ami-ids", "2007-10-10", |i| lines(&i.ancestor_ami_ids)),
    Entry::directory("autoscaling", "2021-07-15", AUTOSCALING),
    Entry::keyed(
        "block-device-mapping",
        "2007-12-15",
        |i| names(&i.block_device_mapping),
        |i, name, walk| named(&i.block_device_mapping, name, walk),
    ),
    Entry::directory("elastic-gpus", "2016-11-30", ELASTIC_GPUS),
    Entry::directory("elastic-inference", "2018-11-29", ELASTIC_INFERENCE),
    Entry::directory("events", "2018-08-17", events::ENTRIES),
    Entry::directory("hibernation", "1.0", HIBERNATION),
    Entry::leaf("hostname", "1.0", |i| Some(Value::text(&i.hostname))),
    Entry::directory("iam", "2012-01-12", iam::ENTRIES),
    Entry::directory("identity-credentials", "2018-05-23", identity_credentials::ENTRIES),
    Entry::leaf("instance-action", "2008-09-01", |i| Some(Value::text(&i.instance_action))),
    Entry::leaf("instance-id", "1.0", |i| Some(Value::text(i.id.as_str()))),
    Entry::leaf("instance-life-cycle", "2019-10-01", |i| Some(Value::text(&i.instance_life_cycle))),
    Entry::leaf("instance-type", "2007-08-29", |i| Some(Value::text(&i.instance_type))),
    Entry::leaf("ipv6", "2021-01-03", |i| lines(i.ipv6())),
    Entry::leaf("kernel-id", "2008-02-01", |i| maybe(i.kernel_id.as_ref())),
    Entry::leaf("local-hostname", "2007-01-19", |i| Some(Value::text(&i.hostname))),
    Entry::leaf("local-ipv4", "1.0", |i| lines(i.local_ipv4())),
    Entry::leaf("mac", "2011-01-01", |i| Some(Value::text(i.primary().mac.to_string()))),
    Entry::directory("metrics", "2011-05-01", METRICS),
    Entry::directory("network", "2011-01-01", network::ENTRIES),
    Entry::directory("placement", "2008-02-01", placement::ENTRIES),
    Entry::leaf("product-codes", "2007-03-01", |i| lines(&i.product_codes)),
    Entry::leaf("profile", "1.0", |i| Some(Value::text(&i.profile))),
    Entry::leaf("public-hostname", "2007-01-19", |i| maybe(i.primary().public_hostname.as_ref())),
    Entry::leaf("public-ipv4", "2007-01-19", |i| lines(i.public_ipv4())),
    Entry::keyed("public-keys", "1.0", key_names, key),
    Entry::leaf("ramdisk-id", "2007-10-10", |i| maybe(i.ramdisk_id.as_ref())),
    Entry::leaf("reservation-id", "1.0", |i| Some(Value::text(&i.reservation_id))),
    Entry::leaf("security-groups", "1.0", |i| lines(&i.primary().security_groups)),
    Entry::directory("services", "2014-02-25", SERVICES),
    Entry::directory("spot", "2014-11-05", events::SPOT),
    Entry::leaf("system", "2022-09-24", |i| Some(Value::text(&i.system))),
    Entry::directory("tags", "2021-03-23", tags::ENTRIES),
];

const AUTOSCALING: &[Entry<Instance>] =
    &[Entry::timed("target-lifecycle-state", "2021-07-15", |i, now| maybe(i.lifecycle_at(now)))];

const ELASTIC_GPUS: &[Entry<Instance>] = &[Entry::keyed(
    "associations",
    "2016-11-30",
    |i| names(&i.elastic_gpus),
    |i, id, walk| named(&i.elastic_gpus, id, walk),
)];

const ELASTIC_INFERENCE: &[Entry<Instance>] = &[Entry::keyed(
    "associations",
    "2018-11-29",
    |i| names(&i.elastic_inference),
    |i, id, walk| named(&i.elastic_inference, id, walk),
)];

const HIBERNATION: &[Entry<Instance>] =
    &[Entry::leaf("configured", "1.0", |i| lines(i.hibernation_configured))];

/// No longer available, still listed (wire.md 3.1).
const METRICS: &[Entry<Instance>] = &[Entry::leaf("vhostmd", "2011-05-01", |_| {
    Some(Value::text(r#"<?xml version="1.0" encoding="UTF-8"?>"#))
})];

const SERVICES: &[Entry<Instance>] = &[
    Entry::leaf("domain", "2014-02-25", |i| Some(Value::text(&i.services_domain))),
    Entry::leaf("partition", "2015-10-20", |i| Some(Value::text(&i.services_partition))),
];

/// One key, as behind `public-keys/0/`.
const KEY: &[Entry<String>] = &[Entry::leaf("openssh-key", "1.0", |key| Some(Value::text(key)))];

fn key_names(instance: &Instance) -> Vec<String> {
    instance.public_keys.iter().enumerate().map(|(index, (name, _))| format!("{index}={name}")).collect()
}

/// `0` is the key; so is `0=NAME`, the way it is listed, since what a listing shows must answer [assumed].
fn key(instance: &Instance, asked: &str, walk: Walk<'_>) -> Option<Found> {
    let (_, (_, key)) = instance.public_keys.iter().enumerate().find(|(index, (name, _))| {
        let index = index.to_string();
        asked == index || asked.strip_prefix(&index).is_some_and(|rest| rest.strip_prefix('=') == Some(name))
    })?;
    walk.into(KEY, key)
}

fn names(map: &BTreeMap<String, String>) -> Vec<String> {
    map.keys().cloned().collect()
}

fn named(map: &BTreeMap<String, String>, name: &str, walk: Walk<'_>) -> Option<Found> {
    walk.end(|| map.get(name).map(Value::text))
}
