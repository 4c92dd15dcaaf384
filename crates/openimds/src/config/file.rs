//! The file as it is written: names as in the metadata tree (interface.md, "The file `imds.toml`").

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use imds_core::id::{AccountId, InstanceId};
use imds_core::interface::Mac;
use imds_core::options;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::credentials as written;
use super::fault::Fault;
use super::text::{Auth, Cidr, Line, Moment, Name, Seconds, Text};
use super::timeline::Timeline;

/// The JSON schema of the file, for editors.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(File)
}

/// `imds.toml`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    /// What is the service's and not an instance's. Read when the service starts.
    #[serde(default)]
    pub(super) service: Service,
    /// The instances. What an entry leaves out follows from its id and place.
    #[serde(default)]
    #[schemars(with = "Vec<Instance>")]
    pub(super) instance: Vec<Spanned<Instance>>,
    /// Faults on request: what is done to whose calls.
    #[serde(default)]
    #[schemars(with = "Vec<Fault>")]
    pub(super) fault: Vec<Spanned<Fault>>,
    /// What is planned for them.
    #[serde(default)]
    #[schemars(with = "Vec<Timeline>")]
    pub(super) timeline: Vec<Spanned<Timeline>>,
}

/// `[service]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Service {
    /// Where metadata is served: addresses with ports.
    pub(super) listen: Option<Vec<Text<SocketAddr>>>,
    /// Where health and metrics are: an address with a port.
    pub(super) admin: Option<Text<SocketAddr>>,
    /// Whose calls are taken there.
    pub(super) auth: Option<Auth>,
    /// May `admin` be an address that others reach?
    pub(super) insecure: Option<bool>,
    /// What errors look like.
    pub(super) error_pages: Option<ErrorPages>,
    /// How long a header, and a body, may take.
    pub(super) header_timeout: Option<Text<Seconds>>,
    /// How long a kept connection may be silent.
    pub(super) idle_timeout: Option<Text<Seconds>>,
    /// How many connections there may be.
    pub(super) max_connections: Option<u32>,
    /// How many connections one address may have.
    pub(super) max_connections_per_source: Option<u32>,
    /// How long each step of an Elastic Beanstalk environment takes.
    pub(super) environment_delay: Option<Text<Seconds>>,
    /// A further host name that is accepted where names are checked.
    pub(super) server_name: Option<Text<Name>>,
    /// The block that private addresses are taken from.
    pub(super) vpc_cidr: Option<Text<Cidr>>,
}

/// `error-pages`
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ErrorPages {
    /// EC2's XHTML page.
    Xhtml,
    /// Nothing, but for 404, as newest instances answer.
    Empty,
}

impl From<ErrorPages> for imds_server::ErrorPages {
    fn from(written: ErrorPages) -> Self {
        match written {
            ErrorPages::Xhtml => Self::Xhtml,
            ErrorPages::Empty => Self::Empty,
        }
    }
}

/// `[[instance]]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Instance {
    /// `i-` and 17 hexadecimal digits.
    pub(super) instance_id: Option<Text<InstanceId>>,
    /// Does it get what no address claims, on loopback?
    pub(super) default: Option<bool>,
    /// Addresses with ports that are this instance's alone.
    pub(super) listen: Option<Vec<Text<SocketAddr>>>,
    /// 12 digits.
    pub(super) account_id: Option<Text<AccountId>>,
    pub(super) ami_id: Option<Text<Line>>,
    pub(super) ami_launch_index: Option<u32>,
    pub(super) ami_manifest_path: Option<Text<Line>>,
    pub(super) ancestor_ami_ids: Option<Vec<Text<Line>>>,
    pub(super) autoscaling: Option<Autoscaling>,
    /// `i386`, `x86_64` or `arm64`, for the identity document.
    pub(super) architecture: Option<Text<Line>>,
    pub(super) billing_products: Option<Vec<Text<Line>>>,
    /// Virtual name to device: `ami`, `root`, `ebs1`, `ephemeral0`, `swap`.
    pub(super) block_device_mapping: Option<BTreeMap<Text<Name>, Text<Line>>>,
    /// Id to JSON.
    pub(super) elastic_gpus: Option<BTreeMap<Text<Name>, String>>,
    /// Id to JSON.
    pub(super) elastic_inference: Option<BTreeMap<Text<Name>, String>>,
    pub(super) events: Option<Events>,
    pub(super) hibernation: Option<Hibernation>,
    pub(super) hostname: Option<Text<Line>>,
    pub(super) instance_action: Option<Text<Line>>,
    pub(super) instance_life_cycle: Option<Text<Line>>,
    pub(super) instance_type: Option<Text<Line>>,
    pub(super) ipv6: Option<Text<Ipv6Addr>>,
    pub(super) kernel_id: Option<Text<Line>>,
    pub(super) local_ipv4: Option<Text<Ipv4Addr>>,
    pub(super) mac: Option<Text<Mac>>,
    /// What the instance's owner decides about its metadata service.
    pub(super) metadata_options: Option<MetadataOptions>,
    /// `dynamic/fws/instance-monitoring`
    pub(super) monitoring: Option<Switch>,
    /// Interfaces after the first, which the keys of the instance describe.
    pub(super) interface: Option<Vec<Interface>>,
    /// Paths by hand, over all the rest.
    #[schemars(with = "Option<Vec<super::path::Path>>")]
    pub(super) path: Option<Vec<Spanned<super::path::Path>>>,
    /// When it was launched: `2026-11-24T12:00:00Z`. Left out, it is when the service first sees the entry.
    pub(super) pending_time: Option<Text<Moment>>,
    pub(super) placement: Option<Placement>,
    pub(super) product_codes: Option<Vec<Text<Line>>>,
    pub(super) profile: Option<Text<Line>>,
    pub(super) public_hostname: Option<Text<Line>>,
    pub(super) public_ipv4: Option<Text<Ipv4Addr>>,
    pub(super) ramdisk_id: Option<Text<Line>>,
    pub(super) reservation_id: Option<Text<Line>>,
    /// The role that `iam/` serves.
    pub(super) role: Option<Role>,
    pub(super) security_groups: Option<Vec<Text<Line>>>,
    pub(super) services: Option<Services>,
    pub(super) spot: Option<Spot>,
    /// A file with an OpenSSH public key, beside this one if its path is not absolute.
    pub(super) ssh_key_file: Option<PathBuf>,
    /// The key pair's name; else the key's comment, if it can be a name.
    pub(super) ssh_key_name: Option<Text<Name>>,
    pub(super) system: Option<Text<Line>>,
    pub(super) tags: Option<BTreeMap<Text<Line>, Text<Line>>>,
    /// A file whose bytes are the user data, beside this one if its path is not absolute.
    pub(super) user_data_file: Option<PathBuf>,
}

impl Instance {
    /// The files that it names.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let keys = self.role.as_ref().map(|role| &role.credentials);
        let secret = keys.and_then(|keys| keys.secret_access_key_file.as_deref());
        let token = keys.and_then(|keys| keys.session_token_file.as_deref());
        let paths = self.path.iter().flatten().filter_map(|path| path.get_ref().file.as_deref());
        let named = [self.user_data_file.as_deref(), self.ssh_key_file.as_deref(), secret, token];
        named.into_iter().flatten().chain(paths)
    }
}

/// `[instance.autoscaling]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Autoscaling {
    pub(super) target_lifecycle_state: Option<Text<Line>>,
}

/// `[instance.hibernation]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Hibernation {
    pub(super) configured: Option<bool>,
}

/// `[instance.services]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Services {
    pub(super) domain: Option<Text<Line>>,
    pub(super) partition: Option<Text<Line>>,
}

/// `[instance.placement]`. The region follows from the zone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Placement {
    pub(super) availability_zone: Option<Text<Name>>,
    pub(super) availability_zone_id: Option<Text<Line>>,
    pub(super) group_name: Option<Text<Line>>,
    pub(super) host_id: Option<Text<Line>>,
    pub(super) partition_number: Option<u32>,
    pub(super) region: Option<Text<Name>>,
}

/// `[instance.metadata-options]`
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MetadataOptions {
    pub(super) http_tokens: Option<HttpTokens>,
    /// 1 to 64.
    pub(super) http_put_response_hop_limit: Option<Hops>,
    pub(super) http_endpoint: Option<Switch>,
    pub(super) http_protocol_ipv6: Option<Switch>,
    pub(super) instance_metadata_tags: Option<Switch>,
}

impl From<MetadataOptions> for options::Choice {
    fn from(written: MetadataOptions) -> Self {
        Self {
            http_tokens: written.http_tokens.map(Into::into),
            http_put_response_hop_limit: written.http_put_response_hop_limit.map(|hops| hops.0),
            http_endpoint: written.http_endpoint.map(Into::into),
            http_protocol_ipv6: written.http_protocol_ipv6.map(Into::into),
            instance_metadata_tags: written.instance_metadata_tags.map(Into::into),
        }
    }
}

/// A hop limit, written as a number.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "i64")]
pub(super) struct Hops(#[schemars(with = "u8", range(min = 1, max = 64))] options::HopLimit);

impl TryFrom<i64> for Hops {
    type Error = imds_core::Error;

    fn try_from(hops: i64) -> Result<Self, imds_core::Error> {
        options::HopLimit::new(hops).map(Self)
    }
}

/// `http-tokens`
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HttpTokens {
    /// IMDSv1 and IMDSv2.
    Optional,
    /// IMDSv2 alone.
    Required,
}

impl From<HttpTokens> for options::HttpTokens {
    fn from(written: HttpTokens) -> Self {
        match written {
            HttpTokens::Optional => Self::Optional,
            HttpTokens::Required => Self::Required,
        }
    }
}

/// On or off.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Switch {
    Enabled,
    Disabled,
}

impl From<Switch> for options::Switch {
    fn from(written: Switch) -> Self {
        match written {
            Switch::Enabled => Self::Enabled,
            Switch::Disabled => Self::Disabled,
        }
    }
}

/// `[[instance.interface]]`. What is left out is the instance's own, or follows from its id.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Interface {
    /// 0 for the first, whose addresses the keys of the instance can give as well; else counted from 1.
    pub(super) device_number: Option<u16>,
    pub(super) network_card: Option<u16>,
    pub(super) mac: Option<Text<Mac>>,
    pub(super) interface_id: Option<Text<Line>>,
    pub(super) owner_id: Option<Text<AccountId>>,
    /// The primary address first.
    pub(super) local_ipv4s: Option<Vec<Text<Ipv4Addr>>>,
    pub(super) ipv6s: Option<Vec<Text<Ipv6Addr>>>,
    /// Public address to the private ones behind it.
    pub(super) ipv4_associations: Option<BTreeMap<Text<Ipv4Addr>, Vec<Text<Ipv4Addr>>>>,
    pub(super) ipv4_prefix: Option<Vec<Text<Line>>>,
    pub(super) ipv6_prefix: Option<Vec<Text<Line>>>,
    pub(super) local_hostname: Option<Text<Line>>,
    pub(super) public_hostname: Option<Text<Line>>,
    pub(super) security_groups: Option<Vec<Text<Line>>>,
    pub(super) security_group_ids: Option<Vec<Text<Line>>>,
    pub(super) subnet_id: Option<Text<Line>>,
    pub(super) subnet_ipv4_cidr_block: Option<Text<Line>>,
    pub(super) subnet_ipv6_cidr_blocks: Option<Vec<Text<Line>>>,
    pub(super) vpc_id: Option<Text<Line>>,
    pub(super) vpc_ipv4_cidr_block: Option<Text<Line>>,
    pub(super) vpc_ipv4_cidr_blocks: Option<Vec<Text<Line>>>,
    pub(super) vpc_ipv6_cidr_blocks: Option<Vec<Text<Line>>>,
}

/// `[instance.role]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Role {
    /// The one entry of `iam/security-credentials/`.
    pub(super) name: Text<Name>,
    pub(super) instance_profile_arn: Option<Text<Line>>,
    pub(super) instance_profile_id: Option<Text<Line>>,
    pub(super) credentials: written::Credentials,
}

/// `[instance.events]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Events {
    #[serde(default)]
    pub(super) maintenance: Vec<Maintenance>,
    pub(super) recommendations: Option<Recommendations>,
}

/// `[instance.events.recommendations]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Recommendations {
    /// When the rebalance recommendation was given.
    pub(super) rebalance: Option<Text<Moment>>,
}

/// `[[instance.events.maintenance]]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Maintenance {
    pub(super) code: Text<Line>,
    pub(super) description: Text<Line>,
    pub(super) event_id: Text<Line>,
    pub(super) not_before: Text<Moment>,
    pub(super) not_after: Option<Text<Moment>>,
    pub(super) state: MaintenanceState,
}

/// The state of a maintenance event.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MaintenanceState {
    Active,
    Completed,
    Canceled,
}

/// `[instance.spot]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Spot {
    pub(super) action: SpotAction,
    pub(super) time: Text<Moment>,
}

/// What happens to a spot instance.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SpotAction {
    Stop,
    Hibernate,
    Terminate,
}
