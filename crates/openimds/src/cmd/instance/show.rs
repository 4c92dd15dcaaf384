//! `imds instance show`: all of one instance.

use std::process::ExitCode;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imds_core::id::InstanceId;
use serde::Serialize;

use super::super::json;
use super::super::table::{cell, table};
use super::describe;
use crate::admin::{Admin, Form, Instance};
use crate::app::print;
use crate::args::control::Show;

pub(super) fn run(admin: &Admin, args: &Show) -> anyhow::Result<ExitCode> {
    let found = describe(admin, &Form::default().list("InstanceId", [&args.id]))?;
    let instance = found.into_iter().next().context("the service told nothing about the instance")?;
    let shown = Shown { instance, user_data_size: user_data_size(admin, &args.id)? };
    let text = if args.output.is_json() { json(&shown)? } else { shown.text() };
    print(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// How many bytes of user data there are.
fn user_data_size(admin: &Admin, id: &InstanceId) -> anyhow::Result<usize> {
    let form = Form::default().with("InstanceId", id).with("Attribute", "userData");
    let answer = admin.call("DescribeInstanceAttribute", &form)?;
    let value = answer.text("userData/value").unwrap_or_default();
    Ok(STANDARD.decode(value.trim()).context("the service told user data that is not base64")?.len())
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    #[serde(flatten)]
    instance: Instance,
    user_data_size: usize,
}

impl Shown {
    /// In the words of AWS's console, where it has some.
    fn text(&self) -> String {
        let Self { instance, user_data_size } = self;
        let options = &instance.metadata_options;
        let ipv6 = Some(instance.ipv6_addresses.join(", ")).filter(|addresses| !addresses.is_empty());
        let user_data = Some(*user_data_size).filter(|size| *size > 0).map(|size| format!("{size} bytes"));
        let row = |name: &str, value: &str| [name.to_owned(), value.to_owned()];
        let some = |name: &str, value: Option<&String>| [name.to_owned(), cell(value)];
        let mut rows = vec![
            row("Instance ID", &instance.instance_id),
            [String::from("Name"), cell(instance.name())],
            row("State", &instance.state),
            row("Instance type", &instance.instance_type),
            row("Image", &instance.image_id),
            some("Availability Zone", instance.availability_zone.as_ref()),
            row("Launch time", &instance.launch_time),
            some("Private address", instance.private_ip_address.as_ref()),
            some("Private host name", instance.private_dns_name.as_ref()),
            some("Public address", instance.public_ip_address.as_ref()),
            some("IPv6 addresses", ipv6.as_ref()),
            some("Key pair", instance.key_name.as_ref()),
            some("Instance profile", instance.iam_instance_profile.as_ref()),
            some("User data", user_data.as_ref()),
            row("Metadata options", &options.state),
            row("  Instance metadata service", &options.http_endpoint),
            row("  Metadata version", options.version()),
            [String::from("  Metadata response hop limit"), cell(options.http_put_response_hop_limit)],
            row("  Metadata IPv6 endpoint", &options.http_protocol_ipv6),
            row("  Allow tags in metadata", &options.instance_metadata_tags),
        ];
        let count = cell(Some(instance.tags.len()).filter(|count| *count > 0));
        rows.push([String::from("Tags"), count]);
        rows.extend(instance.tags.iter().map(|(key, value)| [format!("  {key}"), value.clone()]));
        table(["", ""], rows)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::admin::Element;

    /// An answer of `DescribeInstances`.
    pub(in super::super) const TWO: &str = "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>U</requestId>\
        <reservationSet><item><reservationId>r-1</reservationId><instancesSet><item><instanceId>i-0123456789abcdef0</instanceId>\
        <imageId>ami-0abcdef1234562023</imageId><instanceState><code>16</code><name>running</name></instanceState>\
        <privateDnsName>ip-172-31-16-10.ec2.internal</privateDnsName><dnsName/><keyName>laptop</keyName><instanceType>t3.micro</instanceType>\
        <launchTime>2026-11-24T14:49:29.000Z</launchTime><placement><availabilityZone>us-east-1a</availabilityZone></placement>\
        <privateIpAddress>172.31.16.10</privateIpAddress><iamInstanceProfile><arn>arn:aws:iam::123456789012:instance-profile/web</arn>\
        <id>AIPA</id></iamInstanceProfile><tagSet><item><key>Name</key><value>web &amp; co</value></item><item><key>stage</key>\
        <value>test</value></item></tagSet><networkInterfaceSet><item><ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address></item>\
        </ipv6AddressesSet></item></networkInterfaceSet><metadataOptions><state>applied</state><httpTokens>required</httpTokens>\
        <httpPutResponseHopLimit>2</httpPutResponseHopLimit><httpEndpoint>enabled</httpEndpoint><httpProtocolIpv6>disabled</httpProtocolIpv6>\
        <instanceMetadataTags>enabled</instanceMetadataTags></metadataOptions></item></instancesSet></item>\
        <item><instancesSet><item><instanceId>i-0fedcba9876543210</instanceId><imageId>ami-0abcdef1234567890</imageId><instanceState>\
        <code>48</code><name>terminated</name></instanceState><instanceType>m7i.large</instanceType><launchTime>2026-11-24T15:00:00.000Z\
        </launchTime><tagSet/><metadataOptions><state>applied</state><httpTokens>optional</httpTokens><httpPutResponseHopLimit>1\
        </httpPutResponseHopLimit><httpEndpoint>enabled</httpEndpoint><httpProtocolIpv6>disabled</httpProtocolIpv6><instanceMetadataTags>\
        disabled</instanceMetadataTags></metadataOptions></item></instancesSet></item></reservationSet></DescribeInstancesResponse>";

    pub(in super::super) fn described(document: &str) -> Vec<Instance> {
        Instance::described(&Element::parse(document).unwrap())
    }

    #[test]
    fn all_that_it_has() {
        let mut two = described(TWO).into_iter();
        let shown = Shown { instance: two.next().unwrap(), user_data_size: 16 };
        insta::assert_snapshot!(shown.text(), @r"
        Instance ID                    i-0123456789abcdef0
        Name                           web & co
        State                          running
        Instance type                  t3.micro
        Image                          ami-0abcdef1234562023
        Availability Zone              us-east-1a
        Launch time                    2026-11-24T14:49:29.000Z
        Private address                172.31.16.10
        Private host name              ip-172-31-16-10.ec2.internal
        Public address                 -
        IPv6 addresses                 2001:db8::1
        Key pair                       laptop
        Instance profile               arn:aws:iam::123456789012:instance-profile/web
        User data                      16 bytes
        Metadata options               applied
          Instance metadata service    enabled
          Metadata version             V2 (token required)
          Metadata response hop limit  2
          Metadata IPv6 endpoint       disabled
          Allow tags in metadata       enabled
        Tags                           2
          Name                         web & co
          stage                        test
        ");
        insta::assert_snapshot!(json(&shown).unwrap(), @r#"
        {
          "InstanceId": "i-0123456789abcdef0",
          "State": "running",
          "InstanceType": "t3.micro",
          "ImageId": "ami-0abcdef1234562023",
          "LaunchTime": "2026-11-24T14:49:29.000Z",
          "AvailabilityZone": "us-east-1a",
          "PrivateIpAddress": "172.31.16.10",
          "PrivateDnsName": "ip-172-31-16-10.ec2.internal",
          "PublicIpAddress": null,
          "Ipv6Addresses": [
            "2001:db8::1"
          ],
          "KeyName": "laptop",
          "IamInstanceProfile": "arn:aws:iam::123456789012:instance-profile/web",
          "MetadataOptions": {
            "State": "applied",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 2,
            "HttpEndpoint": "enabled",
            "HttpProtocolIpv6": "disabled",
            "InstanceMetadataTags": "enabled"
          },
          "Tags": {
            "Name": "web & co",
            "stage": "test"
          },
          "UserDataSize": 16
        }
        "#);
    }

    #[test]
    fn what_it_has_not_is_a_dash() {
        let shown = Shown { instance: described(TWO).remove(1), user_data_size: 0 };
        insta::assert_snapshot!(shown.text(), @r"
        Instance ID                    i-0fedcba9876543210
        Name                           -
        State                          terminated
        Instance type                  m7i.large
        Image                          ami-0abcdef1234567890
        Availability Zone              -
        Launch time                    2026-11-24T15:00:00.000Z
        Private address                -
        Private host name              -
        Public address                 -
        IPv6 addresses                 -
        Key pair                       -
        Instance profile               -
        User data                      -
        Metadata options               applied
          Instance metadata service    enabled
          Metadata version             V1 and V2 (token optional)
          Metadata response hop limit  1
          Metadata IPv6 endpoint       disabled
          Allow tags in metadata       disabled
        Tags                           -
        ");
    }
}
