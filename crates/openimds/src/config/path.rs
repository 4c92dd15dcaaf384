//! `[[instance.path]]`: a path by hand, over whatever the model says.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use imds_core::tree::by_hand::{ByHand, Place, Set};
use schemars::JsonSchema;
use serde::Deserialize;

use super::file::Instance;
use super::gather::Bundle;
use super::text::Text;

/// One path, as it is written, with one of the four keys after the first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Path {
    /// Below `/latest/`, for every version that knows its directories, or below a dated version, for that alone. With a
    /// slash at the end it is the listing, and what is below stays.
    pub(super) path: Text<Place>,
    /// What is there.
    pub(super) body: Option<String>,
    /// A file with what is there, beside this one if its path is not absolute.
    pub(super) file: Option<PathBuf>,
    /// An error: 400 to 599.
    #[schemars(with = "Option<u16>", range(min = 400, max = 599))]
    pub(super) status: Option<i64>,
    /// Nothing is there.
    pub(super) absent: Option<bool>,
}

impl Path {
    fn set(&self, bundle: &Bundle) -> Result<Set, String> {
        let of = |set: Result<Set, imds_core::Error>| set.map_err(|error| error.to_string());
        match (&self.body, &self.file, self.status, self.absent) {
            (Some(body), None, None, None) => of(Set::body(Bytes::copy_from_slice(body.as_bytes()))),
            (None, Some(name), None, None) => of(Set::body(Bytes::copy_from_slice(bundle.named(name)))),
            (None, None, Some(status), None) => of(Set::status(status)),
            (None, None, None, Some(true)) => Ok(Set::Absent),
            _ => Err(format!(
                "{} needs one of `body`, `file`, `status` and `absent = true`, and no other",
                self.path.0.as_str()
            )),
        }
    }
}

/// All paths of an entry. What is wrong comes with its place in the file.
pub(super) fn by_hand(written: &Instance, bundle: &Bundle) -> Result<Option<Arc<ByHand>>, (usize, String)> {
    let paths = written.path.as_deref().unwrap_or_default();
    let all = paths.iter().map(|path| {
        let set = path.get_ref().set(bundle).map_err(|what| (path.span().start, what))?;
        Ok((path.get_ref().path.0.clone(), set))
    });
    let table = ByHand::new(all.collect::<Result<Vec<_>, _>>()?).map_err(|clash| {
        let start = paths.get(clash.index).map_or(0, |path| path.span().start);
        (start, clash.what)
    })?;
    Ok(table.map(Arc::new))
}
