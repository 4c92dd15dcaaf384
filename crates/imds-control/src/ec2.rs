//! The actions of EC2, a file each, and what several of them share.

pub(crate) mod filter;
pub(crate) mod modify_instance_metadata_options;
pub(crate) mod options;
pub(crate) mod page;
pub(crate) mod tags;
