//! `imds environment show`: all of one environment.

use std::process::ExitCode;

use serde::Serialize;

use super::super::instance;
use super::super::json;
use super::super::table::{cell, table};
use super::call;
use super::description::{Description, find};
use super::event::{self, Event};
use super::setting::{self, Imdsv1};
use crate::admin::{Admin, Error, Form, Instance};
use crate::app::print;
use crate::args::environment::Show;

/// How many events are shown.
const EVENTS: u32 = 10;

pub(super) fn run(admin: &Admin, args: &Show) -> anyhow::Result<ExitCode> {
    let environment = find(admin, &args.name)?;
    let id = environment.environment_id.clone();
    let shown = match Shown::of(admin, environment) {
        // It was terminated between two questions.
        Err(Error::Refused { .. }) => Shown::of(admin, find(admin, &id)?)?,
        shown => shown?,
    };
    let text = if args.output.is_json() { json(&shown)? } else { shown.text() };
    print(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// All that is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Shown {
    #[serde(flatten)]
    environment: Description,
    #[serde(flatten)]
    imdsv1: Imdsv1,
    instances: Vec<Instance>,
    /// The last ones, the newest at the end.
    events: Vec<Event>,
}

impl Shown {
    /// Asks for all of an environment.
    pub(super) fn of(admin: &Admin, environment: Description) -> Result<Self, Error> {
        Ok(Self {
            imdsv1: setting::told(admin, &environment)?,
            instances: instances(admin, &environment)?,
            events: event::last(admin, &environment.environment_id, EVENTS)?,
            environment,
        })
    }

    fn text(&self) -> String {
        let Self { environment, imdsv1, instances, events } = self;
        let row = |name: &str, value: &str| [name.to_owned(), value.to_owned()];
        let some = |name: &str, value: Option<&String>| [name.to_owned(), cell(value)];
        let box_of_imdsv1 = match (imdsv1.deployed, imdsv1.pending) {
            (None, Some(pending)) => format!("{pending} (being launched)"),
            (Some(deployed), Some(pending)) if pending != deployed => {
                format!("{deployed} (an update that is not done makes it {pending})")
            }
            (deployed, _) => cell(deployed),
        };
        let rows = [
            row("Environment ID", &environment.environment_id),
            row("Name", &environment.environment_name),
            row("Application", &environment.application_name),
            row("Status", &environment.status),
            row("Health", &environment.health),
            row("IMDSv1", &box_of_imdsv1),
            some("Solution stack", environment.solution_stack_name.as_ref()),
            some("Version", environment.version_label.as_ref()),
            some("Host name", environment.cname.as_ref()),
            row("Created", &environment.date_created),
            row("Updated", &environment.date_updated),
        ];
        let mut text = table(["", ""], rows);
        for more in [instance::list::text(instances), event::text(events)] {
            text.push('\n');
            text.push_str(&more);
        }
        text
    }
}

/// The environment's instances, in the order of their launch.
pub(super) fn instances(admin: &Admin, environment: &Description) -> Result<Vec<Instance>, Error> {
    if environment.is_terminated() {
        return Ok(Vec::new());
    }
    let form = Form::default().with("EnvironmentId", &environment.environment_id);
    let answer = call(admin, "DescribeEnvironmentResources", &form)?.result;
    let members = answer.members("EnvironmentResources/Instances");
    let ids: Vec<_> = members.filter_map(|member| member.text("Id")).collect();
    // Without ids the question would be about all that there are.
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = instance::describe(admin, &Form::default().list("InstanceId", &ids))?;
    found.sort_by_key(|instance| ids.iter().position(|id| *id == instance.instance_id));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use imds_core::options::Switch;

    use super::super::description::tests::two;
    use super::super::event::tests::event;
    use super::*;
    use crate::admin::Element;

    fn instance() -> Instance {
        let answer = "<R><instancesSet><item><instanceId>i-0123456789abcdef0</instanceId><instanceState><name>running</name>\
                      </instanceState><instanceType>t3.micro</instanceType><privateIpAddress>172.31.16.10</privateIpAddress>\
                      <tagSet><item><key>Name</key><value>shop-dev</value></item></tagSet><metadataOptions><httpTokens>required\
                      </httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit></metadataOptions></item></instancesSet></R>";
        Instance::reserved(&Element::parse(answer).unwrap()).remove(0)
    }

    fn shown() -> Shown {
        Shown {
            environment: two().remove(0),
            imdsv1: Imdsv1 { deployed: Some(Switch::Disabled), pending: Some(Switch::Enabled) },
            instances: vec![instance()],
            events: vec![event(1, "INFO", "createEnvironment is starting."), event(2, "WARN", "a \u{1b} b")],
        }
    }

    #[test]
    fn all_that_it_has() {
        let mut shown = shown();
        insta::assert_snapshot!(shown.text(), @r"
        Environment ID  e-abcdefgh12
        Name            shop-dev
        Application     shop
        Status          Ready
        Health          Green
        IMDSv1          disabled (an update that is not done makes it enabled)
        Solution stack  64bit Amazon Linux 2023 v4.7.0 running Python 3.11
        Version         Sample Application
        Host name       shop-dev.us-east-1.elasticbeanstalk.com
        Created         2026-11-24T12:00:00.000Z
        Updated         2026-11-24T12:00:02.000Z

        ID                   NAME      STATE    TYPE      PRIVATE ADDRESS  METADATA VERSION     HOP LIMIT
        i-0123456789abcdef0  shop-dev  running  t3.micro  172.31.16.10     V2 (token required)  2

        TIME                      SEVERITY  EVENT
        2026-11-24T12:00:01.000Z  INFO      createEnvironment is starting.
        2026-11-24T12:00:02.000Z  WARN      a � b
        ");
        shown.imdsv1 = Imdsv1 { deployed: None, pending: Some(Switch::Disabled) };
        assert!(shown.text().contains("IMDSv1          disabled (being launched)\n"), "{}", shown.text());
        shown.imdsv1 = Imdsv1::default();
        assert!(shown.text().contains("IMDSv1          -\n"), "{}", shown.text());
    }

    #[test]
    fn for_programs_it_has_the_names_of_the_apis() {
        insta::assert_snapshot!(json(&shown()).unwrap(), @r#"
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
          "IMDSv1Pending": "enabled",
          "Instances": [
            {
              "InstanceId": "i-0123456789abcdef0",
              "State": "running",
              "InstanceType": "t3.micro",
              "ImageId": "",
              "LaunchTime": "",
              "AvailabilityZone": null,
              "PrivateIpAddress": "172.31.16.10",
              "PrivateDnsName": null,
              "PublicIpAddress": null,
              "Ipv6Addresses": [],
              "KeyName": null,
              "IamInstanceProfile": null,
              "MetadataOptions": {
                "State": "",
                "HttpTokens": "required",
                "HttpPutResponseHopLimit": 2,
                "HttpEndpoint": "",
                "HttpProtocolIpv6": "",
                "InstanceMetadataTags": ""
              },
              "Tags": {
                "Name": "shop-dev"
              }
            }
          ],
          "Events": [
            {
              "EventDate": "2026-11-24T12:00:01.000Z",
              "Severity": "INFO",
              "Message": "createEnvironment is starting."
            },
            {
              "EventDate": "2026-11-24T12:00:02.000Z",
              "Severity": "WARN",
              "Message": "a \u001b b"
            }
          ]
        }
        "#);
    }
}
