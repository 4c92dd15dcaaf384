//! `imds environment list`

use std::process::ExitCode;

use serde::Serialize;

use super::super::json;
use super::super::table::{cell, table};
use super::description::{Description, describe};
use super::setting::{self, Imdsv1};
use crate::admin::{Admin, Error, Form};
use crate::app::print;
use crate::args::environment::List;

pub(super) fn run(admin: &Admin, args: &List) -> anyhow::Result<ExitCode> {
    let form =
        Form::default().option("ApplicationName", args.application.as_ref()).with("IncludeDeleted", args.all);
    let mut listed = Vec::new();
    for environment in describe(admin, &form)? {
        let imdsv1 = match setting::told(admin, &environment) {
            // One that was terminated since then has no settings any longer.
            Err(Error::Refused { .. }) => Imdsv1::default(),
            told => told?,
        };
        listed.push(Listed { environment, imdsv1 });
    }
    listed.sort_by(|one, other| one.key().cmp(&other.key()));
    let text = if args.output.is_json() { json(&listed)? } else { text(&listed) };
    print(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    environment: Description,
    #[serde(flatten)]
    imdsv1: Imdsv1,
}

impl Listed {
    fn key(&self) -> (&str, &str) {
        (&self.environment.environment_name, &self.environment.date_created)
    }
}

fn text(listed: &[Listed]) -> String {
    let heads = ["NAME", "ID", "APPLICATION", "STATUS", "HEALTH", "IMDSV1", "SOLUTION STACK"];
    let rows = listed.iter().map(|Listed { environment, imdsv1 }| {
        [
            environment.environment_name.clone(),
            environment.environment_id.clone(),
            environment.application_name.clone(),
            environment.status.clone(),
            environment.health.clone(),
            cell(imdsv1.deployed),
            cell(environment.solution_stack_name.as_ref()),
        ]
    });
    table(heads, rows)
}

#[cfg(test)]
mod tests {
    use imds_core::options::Switch;

    use super::super::description::tests::two;
    use super::*;

    #[test]
    fn a_line_for_each() {
        let deployed = [Some(Switch::Disabled), None];
        let listed: Vec<_> = two()
            .into_iter()
            .zip(deployed)
            .map(|(environment, deployed)| Listed { environment, imdsv1: Imdsv1 { deployed, pending: None } })
            .collect();
        insta::assert_snapshot!(text(&listed), @r"
        NAME      ID            APPLICATION  STATUS      HEALTH  IMDSV1    SOLUTION STACK
        shop-dev  e-abcdefgh12  shop         Ready       Green   disabled  64bit Amazon Linux 2023 v4.7.0 running Python 3.11
        shop-dev  e-zbcdefgh12  shop         Terminated  Grey    -         -
        ");
        insta::assert_snapshot!(json(&listed).unwrap(), @r#"
        [
          {
            "EnvironmentName": "shop-dev",
            "EnvironmentId": "e-abcdefgh12",
            "ApplicationName": "shop",
            "Status": "Ready",
            "Health": "Green",
            "SolutionStackName": "64bit Amazon Linux 2023 v4.7.0 running Python 3.11",
            "VersionLabel": "Sample Application",
            "CNAME": "shop-dev.us-east-1.elasticbeanstalk.com",
            "DateCreated": "2026-11-24T12:00:00.000Z",
            "DateUpdated": "2026-11-24T12:00:02.000Z",
            "IMDSv1": "disabled",
            "IMDSv1Pending": null
          },
          {
            "EnvironmentName": "shop-dev",
            "EnvironmentId": "e-zbcdefgh12",
            "ApplicationName": "shop",
            "Status": "Terminated",
            "Health": "Grey",
            "SolutionStackName": null,
            "VersionLabel": null,
            "CNAME": null,
            "DateCreated": "2026-11-25T12:00:00.000Z",
            "DateUpdated": "2026-11-25T12:00:02.000Z",
            "IMDSv1": null,
            "IMDSv1Pending": null
          }
        ]
        "#);
        assert_eq!(text(&[]).lines().count(), 1);
    }
}
