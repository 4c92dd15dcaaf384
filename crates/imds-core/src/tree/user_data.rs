//! `user-data`: what the launch was given, byte for byte.

use super::{Content, Value};
use crate::Instance;

pub(super) fn value(instance: &Instance) -> Option<Value> {
    instance.user_data.clone().map(|body| Value { body, content: Content::Octets })
}
