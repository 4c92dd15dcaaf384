//! `DescribeAvailabilityZones`: three in each region.

use super::filter::Filters;
use super::network::{self, Zone};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const FILTERS: &[&str] =
    &["group-name", "opt-in-status", "region-name", "state", "zone-id", "zone-name", "zone-type"];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, FILTERS)?;
    let (names, ids) = (params.list("ZoneName"), params.list("ZoneId"));
    let mut zones = network::zones(call)?;
    let unknown = names.iter().find(|name| !zones.iter().any(|zone| zone.name == **name));
    let unknown = unknown.or_else(|| ids.iter().find(|id| !zones.iter().any(|zone| zone.id == **id)));
    if let Some(zone) = unknown {
        return Err(Error::invalid_value(format!("Invalid availability zone: [{zone}]")));
    }
    zones.retain(|zone| {
        let is_named = names.is_empty() && ids.is_empty()
            || names.contains(&zone.name.as_str())
            || ids.contains(&zone.id.as_str());
        is_named && filters.pass(|name| filtered(call, zone, name))
    });
    let mut xml = Xml::ec2();
    xml.list("availabilityZoneInfo", &zones, |xml, zone| {
        xml.text("optInStatus", "opt-in-not-required")
            .empty("messageSet")
            .text("regionName", call.region)
            .text("zoneName", &zone.name)
            .text("zoneId", &zone.id)
            .text("groupName", group(call))
            .text("networkBorderGroup", call.region)
            .text("zoneType", "availability-zone")
            .text("zoneState", "available");
    });
    Ok(Outcome::told(xml))
}

fn group(call: &Call<'_>) -> String {
    format!("{}-zg-1", call.region)
}

fn filtered(call: &Call<'_>, zone: &Zone, name: &str) -> Vec<String> {
    let value = match name {
        "group-name" => return vec![group(call)],
        "opt-in-status" => "opt-in-not-required",
        "region-name" => call.region,
        "state" => "available",
        "zone-id" => &zone.id,
        "zone-name" => &zone.name,
        _ => "availability-zone",
    };
    vec![value.to_owned()]
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, signed, text};

    #[tokio::test]
    async fn three_in_each_region() {
        let door = door();
        for (form, expected) in [
            ("", 3),
            ("ZoneName.1=us-east-1b", 1),
            ("ZoneId.1=use1-az3", 1),
            ("Filter.1.Name=zone-name&Filter.1.Value.1=us-east-1a", 1),
            ("Filter.1.Name=state&Filter.1.Value.1=available", 3),
            ("Filter.1.Name=zone-type&Filter.1.Value.1=local-zone", 0),
        ] {
            let (status, document) = ec2(&door, &format!("Action=DescribeAvailabilityZones&{form}")).await;
            assert_eq!(
                (status, document.matches("<zoneName>").count()),
                (StatusCode::OK, expected),
                "{form}"
            );
        }
        let elsewhere = "Action=DescribeAvailabilityZones&Version=2016-11-15";
        let (_, document) = signed(&door, "eu-west-1", "ec2", elsewhere).await;
        assert_eq!(text(&document, "zoneId"), Some("euw1-az1"));
        let (_, document) = ec2(&door, "Action=DescribeAvailabilityZones&ZoneName.1=us-east-1z").await;
        assert_eq!(text(&document, "Code"), Some("InvalidParameterValue"));
    }
}
