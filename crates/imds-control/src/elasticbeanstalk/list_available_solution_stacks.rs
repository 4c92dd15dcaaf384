//! `ListAvailableSolutionStacks`: the platforms that there are, by name.

use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(_: &Call<'_>, _: &Params) -> Result<Outcome, Error> {
    let mut xml = Xml::query();
    xml.texts("SolutionStacks", [] as [&str; 0]);
    Ok(Outcome::told(xml))
}
