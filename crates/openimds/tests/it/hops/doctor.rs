//! `imds doctor` where tokens do not come, and where packets do not.

use super::chain::{Chain, Client, IPV4};
use crate::run::summary;
use crate::support::IMDS;

/// What the doctor says at a client's place.
fn examined(chain: &Chain, routers: u8, arguments: &[&str]) -> String {
    let client = Client { routers, limit: 1, server: IPV4 };
    let output = chain.client(client, IMDS).arg("doctor").args(arguments).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.as_str()), (Some(1), ""), "{out}");
    out
}

#[test]
fn one_hop_too_far_and_two() {
    let chain = Chain::new();
    let _service = chain.serve();
    let out = examined(&chain, 1, &[]);
    insta::assert_snapshot!(summary(&out), @r"
    service   http://169.254.169.254 takes connections
    way       over eth0, through 10.9.1.254
    IPv6      http://[fd00:ec2::254] takes connections
    IMDSv1    on: a call without a token is answered
    IMDSv2    does not work: a PUT for a token gets no answer
    tokens    must travel 2 hops to come here, and do not
    instance  i-00000000000000011
    clock     agrees with the service's
    proxy     none for this address
    error: tokens do not travel as far as this place (too-far)
    warning: IMDSv1 is on: calls without a token are answered (v1-answers)
    ");
    let command = "aws ec2 modify-instance-metadata-options --instance-id i-00000000000000011 \
        --http-put-response-hop-limit 2 --http-endpoint enabled";
    assert!(out.contains(command), "{out}");

    let out = examined(&chain, 2, &[]);
    assert!(out.contains("must travel 3 hops"), "{out}");
    assert!(out.contains("--instance-id i-00000000000000021 --http-put-response-hop-limit 3 "), "{out}");
}

#[test]
fn packets_that_vanish_and_packets_that_are_sent_back() {
    let mut chain = Chain::new();
    let _service = chain.serve();
    let endpoint = ["--endpoint", "http://169.254.169.254"];
    chain.order("ip -n r1 route replace blackhole 169.254.169.254/32");
    insta::assert_snapshot!(summary(&examined(&chain, 1, &endpoint)), @r"
    service  http://169.254.169.254 does not answer
    way      over eth0, through 10.9.1.254
    proxy    none for this address
    error: packets to the metadata address vanish (no-connection)
    ");
    chain.order("ip -n r1 route replace unreachable 169.254.169.254/32");
    insta::assert_snapshot!(summary(&examined(&chain, 1, &endpoint)), @r"
    service  http://169.254.169.254 cannot be reached
    way      over eth0, through 10.9.1.254
    proxy    none for this address
    error: there is no way from here to the metadata address (no-route)
    ");
}
