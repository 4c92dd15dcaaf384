//! Metadata options as parameters and as elements.

use imds_core::Machine;
use imds_core::defaults::Enforced;
use imds_core::options::{Choice, HopLimit, HttpTokens, MetadataOptions, Switch};

use crate::query::{Error, Params, Xml};

/// The options that are chosen by these parameters: those of `ModifyInstanceMetadataOptions` itself, or what is under
/// `MetadataOptions`. What is left out is left open; what is empty is refused, as EC2 does.
pub(crate) fn choice(params: &Params) -> Result<Choice, Error> {
    Ok(Choice {
        http_tokens: tokens(params)?,
        http_put_response_hop_limit: hop_limit(params)?,
        http_endpoint: switch(params, "HttpEndpoint")?,
        http_protocol_ipv6: switch(params, "HttpProtocolIpv6")?,
        instance_metadata_tags: switch(params, "InstanceMetadataTags")?,
    })
}

fn tokens(params: &Params) -> Result<Option<HttpTokens>, Error> {
    let read = |text: &str| text.parse().map_err(|_| refused(text, "HttpTokens", ["optional", "required"]));
    params.get("HttpTokens").map(read).transpose()
}

fn switch(params: &Params, name: &str) -> Result<Option<Switch>, Error> {
    let read = |text: &str| text.parse().map_err(|_| refused(text, name, ["enabled", "disabled"]));
    params.get(name).map(read).transpose()
}

fn hop_limit(params: &Params) -> Result<Option<HopLimit>, Error> {
    // The words are [assumed].
    let read = |text: &str| {
        text.parse().map_err(|_| {
            Error::invalid_value(format!(
                "A value of '{text}' is not valid for HttpPutResponseHopLimit. Specify an integer from 1 to 64 and try \
                 again."
            ))
        })
    };
    params.get("HttpPutResponseHopLimit").map(read).transpose()
}

/// EC2's own words (docs/control-api.md).
fn refused(text: &str, name: &str, [one, other]: [&str; 2]) -> Error {
    Error::invalid_value(format!(
        "A value of '{text}' is not valid for {name}. Specify either '{one}' or '{other}' and try again."
    ))
}

/// `UnsupportedOperation`: IMDSv2 is enforced. EC2 has these words for launches and for changes alike (EC2 User Guide,
/// "Enforce IMDSv2").
pub(crate) fn enforced(_: Enforced) -> Error {
    Error::new(
        "UnsupportedOperation",
        "You can't launch instances with IMDSv1 because httpTokensEnforced is enabled for this account. Either launch \
         the instance with httpTokens=required or contact your account owner to disable httpTokensEnforced using the \
         ModifyInstanceMetadataDefaults API or the account settings in the EC2 console.",
    )
}

/// The six members of `metadataOptions` and `instanceMetadataOptions`.
pub(crate) fn write(xml: &mut Xml, options: &MetadataOptions, state: &str) {
    xml.text("state", state)
        .text("httpTokens", options.http_tokens)
        .text("httpPutResponseHopLimit", options.http_put_response_hop_limit.hops())
        .text("httpEndpoint", options.http_endpoint)
        .text("httpProtocolIpv6", options.http_protocol_ipv6)
        .text("instanceMetadataTags", options.instance_metadata_tags);
}

/// The state of a machine's options: they apply at once, but for those of a stopped machine, which wait for its start
/// [assumed]. Of what is terminated nothing waits any more.
pub(crate) fn state(machine: &Machine) -> &'static str {
    if machine.has_pending_options && !machine.state.is_terminated() { "pending" } else { "applied" }
}
