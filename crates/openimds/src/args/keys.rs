//! `imds keys`, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::control::Output;

/// `imds keys`
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make an access key and print it, secret and all, this once; or take one that you have
    Add(Add),
    /// List access keys, without their secrets
    List(List),
    /// Remove an access key: a running service refuses it from then on
    Remove(Remove),
    /// End all temporary keys that were issued: a running service refuses them, and gives instances new ones
    Rotate(Rotate),
}

/// `imds keys add`
#[derive(Debug, Args)]
#[command(override_usage = "imds keys add --state <DIR> [OPTION]...")]
pub struct Add {
    /// Where.
    #[command(flatten)]
    pub state: State,
    /// Whose it is [default: the account's own]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// The id of a key that you have
    #[arg(long, value_name = "ID", requires = "secret_access_key_file")]
    pub access_key_id: Option<String>,
    /// The file that holds its secret, or - for standard input
    #[arg(long, value_name = "FILE|-", requires = "access_key_id")]
    pub secret_access_key_file: Option<PathBuf>,
    /// How.
    #[command(flatten)]
    pub output: Output,
}

/// `imds keys list`
#[derive(Debug, Args)]
pub struct List {
    /// Where.
    #[command(flatten)]
    pub state: State,
    /// How.
    #[command(flatten)]
    pub output: Output,
}

/// `imds keys remove`
#[derive(Debug, Args)]
pub struct Remove {
    /// Where.
    #[command(flatten)]
    pub state: State,
    /// The key's id
    #[arg(value_name = "ID")]
    pub id: String,
}

/// `imds keys rotate`
#[derive(Debug, Args)]
pub struct Rotate {
    /// Where.
    #[command(flatten)]
    pub state: State,
}

/// Which state folder.
#[derive(Debug, Args)]
pub struct State {
    /// The folder that `imds serve --state` is given
    #[arg(long = "state", value_name = "DIR")]
    pub folder: PathBuf,
}
