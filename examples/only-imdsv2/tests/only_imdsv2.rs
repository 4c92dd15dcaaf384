//! That `where-am-i` uses IMDSv2 and nothing else; and that this suite would tell if it did not.
//!
//! `PROGRAM_OPTION=--v1 cargo test -p only-imdsv2` is how it looks when it does not.

use std::env;
use std::error::Error;
use std::process::Command;

use openimds::Imds;

#[test]
fn only_imdsv2_was_used() -> Result<(), Box<dyn Error>> {
    // Not required: a program that speaks IMDSv1 goes on, as on an instance that permits it, and is caught at it.
    let imds = Imds::builder().instance_id("i-0123456789abcdef0").spawn()?;

    let mut program = Command::new(env!("CARGO_BIN_EXE_where-am-i"));
    program.args(env::var_os("PROGRAM_OPTION")).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.endpoint());
    let output = program.output()?;

    assert_eq!(String::from_utf8(output.stdout)?.trim(), "i-0123456789abcdef0");
    imds.assert_only_v2();
    Ok(())
}

#[test]
fn this_suite_fails_with_a_program_that_uses_imdsv1() -> Result<(), Box<dyn Error>> {
    let suite = Command::new(env::current_exe()?)
        .args(["--exact", "only_imdsv2_was_used", "--nocapture"])
        .env("PROGRAM_OPTION", "--v1")
        .output()?;
    let told = format!("{}{}", String::from_utf8(suite.stdout)?, String::from_utf8(suite.stderr)?);
    assert!(!suite.status.success(), "{told}");
    let expected = "1 of 1 calls used IMDSv1:\n  GET /latest/meta-data/instance-id 200 v1";
    assert!(told.contains(expected), "{told}");
    Ok(())
}
