//! `imds token`: a session token, for scripts.

use std::process::ExitCode;

use anyhow::Context as _;
use imds_core::token::Ttl;

use crate::app::{fail, print};
use crate::args::Token;
use crate::client::{Answer, Client, TTL, advice};

/// What `curl -f` exits with after an HTTP error.
pub(super) const HTTP_ERROR: u8 = 22;

pub(super) fn run(args: &Token) -> anyhow::Result<ExitCode> {
    let client = Client::new(args.endpoint.endpoint.as_deref(), args.endpoint.verbose)?;
    match fetch(&client, args.ttl)? {
        Ok(mut token) => {
            token.push('\n');
            print(token.as_bytes());
            Ok(ExitCode::SUCCESS)
        }
        Err(code) => Ok(code),
    }
}

/// Gets a token, or says why there is none.
pub(super) fn fetch(client: &Client, ttl: Ttl) -> anyhow::Result<Result<String, ExitCode>> {
    let answer = client.send("PUT", "/latest/api/token", &[(TTL, &ttl.seconds().to_string())])?;
    if answer.status.is_success() {
        Ok(Ok(String::from_utf8(answer.body.to_vec()).context("the token that came is not text")?))
    } else {
        Ok(Err(refused("PUT", &answer, false)))
    }
}

/// Tells why a request was refused.
pub(super) fn refused(method: &str, answer: &Answer, has_token: bool) -> ExitCode {
    fail(format_args!("{}: {}", answer.status, advice(method, answer.status.as_u16(), has_token)));
    ExitCode::from(HTTP_ERROR)
}
