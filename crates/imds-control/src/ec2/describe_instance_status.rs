//! `DescribeInstanceStatus`: what runs is well; what is scheduled is what `events/maintenance/` tells the instance.

use imds_core::Machine;
use imds_core::events::Maintenance;
use imds_store::record::Found;

use super::describe_instances::in_order;
use super::filter::Filters;
use super::{instance, page};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const FILTERS: &[&str] = &[
    "availability-zone",
    "event.code",
    "event.description",
    "event.instance-event-id",
    "instance-state-code",
    "instance-state-name",
    "instance-status.reachability",
    "instance-status.status",
    "system-status.reachability",
    "system-status.status",
];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, FILTERS)?;
    page::check_least(params, 5)?;
    let shows_all = params.flag("IncludeAllInstances")? == Some(true);
    let told = |found: Found<Machine>| {
        let mut machine = found.record;
        machine.instance.events = machine.instance.events_at(call.now).into_owned();
        machine
    };
    let found = call.machines(&params.list("InstanceId"))?.into_iter().map(told);
    let shown = found
        .filter(|machine| shows_all || machine.state.is_running())
        .filter(|machine| filters.pass(|name| filtered(machine, name)))
        .collect();
    let (machines, next) = page::page(params, shown, 1_000, in_order)?;
    let mut xml = Xml::ec2();
    xml.list("instanceStatusSet", &machines, write);
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

fn write(xml: &mut Xml, machine: &Machine) {
    xml.text("instanceId", &machine.instance.id)
        .text("availabilityZone", &machine.instance.placement.availability_zone);
    let events = &machine.instance.events.maintenance;
    if !events.is_empty() {
        xml.list("eventsSet", events, write_event);
    }
    instance::write_state(xml, "instanceState", machine.state.settled());
    let (status, reachability) = health(machine);
    for name in ["systemStatus", "instanceStatus"] {
        xml.within(name, |xml| {
            xml.text("status", status);
            xml.list("details", reachability, |xml, reachability| {
                xml.text("name", "reachability").text("status", reachability);
            });
        });
    }
}

/// Its status and its reachability; of what does not run there is none.
fn health(machine: &Machine) -> (&'static str, Option<&'static str>) {
    if machine.state.is_running() { ("ok", Some("passed")) } else { ("not-applicable", None) }
}

fn write_event(xml: &mut Xml, event: &Maintenance) {
    xml.text("instanceEventId", &event.event_id).text("code", &event.code);
    match event.state.as_str() {
        "completed" => xml.text("description", format_args!("[Completed] {}", event.description)),
        "canceled" => xml.text("description", format_args!("[Canceled] {}", event.description)),
        _ => xml.text("description", &event.description),
    };
    xml.time("notBefore", event.not_before);
    if let Some(end) = event.not_after {
        xml.time("notAfter", end);
    }
}

fn filtered(machine: &Machine, name: &str) -> Vec<String> {
    let (status, reachability) = health(machine);
    let events = machine.instance.events.maintenance.iter();
    match name {
        "availability-zone" => vec![machine.instance.placement.availability_zone.clone()],
        "event.code" => events.map(|event| event.code.clone()).collect(),
        "event.description" => events.map(|event| event.description.clone()).collect(),
        "event.instance-event-id" => events.map(|event| event.event_id.clone()).collect(),
        "instance-state-code" => vec![machine.state.settled().code().to_string()],
        "instance-state-name" => vec![machine.state.settled().to_string()],
        "instance-status.status" | "system-status.status" => vec![status.to_owned()],
        _ => reachability.map(str::to_owned).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, text};

    const DESCRIBE: &str = "Action=DescribeInstanceStatus";

    #[tokio::test]
    async fn what_runs_is_well_and_what_does_not_is_shown_when_asked_for() {
        let door = door();
        keep_machine(&door);
        let (_, document) = ec2(&door, DESCRIBE).await;
        assert!(document.contains(
            "<instanceState><code>16</code><name>running</name></instanceState><systemStatus><status>ok</status><details><item>\
             <name>reachability</name><status>passed</status></item></details></systemStatus>"
        ));
        ec2(&door, "Action=StopInstances&InstanceId.1=i-12345678901234567").await;
        let (_, document) = ec2(&door, DESCRIBE).await;
        assert!(!document.contains("<instanceId>"), "{document}");
        let all = format!("{DESCRIBE}&InstanceId.1=i-12345678901234567&IncludeAllInstances=true");
        let (_, document) = ec2(&door, &all).await;
        assert!(
            document.contains("<name>stopped</name>") && document.contains("<status>not-applicable</status>")
        );
        let filtered = format!("{all}&Filter.1.Name=instance-status.status&Filter.1.Value.1=ok");
        assert!(!ec2(&door, &filtered).await.1.contains("<instanceId>"));
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        for (form, code) in [
            ("InstanceId.1=i-00000001", "InvalidInstanceID.NotFound"),
            ("InstanceId.1=x", "InvalidInstanceID.Malformed"),
            ("Filter.1.Name=x&Filter.1.Value.1=y", "InvalidParameterValue"),
            ("MaxResults=1", "InvalidParameterValue"),
        ] {
            let (status, document) = ec2(&door, &format!("{DESCRIBE}&{form}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
