//! `imds ca`, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::keys::State;

/// `imds ca`
#[derive(Debug, Subcommand)]
pub enum Ca {
    /// Make a key and a certificate, or take your own; a service with this folder signs identity documents with them
    Init(New),
    /// Print the certificate as PEM, and those that it replaced after it
    Show(State),
    /// Put another key and certificate in place: a running service signs everything anew
    Rotate(New),
}

/// `imds ca init` and `imds ca rotate`
#[derive(Debug, Args)]
pub struct New {
    /// Where.
    #[command(flatten)]
    pub state: State,
    /// A private key that you have: RSA, 2048 bits at least, PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
    /// Its certificate, PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
}
