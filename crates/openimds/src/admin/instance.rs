//! An instance as `DescribeInstances` tells it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::document::Element;

/// What is shown of an instance; as JSON, under EC2's own names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Instance {
    /// `i-…`
    pub instance_id: String,
    /// `running`
    pub state: String,
    /// `t3.micro`
    pub instance_type: String,
    /// `ami-…`
    pub image_id: String,
    /// When it was launched, or last started.
    pub launch_time: String,
    /// `us-east-1a`
    pub availability_zone: Option<String>,
    /// Its private IPv4 address; a terminated instance has none.
    pub private_ip_address: Option<String>,
    /// Its private host name.
    pub private_dns_name: Option<String>,
    /// Its public IPv4 address.
    pub public_ip_address: Option<String>,
    /// The IPv6 addresses of its interfaces.
    pub ipv6_addresses: Vec<String>,
    /// The name of its key pair.
    pub key_name: Option<String>,
    /// The ARN of its instance profile.
    pub iam_instance_profile: Option<String>,
    /// What its owner decided about its metadata.
    pub metadata_options: MetadataOptions,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Metadata options, in EC2's words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetadataOptions {
    /// `applied`, or `pending` for options of a stopped instance that wait for its start.
    pub state: String,
    /// `optional` or `required`
    pub http_tokens: String,
    /// How many hops a token response travels.
    pub http_put_response_hop_limit: Option<u8>,
    /// `enabled` or `disabled`
    pub http_endpoint: String,
    /// Likewise.
    pub http_protocol_ipv6: String,
    /// Likewise.
    pub instance_metadata_tags: String,
}

impl Instance {
    /// The instances in the answer of `DescribeInstances`.
    #[must_use]
    pub fn described(answer: &Element) -> Vec<Self> {
        answer.items("reservationSet").flat_map(Self::reserved).collect()
    }

    /// The instances of a reservation, which is also the answer of `RunInstances`.
    #[must_use]
    pub fn reserved(reservation: &Element) -> Vec<Self> {
        reservation.items("instancesSet").map(Self::of).collect()
    }

    fn of(item: &Element) -> Self {
        let text = |path| item.text(path).unwrap_or_default().to_owned();
        let option = |path| item.text(path).filter(|text| !text.is_empty()).map(str::to_owned);
        let ipv6 =
            item.items("networkInterfaceSet").flat_map(|interface| interface.items("ipv6AddressesSet"));
        Self {
            instance_id: text("instanceId"),
            state: text("instanceState/name"),
            instance_type: text("instanceType"),
            image_id: text("imageId"),
            launch_time: text("launchTime"),
            availability_zone: option("placement/availabilityZone"),
            private_ip_address: option("privateIpAddress"),
            private_dns_name: option("privateDnsName"),
            public_ip_address: option("ipAddress"),
            ipv6_addresses: ipv6
                .filter_map(|address| address.text("ipv6Address"))
                .map(str::to_owned)
                .collect(),
            key_name: option("keyName"),
            iam_instance_profile: option("iamInstanceProfile/arn"),
            metadata_options: item.at("metadataOptions").map(MetadataOptions::of).unwrap_or_default(),
            tags: item
                .items("tagSet")
                .filter_map(|tag| Some((tag.text("key")?.to_owned(), tag.text("value")?.to_owned())))
                .collect(),
        }
    }

    /// The `Name` tag.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.tags.get("Name").map(String::as_str)
    }
}

impl MetadataOptions {
    /// What an element says that has them as children.
    #[must_use]
    pub fn of(element: &Element) -> Self {
        let text = |name| element.text(name).unwrap_or_default().to_owned();
        Self {
            state: text("state"),
            http_tokens: text("httpTokens"),
            http_put_response_hop_limit: element
                .text("httpPutResponseHopLimit")
                .and_then(|hops| hops.parse().ok()),
            http_endpoint: text("httpEndpoint"),
            http_protocol_ipv6: text("httpProtocolIpv6"),
            instance_metadata_tags: text("instanceMetadataTags"),
        }
    }

    /// The metadata version, in the words of AWS's console.
    #[must_use]
    pub fn version(&self) -> &str {
        version(&self.http_tokens)
    }
}

/// A value of `HttpTokens` as AWS's console writes it.
#[must_use]
pub fn version(http_tokens: &str) -> &str {
    match http_tokens {
        "optional" => "V1 and V2 (token optional)",
        "required" => "V2 (token required)",
        other => other,
    }
}
