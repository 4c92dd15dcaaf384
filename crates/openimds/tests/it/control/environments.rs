//! Elastic Beanstalk environments from outside: what an environment is set to is what its instances' guests get.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;

use super::{Answer, Api, Guest, instances, serve, state, text};
use crate::serve::{Watched, until};

mod crash;
mod crowd;
mod events;
mod refused;
mod replaced;
mod story;

/// The namespace of the box.
const INSTANCES: &str = "aws:autoscaling:launchconfiguration";
/// The box: `true` turns IMDSv1 off.
const BOX: &str = "DisableIMDSv1";
/// The instance that is there without a file; it answers all whose address no instance has.
const BUILT_IN: &str = "i-12345678901234567";
/// How long each step of an environment takes where nothing has to be done between two.
const DELAY: &str = "100ms";

/// A service whose environments take so long for each step, and in which nobody but their instances is answered.
fn start(delay: &str) -> Watched {
    let service = serve(&["--environment-delay", delay]);
    Api::of(&service).send("TerminateInstances", BUILT_IN);
    service
}

/// An environment that was created.
struct Made {
    id: String,
    request_id: String,
}

/// An instance of an environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    id: String,
    address: Ipv4Addr,
    /// `required`
    tokens: String,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    at: String,
    severity: String,
    message: String,
    environment: String,
    request_id: String,
}

impl Api {
    /// Makes a call to Elastic Beanstalk: the form of an action, without its version.
    fn beanstalk(&mut self, form: &str) -> Answer {
        self.try_beanstalk(form).unwrap()
    }

    /// As [`Api::beanstalk`], of a service that may be gone.
    fn try_beanstalk(&mut self, form: &str) -> io::Result<Answer> {
        self.post("elasticbeanstalk", "2010-12-01", form)
    }

    /// The document of a call to Elastic Beanstalk that must succeed.
    #[track_caller]
    fn bean(&mut self, form: &str) -> String {
        self.beanstalk(form).well()
    }

    /// Creates an application.
    #[track_caller]
    fn application(&mut self, name: &str) {
        self.bean(&format!("Action=CreateApplication&ApplicationName={name}"));
    }

    /// Creates an environment of the application `shop`, with parameters that begin with `&`.
    #[track_caller]
    fn create(&mut self, name: &str, more: &str) -> Made {
        let document = self.bean(&creation(name, more));
        let field = |name| text(&document, name).unwrap().to_owned();
        Made { id: field("EnvironmentId"), request_id: field("RequestId") }
    }

    /// Unticks the box of an environment, or ticks it, and gives the id of the call.
    #[track_caller]
    fn disable_v1(&mut self, name: &str, value: bool) -> String {
        let document = self.bean(&update(name, &boxed(value)));
        text(&document, "RequestId").unwrap().to_owned()
    }

    /// The description of an environment, by name or id; of those that had the name the last that was created.
    fn environment(&mut self, name: &str) -> Option<String> {
        let by = if name.starts_with("e-") { "EnvironmentIds" } else { "EnvironmentNames" };
        let document = self.bean(&format!("Action=DescribeEnvironments&{by}.member.1={name}"));
        let all = members(text(&document, "Environments").unwrap_or_default());
        all.into_iter().max_by_key(|one| text(one, "DateCreated").unwrap().to_owned())
    }

    /// Waits until an environment has a status.
    #[track_caller]
    fn until(&mut self, name: &str, status: &str) -> String {
        until(&format!("{name} is {status}"), || {
            self.environment(name).filter(|found| text(found, "Status") == Some(status))
        })
    }

    /// The instances of an environment that are not terminated, as its resources tell them.
    fn members(&mut self, name: &str) -> Vec<Member> {
        let by = if name.starts_with("e-") { "EnvironmentId" } else { "EnvironmentName" };
        let document = self.bean(&format!("Action=DescribeEnvironmentResources&{by}={name}"));
        let list = text(&document, "Instances").unwrap_or_default();
        let ids: Vec<_> = members(list).iter().map(|one| text(one, "Id").unwrap().to_owned()).collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let ids: String = ids.iter().zip(1..).map(|(id, n)| format!("&InstanceId.{n}={id}")).collect();
        alive(&self.well(&format!("Action=DescribeInstances{ids}")))
    }

    /// The instances that are tagged with an environment's id and not terminated, whatever its resources tell.
    fn tagged(&mut self, id: &str) -> Vec<Member> {
        let form =
            "Action=DescribeInstances&Filter.1.Name=tag%3Aelasticbeanstalk%3Aenvironment-id&Filter.1.Value.1";
        alive(&self.well(&format!("{form}={id}")))
    }

    /// What is told of the box: the status of each entry and its value.
    fn boxes(&mut self, name: &str) -> Vec<(String, String)> {
        let document = self.bean(&format!(
            "Action=DescribeConfigurationSettings&ApplicationName=shop&EnvironmentName={name}"
        ));
        let entries = document.split("<DeploymentStatus>").skip(1).map(str::to_owned);
        let whole = members(text(&document, "ConfigurationSettings").unwrap_or_default());
        assert_eq!(entries.count(), whole.len(), "{document}");
        let status = |entry: &str| text(entry, "DeploymentStatus").unwrap().to_owned();
        whole.iter().map(|entry| (status(entry), value(entry, INSTANCES, BOX).unwrap())).collect()
    }

    /// Events, the newest first, as the parameters ask, which begin with `&`.
    #[track_caller]
    fn events(&mut self, more: &str) -> Vec<Event> {
        let document = self.bean(&format!("Action=DescribeEvents{more}"));
        let read = |event: &String| {
            let field = |name| text(event, name).unwrap_or_default().to_owned();
            Event {
                at: field("EventDate"),
                severity: field("Severity"),
                message: field("Message"),
                environment: field("EnvironmentName"),
                request_id: field("RequestId"),
            }
        };
        members(text(&document, "Events").unwrap_or_default()).iter().map(read).collect()
    }

    /// The names of all launch templates.
    fn templates(&mut self) -> BTreeSet<String> {
        let document = self.well("Action=DescribeLaunchTemplates");
        let names = document.split("<launchTemplateName>").skip(1);
        names.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    }
}

/// The form of a `CreateEnvironment`.
fn creation(name: &str, more: &str) -> String {
    format!("Action=CreateEnvironment&ApplicationName=shop&EnvironmentName={name}{more}")
}

/// The form of an `UpdateEnvironment`.
fn update(name: &str, more: &str) -> String {
    format!("Action=UpdateEnvironment&EnvironmentName={name}{more}")
}

/// Option settings: namespace, name, value.
fn settings(all: &[(&str, &str, &str)]) -> String {
    let numbered = all.iter().zip(1..);
    numbered
        .map(|((namespace, name, value), n)| {
            format!(
                "&OptionSettings.member.{n}.Namespace={namespace}&OptionSettings.member.{n}.OptionName={name}\
                 &OptionSettings.member.{n}.Value={value}"
            )
        })
        .collect()
}

fn boxed(value: bool) -> String {
    settings(&[(INSTANCES, BOX, if value { "true" } else { "false" })])
}

/// So many instances behind a load balancer.
fn size(count: usize) -> String {
    settings(&[("aws:autoscaling:asg", "MinSize", &count.to_string())])
}

/// What is in each `<member>` of a list, whatever lists are in it.
fn members(list: &str) -> Vec<String> {
    let (mut all, mut depth, mut rest, mut begin) = (Vec::new(), 0, list, 0);
    while let Some(at) = rest.find("<member>").into_iter().chain(rest.find("</member>")).min() {
        let offset = list.len() - rest.len() + at;
        if rest[at..].starts_with("<member>") {
            if depth == 0 {
                begin = offset + "<member>".len();
            }
            depth += 1;
            rest = &rest[at + "<member>".len()..];
        } else {
            depth -= 1;
            if depth == 0 {
                all.push(list[begin..offset].to_owned());
            }
            rest = &rest[at + "</member>".len()..];
        }
    }
    all
}

/// The value of an option in an entry of `DescribeConfigurationSettings`.
fn value(entry: &str, namespace: &str, name: &str) -> Option<String> {
    let options = members(text(entry, "OptionSettings")?);
    let found = options.into_iter().find(|option| {
        (text(option, "Namespace"), text(option, "OptionName")) == (Some(namespace), Some(name))
    })?;
    text(&found, "Value").map(str::to_owned)
}

/// The instances that a document tells and that are not terminated.
fn alive(document: &str) -> Vec<Member> {
    let all = instances(document).into_iter();
    let alive = all.filter(|one| !matches!(state(one), "shutting-down" | "terminated"));
    alive
        .map(|one| Member {
            id: text(&one, "instanceId").unwrap().to_owned(),
            address: text(&one, "privateIpAddress").unwrap().parse().unwrap(),
            tokens: super::option(&one, "httpTokens").to_owned(),
        })
        .collect()
}

/// Is all of an environment that is Ready true: one set of instances, told alike by all who tell of them, and the box is
/// what guests meet? Gives the box.
#[track_caller]
fn check(api: &mut Api, service: &Watched, name: &str, count: usize) -> bool {
    let environment = api.environment(name).unwrap();
    let id = text(&environment, "EnvironmentId").unwrap().to_owned();
    assert_eq!(text(&environment, "Status"), Some("Ready"), "{environment}");
    assert_eq!(text(&environment, "Health"), Some("Green"), "{environment}");
    let (mut members, mut tagged) = (api.members(name), api.tagged(&id));
    members.sort();
    tagged.sort();
    assert_eq!(members, tagged, "the resources of {name}, and who has its tag");
    assert_eq!(members.len(), count, "{name}: {members:?}");
    let boxes = api.boxes(name);
    let [(status, value)] = &boxes[..] else { panic!("{name}: {boxes:?}") };
    assert_eq!(status, "deployed", "{name}");
    let is_disabled = value == "true";
    for member in members {
        let guest = Guest::at(service, member.address);
        assert_eq!(guest.id(), member.id);
        let expected = if is_disabled { ("required", 401) } else { ("optional", 200) };
        assert_eq!((member.tokens.as_str(), guest.status(None)), expected, "{name}: {value}");
    }
    is_disabled
}

#[test]
fn members_are_told_apart() {
    assert_eq!(
        members("<member>a<l><member>b</member></l></member><member/><member></member>"),
        ["a<l><member>b</member></l>", ""]
    );
}
