//! `DescribeVpcs`: the default VPC, and those of instances that are elsewhere. Terraform asks for an instance's.

use super::filter::Filters;
use super::network::{Network, Vpc, chosen};
use super::page;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const FILTERS: &[&str] = &[
    "cidr",
    "cidr-block-association.cidr-block",
    "is-default",
    "isDefault",
    "owner-id",
    "state",
    "tag:",
    "tag-key",
    "vpc-id",
];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, FILTERS)?;
    let unknown = |id: &str| Error::new("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist"));
    let mut vpcs = chosen(Network::of(call)?.vpcs, &params.list("VpcId"), unknown)?;
    vpcs.retain(|(id, vpc)| filters.pass(|name| filtered(call, id, vpc, name)));
    let (vpcs, next) = page::page(params, vpcs, 1_000, |(id, _)| id.clone())?;
    let mut xml = Xml::ec2();
    xml.list("vpcSet", &vpcs, |xml, (id, vpc)| write(xml, call, id, vpc));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

fn filtered(call: &Call<'_>, id: &str, vpc: &Vpc, name: &str) -> Vec<String> {
    vec![match name {
        "cidr" | "cidr-block-association.cidr-block" => vpc.block.clone(),
        "is-default" | "isDefault" => vpc.is_default.to_string(),
        "owner-id" => call.account.to_string(),
        "state" => "available".to_owned(),
        "vpc-id" => id.to_owned(),
        _ => return Vec::new(),
    }]
}

fn write(xml: &mut Xml, call: &Call<'_>, id: &str, vpc: &Vpc) {
    // An id that follows from the VPC's.
    let association = id.replacen("vpc-", "vpc-cidr-assoc-", 1);
    xml.text("vpcId", id)
        .text("ownerId", call.account)
        .text("state", "available")
        .text("cidrBlock", &vpc.block)
        .list("cidrBlockAssociationSet", [association], |xml, association| {
            xml.text("cidrBlock", &vpc.block).text("associationId", association).within(
                "cidrBlockState",
                |xml| {
                    xml.text("state", "associated");
                },
            );
        })
        .text("dhcpOptionsId", "default")
        .text("instanceTenancy", "default")
        .text("isDefault", vpc.is_default);
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, text};

    #[tokio::test]
    async fn the_vpc_of_an_instance_is_there() {
        let door = door();
        let instance = keep_machine(&door).instance;
        let id = &instance.primary().vpc_id;
        for (form, expected) in [
            // As Terraform sends it.
            (format!("VpcId.1={id}"), 1),
            (String::new(), 1),
            ("Filter.1.Name=is-default&Filter.1.Value.1=true".to_owned(), 1),
            ("Filter.1.Name=cidr&Filter.1.Value.1=172.31.0.0%2F16".to_owned(), 1),
            ("Filter.1.Name=state&Filter.1.Value.1=pending".to_owned(), 0),
        ] {
            let (status, document) = ec2(&door, &format!("Action=DescribeVpcs&{form}")).await;
            let count = document.matches(&format!("<vpcId>{id}</vpcId>")).count();
            assert_eq!((status, count), (StatusCode::OK, expected), "{form} {document}");
        }
        let (status, document) = ec2(&door, "Action=DescribeVpcs&VpcId.1=vpc-baa88ea25493d9f8c").await;
        assert_eq!(
            (status, text(&document, "Code")),
            (StatusCode::BAD_REQUEST, Some("InvalidVpcID.NotFound"))
        );
    }
}
