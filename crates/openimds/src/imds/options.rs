//! Metadata options, as a test sets them.

use imds_core::options::{Choice, HopLimit, Switch};

pub use imds_core::options::HttpTokens;

use super::Error;

/// Metadata options that are to be others, in the words of `ModifyInstanceMetadataOptions`; what is left out stays as it is.
///
/// They are those of all instances, unless some are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Options {
    instances: Vec<String>,
    hops: Option<u8>,
    choice: Choice,
}

impl Options {
    /// None yet, of all instances.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only of this instance; can be given several times.
    pub fn instance(mut self, id: impl Into<String>) -> Self {
        self.instances.push(id.into());
        self
    }

    /// `HttpTokens`: are tokens required (IMDSv2 only), or does a plain GET do (IMDSv1) as well?
    pub fn http_tokens(mut self, tokens: HttpTokens) -> Self {
        self.choice.http_tokens = Some(tokens);
        self
    }

    /// `HttpPutResponseHopLimit`: how many hops the answer with a token travels, 1 to 64.
    pub fn hop_limit(mut self, hops: u8) -> Self {
        self.hops = Some(hops);
        self
    }

    /// `HttpEndpoint`: is there a metadata service at all? Else every call is answered 403.
    pub fn http_endpoint(mut self, is_enabled: bool) -> Self {
        self.choice.http_endpoint = Some(switch(is_enabled));
        self
    }

    /// `HttpProtocolIpv6`: does the IPv6 address answer?
    pub fn http_protocol_ipv6(mut self, is_enabled: bool) -> Self {
        self.choice.http_protocol_ipv6 = Some(switch(is_enabled));
        self
    }

    /// `InstanceMetadataTags`: are tags served?
    pub fn instance_metadata_tags(mut self, is_enabled: bool) -> Self {
        self.choice.instance_metadata_tags = Some(switch(is_enabled));
        self
    }

    /// The instances that are named.
    pub(super) fn named(&self) -> &[String] {
        &self.instances
    }

    /// What is chosen, if it can be.
    pub(super) fn choice(&self) -> Result<Choice, Error> {
        let hops = self.hops.map(|hops| HopLimit::new(hops.into())).transpose().map_err(Error::new)?;
        Ok(Choice { http_put_response_hop_limit: hops, ..self.choice })
    }
}

fn switch(is_enabled: bool) -> Switch {
    if is_enabled { Switch::Enabled } else { Switch::Disabled }
}
