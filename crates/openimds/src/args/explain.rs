//! `imds explain`, as typed.

use std::path::PathBuf;

use clap::Args;

/// `imds explain`
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is executed. What is wrong is told on standard error, and the corrected text is written to \
    standard output, so that `imds explain < script.sh > corrected.sh` works. It reads sh with curl or wget, and HTTP \
    as it is on the wire or as `curl -v` shows it; what it does not understand stays as it is. Exit status: 1 if \
    anything is wrong, else 0."
)]
pub struct Explain {
    /// Print findings and the corrected text as JSON
    #[arg(long)]
    pub json: bool,
    /// Read this file
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub file: Option<PathBuf>,
    /// A command, in one piece or as words; without it, standard input is read
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "TEXT")]
    pub text: Vec<String>,
}
