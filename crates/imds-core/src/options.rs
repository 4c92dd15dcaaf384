//! Metadata options: what EC2 lets an instance's owner decide about its metadata service, and which default applies.

use std::str::FromStr;

use crate::Error;
use crate::words::words;

words!(
    /// `HttpTokens`: whether a GET needs a session token (IMDSv2), or may come without one (IMDSv1).
    HttpTokens {
        /// IMDSv1 and IMDSv2: "V1 and V2 (token optional)".
        Optional = "optional",
        /// IMDSv2 alone: "V2 only (token required)".
        Required = "required",
    },
    "a value of http-tokens: `optional` or `required`"
);

words!(
    /// A thing that is on or off: `HttpEndpoint`, `HttpProtocolIpv6`, `InstanceMetadataTags`.
    Switch {
        /// On.
        Enabled = "enabled",
        /// Off.
        Disabled = "disabled",
    },
    "`enabled` or `disabled`"
);

/// `HttpPutResponseHopLimit`: how many hops the packets of a token response may travel, 1 to 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HopLimit(u8);

impl HopLimit {
    /// EC2's own default: the response reaches the instance itself and nothing behind it.
    pub const ONE: Self = Self(1);
    /// The default of images with `ImdsSupport` v2.0: one container bridge further.
    pub const TWO: Self = Self(2);

    /// The limit for a number of hops.
    ///
    /// # Errors
    /// When `hops` is not between 1 and 64.
    pub fn new(hops: i64) -> Result<Self, Error> {
        match u8::try_from(hops) {
            Ok(hops @ 1..=64) => Ok(Self(hops)),
            _ => Err(Error::malformed(&hops.to_string(), "a hop limit: a number from 1 to 64")),
        }
    }

    /// The number of hops, as the IP TTL (IPv6: hop limit) of the packets.
    #[must_use]
    pub fn hops(self) -> u8 {
        self.0
    }
}

impl FromStr for HopLimit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse()
            .map_err(|_| Error::malformed(text, "a hop limit: a number from 1 to 64"))
            .and_then(Self::new)
    }
}

/// An AMI's `ImdsSupport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImdsSupport {
    /// The image says nothing.
    #[default]
    Unspecified,
    /// The image asks for IMDSv2, as AL2023's do.
    V2_0,
}

/// The options of one instance, every one decided (wire.md section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataOptions {
    /// Are tokens required?
    pub http_tokens: HttpTokens,
    /// How far does a token response travel?
    pub http_put_response_hop_limit: HopLimit,
    /// Is there a metadata service at all? When disabled every call is answered 403.
    pub http_endpoint: Switch,
    /// Does the IPv6 address answer?
    pub http_protocol_ipv6: Switch,
    /// Are the instance's tags served?
    pub instance_metadata_tags: Switch,
}

/// Options of which each may be left open: launch parameters, a launch template, an account's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choice {
    /// See [`MetadataOptions::http_tokens`].
    pub http_tokens: Option<HttpTokens>,
    /// See [`MetadataOptions::http_put_response_hop_limit`].
    pub http_put_response_hop_limit: Option<HopLimit>,
    /// See [`MetadataOptions::http_endpoint`].
    pub http_endpoint: Option<Switch>,
    /// See [`MetadataOptions::http_protocol_ipv6`].
    pub http_protocol_ipv6: Option<Switch>,
    /// See [`MetadataOptions::instance_metadata_tags`].
    pub instance_metadata_tags: Option<Switch>,
}

impl Choice {
    /// What is chosen here, else in `other`: launch parameters over a launch template.
    #[must_use]
    pub fn over(self, other: &Self) -> Self {
        Self {
            http_tokens: self.http_tokens.or(other.http_tokens),
            http_put_response_hop_limit: self
                .http_put_response_hop_limit
                .or(other.http_put_response_hop_limit),
            http_endpoint: self.http_endpoint.or(other.http_endpoint),
            http_protocol_ipv6: self.http_protocol_ipv6.or(other.http_protocol_ipv6),
            instance_metadata_tags: self.instance_metadata_tags.or(other.instance_metadata_tags),
        }
    }

    /// Is nothing chosen?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One option that is not what it was: `HttpTokens` from `optional` to `required`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The option's name in the EC2 API.
    pub option: &'static str,
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
}

impl MetadataOptions {
    /// These options with a choice of others; what is left open stays as it is (`ModifyInstanceMetadataOptions`).
    #[must_use]
    pub fn with(self, choice: &Choice) -> Self {
        Self {
            http_tokens: choice.http_tokens.unwrap_or(self.http_tokens),
            http_put_response_hop_limit: choice
                .http_put_response_hop_limit
                .unwrap_or(self.http_put_response_hop_limit),
            http_endpoint: choice.http_endpoint.unwrap_or(self.http_endpoint),
            http_protocol_ipv6: choice.http_protocol_ipv6.unwrap_or(self.http_protocol_ipv6),
            instance_metadata_tags: choice.instance_metadata_tags.unwrap_or(self.instance_metadata_tags),
        }
    }

    /// What `new` has that these options had not.
    #[must_use]
    pub fn changes(&self, new: &Self) -> Vec<Change> {
        let texts = |of: &Self| {
            [
                ("HttpTokens", of.http_tokens.to_string()),
                ("HttpPutResponseHopLimit", of.http_put_response_hop_limit.hops().to_string()),
                ("HttpEndpoint", of.http_endpoint.to_string()),
                ("HttpProtocolIpv6", of.http_protocol_ipv6.to_string()),
                ("InstanceMetadataTags", of.instance_metadata_tags.to_string()),
            ]
        };
        let pairs = texts(self).into_iter().zip(texts(new));
        pairs
            .filter(|(old, new)| old != new)
            .map(|((option, old), (_, new))| Change { option, old, new })
            .collect()
    }

    /// The options of an instance that is launched now. Each is decided on its own: the launch, else the account,
    /// else (tokens and hop limit only) the image, else EC2's default (EC2 User Guide, "Order of precedence for
    /// instance metadata options").
    #[must_use]
    pub fn at_launch(launch: &Choice, account: &Choice, image: ImdsSupport) -> Self {
        let (tokens, hops) = match image {
            ImdsSupport::Unspecified => (HttpTokens::Optional, HopLimit::ONE),
            ImdsSupport::V2_0 => (HttpTokens::Required, HopLimit::TWO),
        };
        Self {
            http_tokens: launch.http_tokens.or(account.http_tokens).unwrap_or(tokens),
            http_put_response_hop_limit: launch
                .http_put_response_hop_limit
                .or(account.http_put_response_hop_limit)
                .unwrap_or(hops),
            http_endpoint: launch.http_endpoint.or(account.http_endpoint).unwrap_or(Switch::Enabled),
            http_protocol_ipv6: launch
                .http_protocol_ipv6
                .or(account.http_protocol_ipv6)
                .unwrap_or(Switch::Disabled),
            instance_metadata_tags: launch
                .instance_metadata_tags
                .or(account.instance_metadata_tags)
                .unwrap_or(Switch::Disabled),
        }
    }
}

impl Default for MetadataOptions {
    /// EC2's own: both versions, one hop, enabled, no IPv6, no tags.
    fn default() -> Self {
        Self::at_launch(&Choice::default(), &Choice::default(), ImdsSupport::Unspecified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_tokens_follow_the_guides_table() {
        use HttpTokens::{Optional, Required};
        use ImdsSupport::{Unspecified, V2_0};
        let table = [
            (Some(Required), None, Unspecified, Required),
            (Some(Required), Some(Optional), V2_0, Required),
            (Some(Optional), Some(Required), V2_0, Optional),
            (None, None, V2_0, Required),
            (None, Some(Required), V2_0, Required),
            (None, Some(Optional), V2_0, Optional),
            (None, None, Unspecified, Optional),
            (None, Some(Required), Unspecified, Required),
            (None, Some(Optional), Unspecified, Optional),
        ];
        for (launch, account, image, expected) in table {
            let launch = Choice { http_tokens: launch, ..Choice::default() };
            let account = Choice { http_tokens: account, ..Choice::default() };
            assert_eq!(MetadataOptions::at_launch(&launch, &account, image).http_tokens, expected);
        }
    }

    #[test]
    fn the_hop_limit_is_two_only_by_the_image() {
        let none = Choice::default();
        let required = Choice { http_tokens: Some(HttpTokens::Required), ..none };
        let one = Choice { http_put_response_hop_limit: Some(HopLimit::ONE), ..none };
        let hops = |account: &Choice, image| {
            MetadataOptions::at_launch(&none, account, image).http_put_response_hop_limit.hops()
        };
        assert_eq!(hops(&none, ImdsSupport::V2_0), 2);
        assert_eq!(hops(&none, ImdsSupport::Unspecified), 1);
        assert_eq!(hops(&required, ImdsSupport::Unspecified), 1);
        assert_eq!(hops(&one, ImdsSupport::V2_0), 1);
    }

    #[test]
    fn what_is_left_out_stays_and_what_changed_is_told() {
        let old =
            MetadataOptions { http_put_response_hop_limit: HopLimit::TWO, ..MetadataOptions::default() };
        let choice = Choice { http_tokens: Some(HttpTokens::Required), ..Choice::default() };
        let new = old.with(&choice);
        assert_eq!(new.http_put_response_hop_limit, HopLimit::TWO);
        assert_eq!(
            old.changes(&new),
            [Change { option: "HttpTokens", old: "optional".into(), new: "required".into() }]
        );
        assert_eq!(old.changes(&old), []);
        assert!(Choice::default().is_empty() && !choice.is_empty());
        let template = Choice { http_tokens: Some(HttpTokens::Optional), ..choice };
        assert_eq!(choice.over(&template).http_tokens, Some(HttpTokens::Required));
        assert_eq!(Choice::default().over(&template), template);
    }

    #[test]
    fn values_outside_the_api_are_refused_with_what_is_permitted() {
        for bad in ["0", "65", "-1", "1.5", "", "two"] {
            assert!(bad.parse::<HopLimit>().unwrap_err().to_string().contains("from 1 to 64"), "{bad}");
        }
        assert!(
            "Required".parse::<HttpTokens>().unwrap_err().to_string().contains("`optional` or `required`")
        );
        assert_eq!("disabled".parse::<Switch>().unwrap(), Switch::Disabled);
    }
}
