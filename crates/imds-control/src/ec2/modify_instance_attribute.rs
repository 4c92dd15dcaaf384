//! `ModifyInstanceAttribute`: one attribute of one instance (docs/control-api.md).

use imds_core::Machine;
use imds_core::instance::architecture;
use imds_store::record::Batch;

use super::{instance_type, launch, network, transition, user_data};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, flag};

/// Those that can be set, in the API's spelling of `Attribute`; as parameters they begin with a capital letter.
const ATTRIBUTES: &[&str] = &[
    "disableApiStop",
    "disableApiTermination",
    "ebsOptimized",
    "instanceInitiatedShutdownBehavior",
    "instanceType",
    "sourceDestCheck",
    "userData",
];

/// Those that can be set only while the instance is stopped.
const WHILE_STOPPED: &[&str] = &["ebsOptimized", "instanceType", "userData"];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let id = params.need("InstanceId")?;
    let found = call.machine(id)?;
    let mut machine = found.record.clone();
    transition::exists(&machine)?;
    match (&settings(params)?[..], &params.list("GroupId")[..]) {
        ([(attribute, value)], []) => set(call, &mut machine, attribute, value)?,
        ([], groups @ [_, ..]) => set_groups(call, &mut machine, groups)?,
        // Devices are not modelled, but for what their mapping says; clients set `DeleteOnTermination` here.
        ([], []) if !params.each("BlockDeviceMapping").is_empty() => {}
        // The code of these two is EC2's, the words are [assumed].
        ([], []) => {
            return Err(Error::new("InvalidParameterCombination", "No attributes specified."));
        }
        _ => {
            return Err(Error::new(
                "InvalidParameterCombination",
                "Fields for multiple attribute types specified",
            ));
        }
    }
    let mut batch = Batch::default();
    if machine != found.record {
        batch.replace(id, &found, &machine);
    }
    Ok(Outcome::done(batch))
}

/// What is to be set: `UserData.Value=…`, or `Attribute=userData&Value=…`.
fn settings(params: &Params) -> Result<Vec<(&'static str, &str)>, Error> {
    let mut settings = Vec::new();
    if let Some(name) = params.text("Attribute") {
        let attribute = ATTRIBUTES.iter().find(|attribute| **attribute == name).ok_or_else(|| {
            Error::invalid_value(format!(
                "Value ({name}) for parameter attribute is invalid. Unknown attribute."
            ))
        })?;
        settings.push((*attribute, params.get("Value").ok_or_else(|| Error::missing("Value"))?));
    }
    for attribute in ATTRIBUTES {
        let (first, rest) = attribute.split_at(1);
        let name = format!("{}{rest}", first.to_uppercase());
        let value = params.get(&format!("{name}.Value"));
        // Some clients leave the structure out.
        settings.extend(value.or_else(|| params.get(&name)).map(|value| (*attribute, value)));
    }
    Ok(settings)
}

fn set(call: &Call<'_>, machine: &mut Machine, attribute: &str, value: &str) -> Result<(), Error> {
    let state = machine.state.settled();
    if WHILE_STOPPED.contains(&attribute) && state != imds_core::lifecycle::State::Stopped {
        let id = &machine.instance.id;
        return Err(Error::new(
            "IncorrectInstanceState",
            format!("The instance '{id}' is not in the 'stopped' state."),
        ));
    }
    match attribute {
        "disableApiStop" => machine.is_stop_disabled = flag(attribute, value)?,
        "disableApiTermination" => machine.is_termination_disabled = flag(attribute, value)?,
        "ebsOptimized" => machine.is_ebs_optimized = flag(attribute, value)?,
        "instanceInitiatedShutdownBehavior" => {
            machine.is_terminated_on_shutdown = launch::is_terminated(Some(value))?;
        }
        "sourceDestCheck" => machine.is_source_checked = flag(attribute, value)?,
        "instanceType" => set_type(call, machine, value)?,
        _ => {
            let raw = user_data::decode(value)?;
            machine.instance.user_data = Some(raw).filter(|raw| !raw.is_empty()).map(Into::into);
            machine.instance.changed = call.now;
        }
    }
    Ok(())
}

fn set_type(call: &Call<'_>, machine: &mut Machine, value: &str) -> Result<(), Error> {
    instance_type::check(value)?;
    let (has, wants) = (&machine.instance.architecture, architecture(value));
    if has != wants {
        // The disk does not change with the type. The code is EC2's, the words are [assumed].
        return Err(Error::new(
            "InvalidParameterCombination",
            format!(
                "The architecture '{wants}' of the instance type does not match that of the instance, '{has}'"
            ),
        ));
    }
    machine.instance.set_type(value.to_owned());
    machine.instance.changed = call.now;
    Ok(())
}

fn set_groups(call: &Call<'_>, machine: &mut Machine, ids: &[&str]) -> Result<(), Error> {
    let launch = network::launch(call, &machine.instance.placement.availability_zone)?;
    let groups = launch::groups(&launch, ids, &[])?;
    for primary in machine.instance.interfaces.iter_mut().take(1) {
        (primary.security_group_ids, primary.security_groups) = groups.clone();
    }
    machine.instance.changed = call.now;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use imds_core::Machine;
    use imds_store::record;

    use crate::door::Door;
    use crate::testing::{door, ec2, keep_machine, text};

    const MODIFY: &str = "Action=ModifyInstanceAttribute&InstanceId=i-12345678901234567";

    async fn modify(door: &Door, form: &str) -> Machine {
        let (status, document) = ec2(door, &format!("{MODIFY}&{form}")).await;
        assert_eq!((status, text(&document, "return")), (StatusCode::OK, Some("true")), "{form}\n{document}");
        record::get::<Machine>(&*door.store, "i-12345678901234567").unwrap().unwrap().record
    }

    #[tokio::test]
    async fn what_needs_no_stop_is_set_at_once() {
        let door = door();
        keep_machine(&door);
        // Terraform sends the first of these before it destroys.
        assert!(!modify(&door, "DisableApiTermination.Value=false").await.is_termination_disabled);
        assert!(modify(&door, "DisableApiTermination.Value=true").await.is_termination_disabled);
        assert!(modify(&door, "Attribute=disableApiStop&Value=true").await.is_stop_disabled);
        assert!(!modify(&door, "SourceDestCheck.Value=false").await.is_source_checked);
        let behavior = "InstanceInitiatedShutdownBehavior.Value";
        assert!(modify(&door, &format!("{behavior}=terminate")).await.is_terminated_on_shutdown);
        assert!(!modify(&door, &format!("{behavior}=stop")).await.is_terminated_on_shutdown);
        let machine = modify(&door, "GroupId.1=sg-0123456789abcdef0&GroupId.2=sg-0123456789abcdef1").await;
        assert_eq!(machine.instance.primary().security_group_ids.len(), 2);
        modify(
            &door,
            "BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.DeleteOnTermination=true",
        )
        .await;
    }

    #[tokio::test]
    async fn user_data_and_type_are_set_while_it_is_stopped() {
        let door = door();
        keep_machine(&door);
        for form in ["UserData.Value=YUdrPQ%3D%3D", "InstanceType.Value=m5.large", "EbsOptimized.Value=true"]
        {
            let (status, document) = ec2(&door, &format!("{MODIFY}&{form}")).await;
            assert_eq!(
                (status, text(&document, "Code"), text(&document, "Message")),
                (
                    StatusCode::BAD_REQUEST,
                    Some("IncorrectInstanceState"),
                    Some("The instance 'i-12345678901234567' is not in the 'stopped' state.")
                ),
                "{form}"
            );
        }
        ec2(&door, "Action=StopInstances&InstanceId.1=i-12345678901234567").await;
        // The body of aws-cli v1, which encodes twice; it is decoded once.
        let machine = modify(&door, "UserData.Value=YUdrPQ%3D%3D").await;
        assert_eq!(machine.instance.user_data.as_deref(), Some(&b"aGk="[..]));
        let describe = "Action=DescribeInstanceAttribute&InstanceId=i-12345678901234567&Attribute=userData";
        assert_eq!(text(&ec2(&door, describe).await.1, "value"), Some("YUdrPQ=="));
        assert_eq!(modify(&door, "UserData.Value=").await.instance.user_data, None);
        assert_eq!(modify(&door, "InstanceType.Value=m5.large").await.instance.instance_type, "m5.large");
        assert!(modify(&door, "EbsOptimized.Value=true").await.is_ebs_optimized);
    }

    #[tokio::test]
    async fn of_what_is_terminated_nothing_changes() {
        let door = door();
        keep_machine(&door);
        ec2(&door, "Action=TerminateInstances&InstanceId.1=i-12345678901234567").await;
        let mapping =
            "BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.DeleteOnTermination=true";
        let flags = ["DisableApiStop", "DisableApiTermination", "EbsOptimized", "SourceDestCheck"];
        let mut forms: Vec<_> = flags.iter().map(|name| format!("{name}.Value=true")).collect();
        let others = [
            "InstanceInitiatedShutdownBehavior.Value=stop",
            "InstanceType.Value=m5.large",
            "UserData.Value=",
            "GroupId.1=sg-0123456789abcdef0",
            mapping,
        ];
        forms.extend(others.map(str::to_owned));
        for form in forms {
            let (status, document) = ec2(&door, &format!("{MODIFY}&{form}")).await;
            let words = "The instance 'i-12345678901234567' is not in the 'running' or 'stopped' states.";
            assert_eq!(
                (status, text(&document, "Code"), text(&document, "Message")),
                (StatusCode::BAD_REQUEST, Some("IncorrectInstanceState"), Some(words)),
                "{form}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        keep_machine(&door);
        ec2(&door, "Action=StopInstances&InstanceId.1=i-12345678901234567").await;
        let long = "A".repeat(21_852);
        for (form, code) in [
            ("Action=ModifyInstanceAttribute&UserData.Value=", "MissingParameter"),
            (MODIFY, "InvalidParameterCombination"),
            (
                &format!("{MODIFY}&DisableApiStop.Value=true&SourceDestCheck.Value=true"),
                "InvalidParameterCombination",
            ),
            (&format!("{MODIFY}&DisableApiStop.Value=yes"), "InvalidParameterValue"),
            (&format!("{MODIFY}&InstanceType.Value=x"), "InvalidParameterValue"),
            (&format!("{MODIFY}&InstanceType.Value=t4g.nano"), "InvalidParameterCombination"),
            (&format!("{MODIFY}&InstanceInitiatedShutdownBehavior.Value=x"), "InvalidParameterValue"),
            (&format!("{MODIFY}&Attribute=bogus&Value=1"), "InvalidParameterValue"),
            (&format!("{MODIFY}&Attribute=userData"), "MissingParameter"),
            (&format!("{MODIFY}&UserData.Value=%21"), "InvalidParameterValue"),
            (&format!("{MODIFY}&UserData.Value={long}"), "InvalidParameterValue"),
            (&format!("{MODIFY}&GroupId.1=x"), "InvalidGroupId.Malformed"),
        ] {
            let (status, document) = ec2(&door, form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
