//! From one state to another: what starting, stopping and terminating have in common (docs/control-api.md).

use imds_core::Machine;
use imds_core::lifecycle::State;
use imds_store::record::{Address, Batch, Found, get};

use super::instance;
use crate::call::Call;
use crate::query::{Error, Params, Xml};

/// The instances that a call names; it must name one.
pub(crate) fn named(params: &Params) -> Result<Vec<&str>, Error> {
    let ids = params.list("InstanceId");
    if ids.is_empty() { Err(Error::missing("InstanceId")) } else { Ok(ids) }
}

/// Sends the named instances to a state, all or none, if each is permitted; tells where they were and where they are.
/// One that is there already stays as it is.
pub(crate) fn enter(
    call: &Call<'_>,
    params: &Params,
    state: State,
    permit: fn(&Machine) -> Result<(), Error>,
) -> Result<(Batch, Xml), Error> {
    let mut batch = Batch::default();
    let mut changes = Vec::new();
    for found in call.machines(&named(params)?)? {
        let previous = found.record.state.settled();
        let is_there = previous == state.settled();
        if !is_there {
            permit(&found.record)?;
            let mut machine = found.record.clone();
            machine.enter(state, call.now);
            batch.replace(machine.instance.id.as_str(), &found, &machine);
            if state.is_terminated() {
                free(call, &machine, &mut batch)?;
            }
        }
        changes.push((found.record.instance.id, if is_there { previous } else { state }, previous));
    }
    let mut xml = Xml::ec2();
    xml.list("instancesSet", changes, |xml, (id, current, previous)| {
        xml.text("instanceId", id);
        instance::write_state(xml, "currentState", current);
        instance::write_state(xml, "previousState", previous);
    });
    Ok((batch, xml))
}

/// Terminates a machine, whatever its owner protects it from, and gives its addresses back. One that is terminated already
/// stays as it is.
pub(crate) fn terminate(call: &Call<'_>, found: &Found<Machine>, batch: &mut Batch) -> Result<(), Error> {
    let mut machine = found.record.clone();
    if machine.state.is_terminated() {
        return Ok(());
    }
    machine.enter(State::ShuttingDown, call.now);
    batch.replace(machine.instance.id.as_str(), found, &machine);
    free(call, &machine, batch)
}

/// Gives a machine's addresses back.
fn free(call: &Call<'_>, machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let all = machine.instance.interfaces.iter().flat_map(|interface| &interface.local_ipv4s);
    for address in all.map(ToString::to_string) {
        let held = get::<Address>(call.store, &address)?;
        if held.is_some_and(|held| held.record.instance == machine.instance.id.as_str()) {
            batch.delete::<Address>(&address);
        }
    }
    Ok(())
}

/// Refuses what is terminated: nothing of it can be changed any more.
pub(crate) fn exists(machine: &Machine) -> Result<(), Error> {
    if machine.state.is_terminated() {
        let id = &machine.instance.id;
        return Err(Error::new(
            "IncorrectInstanceState",
            format!("The instance '{id}' is not in the 'running' or 'stopped' states."),
        ));
    }
    Ok(())
}

/// `IncorrectInstanceState`: nothing leads from where it is to where it should go.
pub(crate) fn no_way(machine: &Machine, done: &str) -> Error {
    let id = &machine.instance.id;
    Error::new(
        "IncorrectInstanceState",
        format!("The instance '{id}' is not in a state from which it can be {done}."),
    )
}

/// `OperationNotPermitted`: its owner protects it.
pub(crate) fn protected(machine: &Machine, done: &str, attribute: &str) -> Error {
    let id = &machine.instance.id;
    Error::new(
        "OperationNotPermitted",
        format!(
            "The instance '{id}' may not be {done}. Modify its '{attribute}' instance attribute and try again."
        ),
    )
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use imds_core::Machine;
    use imds_store::record;

    use crate::door::Door;
    use crate::testing::{door, ec2, keep_machine, text};

    const ID: &str = "i-12345678901234567";

    /// What a call answers: the state before, and the state now.
    async fn states(door: &Door, action: &str) -> (String, String) {
        let (status, document) = ec2(door, &format!("Action={action}&InstanceId.1={ID}")).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        let of = |name| text(text(&document, name).unwrap(), "name").unwrap().to_owned();
        assert_eq!(text(&document, "instanceId"), Some(ID));
        (of("previousState"), of("currentState"))
    }

    async fn described(door: &Door) -> String {
        let (_, document) = ec2(door, &format!("Action=DescribeInstances&InstanceId.1={ID}")).await;
        text(text(&document, "instanceState").unwrap(), "name").unwrap().to_owned()
    }

    #[tokio::test]
    async fn each_call_tells_the_way_and_the_next_look_its_end() {
        let door = door();
        keep_machine(&door);
        for (action, previous, current, settled) in [
            ("StartInstances", "running", "running", "running"),
            ("StopInstances", "running", "stopping", "stopped"),
            ("StopInstances", "stopped", "stopped", "stopped"),
            ("StartInstances", "stopped", "pending", "running"),
            ("StopInstances", "running", "stopping", "stopped"),
            ("TerminateInstances", "stopped", "shutting-down", "terminated"),
            ("TerminateInstances", "terminated", "terminated", "terminated"),
        ] {
            assert_eq!(states(&door, action).await, (previous.into(), current.into()), "{action}");
            assert_eq!(described(&door).await, settled, "{action}");
        }
        let (_, document) = ec2(&door, "Action=DescribeInstances").await;
        assert!(document.contains("<code>Client.UserInitiatedShutdown</code>"), "{document}");
        assert!(
            !document.contains("<privateIpAddress>")
                && document.contains("<networkInterfaceSet></networkInterfaceSet>")
        );
    }

    #[tokio::test]
    async fn options_that_were_changed_while_it_was_stopped_wait_for_its_start() {
        let door = door();
        keep_machine(&door);
        let state = async || {
            let (_, document) = ec2(&door, "Action=DescribeInstances").await;
            text(text(&document, "metadataOptions").unwrap(), "state").unwrap().to_owned()
        };
        states(&door, "StopInstances").await;
        assert_eq!(state().await, "applied");
        ec2(&door, &format!("Action=ModifyInstanceMetadataOptions&InstanceId={ID}&HttpTokens=required"))
            .await;
        assert_eq!(state().await, "pending");
        states(&door, "StartInstances").await;
        assert_eq!(state().await, "applied");
        states(&door, "StopInstances").await;
        ec2(&door, &format!("Action=ModifyInstanceMetadataOptions&InstanceId={ID}&HttpTokens=optional"))
            .await;
        states(&door, "TerminateInstances").await;
        assert_eq!(state().await, "applied", "nothing waits any more");
    }

    #[tokio::test]
    async fn what_is_protected_stays() {
        let door = door();
        keep_machine(&door);
        let modify = format!("Action=ModifyInstanceAttribute&InstanceId={ID}");
        for (action, attribute, done) in [
            ("StopInstances", "disableApiStop", "stopped"),
            ("TerminateInstances", "disableApiTermination", "terminated"),
        ] {
            ec2(&door, &format!("{modify}&Attribute={attribute}&Value=true")).await;
            let (status, document) = ec2(&door, &format!("Action={action}&InstanceId.1={ID}")).await;
            let message = format!(
                "The instance '{ID}' may not be {done}. Modify its '{attribute}' instance attribute and try again."
            );
            assert_eq!(
                (status, text(&document, "Code"), text(&document, "Message")),
                (StatusCode::BAD_REQUEST, Some("OperationNotPermitted"), Some(message.as_str()))
            );
            assert_eq!(described(&door).await, "running");
            ec2(&door, &format!("{modify}&Attribute={attribute}&Value=false")).await;
        }
        states(&door, "TerminateInstances").await;
    }

    #[tokio::test]
    async fn what_is_gone_does_not_come_back() {
        let door = door();
        keep_machine(&door);
        states(&door, "TerminateInstances").await;
        for action in ["StartInstances", "StopInstances", "RebootInstances"] {
            let (status, document) = ec2(&door, &format!("Action={action}&InstanceId.1={ID}")).await;
            assert_eq!(
                (status, text(&document, "Code")),
                (StatusCode::BAD_REQUEST, Some("IncorrectInstanceState")),
                "{action}"
            );
        }
    }

    #[tokio::test]
    async fn a_reboot_changes_nothing_and_needs_what_runs() {
        let door = door();
        let before = keep_machine(&door);
        let reboot = format!("Action=RebootInstances&InstanceId.1={ID}");
        assert_eq!(text(&ec2(&door, &reboot).await.1, "return"), Some("true"));
        let after = record::get::<Machine>(&*door.store, ID).unwrap().unwrap().record;
        assert_eq!(after, before);
        states(&door, "StopInstances").await;
        assert_eq!(text(&ec2(&door, &reboot).await.1, "Code"), Some("IncorrectInstanceState"));
    }

    #[tokio::test]
    async fn of_several_all_go_or_none() {
        let door = door();
        let run = "Action=RunInstances&MinCount=2&MaxCount=2&ImageId=ami-0abcdef1234567890";
        let (_, document) = ec2(&door, run).await;
        let ids: Vec<_> = document.split("<instanceId>").skip(1).map(|part| &part[..19]).collect();
        let both = format!("InstanceId.1={}&InstanceId.2={}&InstanceId.3={}", ids[0], ids[1], ids[0]);
        let protect = "&Attribute=disableApiTermination&Value=true";
        ec2(&door, &format!("Action=ModifyInstanceAttribute&InstanceId={}{protect}", ids[1])).await;
        let (_, document) = ec2(&door, &format!("Action=TerminateInstances&{both}")).await;
        assert_eq!(text(&document, "Code"), Some("OperationNotPermitted"));
        let (_, document) = ec2(&door, &format!("Action=StopInstances&{both}&DryRun=true")).await;
        assert_eq!(text(&document, "Code"), Some("DryRunOperation"));
        let (_, document) = ec2(&door, &format!("Action=StopInstances&{both}&InstanceId.4=i-00000001")).await;
        assert_eq!(text(&document, "Code"), Some("InvalidInstanceID.NotFound"));
        let (_, document) = ec2(&door, "Action=DescribeInstances").await;
        assert_eq!(document.matches("<name>running</name>").count(), 2);
        assert_eq!(document.matches("<reservationId>").count(), 1, "one launch is one reservation");
        let (_, document) = ec2(&door, &format!("Action=StopInstances&{both}")).await;
        assert_eq!(document.matches("<instanceId>").count(), 2);
    }

    #[tokio::test]
    async fn no_instance_is_not_every_instance() {
        let door = door();
        keep_machine(&door);
        for action in ["StartInstances", "StopInstances", "TerminateInstances", "RebootInstances"] {
            for (form, code) in [
                ("", "MissingParameter"),
                ("&InstanceId.1=", "InvalidInstanceID.Malformed"),
                ("&InstanceId.1=x", "InvalidInstanceID.Malformed"),
                ("&InstanceId.1=i-00000001", "InvalidInstanceID.NotFound"),
            ] {
                let (status, document) = ec2(&door, &format!("Action={action}{form}")).await;
                assert_eq!(
                    (status, text(&document, "Code")),
                    (StatusCode::BAD_REQUEST, Some(code)),
                    "{action}{form}"
                );
            }
        }
        assert_eq!(described(&door).await, "running");
    }
}
