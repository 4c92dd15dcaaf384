//! The actions of STS, a file each.

pub(crate) mod assume_role;
pub(crate) mod get_access_key_info;
pub(crate) mod get_caller_identity;
