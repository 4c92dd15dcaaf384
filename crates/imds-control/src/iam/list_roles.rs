//! `ListRoles`

use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(_: &Call<'_>, _: &Params) -> Result<Outcome, Error> {
    let mut xml = Xml::query();
    xml.texts("Roles", [] as [&str; 0]).text("IsTruncated", false);
    Ok(Outcome::told(xml))
}
