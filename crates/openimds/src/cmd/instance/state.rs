//! `imds instance stop`, `start`, `terminate`

use std::process::ExitCode;

use super::super::table::{cell, table};
use crate::admin::{Admin, Element, Form};
use crate::app::print;
use crate::args::control::Ids;

pub(super) fn run(admin: &Admin, action: &str, args: &Ids) -> anyhow::Result<ExitCode> {
    let answer = admin.call(action, &Form::default().list("InstanceId", &args.ids))?;
    print(text(&answer).as_bytes());
    Ok(ExitCode::SUCCESS)
}

fn text(answer: &Element) -> String {
    let rows = answer.items("instancesSet").map(|item| {
        ["instanceId", "previousState/name", "currentState/name"].map(|path| cell(item.text(path)))
    });
    table(["ID", "WAS", "IS"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_and_what_is() {
        let answer = "<StopInstancesResponse><instancesSet><item><instanceId>i-0000000a</instanceId><currentState><code>64</code>\
                      <name>stopping</name></currentState><previousState><code>16</code><name>running</name></previousState></item>\
                      </instancesSet></StopInstancesResponse>";
        insta::assert_snapshot!(text(&Element::parse(answer).unwrap()), @r"
        ID          WAS      IS
        i-0000000a  running  stopping
        ");
    }
}
