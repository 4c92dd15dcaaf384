//! `dynamic/`: monitoring and the identity document.

use super::{Entry, Value};
use crate::Instance;
use crate::document::document;

pub(super) const ENTRIES: &[Entry<Instance>] = &[
    Entry::directory("fws", "2009-04-04", FWS),
    Entry::directory("instance-identity", "2009-04-04", INSTANCE_IDENTITY),
];

const FWS: &[Entry<Instance>] =
    &[Entry::leaf("instance-monitoring", "2009-04-04", |i| Some(Value::text(i.monitoring.as_str())))];

const INSTANCE_IDENTITY: &[Entry<Instance>] =
    &[Entry::leaf("document", "2009-04-04", |i| Some(Value::text(document(i))))];
