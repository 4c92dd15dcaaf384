//! From one state to another: what starting, stopping and terminating have in common (control-api.md section 2.5).

use imds_core::Machine;
use imds_core::lifecycle::State;
use imds_store::record::{Address, Batch, get};

use super::instance;
use crate::call::Call;
use crate::query::{Error, Params, Xml};

/// The instances that a call names, each once; it must name one.
pub(crate) fn named<'p>(params: &'p Params) -> Result<Vec<&'p str>, Error> {
    let mut ids: Vec<&'p str> = Vec::new();
    for id in params.list("InstanceId") {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
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
