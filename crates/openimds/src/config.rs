//! What the service runs with, as validated: the file, the flags over what it leaves out, and the defaults.

mod advice;
mod credentials;
mod fault;
mod file;
mod gather;
mod instance;
mod path;
mod text;
mod timeline;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use imds_core::Timestamp;
use imds_core::clock::Pace;
use imds_core::fault::Draft;
use imds_core::id::InstanceId;
use imds_core::options::Choice;
use imds_server::{ErrorPages, Hosts, Scope};
use imds_store::provider::file::{self as feed, Entry};

pub use file::schema;
pub(crate) use gather::gather_text;
pub use gather::{Bundle, gather};
pub use text::{Auth, Cidr, Seconds};

use crate::admin::ADMIN;
use crate::credentials::{Lent, Source};
use crate::listen::{FREE, Limits};
use timeline::Timeline;

/// Where metadata is served when nothing is said.
pub const LISTEN: &str = "127.0.0.1:1338";
/// How long each step of an environment takes when nothing is said: clients see each status, and wait for none.
const ENVIRONMENT_DELAY: Duration = Duration::from_millis(500);

/// What was typed, which the file comes before.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// Where relative names in the file begin, if not beside it.
    pub config_folder: Option<PathBuf>,
    /// Where to serve metadata.
    pub listen: Vec<SocketAddr>,
    /// Where the door is.
    pub admin: Option<SocketAddr>,
    /// Is no port to be one that was written? Then the port of each instance that has one of its own.
    pub free_ports: Option<HashMap<InstanceId, SocketAddr>>,
    /// What error pages look like.
    pub error_pages: Option<ErrorPages>,
    /// Metadata options of every instance that leaves them out.
    pub options: Choice,
    /// A file with user data.
    pub user_data_file: Option<PathBuf>,
    /// A file with an SSH public key.
    pub ssh_key_file: Option<PathBuf>,
    /// The block that addresses are taken from.
    pub vpc_cidr: Option<Cidr>,
    /// Limits on connections.
    pub header_timeout: Option<Seconds>,
    /// Likewise.
    pub idle_timeout: Option<Seconds>,
    /// Likewise.
    pub max_connections: Option<u32>,
    /// Likewise.
    pub max_connections_per_source: Option<u32>,
    /// How long each step of an environment takes.
    pub environment_delay: Option<Seconds>,
    /// A further name of the service.
    pub server_name: Option<String>,
    /// How fast the service's clock goes.
    pub clock: Option<Pace>,
    /// Whose calls the door takes.
    pub auth: Option<Auth>,
    /// May the door be bound where others can reach it?
    pub insecure: bool,
}

/// What is set once, when the service starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Where metadata is served.
    pub listen: Vec<SocketAddr>,
    /// Where the door is.
    pub admin: SocketAddr,
    /// Whose calls it takes.
    pub auth: Auth,
    /// What error pages look like.
    pub error_pages: ErrorPages,
    /// What connections may cost.
    pub limits: Limits,
    /// A further `Host` that the door accepts.
    pub server_name: Option<String>,
    /// The names by which metadata may be asked for, where there are real credentials.
    pub hosts: Option<Hosts>,
    /// The default VPC's block: network address and prefix length.
    pub vpc: (Ipv4Addr, u8),
    /// How long each step of an environment takes.
    pub environment_delay: Duration,
}

/// Everything, validated.
#[derive(Debug, Clone)]
pub struct Config {
    /// What is set once.
    pub service: Service,
    /// The instances that the file names, in its order, and the built-in one where there has to be one. They can change
    /// while the service runs.
    pub instances: Vec<Entry>,
    /// The faults on request that the file names, in its order. They can change as well.
    pub faults: Vec<Draft>,
    /// Roles of them whose keys come from elsewhere.
    pub lent: Vec<(InstanceId, Lent)>,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that is named cannot be read.
    #[error("{by}cannot read {path}: {cause}", path = path.display())]
    Read {
        /// What names it, with a colon and a blank after it: file, line and key, or the flag; empty of the file itself.
        by: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file says something that is not permitted.
    #[error("{place}: {what}")]
    Refused {
        /// File and line, or the flag.
        place: String,
        /// What, and what is permitted.
        what: String,
    },
}

impl Error {
    /// The file that could not be read, if that is what is wrong.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Read { path, .. } => Some(path),
            Self::Refused { .. } => None,
        }
    }

    /// A refusal of what `path` says at byte `offset` of `text`.
    fn at(path: &Path, text: &str, offset: usize, what: impl Into<String>) -> Self {
        let line = 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        Self::Refused { place: format!("{} line {line}", path.display()), what: what.into() }
    }

    fn flag(flag: &str, what: impl Into<String>) -> Self {
        Self::Refused { place: flag.to_owned(), what: what.into() }
    }
}

impl Config {
    /// Validates what was gathered. Nothing is read here, so that it can be done where nothing may be.
    ///
    /// # Errors
    /// The first thing that is not permitted, with its place.
    pub fn new(bundle: &Bundle, flags: &Flags, now: Timestamp) -> Result<Self, Error> {
        let file = bundle.parsed()?;
        let mut service = service(&file.service, flags)?;
        let (mut instances, mut lent) = (Vec::new(), Vec::new());
        let hashes = Hashes::new(bundle, flags, service.vpc)?;
        for (index, entry) in file.instance.iter().enumerate() {
            let at = |what: String| bundle.refused(entry.span().start, what);
            let (mut instance, role) =
                instance::entry(entry.get_ref(), bundle, service.vpc, flags, now).map_err(at)?;
            instance.instance.by_hand = path::by_hand(entry.get_ref(), bundle)
                .map_err(|(offset, what)| bundle.refused(offset, what))?;
            instance.place.hash = hashes.of(Some((index, entry.get_ref())));
            instances.push(instance);
            lent.extend(role);
        }
        if lent.iter().any(|(_, lent)| lent.source.as_ref().is_some_and(Source::is_real)) {
            service.hosts = Some(Hosts { server_name: service.server_name.clone() });
        }
        let mut seen = Seen { listens: service.listen.iter().copied().collect(), ..Seen::default() };
        for (written, entry) in file.instance.iter().zip(&instances) {
            if let Some(twice) = seen.twice(entry) {
                return Err(bundle.refused(written.span().start, twice));
            }
        }
        if let [only] = &mut instances[..] {
            only.place.is_default = true;
        }
        if !instances.iter().any(|entry| entry.place.is_default) {
            let place =
                "the built-in instance, which gets what no address claims when none has `default = true`";
            let built_in = instance::built_in(bundle, service.vpc, flags, now);
            let mut built_in = built_in.map_err(|what| Error::flag(place, what))?;
            built_in.place.hash = hashes.of(None);
            built_in.place.is_built_in = !instances.is_empty();
            if let Some(twice) = seen.twice(&built_in) {
                return Err(Error::flag(place, twice));
            }
            instances.push(built_in);
        }
        for planned in &file.timeline {
            let refused = |what| bundle.refused(planned.span().start, what);
            planned.get_ref().plan(&mut instances, now).map_err(refused)?;
        }
        for entry in &mut instances {
            entry.place.planned = hashes.planned(entry);
        }
        let faults = fault::drafts(&file.fault, bundle)?;
        Ok(Self { service, instances, faults, lent })
    }

    /// What is set once, for whoever runs with it. All else is let go of, and with it what it has of secrets.
    #[must_use]
    pub fn into_service(self) -> Service {
        self.service
    }

    /// A refusal of what was to be done with an instance, at its entry.
    #[must_use]
    pub fn refused(&self, bundle: &Bundle, id: &InstanceId, what: String) -> Error {
        let index = self.instances.iter().position(|entry| entry.instance.id == *id);
        let file = bundle.parsed().ok();
        let entry = file.as_ref().zip(index).and_then(|(file, index)| file.instance.get(index));
        match entry {
            Some(entry) => bundle.refused(entry.span().start, what),
            None => Error::flag("the built-in instance", what),
        }
    }

    /// The built-in instance where it is there beside those of the file, since none of them is the default: who wrote the
    /// file did not write it.
    #[must_use]
    pub fn built_in(&self) -> Option<&InstanceId> {
        self.instances.iter().find(|entry| entry.place.is_built_in).map(|entry| &entry.instance.id)
    }

    /// Every address that metadata is served on, and for whom: the service's own, and those of single instances.
    #[must_use]
    pub fn listen(&self) -> Vec<(SocketAddr, Scope)> {
        let shared = self.service.listen.iter().map(|address| (*address, Scope::Addresses));
        let own = feed::listens(&self.instances).map(|address| (address, Scope::Own(address)));
        shared.chain(own).collect()
    }
}

/// The hashes by which an entry is known to be the one that was applied before.
struct Hashes<'b> {
    bundle: &'b Bundle,
    tables: Vec<toml::Table>,
    /// What is planned, and for whom.
    timeline: Vec<(toml::Table, Timeline)>,
    /// What the flags fill in: they count as if they were written.
    flags: Vec<Vec<u8>>,
}

impl<'b> Hashes<'b> {
    fn new(bundle: &'b Bundle, flags: &Flags, vpc: (Ipv4Addr, u8)) -> Result<Self, Error> {
        let options = flags.options;
        let mut parts = vec![
            format!("{}/{}", vpc.0, vpc.1),
            options.http_tokens.map(|tokens| tokens.to_string()).unwrap_or_default(),
            options.http_put_response_hop_limit.map(|hops| hops.hops().to_string()).unwrap_or_default(),
        ];
        let switches = [options.http_endpoint, options.http_protocol_ipv6, options.instance_metadata_tags];
        parts.extend(switches.map(|switch| switch.map(|switch| switch.to_string()).unwrap_or_default()));
        let files = [&flags.user_data_file, &flags.ssh_key_file];
        let files = files.map(|file| file.as_deref().map_or(&[][..], |path| bundle.content(path)).to_vec());
        Ok(Self {
            bundle,
            tables: bundle.tables()?,
            timeline: bundle.timeline()?,
            flags: parts.into_iter().map(String::into_bytes).chain(files).collect(),
        })
    }

    /// The hash of an entry of the file, or of the built-in instance. The order of keys, blanks and comments do not
    /// count; what is in the files that it names does.
    fn of(&self, entry: Option<(usize, &file::Instance)>) -> String {
        let table = entry.and_then(|(index, _)| self.tables.get(index)).map(ToString::to_string);
        let files = entry.map(|(_, entry)| entry.files()).into_iter().flatten();
        let files = files.map(|name| self.bundle.named(name));
        let flags = self.flags.iter().map(Vec::as_slice);
        feed::hash(table.iter().map(String::as_bytes).chain(flags).chain(files))
    }

    /// That of what is planned for an instance; of nothing, there is no trace.
    fn planned(&self, entry: &Entry) -> String {
        let planned = self.timeline.iter().filter(|(_, planned)| planned.is_for(entry));
        let planned: Vec<_> = planned.map(|(table, _)| table.to_string()).collect();
        if planned.is_empty() { String::new() } else { feed::hash(planned.iter().map(String::as_bytes)) }
    }
}

/// What must differ from instance to instance, as far as it was seen.
#[derive(Default)]
struct Seen {
    ids: HashSet<InstanceId>,
    addresses: HashSet<IpAddr>,
    listens: HashSet<SocketAddr>,
    has_default: bool,
}

impl Seen {
    /// What this instance has that was seen before, as a sentence.
    fn twice(&mut self, entry: &Entry) -> Option<String> {
        let instance = &entry.instance;
        if !self.ids.insert(instance.id.clone()) {
            return Some(format!("a second instance is called {}; ids must differ", instance.id));
        }
        if entry.place.is_default && std::mem::replace(&mut self.has_default, true) {
            return Some("a second instance has `default = true`; one can".to_owned());
        }
        let mut macs = HashSet::new();
        for interface in &instance.interfaces {
            if !macs.insert(interface.mac) {
                return Some(format!("two interfaces have the MAC address {}", interface.mac));
            }
            let v4 = interface.local_ipv4s.iter().copied().map(IpAddr::from);
            let mut all = v4.chain(interface.ipv6s.iter().copied().map(IpAddr::from));
            if let Some(address) = all.find(|address| !self.addresses.insert(*address)) {
                return Some(format!("{address} belongs to another interface too; addresses must differ"));
            }
        }
        let listen = entry.place.listen.iter().find(|listen| !self.listens.insert(**listen))?;
        Some(format!("{listen} is listened on twice; an instance's own listen is its alone"))
    }
}

fn service(file: &file::Service, flags: &Flags) -> Result<Service, Error> {
    let usual = Limits::default();
    let parsed = |text: &str| {
        text.parse::<SocketAddr>().map_err(|_| Error::flag(text, "is not an address and a port"))
    };
    let mut listen = file.listen.iter().flatten().map(|address| address.0).collect::<Vec<_>>();
    if listen.is_empty() {
        listen.clone_from(&flags.listen);
    }
    if listen.is_empty() {
        listen.push(parsed(LISTEN)?);
    }
    let admin = file.admin.as_ref().map(|admin| admin.0).or(flags.admin);
    let mut admin = admin.map_or_else(|| parsed(ADMIN), Ok)?;
    if flags.free_ports.is_some() {
        listen = vec![FREE];
        admin = FREE;
    }
    let auth = auth(file.auth, flags.auth)?;
    let is_meant = flags.insecure || file.insecure.unwrap_or(false);
    let is_safe = admin.ip().is_loopback() || auth == Auth::Sigv4 || is_meant;
    if !is_safe {
        return Err(Error::flag(
            &format!("--admin {admin}"),
            "others could reach the door there; give it a loopback address, --auth sigv4, or --insecure if that is meant",
        ));
    }
    let seconds = |file: &Option<text::Text<Seconds>>, flag: Option<Seconds>| {
        file.as_ref().map(|text| text.0).or(flag).map(|s| s.0)
    };
    let Cidr(network, prefix) = file
        .vpc_cidr
        .as_ref()
        .map(|cidr| cidr.0)
        .or(flags.vpc_cidr)
        .unwrap_or(Cidr(Ipv4Addr::new(172, 31, 0, 0), 16));
    Ok(Service {
        listen,
        admin,
        auth,
        hosts: None,
        vpc: (network, prefix),
        environment_delay: seconds(&file.environment_delay, flags.environment_delay)
            .unwrap_or(ENVIRONMENT_DELAY),
        error_pages: file.error_pages.map(ErrorPages::from).or(flags.error_pages).unwrap_or_default(),
        limits: Limits {
            header_timeout: seconds(&file.header_timeout, flags.header_timeout)
                .unwrap_or(usual.header_timeout),
            idle_timeout: seconds(&file.idle_timeout, flags.idle_timeout).unwrap_or(usual.idle_timeout),
            max_connections: file.max_connections.or(flags.max_connections).unwrap_or(usual.max_connections),
            max_connections_per_source: file
                .max_connections_per_source
                .or(flags.max_connections_per_source)
                .unwrap_or(usual.max_connections_per_source),
        },
        server_name: file
            .server_name
            .as_ref()
            .map(|name| name.0.0.clone())
            .or_else(|| flags.server_name.clone()),
    })
}

/// Who may come in. Here the file does not come before the flag: whoever typed `sigv4` must not find the door open.
fn auth(file: Option<Auth>, flag: Option<Auth>) -> Result<Auth, Error> {
    match (file, flag) {
        (Some(file), Some(flag)) if file != flag => {
            let name = |auth| match auth {
                Auth::Open => "open",
                Auth::Sigv4 => "sigv4",
            };
            let (flag, file) = (format!("--auth {}", name(flag)), name(file));
            Err(Error::flag(
                &flag,
                format!("the file says `auth = \"{file}\"` in [service]; both must say the same"),
            ))
        }
        (file, flag) => Ok(file.or(flag).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
