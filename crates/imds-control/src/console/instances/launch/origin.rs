//! Which default applies to an option that a launch leaves open, and where it comes from (EC2 User Guide, "Order of
//! precedence for instance metadata options").

use imds_core::defaults::Defaults;
use imds_core::options::{Choice, ImdsSupport, MetadataOptions};

/// Where a default comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The account's defaults of the region.
    Account,
    /// The image's `ImdsSupport`.
    Image,
    /// EC2's own.
    Ec2,
}

/// The options of a launch that leaves all of them open, and where each comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) options: MetadataOptions,
    pub(super) endpoint: Origin,
    pub(super) ipv6: Origin,
    pub(super) tokens: Origin,
    pub(super) hops: Origin,
    pub(super) tags: Origin,
}

impl Applied {
    /// Those of a launch from an image with this support.
    pub(super) fn of(defaults: &Defaults, image: ImdsSupport) -> Self {
        let account = &defaults.choice;
        // An image says how tokens are, and nothing else.
        let of = |is_set: bool, has_image: bool| match image {
            _ if is_set => Origin::Account,
            ImdsSupport::V2_0 if has_image => Origin::Image,
            ImdsSupport::V2_0 | ImdsSupport::Unspecified => Origin::Ec2,
        };
        Self {
            options: MetadataOptions::at_launch(&Choice::default(), account, image),
            endpoint: of(account.http_endpoint.is_some(), false),
            ipv6: of(account.http_protocol_ipv6.is_some(), false),
            tokens: of(account.http_tokens.is_some(), true),
            hops: of(account.http_put_response_hop_limit.is_some(), true),
            tags: of(account.instance_metadata_tags.is_some(), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::options::{HopLimit, HttpTokens};

    #[test]
    fn each_option_is_decided_on_its_own() {
        use HttpTokens::{Optional, Required};
        use Origin::{Account, Ec2, Image};
        for (account, hops, image, tokens_are, hops_are) in [
            (None, None, ImdsSupport::Unspecified, (Optional, Ec2), (1, Ec2)),
            (None, None, ImdsSupport::V2_0, (Required, Image), (2, Image)),
            (Some(Optional), None, ImdsSupport::V2_0, (Optional, Account), (2, Image)),
            (Some(Required), None, ImdsSupport::Unspecified, (Required, Account), (1, Ec2)),
            (None, Some(5), ImdsSupport::V2_0, (Required, Image), (5, Account)),
            (Some(Required), Some(1), ImdsSupport::V2_0, (Required, Account), (1, Account)),
        ] {
            let choice = Choice {
                http_tokens: account,
                http_put_response_hop_limit: hops.map(|hops| HopLimit::new(hops).unwrap()),
                ..Choice::default()
            };
            let applied = Applied::of(&Defaults { choice, ..Defaults::default() }, image);
            assert_eq!((applied.options.http_tokens, applied.tokens), tokens_are);
            assert_eq!((applied.options.http_put_response_hop_limit.hops(), applied.hops), hops_are);
            assert_eq!((applied.endpoint, applied.ipv6, applied.tags), (Ec2, Ec2, Ec2));
        }
    }
}
