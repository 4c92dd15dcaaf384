//! `DescribeRegions`: those that every account has, and the one that the call is for. Any name is a region here.

use super::filter::Filters;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

/// Those that every account has.
pub(crate) const REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

const OPT_IN: &str = "opt-in-not-required";

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, &["endpoint", "opt-in-status", "region-name"])?;
    let own = Some(call.region).filter(|region| !REGIONS.contains(region));
    let mut regions: Vec<&str> = REGIONS.iter().copied().chain(own).collect();
    let names = params.list("RegionName");
    if let Some(name) = names.iter().find(|name| !regions.contains(name)) {
        return Err(Error::invalid_value(format!("Invalid region name: {name}")));
    }
    let endpoint = |region: &str| format!("ec2.{region}.amazonaws.com");
    regions.retain(|region| {
        let value = |name: &str| match name {
            "endpoint" => vec![endpoint(region)],
            "opt-in-status" => vec![OPT_IN.to_owned()],
            _ => vec![(*region).to_owned()],
        };
        (names.is_empty() || names.contains(region)) && filters.pass(value)
    });
    let mut xml = Xml::ec2();
    xml.list("regionInfo", regions, |xml, region| {
        xml.text("regionName", region).text("regionEndpoint", endpoint(region)).text("optInStatus", OPT_IN);
    });
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, signed, text};

    #[tokio::test]
    async fn all_by_name_and_ones_own() {
        let door = door();
        for (form, expected) in [
            ("", 17),
            ("AllRegions=true", 17),
            ("RegionName.1=eu-west-1", 1),
            ("Filter.1.Name=region-name&Filter.1.Value.1=us-*", 4),
            ("Filter.1.Name=opt-in-status&Filter.1.Value.1=opted-in", 0),
        ] {
            let (status, document) = ec2(&door, &format!("Action=DescribeRegions&{form}")).await;
            assert_eq!(
                (status, document.matches("<regionName>").count()),
                (StatusCode::OK, expected),
                "{form}"
            );
        }
        let own = "Action=DescribeRegions&RegionName.1=moon-1&Version=2016-11-15";
        assert_eq!(text(&signed(&door, "moon-1", "ec2", own).await.1, "regionName"), Some("moon-1"));
        let (_, document) = ec2(&door, "Action=DescribeRegions&RegionName.1=moon-1").await;
        assert_eq!(text(&document, "Code"), Some("InvalidParameterValue"));
    }
}
