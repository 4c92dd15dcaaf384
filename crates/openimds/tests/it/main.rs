//! The binary from outside, as its users meet it: real processes, real sockets, real namespaces.

mod hops;
mod load;
mod run;
mod serve;
mod support;
