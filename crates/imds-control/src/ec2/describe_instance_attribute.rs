//! `DescribeInstanceAttribute`: one attribute of one instance (docs/control-api.md).

use imds_core::Machine;

use super::{instance, user_data};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let id = params.need("InstanceId")?;
    let attribute = params.need("Attribute")?;
    let machine = call.machine(id)?.record;
    let mut xml = Xml::ec2();
    xml.text("instanceId", id);
    write(&mut xml, &machine, attribute)?;
    Ok(Outcome::told(xml))
}

fn write(xml: &mut Xml, machine: &Machine, attribute: &str) -> Result<(), Error> {
    let instance = &machine.instance;
    let mut value = |text: &str| {
        xml.within(attribute, |xml| {
            xml.text("value", text);
        });
    };
    match attribute {
        "disableApiStop" => value(flag(machine.is_stop_disabled)),
        "disableApiTermination" => value(flag(machine.is_termination_disabled)),
        "ebsOptimized" => value(flag(machine.is_ebs_optimized)),
        "enaSupport" => value("true"),
        "instanceInitiatedShutdownBehavior" => {
            value(if machine.is_terminated_on_shutdown { "terminate" } else { "stop" });
        }
        "instanceType" => value(&instance.instance_type),
        "rootDeviceName" => value(instance::root_device(machine)),
        "sourceDestCheck" => value(flag(machine.is_source_checked)),
        "sriovNetSupport" => value("simple"),
        "userData" => match &instance.user_data {
            Some(raw) => value(&user_data::encode(raw)),
            None => {
                xml.empty(attribute);
            }
        },
        "kernel" | "ramdisk" => {
            let of = if attribute == "kernel" { &instance.kernel_id } else { &instance.ramdisk_id };
            match of {
                Some(id) => value(id),
                None => {
                    xml.empty(attribute);
                }
            }
        }
        "blockDeviceMapping" => {
            xml.list(attribute, [machine], instance::write_root);
        }
        "groupSet" => instance::write_groups(xml, Some(instance.primary())),
        "productCodes" => {
            xml.list(attribute, &instance.product_codes, |xml, code| {
                xml.text("productCode", code).text("type", "marketplace");
            });
        }
        "enclaveOptions" => {
            xml.within(attribute, |xml| {
                xml.text("enabled", false);
            });
        }
        other => {
            return Err(Error::invalid_value(format!(
                "Value ({other}) for parameter attribute is invalid. Unknown attribute."
            )));
        }
    }
    Ok(())
}

fn flag(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, text};

    const DESCRIBE: &str = "Action=DescribeInstanceAttribute&InstanceId=i-12345678901234567&Attribute";

    #[tokio::test]
    async fn each_attribute_has_its_element() {
        let door = door();
        keep_machine(&door);
        for (attribute, element) in [
            ("disableApiStop", "<disableApiStop><value>false</value></disableApiStop>"),
            ("disableApiTermination", "<disableApiTermination><value>false</value></disableApiTermination>"),
            ("ebsOptimized", "<ebsOptimized><value>false</value></ebsOptimized>"),
            (
                "instanceInitiatedShutdownBehavior",
                "<instanceInitiatedShutdownBehavior><value>stop</value></instanceInitiatedShutdownBehavior>",
            ),
            ("instanceType", "<instanceType><value>t3.micro</value></instanceType>"),
            ("rootDeviceName", "<rootDeviceName><value>/dev/xvda</value></rootDeviceName>"),
            ("sourceDestCheck", "<sourceDestCheck><value>true</value></sourceDestCheck>"),
            ("userData", "<userData/>"),
            ("kernel", "<kernel/>"),
            ("blockDeviceMapping", "<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs>"),
            ("groupSet", "<groupName>default</groupName></item></groupSet>"),
            ("productCodes", "<productCodes></productCodes>"),
            ("enclaveOptions", "<enclaveOptions><enabled>false</enabled></enclaveOptions>"),
        ] {
            let (status, document) = ec2(&door, &format!("{DESCRIBE}={attribute}")).await;
            assert_eq!(status, StatusCode::OK, "{document}");
            assert_eq!(text(&document, "instanceId"), Some("i-12345678901234567"));
            assert!(document.contains(element), "{attribute}\n{document}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        keep_machine(&door);
        for (form, code) in [
            ("Action=DescribeInstanceAttribute&Attribute=userData", "MissingParameter"),
            (DESCRIBE, "MissingParameter"),
            (&format!("{DESCRIBE}=bogus"), "InvalidParameterValue"),
            (
                "Action=DescribeInstanceAttribute&InstanceId=i-00000001&Attribute=userData",
                "InvalidInstanceID.NotFound",
            ),
        ] {
            let (status, document) = ec2(&door, form).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
