//! What can have tags: instances, volumes, images, launch templates, key pairs, by their ids.

use std::collections::BTreeMap;

use imds_core::Machine;
use imds_core::id::InstanceId;
use imds_store::record::{Batch, Found, Image, KeyPair, LaunchTemplate};

use super::{image, key, tags, template, volume};
use crate::call::Call;
use crate::query::Error;

/// A resource that was found by its id.
pub(crate) enum Resource {
    /// `i-…`
    Machine(Box<Found<Machine>>),
    /// `vol-…`, in the record of its instance.
    Volume(String, Box<Found<Machine>>),
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
            Some("vol") => Ok(Self::Volume(id.to_owned(), Box::new(volume::find(call, id)?))),
            Some("ami") => image::find(call, id).map(Self::Image),
            Some("lt") => template::by_id(call, id).map(Self::Template),
            Some("key") => key::by_id(call, id).map(Self::KeyPair),
            // The words are [assumed].
            _ => Err(Error::new("InvalidID", format!("The ID '{id}' is not valid"))),
        }
    }

    /// Every one of this region.
    pub(crate) fn all(call: &Call<'_>) -> Result<Vec<Self>, Error> {
        let machines = call.machines(&[])?;
        let mut all: Vec<_> = machines.iter().cloned().map(Self::machine).collect();
        all.extend(volume::of(machines).map(|(id, found)| Self::Volume(id, Box::new(found))));
        all.extend(image::all(call)?.into_iter().map(Self::Image));
        all.extend(template::all(call)?.into_iter().map(Self::Template));
        all.extend(key::all(call)?.into_iter().map(Self::KeyPair));
        Ok(all)
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Machine(found) => found.record.instance.id.as_str(),
            Self::Volume(id, _) => id,
            Self::Image(known) => &known.image.id,
            Self::Template(found) => &found.record.id,
            Self::KeyPair(found) => &found.record.id,
        }
    }

    /// `resourceType`
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Machine(_) => "instance",
            Self::Volume(..) => "volume",
            Self::Image(_) => "image",
            Self::Template(_) => "launch-template",
            Self::KeyPair(_) => "key-pair",
        }
    }

    /// Its tags.
    pub(crate) fn tags(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Machine(found) => &found.record.instance.tags,
            Self::Volume(_, found) => &found.record.volume_tags,
            Self::Image(known) => &known.image.tags,
            Self::Template(found) => &found.record.tags,
            Self::KeyPair(found) => &found.record.tags,
        }
    }

    /// Gives it these tags in the place of those that it has. `machines` are those that the batch changes already: an
    /// instance and its volume are one record.
    fn retag(
        &self,
        call: &Call<'_>,
        tags: BTreeMap<String, String>,
        machines: &mut BTreeMap<InstanceId, Machine>,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        match self {
            Self::Machine(found) | Self::Volume(_, found) => {
                let id = &found.record.instance.id;
                let changed = machines.entry(id.clone()).or_insert_with(|| found.record.clone());
                if matches!(self, Self::Volume(..)) {
                    changed.volume_tags = tags;
                } else {
                    changed.instance.tags = tags;
                    changed.instance.changed = call.now;
                    tags::fit(&changed.instance)?;
                }
                batch.replace(id.as_str(), found, changed);
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

/// Changes the tags of the resources with these ids, all or none.
pub(crate) fn retag(
    call: &Call<'_>,
    ids: &[&str],
    change: impl Fn(&mut BTreeMap<String, String>),
) -> Result<Batch, Error> {
    let mut machines = BTreeMap::new();
    let mut batch = Batch::default();
    for id in ids {
        let resource = Resource::find(call, id)?;
        let mut tags = resource.tags().clone();
        change(&mut tags);
        if tags != *resource.tags() {
            tags::limit(&tags)?;
            resource.retag(call, tags, &mut machines, &mut batch)?;
        }
    }
    Ok(batch)
}
