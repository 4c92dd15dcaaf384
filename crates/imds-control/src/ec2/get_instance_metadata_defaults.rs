//! `GetInstanceMetadataDefaults` (docs/control-api.md).

use imds_core::options::HopLimit;

use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, _: &Params) -> Result<Outcome, Error> {
    let defaults = call.defaults()?.map(|found| found.record).unwrap_or_default();
    let choice = defaults.choice;
    let mut xml = Xml::ec2();
    // What is not set is absent: the API has no word for it in answers.
    xml.within("accountLevel", |xml| {
        xml.option("httpTokens", choice.http_tokens)
            .option("httpPutResponseHopLimit", choice.http_put_response_hop_limit.map(HopLimit::hops))
            .option("httpEndpoint", choice.http_endpoint)
            .option("instanceMetadataTags", choice.instance_metadata_tags)
            .option("httpTokensEnforced", defaults.http_tokens_enforced)
            .text("managedBy", "account");
    });
    Ok(Outcome::told(xml))
}
