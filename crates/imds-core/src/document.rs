//! The instance identity document, in the order and spacing of real ones (wire.md 3.4).

use crate::Instance;
use crate::json::{Json, object};

/// `dynamic/instance-identity/document`: the bytes that a signature would be over.
#[must_use]
pub fn document(instance: &Instance) -> String {
    let pending = format!("{:.0}", instance.pending_time);
    let address = instance.local_ipv4().map(|address| address.to_string());
    object(&[
        ("accountId", Json::Text(instance.account_id.as_str())),
        ("architecture", Json::Text(&instance.architecture)),
        ("availabilityZone", Json::Text(&instance.placement.availability_zone)),
        ("billingProducts", Json::Texts(&instance.billing_products)),
        ("devpayProductCodes", Json::Maybe(None)),
        ("marketplaceProductCodes", Json::Texts(&instance.product_codes)),
        ("imageId", Json::Text(&instance.ami_id)),
        ("instanceId", Json::Text(instance.id.as_str())),
        ("instanceType", Json::Text(&instance.instance_type)),
        ("kernelId", Json::Maybe(instance.kernel_id.as_deref())),
        ("pendingTime", Json::Text(&pending)),
        ("privateIp", Json::Maybe(address.as_deref())),
        ("ramdiskId", Json::Maybe(instance.ramdisk_id.as_deref())),
        ("region", Json::Text(&instance.placement.region)),
        ("version", Json::Text("2017-09-30")),
    ])
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn it_has_the_captured_order_and_style() {
        let expected = r#"{
  "accountId" : "123456789012",
  "architecture" : "x86_64",
  "availabilityZone" : "us-east-1a",
  "billingProducts" : null,
  "devpayProductCodes" : null,
  "marketplaceProductCodes" : null,
  "imageId" : "ami-0abcdef1234567890",
  "instanceId" : "i-12345678901234567",
  "instanceType" : "t3.micro",
  "kernelId" : null,
  "pendingTime" : "2026-11-24T12:00:00Z",
  "privateIp" : "172.31.16.10",
  "ramdiskId" : null,
  "region" : "us-east-1",
  "version" : "2017-09-30"
}"#;
        assert_eq!(super::document(&testing::launch().instance()), expected);
    }
}
