//! `placement/`: where the instance is.

use super::{Entry, Value, lines, maybe};
use crate::Instance;

pub(super) const ENTRIES: &[Entry<Instance>] = &[
    Entry::leaf("availability-zone", "2008-02-01", |i| Some(Value::text(&i.placement.availability_zone))),
    Entry::leaf("availability-zone-id", "2019-10-01", |i| {
        Some(Value::text(&i.placement.availability_zone_id))
    }),
    Entry::leaf("group-name", "2020-08-24", |i| maybe(i.placement.group_name.as_ref())),
    Entry::leaf("host-id", "2020-08-24", |i| maybe(i.placement.host_id.as_ref())),
    Entry::leaf("partition-number", "2020-08-24", |i| lines(i.placement.partition_number)),
    Entry::leaf("region", "2020-08-24", |i| Some(Value::text(&i.placement.region))),
];
