//! `imds record`, as typed.

use std::path::PathBuf;

use clap::Args;

/// `imds record`
#[derive(Debug, Args)]
#[command(
    after_help = "The file is for `imds serve --config FILE`. User data and the keys of the role are asked for only if you say \
    so; they are then written to files of their own beside FILE, which nobody else can read. What is there already is not \
    overwritten."
)]
pub struct Record {
    /// Write the configuration here
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Ask here, else where AWS_EC2_METADATA_SERVICE_ENDPOINT says, else at http://169.254.169.254
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Record the role's keys too
    #[arg(long)]
    pub with_credentials: bool,
    /// Record the user data too
    #[arg(long)]
    pub with_user_data: bool,
}
