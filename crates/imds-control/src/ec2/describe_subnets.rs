//! `DescribeSubnets`: the default subnet of each zone, and those of instances that are elsewhere.

use imds_core::partition;

use super::filter::Filters;
use super::network::{Network, Subnet, chosen};
use super::page;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const FILTERS: &[&str] = &[
    "availability-zone",
    "availability-zone-id",
    "availabilityZone",
    "cidr",
    "cidr-block",
    "cidrBlock",
    "default-for-az",
    "defaultForAz",
    "map-public-ip-on-launch",
    "owner-id",
    "state",
    "subnet-id",
    "tag:",
    "tag-key",
    "vpc-id",
];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, FILTERS)?;
    let unknown =
        |id: &str| Error::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"));
    let mut subnets = chosen(Network::of(call)?.subnets, &params.list("SubnetId"), unknown)?;
    subnets.retain(|(id, subnet)| filters.pass(|name| filtered(call, id, subnet, name)));
    let (subnets, next) = page::page(params, subnets, 1_000, |(id, _)| id.clone())?;
    let mut xml = Xml::ec2();
    xml.list("subnetSet", &subnets, |xml, (id, subnet)| write(xml, call, id, subnet));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

fn filtered(call: &Call<'_>, id: &str, subnet: &Subnet, name: &str) -> Vec<String> {
    vec![match name {
        "availability-zone" | "availabilityZone" => subnet.zone.name.clone(),
        "availability-zone-id" => subnet.zone.id.clone(),
        "cidr" | "cidr-block" | "cidrBlock" => subnet.block.clone(),
        "default-for-az" | "defaultForAz" => subnet.is_default.to_string(),
        "map-public-ip-on-launch" => "false".to_owned(),
        "owner-id" => call.account.to_string(),
        "state" => "available".to_owned(),
        "subnet-id" => id.to_owned(),
        "vpc-id" => subnet.vpc_id.clone(),
        _ => return Vec::new(),
    }]
}

fn write(xml: &mut Xml, call: &Call<'_>, id: &str, subnet: &Subnet) {
    let prefix = subnet.block.rsplit_once('/').and_then(|(_, prefix)| prefix.parse::<u32>().ok());
    // EC2 keeps five addresses of each subnet.
    let addresses = prefix.map(|prefix| (1_u64 << 32_u32.saturating_sub(prefix)).saturating_sub(5));
    xml.text("subnetId", id)
        .text("state", "available")
        .text("ownerId", call.account)
        .text("vpcId", &subnet.vpc_id)
        .text("cidrBlock", &subnet.block)
        .option("availableIpAddressCount", addresses)
        .text("availabilityZone", &subnet.zone.name)
        .text("availabilityZoneId", &subnet.zone.id)
        .text("defaultForAz", subnet.is_default)
        .text("mapPublicIpOnLaunch", false)
        .text("assignIpv6AddressOnCreation", false)
        .text(
            "subnetArn",
            format_args!("arn:{}:ec2:{}:{}:subnet/{id}", partition(call.region), call.region, call.account),
        );
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, signed, text};

    #[tokio::test]
    async fn one_in_each_zone_and_the_instances_among_them() {
        let door = door();
        let instance = keep_machine(&door).instance;
        let id = &instance.primary().subnet_id;
        for (form, expected) in [
            (String::new(), 3),
            (format!("SubnetId.1={id}"), 1),
            (format!("Filter.1.Name=vpc-id&Filter.1.Value.1={}", instance.primary().vpc_id), 3),
            ("Filter.1.Name=availability-zone&Filter.1.Value.1=us-east-1a".to_owned(), 1),
            ("Filter.1.Name=default-for-az&Filter.1.Value.1=false".to_owned(), 0),
        ] {
            let (status, document) = ec2(&door, &format!("Action=DescribeSubnets&{form}")).await;
            assert_eq!(
                (status, document.matches("<subnetId>").count()),
                (StatusCode::OK, expected),
                "{form}"
            );
        }
        let (_, document) = ec2(&door, &format!("Action=DescribeSubnets&SubnetId.1={id}")).await;
        assert_eq!(text(&document, "availabilityZone"), Some("us-east-1a"));
        assert_eq!(text(&document, "availableIpAddressCount"), Some("4091"));
        let (_, document) = ec2(&door, "Action=DescribeSubnets&SubnetId.1=subnet-00000000").await;
        assert_eq!(text(&document, "Code"), Some("InvalidSubnetID.NotFound"));
        let form = "Action=DescribeSubnets&Version=2016-11-15";
        let (_, document) = signed(&door, "cn-north-1", "ec2", form).await;
        let arn = text(&document, "subnetArn").unwrap();
        assert!(arn.starts_with("arn:aws-cn:ec2:cn-north-1:123456789012:subnet/subnet-"), "{arn}");
    }
}
