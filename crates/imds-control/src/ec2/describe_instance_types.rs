//! `DescribeInstanceTypes`: static, and without prices of anything. Of what is not vCPUs, memory and architecture the
//! numbers are plausible only [assumed].

use super::filter::Filters;
use super::instance_type::{InstanceType, all};
use super::page;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const FILTERS: &[&str] = &[
    "bare-metal",
    "burstable-performance-supported",
    "current-generation",
    "free-tier-eligible",
    "hypervisor",
    "instance-storage-supported",
    "instance-type",
    "memory-info.size-in-mib",
    "processor-info.supported-architecture",
    "supported-root-device-type",
    "supported-usage-class",
    "supported-virtualization-type",
    "vcpu-info.default-vcpus",
];

pub(crate) fn handle(_: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, FILTERS)?;
    page::check_least(params, 5)?;
    let names = params.list("InstanceType");
    let mut types: Vec<_> = if names.is_empty() { all() } else { named(&names)? };
    types.retain(|of| filters.pass(|name| filtered(of, name)));
    let (types, next) = page::page(params, types, 100, |of| of.name.clone())?;
    let mut xml = Xml::ec2();
    xml.list("instanceTypeSet", &types, write);
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

fn named(names: &[&str]) -> Result<Vec<InstanceType>, Error> {
    let unknown: Vec<_> = names.iter().filter(|name| InstanceType::of(name).is_none()).copied().collect();
    if unknown.is_empty() {
        return Ok(names.iter().filter_map(|name| InstanceType::of(name)).collect());
    }
    Err(Error::new(
        "InvalidInstanceType",
        format!("The following supplied instance types do not exist: [{}]", unknown.join(", ")),
    ))
}

/// `xen` or `nitro`; a whole server has none.
fn hypervisor(of: &InstanceType) -> Option<&'static str> {
    match of {
        InstanceType { is_bare_metal: true, .. } => None,
        InstanceType { is_xen: true, .. } => Some("xen"),
        InstanceType { .. } => Some("nitro"),
    }
}

/// The two of the free tier.
fn is_free(of: &InstanceType) -> bool {
    matches!(of.name.as_str(), "t2.micro" | "t3.micro")
}

fn filtered(of: &InstanceType, name: &str) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match name {
        "bare-metal" => vec![of.is_bare_metal.to_string()],
        "burstable-performance-supported" => vec![of.is_burstable.to_string()],
        "current-generation" => one("true"),
        "free-tier-eligible" => vec![is_free(of).to_string()],
        "hypervisor" => hypervisor(of).map(str::to_owned).into_iter().collect(),
        "instance-storage-supported" => one("false"),
        "instance-type" => one(&of.name),
        "memory-info.size-in-mib" => vec![of.mebibytes.to_string()],
        "processor-info.supported-architecture" => one(of.architecture),
        "supported-root-device-type" => one("ebs"),
        "supported-usage-class" => vec!["on-demand".to_owned(), "spot".to_owned()],
        "supported-virtualization-type" => one("hvm"),
        _ => vec![of.vcpus.to_string()],
    }
}

fn write(xml: &mut Xml, of: &InstanceType) {
    xml.text("instanceType", &of.name)
        .text("currentGeneration", true)
        .text("freeTierEligible", is_free(of))
        .texts("supportedUsageClasses", ["on-demand", "spot"])
        .texts("supportedRootDeviceTypes", ["ebs"])
        .texts("supportedVirtualizationTypes", ["hvm"])
        .text("bareMetal", of.is_bare_metal)
        .option("hypervisor", hypervisor(of));
    xml.within("processorInfo", |xml| {
        xml.texts("supportedArchitectures", [of.architecture]);
    });
    let threads = of.threads_per_core();
    xml.within("vCpuInfo", |xml| {
        xml.text("defaultVCpus", of.vcpus)
            .text("defaultCores", of.vcpus / threads)
            .text("defaultThreadsPerCore", threads);
    });
    xml.within("memoryInfo", |xml| {
        xml.text("sizeInMiB", of.mebibytes);
    });
    xml.text("instanceStorageSupported", false);
    xml.within("ebsInfo", |xml| {
        xml.text("ebsOptimizedSupport", if of.is_xen { "unsupported" } else { "default" })
            .text("encryptionSupport", "supported")
            .text("nvmeSupport", if of.is_xen { "unsupported" } else { "required" });
    });
    write_network(xml, of);
    xml.within("placementGroupInfo", |xml| {
        xml.texts("supportedStrategies", ["partition", "spread"]);
    });
    xml.text("hibernationSupported", !of.is_bare_metal)
        .text("burstablePerformanceSupported", of.is_burstable)
        .text("dedicatedHostsSupported", !of.is_burstable)
        .text("autoRecoverySupported", !of.is_bare_metal);
}

fn write_network(xml: &mut Xml, of: &InstanceType) {
    let (cards, addresses) = match of.vcpus {
        0..=2 if of.mebibytes < 4_096 => (2, 4),
        0..=2 => (3, 10),
        3..=8 => (4, 15),
        9..=32 => (8, 30),
        _ => (15, 50),
    };
    let speed = if of.is_burstable { "Up to 5 Gigabit" } else { "Up to 12.5 Gigabit" };
    xml.within("networkInfo", |xml| {
        xml.text("networkPerformance", speed)
            .text("maximumNetworkInterfaces", cards)
            .text("maximumNetworkCards", 1)
            .text("defaultNetworkCardIndex", 0)
            .text("ipv4AddressesPerInterface", addresses)
            .text("ipv6AddressesPerInterface", addresses)
            .text("ipv6Supported", true)
            .text("enaSupport", if of.is_xen { "unsupported" } else { "required" })
            .text("efaSupported", false);
    });
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    const DESCRIBE: &str = "Action=DescribeInstanceTypes";

    #[tokio::test]
    async fn a_type_is_described_as_terraform_asks() {
        let (status, document) = ec2(&door(), &format!("{DESCRIBE}&InstanceType.1=t3.micro")).await;
        assert_eq!(status, StatusCode::OK);
        for (name, value) in [
            ("instanceType", "t3.micro"),
            ("currentGeneration", "true"),
            ("hypervisor", "nitro"),
            ("defaultVCpus", "2"),
            ("sizeInMiB", "1024"),
            ("burstablePerformanceSupported", "true"),
        ] {
            assert_eq!(text(&document, name), Some(value), "{document}");
        }
        assert!(document.contains("<supportedArchitectures><item>x86_64</item></supportedArchitectures>"));
        assert_eq!(document.matches("<instanceType>").count(), 1);
    }

    #[tokio::test]
    async fn filters_and_pages() {
        let door = door();
        let filter = "Filter.1.Name=processor-info.supported-architecture&Filter.1.Value.1=arm64\
                      &Filter.2.Name=vcpu-info.default-vcpus&Filter.2.Value.1=2";
        let (_, document) = ec2(&door, &format!("{DESCRIBE}&{filter}&MaxResults=5")).await;
        assert_eq!(document.matches("<item><instanceType>").count(), 5);
        let next = text(&document, "nextToken").unwrap();
        let (_, document) = ec2(&door, &format!("{DESCRIBE}&{filter}&NextToken={next}")).await;
        assert!(document.contains("<instanceType>t4g.micro</instanceType>") && !document.contains("x86_64"));
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused() {
        let door = door();
        for (form, code) in [
            ("InstanceType.1=bogus&InstanceType.2=t3.micro", "InvalidInstanceType"),
            ("Filter.1.Name=x&Filter.1.Value.1=y", "InvalidParameterValue"),
            ("MaxResults=101", "InvalidParameterValue"),
        ] {
            let (status, document) = ec2(&door, &format!("{DESCRIBE}&{form}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
