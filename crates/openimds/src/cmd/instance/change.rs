//! `imds instance set`: the metadata options of instances.

use std::process::ExitCode;

use super::super::table::{cell, table};
use crate::admin::{Admin, Form, MetadataOptions};
use crate::app::{fail, print};
use crate::args::control::Set;

pub(super) fn run(admin: &Admin, args: &Set) -> anyhow::Result<ExitCode> {
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    // The action takes one instance: what is refused for one is done for the others.
    for id in &args.ids {
        let form = Form::default().with("InstanceId", id).options("", &args.options.choice());
        match admin.call("ModifyInstanceMetadataOptions", &form) {
            Ok(answer) => {
                let options =
                    answer.at("instanceMetadataOptions").map(MetadataOptions::of).unwrap_or_default();
                rows.push(row(id.as_str(), &options));
            }
            Err(error) if args.ids.len() == 1 || error.code().is_none() => return Err(error.into()),
            Err(error) => failed.push(format!("{id}: {error}")),
        }
    }
    if !rows.is_empty() {
        print(table(HEADS, rows).as_bytes());
    }
    Ok(failed.iter().fold(ExitCode::SUCCESS, |_, error| fail(error)))
}

const HEADS: [&str; 6] = ["ID", "SERVICE", "METADATA VERSION", "HOP LIMIT", "IPV6 ENDPOINT", "TAGS"];

fn row(id: &str, options: &MetadataOptions) -> [String; 6] {
    [
        id.to_owned(),
        options.http_endpoint.clone(),
        options.version().to_owned(),
        cell(options.http_put_response_hop_limit),
        options.http_protocol_ipv6.clone(),
        options.instance_metadata_tags.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::show::tests::{TWO, described};
    use super::*;

    #[test]
    fn the_options_as_they_are_now() {
        let options = described(TWO).remove(0).metadata_options;
        insta::assert_snapshot!(table(HEADS, [row("i-0123456789abcdef0", &options)]), @r"
        ID                   SERVICE  METADATA VERSION     HOP LIMIT  IPV6 ENDPOINT  TAGS
        i-0123456789abcdef0  enabled  V2 (token required)  2          disabled       enabled
        ");
    }
}
