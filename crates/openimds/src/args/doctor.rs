//! `imds doctor`, as typed.

use clap::Args;

/// `imds doctor`
#[derive(Debug, Args)]
#[command(
    after_help = "It asks the metadata service as programs do, once without a token, which the service counts as an \
    IMDSv1 call, and a few times for a token. It changes nothing. Exit status: 1 if something does not work, else 0; \
    warnings and notes are 0."
)]
pub struct Doctor {
    /// Examine this service, else the one of AWS_EC2_METADATA_SERVICE_ENDPOINT, else http://169.254.169.254
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Print what is true as JSON
    #[arg(long)]
    pub json: bool,
}
