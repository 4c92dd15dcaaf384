//! The AWS Query protocols: a form in, XML out. `ec2` for EC2, `query` for the others (docs/control-api.md).

pub(crate) mod envelope;
pub(crate) mod error;
pub(crate) mod params;
pub(crate) mod scope;
pub(crate) mod sigv4;
pub(crate) mod xml;

pub(crate) use error::Error;
pub(crate) use params::{Params, flag};
pub(crate) use scope::{REGION, Scope, Service};
pub use sigv4::Signer;
pub(crate) use xml::{Xml, time};
