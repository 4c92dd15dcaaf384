//! What can have tags: instances, images, launch templates, key pairs, by their ids.

use std::collections::BTreeMap;

use imds_core::Machine;
use imds_store::record::{Batch, Found, Image, KeyPair, LaunchTemplate};

use super::{image, key, tags, template};
use crate::call::Call;
use crate::query::Error;

/// A resource that was found by its id.
pub(crate) enum Resource {
    /// `i-…`
    Machine(Box<Found<Machine>>),
    /// `ami-…`
    Image(image::Known),
    /// `lt-…`
    Template(Found<LaunchTemplate>),
    /// `key-…`
    KeyPair(Found<KeyPair>),
}

impl Resource {
    fn machine(found: Found<Machine>) -> Self {
        Self::Machine(Box::new(found))
    }

    /// The resource with this id, in this region.
    pub(crate) fn find(call: &Call<'_>, id: &str) -> Result<Self, Error> {
        match id.split_once('-').map(|(kind, _)| kind) {
            Some("i") => call.machine(id).map(Self::machine),
            Some("ami") => image::find(call, id).map(Self::Image),
            Some("lt") => template::by_id(call, id).map(Self::Template),
            Some("key") => key::by_id(call, id).map(Self::KeyPair),
            _ => Err(Error::new("InvalidID", format!("The ID '{id}' is not valid"))),
        }
    }

    /// Every one of this region.
    pub(crate) fn all(call: &Call<'_>) -> Result<Vec<Self>, Error> {
        let mut all: Vec<_> = call.machines(&[])?.into_iter().map(Self::machine).collect();
        all.extend(image::all(call)?.into_iter().map(Self::Image));
        all.extend(template::all(call)?.into_iter().map(Self::Template));
        all.extend(key::all(call)?.into_iter().map(Self::KeyPair));
        Ok(all)
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Machine(found) => found.record.instance.id.as_str(),
            Self::Image(known) => &known.image.id,
            Self::Template(found) => &found.record.id,
            Self::KeyPair(found) => &found.record.id,
        }
    }

    /// `resourceType`
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Machine(_) => "instance",
            Self::Image(_) => "image",
            Self::Template(_) => "launch-template",
            Self::KeyPair(_) => "key-pair",
        }
    }

    /// Its tags.
    pub(crate) fn tags(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Machine(found) => &found.record.instance.tags,
            Self::Image(known) => &known.image.tags,
            Self::Template(found) => &found.record.tags,
            Self::KeyPair(found) => &found.record.tags,
        }
    }

    /// Gives it these tags in the place of those that it has.
    pub(crate) fn retag(
        &self,
        call: &Call<'_>,
        tags: BTreeMap<String, String>,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        if tags == *self.tags() {
            return Ok(());
        }
        tags::limit(&tags)?;
        match self {
            Self::Machine(found) => {
                let mut changed = found.record.clone();
                changed.instance.tags = tags;
                changed.instance.changed = call.now;
                tags::fit(&changed.instance)?;
                batch.replace(self.id(), found, &changed);
            }
            Self::Image(known) => known.replace(&Image { tags, ..known.image.clone() }, batch),
            Self::Template(found) => {
                batch.replace(self.id(), found, &LaunchTemplate { tags, ..found.record.clone() });
            }
            Self::KeyPair(found) => {
                let name = key::record_name(call, &found.record.name);
                batch.replace(&name, found, &KeyPair { tags, ..found.record.clone() });
            }
        }
        Ok(())
    }
}

/// Does an id have the form of its kind: a prefix, a hyphen, 17 hexadecimal digits, or 8 as before 2016?
pub(crate) fn is_id(prefix: &str, id: &str) -> bool {
    let hex = id.strip_prefix(prefix).and_then(|id| id.strip_prefix('-'));
    hex.is_some_and(|hex| {
        matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}
