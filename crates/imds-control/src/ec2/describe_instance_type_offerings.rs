//! `DescribeInstanceTypeOfferings`: every listed type is offered everywhere.

use super::filter::Filters;
use super::instance_type::all;
use super::{network, page};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let filters = Filters::of(params, &["instance-type", "location"])?;
    page::check_least(params, 5)?;
    let kind = params.text("LocationType").unwrap_or("region");
    let zones = network::zones(call)?;
    let locations: Vec<String> = match kind {
        "region" => vec![call.region.to_owned()],
        "availability-zone" => zones.into_iter().map(|zone| zone.name).collect(),
        "availability-zone-id" => zones.into_iter().map(|zone| zone.id).collect(),
        other => {
            return Err(Error::invalid_value(format!(
                "Value ({other}) for parameter LocationType is invalid."
            )));
        }
    };
    let mut offerings = Vec::new();
    for of in all() {
        offerings.extend(locations.iter().map(|location| (of.name.clone(), location.clone())));
    }
    offerings.retain(|(name, location)| {
        filters.pass(|filter| vec![if filter == "location" { location } else { name }.clone()])
    });
    let (offerings, next) =
        page::page(params, offerings, 1_000, |(name, location)| format!("{name} {location}"))?;
    let mut xml = Xml::ec2();
    xml.list("instanceTypeOfferingSet", &offerings, |xml, (name, location)| {
        xml.text("instanceType", name).text("locationType", kind).text("location", location);
    });
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use crate::testing::{door, ec2, text};

    #[tokio::test]
    async fn a_type_is_offered_in_every_zone() {
        let form =
            "Action=DescribeInstanceTypeOfferings&Filter.1.Name=instance-type&Filter.1.Value.1=t3.micro";
        let (_, document) = ec2(&door(), form).await;
        assert_eq!(text(&document, "location"), Some("us-east-1"));
        let (_, document) = ec2(&door(), &format!("{form}&LocationType=availability-zone")).await;
        assert_eq!(document.matches("<location>us-east-1").count(), 3);
        let (_, document) = ec2(&door(), &format!("{form}&LocationType=moon")).await;
        assert_eq!(text(&document, "Code"), Some("InvalidParameterValue"));
    }
}
