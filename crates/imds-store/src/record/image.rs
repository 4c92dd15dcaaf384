//! Images.

use std::collections::BTreeMap;

use imds_core::Timestamp;
use imds_core::options::ImdsSupport;
use serde::{Deserialize, Serialize};

use super::{get, list};
use crate::store::{Error, Store};

/// `image/ID`: an AMI that was registered, or one of the seeds that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `ami-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// What its owner says about it.
    #[serde(default)]
    pub description: String,
    /// `x86_64` or `arm64`
    pub architecture: String,
    /// `amazon`, or an account id.
    pub owner: String,
    /// The region that it was registered in; those that are there from the start are in every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// `ImdsSupport=v2.0`: do its instances require IMDSv2?
    pub has_imds_v2: bool,
    /// When it was made.
    pub created: Timestamp,
    /// `/dev/xvda`
    pub root_device_name: String,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// The image of instances that name none: Amazon Linux 2, which does not ask for IMDSv2.
pub const DEFAULT: &str = "ami-0abcdef1234567890";

impl Image {
    /// What the image asks of the metadata service of its instances.
    #[must_use]
    pub fn imds_support(&self) -> ImdsSupport {
        if self.has_imds_v2 { ImdsSupport::V2_0 } else { ImdsSupport::Unspecified }
    }

    /// The images that are there without being registered: one of each of Amazon's systems and architectures, so that
    /// both of EC2's launch defaults can be reached.
    #[must_use]
    pub fn seeds() -> [Self; 4] {
        let seed = |id: &str, name: &str, description: &str, architecture: &str, has_imds_v2| Self {
            id: id.into(),
            name: name.into(),
            description: description.into(),
            architecture: architecture.into(),
            owner: "amazon".into(),
            region: None,
            has_imds_v2,
            created: Timestamp::constant(1_790_812_800, 0),
            root_device_name: "/dev/xvda".into(),
            tags: BTreeMap::new(),
        };
        let al2023 = "Amazon Linux 2023 AMI 2023.9";
        let al2 = "Amazon Linux 2 AMI 2.0";
        [
            seed(DEFAULT, "amzn2-ami-kernel-5.10-hvm-2.0.20261001.0-x86_64-gp2", al2, "x86_64", false),
            seed(
                "ami-0abcdef1234567891",
                "amzn2-ami-kernel-5.10-hvm-2.0.20261001.0-arm64-gp2",
                al2,
                "arm64",
                false,
            ),
            seed(
                "ami-0abcdef1234562023",
                "al2023-ami-2023.9.20261001.0-kernel-6.12-x86_64",
                al2023,
                "x86_64",
                true,
            ),
            seed(
                "ami-0abcdef1234562024",
                "al2023-ami-2023.9.20261001.0-kernel-6.12-arm64",
                al2023,
                "arm64",
                true,
            ),
        ]
    }

    /// The image with this id: as it was registered or changed, else as it is there from the start.
    ///
    /// # Errors
    /// When the store cannot be read, or the record is damaged.
    pub fn find(store: &dyn Store, id: &str) -> Result<Option<Self>, Error> {
        let kept = get::<Self>(store, id)?.map(|found| found.record);
        Ok(kept.or_else(|| Self::seeds().into_iter().find(|seed| seed.id == id)))
    }

    /// Every image, in the order of ids.
    ///
    /// # Errors
    /// As [`Image::find`].
    pub fn all(store: &dyn Store) -> Result<Vec<Self>, Error> {
        let mut all: BTreeMap<_, _> = Self::seeds().into_iter().map(|seed| (seed.id.clone(), seed)).collect();
        all.extend(list::<Self>(store, "")?.into_iter().map(|(id, found)| (id, found.record)));
        Ok(all.into_values().collect())
    }
}
