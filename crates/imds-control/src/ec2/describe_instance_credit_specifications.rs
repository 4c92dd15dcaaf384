//! `DescribeInstanceCreditSpecifications`: the CPU credits of burstable instances.

use imds_core::Machine;

use super::describe_instances::in_order;
use super::filter::Filters;
use super::instance_type::InstanceType;
use super::page;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, &["instance-id"])?;
    page::check_least(params, 5)?;
    let ids = params.list("InstanceId");
    let found = call.machines(&ids)?.into_iter().map(|found| found.record);
    let burstable: Vec<_> = found
        .filter(|machine| filters.pass(|_| vec![machine.instance.id.to_string()]))
        .filter_map(|machine| credits(&machine).map(|credits| (machine, credits)))
        // Who names none is told of those that differ from the rest: EC2's own rule.
        .filter(|(_, credits)| !ids.is_empty() || credits == "unlimited")
        .collect();
    let (burstable, next) = page::page(params, burstable, 1_000, |(machine, _)| in_order(machine))?;
    let mut xml = Xml::ec2();
    xml.list("instanceCreditSpecificationSet", &burstable, |xml, (machine, credits)| {
        xml.text("instanceId", &machine.instance.id).text("cpuCredits", credits);
    });
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

/// Its credits as they were chosen, else as its type has them; `None` for what has none.
fn credits(machine: &Machine) -> Option<String> {
    let of = InstanceType::of(&machine.instance.instance_type).filter(|of| of.is_burstable)?;
    Some(machine.cpu_credits.clone().unwrap_or_else(|| of.cpu_credits().to_owned()))
}

#[cfg(test)]
mod tests {
    use crate::testing::{door, ec2, keep_machine, text};

    #[tokio::test]
    async fn credits_are_those_of_the_launch_or_of_the_type() {
        let door = door();
        let id = keep_machine(&door).instance.id;
        let describe = "Action=DescribeInstanceCreditSpecifications";
        let (_, document) = ec2(&door, &format!("{describe}&InstanceId.1={id}")).await;
        assert_eq!(text(&document, "cpuCredits"), Some("unlimited"));
        let run = "Action=RunInstances&MinCount=1&MaxCount=1&ImageId=ami-0abcdef1234567890";
        let (_, document) = ec2(&door, &format!("{run}&CreditSpecification.CpuCredits=standard")).await;
        let id = text(&document, "instanceId").unwrap();
        let (_, document) = ec2(&door, &format!("{describe}&InstanceId.1={id}")).await;
        assert_eq!(text(&document, "cpuCredits"), Some("standard"));
        let (_, document) = ec2(&door, describe).await;
        assert_eq!(document.matches("<instanceId>").count(), 1);
        let (_, document) = ec2(&door, &format!("{describe}&InstanceId.1=i-00000001")).await;
        assert_eq!(text(&document, "Code"), Some("InvalidInstanceID.NotFound"));
    }
}
