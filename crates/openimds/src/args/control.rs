//! The verbs that speak to a running service, as typed: `imds instance`, `imds defaults`.

mod words;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use imds_core::id::InstanceId;
use imds_core::options::{Choice, HopLimit, HttpTokens, Switch};

use crate::admin::Url;

pub use words::{MetadataVersion, Preference, Template, Word};

use words::to_show;
pub(super) use words::{pair, to_be};

/// Which service, in which region.
#[derive(Debug, Args)]
pub struct Door {
    /// The control API of the running service [default: http://127.0.0.1:1339]
    #[arg(
        long,
        global = true,
        display_order = 100,
        value_name = "URL",
        env = "IMDS_ADMIN",
        default_value = "",
        hide_default_value = true
    )]
    pub admin: Url,
    /// The region, else AWS_REGION or AWS_DEFAULT_REGION say which [default: us-east-1]
    #[arg(long, global = true, display_order = 101, value_name = "REGION")]
    pub region: Option<String>,
}

/// How results are printed.
#[derive(Debug, Args)]
pub struct Output {
    /// How to print
    #[arg(
        long,
        value_enum,
        value_name = "table|json",
        default_value = "table",
        conflicts_with = "json",
        hide_possible_values = true
    )]
    format: Form,
    /// Short for --format json
    #[arg(long)]
    json: bool,
}

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Table,
    /// For programs
    Json,
}

impl Output {
    /// Is it JSON?
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json || self.format == Form::Json
    }
}

/// `imds instance`
#[derive(Debug, Args)]
pub struct Instance {
    /// Whom to ask.
    #[command(flatten)]
    pub door: Door,
    /// What to do.
    #[command(subcommand)]
    pub verb: InstanceVerb,
}

/// What can be done with instances.
#[derive(Debug, Subcommand)]
pub enum InstanceVerb {
    /// List the instances of the region
    List(List),
    /// Show one instance
    Show(Show),
    /// Launch instances, and print their ids, one a line
    Launch(Box<Launch>),
    /// Change metadata options; what is not named stays as it is
    Set(Set),
    /// Set tags (KEY=VALUE), and remove them (--remove KEY)
    Tag(Tag),
    /// Stop instances: they are served no metadata until they are started
    Stop(Ids),
    /// Start stopped instances
    Start(Ids),
    /// Terminate instances, for good
    Terminate(Ids),
    /// Show who changed which metadata option, and when
    History(Show),
}

/// `imds instance list`
#[derive(Debug, Args)]
pub struct List {
    /// Only those with this value: `tag:Name=web*`, `metadata-options.http-tokens=optional`. Given again with another
    /// name both are met, with the same name one of the values is
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub filter: Vec<(String, String)>,
    /// How.
    #[command(flatten)]
    pub output: Output,
}

/// `imds instance show`, `imds instance history`
#[derive(Debug, Args)]
pub struct Show {
    /// The instance
    #[arg(value_name = "ID", value_parser = to_show)]
    pub id: InstanceId,
    /// How.
    #[command(flatten)]
    pub output: Output,
}

/// `imds instance stop`, `start`, `terminate`
#[derive(Debug, Args)]
pub struct Ids {
    /// The instances
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<InstanceId>,
}

/// Metadata options of an instance.
#[derive(Debug, Args)]
pub struct MetadataOptions {
    /// V1 and V2 (token optional), or V2 (token required)
    #[arg(long, value_name = "v1-and-v2|v2", conflicts_with = "http_tokens")]
    pub metadata_version: Option<MetadataVersion>,
    /// The same, as the EC2 API names it
    #[arg(long, value_name = "optional|required")]
    pub http_tokens: Option<HttpTokens>,
    /// How many hops a token response travels
    #[arg(long, value_name = "1..64", alias = "http-put-response-hop-limit")]
    pub hop_limit: Option<HopLimit>,
    /// Serve metadata at all
    #[arg(long, value_name = "enabled|disabled")]
    pub http_endpoint: Option<Switch>,
    /// Serve at fd00:ec2::254 too
    #[arg(long, value_name = "enabled|disabled")]
    pub http_protocol_ipv6: Option<Switch>,
    /// Serve the instance's tags
    #[arg(long, value_name = "enabled|disabled")]
    pub instance_metadata_tags: Option<Switch>,
}

impl MetadataOptions {
    /// What is chosen.
    #[must_use]
    pub fn choice(&self) -> Choice {
        Choice {
            http_tokens: self.http_tokens.or(self.metadata_version.map(HttpTokens::from)),
            http_put_response_hop_limit: self.hop_limit,
            http_endpoint: self.http_endpoint,
            http_protocol_ipv6: self.http_protocol_ipv6,
            instance_metadata_tags: self.instance_metadata_tags,
        }
    }
}

/// `imds instance launch`
#[derive(Debug, Args)]
#[command(
    after_help = "Metadata options that are left open are those of the launch template, else the account's (`imds \
    defaults`), else the image's, else EC2's. Images that are there from the start: ami-0abcdef1234567890 (arm64: \
    ami-0abcdef1234567891) is Amazon Linux 2, which says nothing; ami-0abcdef1234562023 (arm64: \
    ami-0abcdef1234562024) is Amazon Linux 2023, which asks for V2 and two hops."
)]
pub struct Launch {
    /// The image [default: the launch template's, else ami-0abcdef1234567890]
    #[arg(long, value_name = "AMI")]
    pub image: Option<String>,
    /// The instance type [default: the launch template's, else t3.micro]
    #[arg(long = "type", value_name = "TYPE", alias = "instance-type")]
    pub instance_type: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// A launch template, by name or id, and its version, else the default one
    #[arg(long, value_name = "NAME[:VERSION]")]
    pub launch_template: Option<Template>,
    /// Metadata options.
    #[command(flatten)]
    pub options: MetadataOptions,
    /// The private address, else one that is free
    #[arg(long, value_name = "ADDRESS")]
    pub private_ip: Option<Ipv4Addr>,
    /// A file with an OpenSSH public key; it is imported unless it is there already
    #[arg(long, value_name = "FILE")]
    pub ssh_key: Option<PathBuf>,
    /// The name of the key pair [default: the key's comment]
    #[arg(long, value_name = "NAME", requires = "ssh_key")]
    pub ssh_key_name: Option<String>,
    /// A file whose bytes are the user data
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// The host name, which EC2 derives from the address
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// A tag; can be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub tag: Vec<(String, String)>,
    /// The instance profile, by name or ARN
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Print the instances as JSON
    #[arg(long)]
    pub json: bool,
}

/// `imds instance set`
#[derive(Debug, Args)]
#[command(override_usage = "imds instance set <ID>... <OPTION>...")]
#[command(group(ArgGroup::new("change").required(true).multiple(true).args(
    ["metadata_version", "http_tokens", "hop_limit", "http_endpoint", "http_protocol_ipv6", "instance_metadata_tags"]
)))]
pub struct Set {
    /// The instances
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<InstanceId>,
    /// What to change.
    #[command(flatten)]
    pub options: MetadataOptions,
}

/// `imds instance tag`
#[derive(Debug, Args)]
pub struct Tag {
    /// The instances, and the tags
    #[arg(required = true, value_name = "ID|KEY=VALUE")]
    pub words: Vec<Word>,
    /// Remove the tag with this key; can be given several times
    #[arg(long, value_name = "KEY")]
    pub remove: Vec<String>,
}

/// `imds defaults`
#[derive(Debug, Args)]
pub struct Defaults {
    /// Whom to ask.
    #[command(flatten)]
    pub door: Door,
    /// What to do.
    #[command(subcommand)]
    pub verb: DefaultsVerb,
}

/// What can be done with an account's defaults.
#[derive(Debug, Subcommand)]
pub enum DefaultsVerb {
    /// Show the account's defaults
    Show(Output),
    /// Set some of them; instances that are there already stay as they are
    Set(SetDefaults),
}

/// `imds defaults set`
#[derive(Debug, Args)]
#[command(override_usage = "imds defaults set <OPTION>...")]
#[command(group(ArgGroup::new("change").required(true).multiple(true).args(
    ["metadata_version", "http_tokens", "hop_limit", "http_endpoint", "instance_metadata_tags", "enforce"]
)))]
pub struct SetDefaults {
    /// V1 and V2 (token optional), or V2 (token required)
    #[arg(long, value_name = "v1-and-v2|v2|no-preference", conflicts_with = "http_tokens")]
    pub metadata_version: Option<Preference<MetadataVersion>>,
    /// The same, as the EC2 API names it
    #[arg(long, value_name = "optional|required|no-preference")]
    pub http_tokens: Option<Preference<HttpTokens>>,
    /// How many hops a token response travels
    #[arg(long, value_name = "1..64|no-preference", alias = "http-put-response-hop-limit")]
    pub hop_limit: Option<Preference<HopLimit>>,
    /// Serve metadata at all
    #[arg(long, value_name = "enabled|disabled|no-preference")]
    pub http_endpoint: Option<Preference<Switch>>,
    /// Serve the instances' tags
    #[arg(long, value_name = "enabled|disabled|no-preference")]
    pub instance_metadata_tags: Option<Preference<Switch>>,
    /// Refuse launches and changes that would allow V1 (HttpTokensEnforced)
    #[arg(long, value_name = "enabled|disabled|no-preference", alias = "http-tokens-enforced")]
    pub enforce: Option<Preference<Switch>>,
}

#[cfg(test)]
mod tests;
