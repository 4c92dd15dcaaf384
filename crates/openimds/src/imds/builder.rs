//! What a service is to be, before it is.

use std::collections::HashMap;
use std::path::PathBuf;

use imds_core::Timestamp;
use imds_core::clock::Pace;

use super::service::Service;
use super::{Error, HttpTokens, Imds, Options};
use crate::config::{self, Auth, Bundle, Config, Flags, gather, gather_text};

/// What refusals call a configuration that is in no file.
const NAME: &str = "the configuration";

/// What a service is to be: [`Imds::builder`].
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    options: Options,
    instance: Instance,
    config: Option<Written>,
    clock: Option<u64>,
    role: Option<String>,
}

/// What is said of the one instance that there is without a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Instance {
    id: Option<String>,
    kind: Option<String>,
    region: Option<String>,
}

/// Where a configuration is written.
#[derive(Debug, Clone)]
enum Written {
    Here(String),
    File(PathBuf),
}

impl Builder {
    /// Are tokens required (IMDSv2 only), or does a plain GET do (IMDSv1) as well? Optional when nothing is said, as an
    /// instance launched by the API has it. An instance of a configuration that says it itself goes by that.
    pub fn http_tokens(mut self, tokens: HttpTokens) -> Self {
        self.options = self.options.http_tokens(tokens);
        self
    }

    /// How many hops the answer with a token travels, 1 to 64: 1 when nothing is said. As with tokens, a configuration
    /// comes before it.
    pub fn hop_limit(mut self, hops: u8) -> Self {
        self.options = self.options.hop_limit(hops);
        self
    }

    /// The id of the instance: `i-12345678901234567` when nothing is said.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance.id = Some(id.into());
        self
    }

    /// The type of the instance: `t3.micro` when nothing is said.
    pub fn instance_type(mut self, kind: impl Into<String>) -> Self {
        self.instance.kind = Some(kind.into());
        self
    }

    /// The region that the instance is in: `us-east-1` when nothing is said.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.instance.region = Some(region.into());
        self
    }

    /// The text of an `imds.toml`, for everything else: one instance or several, tags, roles, user data, paths by hand, what
    /// is planned. Names of files in it are those of the working folder.
    ///
    /// Where it would have the service listen (`listen` and `admin`) is for `imds serve`: here each service has ports of its
    /// own.
    pub fn config(mut self, text: impl Into<String>) -> Self {
        self.config = Some(Written::Here(text.into()));
        self
    }

    /// The same from a file, which is read once. Names of files in it are those beside it.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config = Some(Written::File(path.into()));
        self
    }

    /// Gives every instance a role of this name, unless the configuration gives it one: [`Imds::attach_role`].
    pub fn role(mut self, name: impl Into<String>) -> Self {
        self.role = Some(name.into());
        self
    }

    /// How fast the service's clock goes: so many seconds a second, 1 to 86,400.
    pub fn clock(mut self, pace: u64) -> Self {
        self.clock = Some(pace);
        self
    }

    /// Starts the service, and returns when it answers.
    ///
    /// # Errors
    /// When something of what was said is not permitted, or an address cannot be had.
    pub fn spawn(self) -> Result<Imds, Error> {
        let pace = self.clock.map(Pace::new).transpose().map_err(Error::new)?;
        let flags = Flags {
            free_ports: Some(HashMap::new()),
            // A door that the configuration would have elsewhere is not opened there.
            insecure: true,
            options: self.options.choice()?,
            clock: pace,
            ..Flags::default()
        };
        let bundle = self.bundle(&flags)?;
        let config = Config::new(&bundle, &flags, Timestamp::now()).map_err(Error::new)?;
        check(&config, &bundle)?;
        let service =
            Service::start(config, &bundle, pace).map_err(|error| Error::new(format!("{error:#}")))?;
        let imds = Imds::of(service);
        if let Some(role) = &self.role {
            imds.attach_role_to_all(role)?;
        }
        Ok(imds)
    }

    fn bundle(&self, flags: &Flags) -> Result<Bundle, Error> {
        if self.config.is_some() && self.instance != Instance::default() {
            return Err(Error::new(
                "instance_id, instance_type and region are of the instance that there is without a configuration; write \
                 them into the configuration",
            ));
        }
        let gathered = match &self.config {
            Some(Written::Here(text)) => gather_text(NAME, text, flags),
            Some(Written::File(path)) => gather(Some(path), flags),
            None => gather_text(NAME, &self.instance.text(), flags),
        };
        gathered.map_err(Error::new)
    }
}

impl Instance {
    /// The same as a configuration.
    fn text(&self) -> String {
        let mut entry = toml::Table::new();
        let mut set = |name: &str, value: &Option<String>| {
            value.iter().for_each(|value| drop(entry.insert(name.to_owned(), value.clone().into())));
        };
        set("instance-id", &self.id);
        set("instance-type", &self.kind);
        if let Some(region) = &self.region {
            let placement = toml::Table::from_iter([("region".to_owned(), region.clone().into())]);
            entry.insert("placement".to_owned(), placement.into());
        }
        let instances = vec![toml::Value::Table(entry)];
        toml::Table::from_iter([("instance".to_owned(), instances.into())]).to_string()
    }
}

/// Refuses what takes a helper process, or a folder of keys.
fn check(config: &Config, bundle: &Bundle) -> Result<(), Error> {
    if let Some((id, _)) = config.lent.first() {
        let what = "keys of kind process, profile and assume-role need `imds serve`; here a role has kind = \"static\"";
        return Err(Error::new(config.refused(bundle, id, what.to_owned())));
    }
    match config.service.auth {
        Auth::Open => Ok(()),
        Auth::Sigv4 => Err(Error::new(config::Error::Refused {
            place: "[service]".to_owned(),
            what: "auth = \"sigv4\" needs `imds serve` with --state DIR, the folder that its keys are in; leave it out"
                .to_owned(),
        })),
    }
}
