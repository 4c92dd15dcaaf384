//! The command line, as typed.

pub mod ca;
pub mod calls;
pub mod clock;
pub mod console;
pub mod control;
pub mod doctor;
pub mod environment;
pub mod event;
pub mod exec;
pub mod explain;
pub mod fault;
pub mod keys;
pub mod record;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use imds_core::clock::Pace;
use imds_core::options::{Choice, HopLimit, HttpTokens, Switch};
use imds_core::token::Ttl;
use imds_server::audit::Format;

use crate::config::{Auth, Cidr, Flags, Seconds};

/// The EC2 Instance Metadata Service, IMDSv1 and IMDSv2, for every machine.
#[derive(Debug, Parser)]
#[command(name = "imds", version, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Serve instance metadata
    Serve(Serve),
    /// Run a command where http://169.254.169.254 is this service
    Run(Run),
    /// Run a command as an instance of a running service
    Exec(exec::Exec),
    /// Get a path of instance metadata, with IMDSv2
    Get(Get),
    /// Get a session token
    Token(Token),
    /// The keys that seal tokens
    #[command(subcommand)]
    Keyring(Keyring),
    /// The access keys of the control API
    #[command(subcommand)]
    Keys(keys::Keys),
    /// The key and the certificate that identity documents are signed with
    #[command(subcommand)]
    Ca(ca::Ca),
    /// Write a configuration that answers as a metadata service does
    Record(record::Record),
    /// What time it is for a running service, and another time
    Clock(clock::Clock),
    /// What is planned for the instances of a running service: interruptions, maintenance, Auto Scaling
    Event(event::Event),
    /// Print the JSON schema of the configuration file
    Schema,
    /// The instances of a running service
    Instance(control::Instance),
    /// What launches get that leave a metadata option open, in the account and the region
    Defaults(control::Defaults),
    /// The Elastic Beanstalk environments of a running service
    Environment(environment::Environment),
    /// Faults on request: what a running service does to whose calls
    Fault(Box<fault::Fault>),
    /// Tell the last calls that a running service answered, or forget them
    Calls(calls::Calls),
    /// Print the address at which a browser opens the console of a running service
    Console(console::Console),
    /// Say what is true of instance metadata on this machine, and the cure for what is not right
    Doctor(doctor::Doctor),
    /// Say what is wrong with a command, a script or an HTTP exchange, and correct it
    Explain(explain::Explain),
}

/// What `serve` and `run` have in common. What the file says comes first; flags fill what it leaves out.
#[derive(Debug, Args)]
pub struct Options {
    /// Read instances from this file, which comes before the options below; without it there is one built-in instance
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Keep everything that changes in this folder, so that it outlives a restart (run: the keys of tokens alone)
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Serve IMDSv1 and IMDSv2 (optional), or IMDSv2 alone (required) [default: optional]
    #[arg(long, value_name = "optional|required")]
    pub http_tokens: Option<HttpTokens>,
    /// How many hops a token response travels [default: 1]
    #[arg(long, value_name = "1..64", alias = "http-put-response-hop-limit")]
    pub hop_limit: Option<HopLimit>,
    /// Serve metadata at all [default: enabled]
    #[arg(long, value_name = "enabled|disabled")]
    pub http_endpoint: Option<Switch>,
    /// Serve at fd00:ec2::254 too [default: disabled]
    #[arg(long, value_name = "enabled|disabled")]
    pub http_protocol_ipv6: Option<Switch>,
    /// Serve the instance's tags [default: disabled]
    #[arg(long, value_name = "enabled|disabled")]
    pub instance_metadata_tags: Option<Switch>,
    /// A file whose bytes are the user data
    #[arg(long, value_name = "FILE", alias = "user-data-file")]
    pub user_data: Option<PathBuf>,
    /// A file with an OpenSSH public key
    #[arg(long, value_name = "FILE", alias = "ssh-key-file")]
    pub ssh_key: Option<PathBuf>,
    /// What errors look like [default: xhtml]
    #[arg(long, value_enum)]
    pub error_pages: Option<ErrorPages>,
    /// The block that private addresses are taken from [default: 172.31.0.0/16]
    #[arg(long, value_name = "CIDR")]
    pub vpc_cidr: Option<Cidr>,
    /// How long a header, and a body, may take [default: 5s]
    #[arg(long, value_name = "TIME")]
    pub header_timeout: Option<Seconds>,
    /// How long a kept connection may be silent [default: 5s]
    #[arg(long, value_name = "TIME")]
    pub idle_timeout: Option<Seconds>,
    /// How many connections there may be [default: 20000]
    #[arg(long, value_name = "N")]
    pub max_connections: Option<u32>,
    /// How many connections one address may have [default: 1024]
    #[arg(long, value_name = "N")]
    pub max_connections_per_source: Option<u32>,
    /// Write a line for each call to standard error, and how [default: text for serve, none for run]
    #[arg(long, value_enum)]
    pub log: Option<Log>,
}

/// `--error-pages`
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ErrorPages {
    /// EC2's XHTML page
    Xhtml,
    /// Nothing, but for 404, as newest instances answer
    Empty,
}

/// `--network`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Network {
    /// Nothing
    None,
    /// What the machine reaches
    Host,
}

/// `--log`
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Log {
    /// For people
    Text,
    /// An object a line
    Json,
}

impl From<Log> for Format {
    fn from(log: Log) -> Self {
        match log {
            Log::Text => Self::Text,
            Log::Json => Self::Json,
        }
    }
}

impl Options {
    /// The flags that the configuration needs.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            error_pages: self.error_pages.map(|pages| match pages {
                ErrorPages::Xhtml => imds_server::ErrorPages::Xhtml,
                ErrorPages::Empty => imds_server::ErrorPages::Empty,
            }),
            options: Choice {
                http_tokens: self.http_tokens,
                http_put_response_hop_limit: self.hop_limit,
                http_endpoint: self.http_endpoint,
                http_protocol_ipv6: self.http_protocol_ipv6,
                instance_metadata_tags: self.instance_metadata_tags,
            },
            user_data_file: self.user_data.clone(),
            ssh_key_file: self.ssh_key.clone(),
            vpc_cidr: self.vpc_cidr,
            header_timeout: self.header_timeout,
            idle_timeout: self.idle_timeout,
            max_connections: self.max_connections,
            max_connections_per_source: self.max_connections_per_source,
            ..Flags::default()
        }
    }
}

/// `imds serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// What instances and connections are like.
    #[command(flatten)]
    pub options: Options,
    /// Relative paths in the file of --config begin here [default: the folder of that file]
    #[arg(long, value_name = "DIR", requires = "config")]
    pub config_folder: Option<PathBuf>,
    /// Serve metadata here; can be given several times [default: 127.0.0.1:1338]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Vec<SocketAddr>,
    /// Serve the AWS APIs, /healthz and /metrics here [default: 127.0.0.1:1339]
    #[arg(long, value_name = "ADDR:PORT")]
    pub admin: Option<SocketAddr>,
    /// Take free ports of loopback for all of it, and one for each of several instances, whatever the file says
    #[arg(long, conflicts_with_all = ["listen", "admin"])]
    pub free_ports: bool,
    /// Take every call, or those alone that are signed with a key of `imds keys` [default: open]
    #[arg(long, value_enum, value_name = "open|sigv4", hide_possible_values = true)]
    pub auth: Option<Auth>,
    /// Let --admin be an address that others reach
    #[arg(long)]
    pub insecure: bool,
    /// How long each step of an Elastic Beanstalk environment takes [default: 500ms]
    #[arg(long, value_name = "TIME")]
    pub environment_delay: Option<Seconds>,
    /// How fast the service's clock goes: so many seconds a second, up to a day [default: 1x]
    #[arg(long, value_name = "60x")]
    pub clock: Option<Pace>,
    /// A further host name that --admin is called by
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
    /// Print a line of JSON with the addresses once they answer
    #[arg(long)]
    pub print_ready: bool,
    /// Write that line to this file descriptor
    #[arg(long, value_name = "N")]
    pub ready_fd: Option<u32>,
    /// End when this file descriptor reads end-of-file, as a pipe does once nobody could write to it any longer
    #[arg(long, value_name = "N")]
    pub stop_fd: Option<u32>,
}

/// `imds run`
#[derive(Debug, Args)]
#[command(
    after_help = "The command runs in a network namespace of its own, as an ordinary user too. In it there are \
    loopback and the metadata addresses, and without --network host nothing else: no way out to any network. What is disabled or not served \
    there refuses connections."
)]
pub struct Run {
    /// What the instance is like.
    #[command(flatten)]
    pub options: Options,
    /// Put so many routers between the command and the service, as containers and their hosts have them
    #[arg(long, value_name = "0..8", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=8), hide_default_value = true)]
    pub hops: u8,
    /// Let the command reach what this machine reaches (host), which needs pasta; or nothing but the metadata (none)
    #[arg(
        long,
        value_enum,
        value_name = "none|host",
        default_value = "none",
        hide_default_value = true,
        hide_possible_values = true,
        conflicts_with = "hops"
    )]
    pub network: Network,
    /// The command, and what it is given
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Where a client asks.
#[derive(Debug, Args)]
pub struct Endpoint {
    /// Ask here, else where AWS_EC2_METADATA_SERVICE_ENDPOINT says, else at http://169.254.169.254
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Show what is sent and what comes back
    #[arg(short, long)]
    pub verbose: bool,
}

/// `imds get`
#[derive(Debug, Args)]
pub struct Get {
    /// What to get: `instance-id`, `meta-data/placement/region`, `/latest/dynamic/instance-identity/document`
    #[arg(value_name = "PATH", default_value = "/latest/meta-data/")]
    pub path: String,
    /// Ask without a token, as IMDSv1 does
    #[arg(long)]
    pub v1: bool,
    /// Where.
    #[command(flatten)]
    pub endpoint: Endpoint,
}

/// `imds token`
#[derive(Debug, Args)]
pub struct Token {
    /// How many seconds it is to live, 1 to 21600
    #[arg(long, value_name = "SECONDS", default_value = "21600", value_parser = ttl)]
    pub ttl: Ttl,
    /// Where.
    #[command(flatten)]
    pub endpoint: Endpoint,
}

fn ttl(text: &str) -> Result<Ttl, &'static str> {
    Ttl::parse(text.as_bytes()).ok_or("a token lives for 1 to 21600 seconds")
}

/// `imds keyring`
#[derive(Debug, Subcommand)]
pub enum Keyring {
    /// Seal new tokens with a new key; the key before still opens its tokens for six hours
    Rotate {
        /// The folder that `imds serve --state` was given
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
    },
}
