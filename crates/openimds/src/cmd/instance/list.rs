//! `imds instance list`

use std::process::ExitCode;

use super::super::json;
use super::super::table::{cell, table};
use super::describe;
use crate::admin::{Admin, Form, Instance};
use crate::app::print;
use crate::args::control::List;

/// Instances of a page, the most that EC2 gives: an answer is held whole.
const PAGE: &str = "1000";

pub(super) fn run(admin: &Admin, args: &List) -> anyhow::Result<ExitCode> {
    let form = Form::default().with("MaxResults", PAGE).filters(&args.filter);
    let mut instances = describe(admin, &form)?;
    instances.sort_by(|one, other| one.instance_id.cmp(&other.instance_id));
    let text = if args.output.is_json() { json(&instances)? } else { text(&instances) };
    print(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// A line for each.
pub(in super::super) fn text(instances: &[Instance]) -> String {
    let heads = ["ID", "NAME", "STATE", "TYPE", "PRIVATE ADDRESS", "METADATA VERSION", "HOP LIMIT"];
    table(
        heads,
        instances.iter().map(|instance| {
            let options = &instance.metadata_options;
            // Whatever its version may be, there is none while the endpoint is off.
            let is_off = options.http_endpoint == "disabled";
            [
                instance.instance_id.clone(),
                cell(instance.name()),
                instance.state.clone(),
                instance.instance_type.clone(),
                cell(instance.private_ip_address.as_deref()),
                (if is_off { "disabled" } else { options.version() }).to_owned(),
                cell(options.http_put_response_hop_limit),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::super::show::tests::{TWO, described};
    use super::*;

    #[test]
    fn a_line_for_each() {
        let mut instances = described(TWO);
        insta::assert_snapshot!(text(&instances), @r"
        ID                   NAME      STATE       TYPE       PRIVATE ADDRESS  METADATA VERSION            HOP LIMIT
        i-0123456789abcdef0  web & co  running     t3.micro   172.31.16.10     V2 (token required)         2
        i-0fedcba9876543210  -         terminated  m7i.large  -                V1 and V2 (token optional)  1
        ");
        instances[0].metadata_options.http_endpoint = "disabled".to_owned();
        assert!(text(&instances).contains("  disabled  "));
        assert_eq!(text(&[]).lines().count(), 1);
    }
}
