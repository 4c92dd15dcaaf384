//! `imds`: the EC2 Instance Metadata Service for every machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    openimds::cmd::main()
}
