//! Launch templates.

use std::collections::BTreeMap;

use imds_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::Options;

/// `launch-template/ID`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchTemplate {
    /// `lt-…`
    pub id: String,
    /// Its name, unique in its region.
    pub name: String,
    /// Its region.
    pub region: String,
    /// When it was made.
    pub created: Timestamp,
    /// The version that a launch uses when it names none.
    pub default_version: u64,
    /// The number of the newest version; numbers are not used again.
    pub latest_version: u64,
    /// The versions.
    pub versions: BTreeMap<u64, TemplateVersion>,
    /// Tags of the template itself.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A version of a template, which never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateVersion {
    /// `VersionDescription`
    #[serde(default)]
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it says.
    pub data: TemplateData,
}

/// `LaunchTemplateData`: only what was said (docs/control-api.md).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateData {
    /// `ImageId`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// `InstanceType`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// `KeyName`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// `UserData`, base64 as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// `IamInstanceProfile.Arn`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_arn: Option<String>,
    /// `IamInstanceProfile.Name`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_name: Option<String>,
    /// `Placement.AvailabilityZone`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// `EbsOptimized`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebs_optimized: Option<bool>,
    /// `Monitoring.Enabled`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<bool>,
    /// `DisableApiTermination`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_api_termination: Option<bool>,
    /// `DisableApiStop`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_api_stop: Option<bool>,
    /// `InstanceInitiatedShutdownBehavior`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_behavior: Option<String>,
    /// `CreditSpecification.CpuCredits`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_credits: Option<String>,
    /// `SecurityGroupId.N`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_group_ids: Vec<String>,
    /// `SecurityGroup.N`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// `TagSpecification.N`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TemplateTags>,
    /// `BlockDeviceMapping.N`: members as they are named (`Ebs.VolumeSize`), and what each is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub block_devices: Vec<BTreeMap<String, String>>,
    /// `NetworkInterface.N`, likewise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network_interfaces: Vec<BTreeMap<String, String>>,
    /// `MetadataOptions`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_options: Option<Options>,
}

/// `TagSpecification`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateTags {
    /// `instance`, `volume` …
    pub resource_type: String,
    /// The tags.
    pub tags: BTreeMap<String, String>,
}
