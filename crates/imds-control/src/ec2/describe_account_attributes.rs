//! `DescribeAccountAttributes`: an account of today, with VPCs only.

use super::network::Network;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let network = Network::of(call)?;
    let vpc = network.vpcs.iter().find(|(_, vpc)| vpc.is_default).map_or("none", |(id, _)| id);
    let all = [
        ("supported-platforms", "VPC"),
        ("default-vpc", vpc),
        ("vpc-max-security-groups-per-interface", "5"),
        ("max-elastic-ips", "5"),
        ("vpc-max-elastic-ips", "5"),
        ("max-instances", "20"),
    ];
    let names = params.list("AttributeName");
    if let Some(name) = names.iter().find(|name| !all.iter().any(|(known, _)| known == *name)) {
        return Err(Error::invalid_value(format!("Invalid attribute name: {name}")));
    }
    let chosen = all.into_iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    let mut xml = Xml::ec2();
    xml.list("accountAttributeSet", chosen, |xml, (name, value)| {
        xml.text("attributeName", name).list("attributeValueSet", [value], |xml, value| {
            xml.text("attributeValue", value);
        });
    });
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, keep_machine, text};

    #[tokio::test]
    async fn the_default_vpc_is_the_instances() {
        let door = door();
        let instance = keep_machine(&door).instance;
        let form = "Action=DescribeAccountAttributes&AttributeName.1=default-vpc";
        let (status, document) = ec2(&door, form).await;
        assert_eq!(
            (status, text(&document, "attributeValue")),
            (StatusCode::OK, Some(&*instance.primary().vpc_id))
        );
        let (_, document) = ec2(&door, "Action=DescribeAccountAttributes").await;
        assert_eq!(text(&document, "attributeValue"), Some("VPC"));
        let (_, document) = ec2(&door, "Action=DescribeAccountAttributes&AttributeName.1=x").await;
        assert_eq!(text(&document, "Code"), Some("InvalidParameterValue"));
    }
}
