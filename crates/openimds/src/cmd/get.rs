//! `imds get`: a path of instance metadata.

use std::process::ExitCode;

use imds_core::token::Ttl;

use super::token::{fetch, refused};
use crate::app::print;
use crate::args::Get;
use crate::client::{Client, TOKEN};

pub(super) fn run(args: &Get) -> anyhow::Result<ExitCode> {
    let client = Client::new(args.endpoint.endpoint.as_deref(), args.endpoint.verbose)?;
    let path = path(&args.path);
    let token = if args.v1 {
        None
    } else {
        match fetch(&client, Ttl::MAX)? {
            Ok(token) => Some(token),
            Err(code) => return Ok(code),
        }
    };
    let header = token.as_deref().map(|token| (TOKEN, token));
    let answer = client.send("GET", &path, header.as_slice())?;
    if !answer.status.is_success() {
        return Ok(refused("GET", &answer, token.is_some()));
    }
    print(&answer.body);
    // On a terminal, the prompt should not follow on the same line; in a pipe, the bytes are what they are.
    if rustix::termios::isatty(std::io::stdout()) && !answer.body.ends_with(b"\n") {
        print(b"\n");
    }
    Ok(ExitCode::SUCCESS)
}

/// A whole path, or one under `latest`, or one under `latest/meta-data`.
fn path(written: &str) -> String {
    if written.starts_with('/') {
        return written.to_owned();
    }
    match written.split('/').next() {
        Some("latest") => format!("/{written}"),
        Some("meta-data" | "dynamic" | "user-data") => format!("/latest/{written}"),
        _ => format!("/latest/meta-data/{written}"),
    }
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn what_is_left_out_of_a_path_follows() {
        for (written, whole) in [
            ("instance-id", "/latest/meta-data/instance-id"),
            ("placement/region", "/latest/meta-data/placement/region"),
            ("meta-data/", "/latest/meta-data/"),
            ("user-data", "/latest/user-data"),
            ("dynamic/instance-identity/document", "/latest/dynamic/instance-identity/document"),
            ("latest/meta-data", "/latest/meta-data"),
            ("/2009-04-04/", "/2009-04-04/"),
            ("/", "/"),
        ] {
            assert_eq!(path(written), whole);
        }
    }
}
