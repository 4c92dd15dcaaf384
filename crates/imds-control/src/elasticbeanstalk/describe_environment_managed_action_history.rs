//! `DescribeEnvironmentManagedActionHistory`: none was ever done.

use super::environment;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    environment::named(call, params)?;
    let mut xml = Xml::query();
    xml.empty("ManagedActionHistoryItems");
    Ok(Outcome::told(xml))
}
