//! A whole instance: every category that the suite knows, so that no check of values is left out.

use std::collections::BTreeMap;

const MAC: &str = "0a:00:00:00:00:38";
const ROLE: &str = "{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"2026-01-01T00:00:00Z\",\n  \"Type\" : \"AWS-HMAC\",\n  \
\"AccessKeyId\" : \"ASIAEXAMPLE\",\n  \"SecretAccessKey\" : \"secret\",\n  \"Token\" : \"token\",\n  \
\"Expiration\" : \"2026-01-01T06:00:00Z\"\n}";
const INFO: &str = "{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"2026-01-01T00:00:00Z\",\n  \
\"InstanceProfileArn\" : \"arn:aws:iam::123456789012:instance-profile/web\",\n  \"InstanceProfileId\" : \"AIPAEXAMPLE\"\n}";
const IDENTITY: &str = "{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"2026-01-01T00:00:00Z\",\n  \"AccountId\" : \"123456789012\"\n}";
const DOCUMENT: &str = "{\n  \"accountId\" : \"123456789012\",\n  \"architecture\" : \"x86_64\",\n  \
\"availabilityZone\" : \"us-east-1a\",\n  \"billingProducts\" : null,\n  \"devpayProductCodes\" : null,\n  \
\"marketplaceProductCodes\" : [ \"1abc2def\" ],\n  \"imageId\" : \"ami-0abcdef1234567890\",\n  \
\"instanceId\" : \"i-12345678901234567\",\n  \"instanceType\" : \"t3.micro\",\n  \"kernelId\" : null,\n  \
\"pendingTime\" : \"2026-01-01T00:00:00Z\",\n  \"privateIp\" : \"172.31.16.10\",\n  \"ramdiskId\" : null,\n  \
\"region\" : \"us-east-1\",\n  \"version\" : \"2017-09-30\"\n}";
const EVENT: &str = "[ {\n  \"NotBefore\" : \"21 Aug 2020 10:00:00 GMT\",\n  \"Code\" : \"instance-stop\",\n  \
\"Description\" : \"degraded hardware\",\n  \"EventId\" : \"instance-event-07c59a40db2a78c8a\",\n  \"State\" : \"active\"\n} ]";

const TOP: &[(&str, &str)] = &[
    ("ami-id", "ami-0abcdef1234567890"),
    ("ami-launch-index", "0"),
    ("ami-manifest-path", "(unknown)"),
    ("ancestor-ami-ids", "ami-0abcdef1234567891"),
    ("autoscaling/target-lifecycle-state", "Warmed:Running"),
    ("block-device-mapping/ami", "/dev/xvda"),
    ("block-device-mapping/ebs1", "sdb"),
    ("block-device-mapping/root", "/dev/xvda"),
    ("events/maintenance/history", "[]"),
    ("events/maintenance/scheduled", EVENT),
    ("events/recommendations/rebalance", "{\"noticeTime\": \"2020-11-05T08:22:00Z\"}"),
    ("hibernation/configured", "false"),
    ("hostname", "ip-172-31-16-10.ec2.internal"),
    ("iam/info", INFO),
    ("iam/security-credentials/web", ROLE),
    ("identity-credentials/ec2/info", IDENTITY),
    ("identity-credentials/ec2/security-credentials/ec2-instance", ROLE),
    ("instance-action", "none"),
    ("instance-id", "i-12345678901234567"),
    ("instance-life-cycle", "spot"),
    ("instance-type", "t3.micro"),
    ("ipv6", "2600:1f16::1"),
    ("kernel-id", "aki-01234567"),
    ("local-hostname", "ip-172-31-16-10.ec2.internal"),
    ("local-ipv4", "172.31.16.10"),
    ("mac", MAC),
    ("metrics/vhostmd", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"),
    ("placement/availability-zone", "us-east-1a"),
    ("placement/availability-zone-id", "use1-az4"),
    ("placement/group-name", "group"),
    ("placement/host-id", "h-0123456789abcdef0"),
    ("placement/partition-number", "1"),
    ("placement/region", "us-east-1"),
    ("product-codes", "1abc2def"),
    ("profile", "default-hvm"),
    ("public-hostname", "ec2-203-0-113-25.compute-1.amazonaws.com"),
    ("public-ipv4", "203.0.113.25"),
    ("public-keys/0/openssh-key", "ssh-ed25519 AAAAC3Nz my-key"),
    ("ramdisk-id", "ari-01234567"),
    ("reservation-id", "r-0efghijk987654321"),
    ("security-groups", "default\nweb"),
    ("services/domain", "amazonaws.com"),
    ("services/partition", "aws"),
    ("spot/instance-action", "{\"action\": \"terminate\", \"time\": \"2017-09-18T08:22:00Z\"}"),
    ("spot/termination-time", "2015-01-05T18:02:00Z"),
    ("system", "nitro"),
    ("tags/instance/Name", "web"),
    ("tags/instance/empty", ""),
];

const INTERFACE: &[(&str, &str)] = &[
    ("device-number", "0"),
    ("interface-id", "eni-0123456789abcdef0"),
    ("ipv4-associations/203.0.113.25", "172.31.16.10"),
    ("ipv4-prefix", "172.31.32.0/28"),
    ("ipv6-prefix", "2600:1f16:67f:f201::/80"),
    ("ipv6s", "2600:1f16::1"),
    ("local-hostname", "ip-172-31-16-10.ec2.internal"),
    ("local-ipv4s", "172.31.16.10\n172.31.16.11"),
    ("mac", MAC),
    ("network-card", "0"),
    ("owner-id", "123456789012"),
    ("public-hostname", "ec2-203-0-113-25.compute-1.amazonaws.com"),
    ("public-ipv4s", "203.0.113.25"),
    ("security-group-ids", "sg-0123456789abcdef0\nsg-0123456789abcdef1"),
    ("security-groups", "default\nweb"),
    ("subnet-id", "subnet-0123456789abcdef0"),
    ("subnet-ipv4-cidr-block", "172.31.16.0/20"),
    ("subnet-ipv6-cidr-blocks", "2600:1f16:67f:f201:0:0:0:0/64"),
    ("vpc-id", "vpc-0123456789abcdef0"),
    ("vpc-ipv4-cidr-block", "172.31.0.0/16"),
    ("vpc-ipv4-cidr-blocks", "172.31.0.0/16"),
    ("vpc-ipv6-cidr-blocks", "2600:1f16:67f:f200::/56"),
];

const DYNAMIC: &[(&str, &str)] = &[
    ("fws/instance-monitoring", "disabled"),
    ("instance-identity/document", DOCUMENT),
    ("instance-identity/pkcs7", "AAAA\nBBBB"),
    ("instance-identity/rsa2048", "AAAA\nBBBB"),
    ("instance-identity/signature", "AAAA\nBB=="),
];

/// Path below a version and value.
pub(super) type Categories = BTreeMap<String, String>;

/// Every category.
pub(super) fn everything() -> Categories {
    let under = |prefix: String, table: &[(&str, &str)]| -> Vec<(String, String)> {
        table.iter().map(|(path, value)| (format!("{prefix}{path}"), (*value).to_owned())).collect()
    };
    let mut all: Categories = under("meta-data/".into(), TOP).into_iter().collect();
    all.extend(under(format!("meta-data/network/interfaces/macs/{MAC}/"), INTERFACE));
    all.extend(under("dynamic/".into(), DYNAMIC));
    all.insert("user-data".into(), "#!/bin/sh\n".into());
    all
}

/// The least that an instance has.
pub(super) fn little() -> Categories {
    let mut all = everything();
    all.retain(|path, _| {
        ["instance-id", "instance-type", "local-ipv4", "document"]
            .iter()
            .any(|leaf| path.ends_with(&format!("/{leaf}")))
    });
    all
}
