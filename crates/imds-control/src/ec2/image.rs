//! Images: those of Amazon that are there from the start, and those that were registered.

use imds_store::Revision;
use imds_store::record::{self, Batch, Found, Image};

use crate::call::{Call, is_id};
use crate::query::{Error, Xml};

/// Amazon's own account for its Linux images.
const AMAZON: &str = "137112412989";

/// An image, and the commit that kept it, if one did: one of those from the start is kept once it was changed.
pub(crate) struct Known {
    /// The image.
    pub(crate) image: Image,
    kept: Option<Revision>,
}

impl Known {
    /// Keeps the image as it was changed.
    pub(crate) fn replace(&self, changed: &Image, batch: &mut Batch) {
        match self.kept {
            Some(revision) => {
                batch.replace(&changed.id, &Found { revision, record: self.image.clone() }, changed);
            }
            None => batch.create(&changed.id, changed),
        }
    }

    /// Deletes the image, as it was found.
    pub(crate) fn remove(self, batch: &mut Batch) {
        if let Some(revision) = self.kept {
            let id = self.image.id.clone();
            batch.remove(&id, &Found { revision, record: self.image });
        }
    }

    fn is_in(&self, region: &str) -> bool {
        self.image.region.as_ref().is_none_or(|of| of == region)
    }
}

impl From<Found<Image>> for Known {
    fn from(found: Found<Image>) -> Self {
        Self { image: found.record, kept: Some(found.revision) }
    }
}

/// The image with this id, in this region.
pub(crate) fn find(call: &Call<'_>, id: &str) -> Result<Known, Error> {
    if !is_id("ami", id) {
        return Err(Error::malformed_id("InvalidAMIID.Malformed", id));
    }
    let kept =
        record::get::<Image>(call.store, id)?.map(Known::from).filter(|known| known.is_in(call.region));
    let seed =
        || Image::seeds().into_iter().find(|seed| seed.id == id).map(|image| Known { image, kept: None });
    kept.or_else(seed).ok_or_else(|| unknown(&[id]))
}

/// Every image of this region.
pub(crate) fn all(call: &Call<'_>) -> Result<Vec<Known>, Error> {
    let kept = record::list::<Image>(call.store, "")?;
    let kept = kept.into_iter().map(|(_, found)| Known::from(found));
    let mut all: Vec<_> = kept.filter(|known| known.is_in(call.region)).collect();
    for seed in Image::seeds() {
        if !all.iter().any(|known| known.image.id == seed.id) {
            all.push(Known { image: seed, kept: None });
        }
    }
    Ok(all)
}

/// There are no images with these ids.
pub(crate) fn unknown(ids: &[&str]) -> Error {
    let (noun, verb) = if ids.len() == 1 { ("id", "does") } else { ("ids", "do") };
    Error::new("InvalidAMIID.NotFound", format!("The image {noun} '[{}]' {verb} not exist", ids.join(", ")))
}

/// The account that owns an image.
pub(crate) fn owner(image: &Image) -> &str {
    if image.owner == "amazon" { AMAZON } else { &image.owner }
}

/// The alias of the owner, if it has one.
pub(crate) fn owner_alias(image: &Image) -> Option<&'static str> {
    (image.owner == "amazon").then_some("amazon")
}

/// Reads `ImdsSupport`: `v2.0` is all that it can be, and it cannot be taken back (EC2 User Guide, "Configure the AMI").
pub(crate) fn imds_v2(value: &str) -> Result<bool, Error> {
    if value == "v2.0" {
        return Ok(true);
    }
    // The words are [assumed].
    Err(Error::invalid_value(format!(
        "A value of '{value}' is not valid for ImdsSupport. Specify 'v2.0' and try again."
    )))
}

/// The members of an image.
pub(crate) fn write(xml: &mut Xml, image: &Image) {
    let owner = owner(image);
    xml.text("imageId", &image.id)
        .text("imageLocation", format_args!("{}/{}", image.owner, image.name))
        .text("imageState", "available")
        .text("imageOwnerId", owner)
        .time("creationDate", image.created)
        .text("isPublic", owner == AMAZON)
        .text("architecture", &image.architecture)
        .text("imageType", "machine")
        .option("imageOwnerAlias", owner_alias(image))
        .text("name", &image.name)
        .option("description", Some(&image.description).filter(|text| !text.is_empty()))
        .text("rootDeviceType", "ebs")
        .text("rootDeviceName", &image.root_device_name);
    xml.list("blockDeviceMapping", [&image.root_device_name], |xml, device| {
        xml.text("deviceName", device).within("ebs", |xml| {
            xml.text("deleteOnTermination", true)
                .text("volumeSize", 8)
                .text("volumeType", "gp3")
                .text("encrypted", false);
        });
    });
    xml.text("virtualizationType", "hvm")
        .text("hypervisor", "xen")
        .text("enaSupport", true)
        .text("sriovNetSupport", "simple")
        .text("platformDetails", "Linux/UNIX")
        .text("usageOperation", "RunInstances")
        .option("imdsSupport", image.has_imds_v2.then_some("v2.0"));
    super::tags::write(xml, &image.tags);
}
