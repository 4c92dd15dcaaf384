//! The actions of STS, a file each, and roles for instances of the configuration file.

pub(crate) mod assume_role;
pub mod for_instance;
pub(crate) mod get_access_key_info;
pub(crate) mod get_caller_identity;
