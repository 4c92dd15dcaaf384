//! The door: what the owner of the service reaches and guests do not. The AWS Query APIs, what they have no action for,
//! health and metrics.

mod act;
mod action;
mod api;
mod authz;
mod body;
mod call;
mod commit;
mod console;
mod door;
mod early;
mod ec2;
mod elasticbeanstalk;
pub mod environments;
pub mod faults;
mod gate;
mod iam;
mod metrics;
mod plane;
mod post;
mod query;
pub mod retention;
#[cfg(test)]
mod safety;
mod service;
mod sessions;
mod site;
pub mod sts;
#[cfg(test)]
mod testing;

pub use authz::{Authority, Changed};
pub use door::{Door, Peer};
pub use plane::{Plane, Question};
pub use query::Signer;
pub use service::router;
pub use sessions::Sessions;
