//! `ClientToken`: what a call made is made once, however often the call is sent (docs/control-api.md).

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use imds_store::record::{self, Batch, Claim};

use crate::call::Call;
use crate::query::{Error, Params};

/// The longest token, in characters.
const MOST: usize = 128;

/// The ids of what an earlier call of this action made, if it had the same token; none for a call without one.
///
/// # Errors
/// `IdempotentParameterMismatch` when that call's parameters were others.
pub(crate) fn made(call: &Call<'_>, params: &Params, action: &str) -> Result<Option<Vec<String>>, Error> {
    let Some(name) = name(call, params, action)? else { return Ok(None) };
    let Some(found) = record::get::<Claim>(call.store, &name)? else { return Ok(None) };
    if found.record.parameters != fingerprint(params) {
        return Err(Error::new(
            "IdempotentParameterMismatch",
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        ));
    }
    Ok(Some(found.record.made))
}

/// Claims the token of a call, if it has one, for what it makes. Of two calls with one token that come at once, the
/// second is decided anew and finds what the first has made.
pub(crate) fn keep(
    call: &Call<'_>,
    params: &Params,
    action: &str,
    made: Vec<String>,
    batch: &mut Batch,
) -> Result<(), Error> {
    if let Some(name) = name(call, params, action)? {
        batch.create(&name, &Claim { parameters: fingerprint(params), made, at: call.now });
    }
    Ok(())
}

fn name(call: &Call<'_>, params: &Params, action: &str) -> Result<Option<String>, Error> {
    let Some(token) = params.text("ClientToken") else { return Ok(None) };
    if token.len() > MOST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid_value(format!(
            "Invalid value for ClientToken: up to {MOST} ASCII characters are permitted"
        )));
    }
    Ok(Some(format!("{}/{action}/{token}", call.region)))
}

/// A hash of all parameters but those that may differ from one try to the next.
fn fingerprint(params: &Params) -> String {
    let mut text = String::new();
    for (name, value) in params.entries().filter(|(name, _)| !matches!(*name, "ClientToken" | "DryRun")) {
        // Lengths keep two forms apart that would read the same when they are put together.
        let _ = write!(text, "{}:{name}{}:{value}", name.len(), value.len());
    }
    let mut hex = String::new();
    for byte in digest(&SHA256, text.as_bytes()).as_ref() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_token_do_not_matter_and_all_else_does() {
        let of = |form: &str| fingerprint(&Params::parse(form.as_bytes()).unwrap());
        let one = of("Action=RunInstances&ImageId=ami-1&MinCount=1&ClientToken=a");
        assert_eq!(one, of("MinCount=1&ImageId=ami-1&Action=RunInstances&ClientToken=b&DryRun=false"));
        assert_ne!(one, of("Action=RunInstances&ImageId=ami-1&MinCount=11&ClientToken=a"));
        assert_ne!(of("a=b&c=d"), of("a=b1%3Ac1%3Ad"));
        assert_eq!(one.len(), 64);
    }
}
