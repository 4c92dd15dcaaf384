//! `DescribeSecurityGroups`: the default group, and those that instances have. They let everything out and nothing in,
//! as they are told; they filter nothing.

use super::filter::Filters;
use super::network::{Group, Network, chosen};
use super::page;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const FILTERS: &[&str] = &["description", "group-id", "group-name", "owner-id", "tag:", "tag-key", "vpc-id"];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, FILTERS)?;
    let unknown =
        |id: &str| Error::new("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"));
    let mut groups = chosen(Network::of(call)?.groups, &params.list("GroupId"), unknown)?;
    let names = params.list("GroupName");
    if let Some(name) = names.iter().find(|name| !groups.iter().any(|(_, group)| group.name == **name)) {
        return Err(unknown(name));
    }
    groups.retain(|(id, group)| {
        (names.is_empty() || names.contains(&group.name.as_str()))
            && filters.pass(|name| filtered(call, id, group, name))
    });
    let (groups, next) = page::page(params, groups, 1_000, |(id, _)| id.clone())?;
    let mut xml = Xml::ec2();
    xml.list("securityGroupInfo", &groups, |xml, (id, group)| write(xml, call, id, group));
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

fn description(group: &Group) -> &str {
    if group.name == "default" { "default VPC security group" } else { &group.name }
}

fn filtered(call: &Call<'_>, id: &str, group: &Group, name: &str) -> Vec<String> {
    vec![match name {
        "description" => description(group).to_owned(),
        "group-id" => id.to_owned(),
        "group-name" => group.name.clone(),
        "owner-id" => call.account.to_string(),
        "vpc-id" => group.vpc_id.clone(),
        _ => return Vec::new(),
    }]
}

fn write(xml: &mut Xml, call: &Call<'_>, id: &str, group: &Group) {
    xml.text("ownerId", call.account)
        .text("groupId", id)
        .text("groupName", &group.name)
        .text("groupDescription", description(group))
        .text("vpcId", &group.vpc_id)
        .empty("ipPermissions")
        .list("ipPermissionsEgress", ["0.0.0.0/0"], |xml, block| {
            xml.text("ipProtocol", "-1").empty("groups").list("ipRanges", [block], |xml, block| {
                xml.text("cidrIp", block);
            });
        });
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, text};

    #[tokio::test]
    async fn the_instances_group_is_there() {
        let door = door();
        let instance = keep_machine(&door).instance;
        let id = &instance.primary().security_group_ids[0];
        for form in [
            "",
            &format!("GroupId.1={id}"),
            "GroupName.1=default",
            "Filter.1.Name=group-name&Filter.1.Value.1=d*",
        ] {
            let (status, document) = ec2(&door, &format!("Action=DescribeSecurityGroups&{form}")).await;
            assert_eq!((status, text(&document, "groupId")), (StatusCode::OK, Some(id.as_str())), "{form}");
        }
        for form in ["GroupId.1=sg-00000000", "GroupName.1=none"] {
            let (_, document) = ec2(&door, &format!("Action=DescribeSecurityGroups&{form}")).await;
            assert_eq!(text(&document, "Code"), Some("InvalidGroup.NotFound"));
        }
    }
}
