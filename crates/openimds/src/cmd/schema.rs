//! `imds schema`: the JSON schema of the configuration file.

use std::process::ExitCode;

use crate::app::print;
use crate::config;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    print(format!("{:#}\n", config::schema().as_value()).as_bytes());
    Ok(ExitCode::SUCCESS)
}
