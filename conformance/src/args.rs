//! The command line, as typed.

use crate::check::Group;
use crate::http::Endpoint;
use crate::session::ErrorPages;
use clap::Parser;

/// Checks any endpoint against what EC2's Instance Metadata Service answers.
///
/// Exit status: 0 nothing failed, 1 a check failed or the endpoint cannot be checked, 2 wrong usage.
#[derive(Parser, Debug)]
#[command(name = "conformance", version, max_term_width = 100)]
pub(crate) struct Args {
    /// The endpoint, http://HOST:PORT; there is no default, so that nothing is called by accident
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    pub(crate) endpoint: Option<Endpoint>,

    /// The error bodies that the endpoint is set to send
    #[arg(long, value_enum, default_value = "xhtml")]
    pub(crate) error_pages: ErrorPages,

    /// Only the checks of this group; repeatable
    #[arg(long = "group", value_enum, value_name = "NAME")]
    pub(crate) groups: Vec<Group>,

    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,

    /// List every check with its source, also those not checkable here, and contact nothing
    #[arg(long)]
    pub(crate) list: bool,
}
