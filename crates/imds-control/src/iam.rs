//! The actions of IAM that instances and environments need: roles and instance profiles.

pub(crate) mod list_roles;
