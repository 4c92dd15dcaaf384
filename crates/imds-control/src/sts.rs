//! The actions of STS.

pub(crate) mod get_caller_identity;
