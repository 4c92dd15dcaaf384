//! The binary from outside, as its users meet it: real processes, real sockets, real namespaces.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests of one binary, where a failure is what a panic is for"
)]

mod control;
mod exec;
mod hops;
mod load;
mod record;
mod run;
mod serve;
mod ssrf;
mod support;
