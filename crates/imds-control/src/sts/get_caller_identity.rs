//! `GetCallerIdentity`: who is calling. While no signature is verified, it is always the account itself.

use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, _: &Params) -> Result<Outcome, Error> {
    let mut xml = Xml::query();
    xml.text("Arn", format_args!("arn:aws:iam::{}:root", call.account))
        .text("UserId", call.account)
        .text("Account", call.account);
    Ok(Outcome::told(xml))
}
