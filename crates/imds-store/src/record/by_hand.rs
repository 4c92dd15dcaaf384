//! The form of a path that was set by hand. What may be somebody's keys is not kept: only the hash of it is, by which
//! whoever has the configuration file puts it in again.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imds_core::Instance;
use imds_core::tree::by_hand::{ByHand, Place, Set};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use zeroize::{Zeroize as _, Zeroizing};

use super::text;

/// Bytes that a body takes beside itself: its name, and what is between it and the next.
const BESIDE: usize = "\"body\":\"\",".len();

/// What is kept of one path.
#[derive(Serialize, Deserialize)]
pub(super) struct PathForm {
    path: String,
    /// Base64. With neither a body nor a status nor a hash, nothing is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Base64 of the SHA-256 hash of a body that is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withheld: Option<Box<str>>,
}

impl From<(&Place, &Set)> for PathForm {
    fn from((place, set): (&Place, &Set)) -> Self {
        let form = Self { path: place.as_str().to_owned(), body: None, status: None, withheld: None };
        match set {
            Set::Body(body) if place.holds_keys() => Self { withheld: Some(hash(body)), ..form },
            Set::Body(body) => Self { body: Some(STANDARD.encode(body).into()), ..form },
            Set::Status(status) => Self { status: Some(*status), ..form },
            Set::Absent => form,
            Set::Withheld(hash) => Self { withheld: Some(hash.clone()), ..form },
        }
    }
}

/// What these say together.
pub(super) fn paths(forms: Vec<PathForm>) -> Result<Option<Arc<ByHand>>, String> {
    let paths = forms.into_iter().map(|form| {
        let set = match (form.body, form.status, form.withheld) {
            (Some(body), None, None) => {
                let body = STANDARD.decode(&*body).map_err(|_| "a path whose body is not base64")?;
                Set::body(body.into()).map_err(|error| error.to_string())?
            }
            (None, Some(status), None) => Set::status(status.into()).map_err(|error| error.to_string())?,
            (None, None, None) => Set::Absent,
            (None, None, Some(hash)) => Set::Withheld(hash),
            _ => return Err("a path with two of a body, a status and a hash".to_owned()),
        };
        Ok((text(&form.path)?, set))
    });
    let paths = ByHand::new(paths.collect::<Result<Vec<_>, String>>()?);
    Ok(paths.map_err(|clash| clash.what)?.map(Arc::new))
}

fn hash(body: &[u8]) -> Box<str> {
    STANDARD.encode(digest(&SHA256, body)).into()
}

/// Bodies that the store does not keep, by their hashes.
#[derive(Default)]
pub struct Withheld(HashMap<Box<str>, Zeroizing<Vec<u8>>>);

impl Withheld {
    /// What would not be kept of these instances.
    pub fn of<'i>(instances: impl Iterator<Item = &'i Instance>) -> Self {
        let all = instances.flat_map(|instance| instance.by_hand.iter().flat_map(|paths| paths.iter()));
        let bodies = all.filter_map(|(place, set)| match set {
            Set::Body(body) if place.holds_keys() => Some((hash(body), body.to_vec().into())),
            Set::Body(_) | Set::Status(_) | Set::Absent | Set::Withheld(_) => None,
        });
        Self(bodies.collect())
    }

    /// Adds what another has. The hashes of what was not known before.
    pub fn extend(&mut self, other: Self) -> Vec<Box<str>> {
        let new = other.0.keys().filter(|hash| !self.0.contains_key(*hash)).cloned().collect();
        self.0.extend(other.0);
        new
    }

    /// Forgets these.
    pub fn forget(&mut self, hashes: &[Box<str>]) {
        self.0.retain(|hash, _| !hashes.contains(hash));
    }

    /// A machine as it is kept, with the bodies that are known put in again. `None` where there is nothing to put in.
    #[must_use]
    pub fn fill(&self, kept: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if self.0.is_empty() {
            return None;
        }
        let mut machine: Json = serde_json::from_slice(kept).ok()?;
        let mut added = 0;
        for path in machine.pointer_mut("/instance/paths")?.as_array_mut()? {
            let Some(path) = path.as_object_mut() else { continue };
            let known = path.get("withheld").and_then(Json::as_str).and_then(|hash| self.0.get(hash));
            if let Some(body) = known {
                path.remove("withheld");
                let body = STANDARD.encode(body);
                added += body.len() + BESIDE;
                path.insert("body".to_owned(), body.into());
            }
        }
        // Room for all of it: what grows leaves a copy of itself behind.
        let mut filled = Zeroizing::new(Vec::with_capacity(kept.len() + added));
        let is_written = added > 0 && serde_json::to_writer(&mut *filled, &machine).is_ok();
        for path in machine.pointer_mut("/instance/paths")?.as_array_mut()? {
            if let Some(Json::String(body)) = path.get_mut("body") {
                body.zeroize();
            }
        }
        is_written.then_some(filled)
    }
}
