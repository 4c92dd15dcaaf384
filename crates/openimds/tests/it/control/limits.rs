//! As many instances as one call launches, and each of them there.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use super::{AMI, Api, Guest, instances, serve, text};
use crate::serve::Watched;

/// What one call launches at most.
const MOST: usize = 1_000;

#[test]
fn a_thousand_instances_of_one_call_answer_each_at_its_address() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    let launch = format!("Action=RunInstances&ImageId={AMI}&MetadataOptions.HttpTokens=required");
    let document = api.well(&format!("{launch}&MinCount={MOST}&MaxCount={MOST}"));
    let made = instances(&document);
    assert_eq!(made.len(), MOST);
    let reservation = text(&document, "reservationId").unwrap();
    let places: Vec<(Ipv4Addr, String)> = made
        .iter()
        .map(|one| {
            let address = text(one, "privateIpAddress").unwrap().parse().unwrap();
            (address, text(one, "instanceId").unwrap().to_owned())
        })
        .collect();
    let unique: HashSet<_> = places.iter().map(|(address, _)| address).collect();
    assert_eq!(unique.len(), MOST);
    for (number, (address, id)) in places.iter().enumerate().step_by(17) {
        let guest = Guest::at(&service, *address);
        assert_eq!((guest.status(None), &guest.id()), (401, id));
        let index = guest.get("meta-data/ami-launch-index", Some(&guest.token()));
        assert_eq!(index, (200, number.to_string()));
    }
    // They are told in pages, each once, as one reservation.
    let mut told = HashSet::new();
    let mut next = String::new();
    loop {
        let document = api.well(&format!(
            "Action=DescribeInstances&MaxResults=300&Filter.1.Name=reservation-id&Filter.1.Value.1={reservation}{next}"
        ));
        for one in instances(&document) {
            assert!(told.insert(text(&one, "instanceId").unwrap().to_owned()), "twice: {one}");
        }
        let Some(token) = text(&document, "nextToken").filter(|token| !token.is_empty()) else { break };
        next = format!("&NextToken={}", token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"));
    }
    assert_eq!(told.len(), MOST);
    let metrics = service.metrics();
    let shown = metrics.lines().filter(|line| line.starts_with("MetadataNoTokenRejected{"));
    assert_eq!(shown.count(), MOST);

    let all: String = (1..).zip(&places).map(|(n, (_, id))| format!("&InstanceId.{n}={id}")).collect();
    api.well(&format!("Action=TerminateInstances{all}"));
    let (address, id) = &places[0];
    assert_ne!(&Guest::at(&service, *address).id(), id);
    assert!(service.metrics().len() < metrics.len() / 10, "what is gone is counted no longer");
}

#[test]
fn what_is_too_much_launches_nothing() {
    let service = Watched::start(&["--vpc-cidr", "127.0.0.0/28"]);
    let mut api = Api::of(&service);
    let launch = format!("Action=RunInstances&ImageId={AMI}");
    for (counts, code) in [
        ("MinCount=1001&MaxCount=1001", "InstanceLimitExceeded"),
        ("MinCount=12&MaxCount=12", "InsufficientFreeAddressesInSubnet"),
        ("MinCount=2&MaxCount=1", "InvalidParameterValue"),
        ("MinCount=0&MaxCount=1", "InvalidParameterValue"),
    ] {
        assert_eq!(api.call(&format!("{launch}&{counts}")).refusal(), (400, code), "{counts}");
    }
    assert_eq!(api.instances().len(), 1, "the built-in one");
    // Sixteen addresses, of which four and the last are nobody's, and one is taken.
    assert_eq!(instances(&api.well(&format!("{launch}&MinCount=2&MaxCount=100"))).len(), 10);
    assert_eq!(
        api.call(&format!("{launch}&MinCount=1&MaxCount=1")).refusal(),
        (400, "InsufficientFreeAddressesInSubnet")
    );
}
