//! `imds console`, as typed.

use clap::Args;

use super::control::Door;

/// `imds console`
#[derive(Debug, Args)]
#[command(
    after_help = "Where a service asks for signatures, the address is good for a minute, and once: it opens a session of \
    the access key that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold. The session lasts eight hours at most, and \
    ends when the key is removed."
)]
pub struct Console {
    /// Whom to ask.
    #[command(flatten)]
    pub door: Door,
}
