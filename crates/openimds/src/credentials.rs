//! Where the keys of a role come from when they are not written down: kinds, and how each is had (docs/credentials.md).
//!
//! What is had here is had in a process of its own: see `keeper::errands`.

pub mod beneath;
pub mod book;
pub mod exposed;
pub mod ini;
pub mod output;
pub mod process;
pub mod profile;
pub mod split;
pub mod sts;

use std::fmt;
use std::str::FromStr;

use imds_core::Timestamp;
use imds_core::credentials::{Credentials, Grant, Role, Secret};
use serde::{Deserialize, Serialize};

/// Where keys come from, and whose time they are in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Where they come from.
    pub origin: Origin,
    /// Whose clock says when they end.
    pub timekeeper: Timekeeper,
}

/// Whose clock keys go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Timekeeper {
    /// The machine's, whatever the service's shows: so do keys from the world outside.
    Machine,
    /// The service's own.
    Service,
}

impl Timekeeper {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Service, Self::Machine];
}

/// Where keys come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// A command that prints them: its words.
    Process(Vec<String>),
    /// A profile of the AWS files.
    Profile(String),
    /// STS.
    AssumeRole(Assume),
}

/// A call of `AssumeRole`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Assume {
    /// The role.
    pub role_arn: String,
    /// The session's name.
    pub session_name: String,
    /// How many seconds the keys are to live.
    pub seconds: u32,
    /// What the role's trust policy may ask for.
    pub external_id: Option<String>,
    /// Whom to call.
    pub place: Place,
}

/// Which STS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Place {
    /// This service's own, called by the root of the account.
    Here,
    /// Another one.
    There {
        /// Where it is.
        endpoint: Endpoint,
        /// The region that the call is signed for.
        region: String,
        /// Whose keys sign it.
        owner: Owner,
    },
}

/// Whose keys a call is signed with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// `AWS_ACCESS_KEY_ID` and its like, of the service.
    Environment,
    /// A profile of the AWS files.
    Profile(String),
}

/// An endpoint: host and port, spoken to as plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint(String);

impl Endpoint {
    /// `HOST:PORT`
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("https://") {
            return Err("an endpoint with https cannot be called from here; use kind = \"process\" with a command that \
                        can, such as `aws configure export-credentials --profile NAME`"
                .to_owned());
        }
        let malformed = || "an endpoint is like http://127.0.0.1:4566".to_owned();
        let uri: http::Uri = text.parse().map_err(|_| malformed())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
        let authority =
            authority.filter(|authority| !authority.as_str().contains('@')).ok_or_else(malformed)?;
        if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
            return Err(malformed());
        }
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self(format!("{}:{port}", authority.host())))
    }
}

impl Source {
    /// What this service's own STS is asked, if that is where its keys come from. All others are fetched from outside.
    #[must_use]
    pub fn own(&self) -> Option<&Assume> {
        match &self.origin {
            Origin::Process(_) | Origin::Profile(_) => None,
            Origin::AssumeRole(assume) => (assume.place == Place::Here).then_some(assume),
        }
    }

    /// Are its keys of use elsewhere?
    #[must_use]
    pub fn is_real(&self) -> bool {
        self.own().is_none()
    }
}

/// Which one it is, for the log. Of a command nothing but its name: there may be secrets among its arguments.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Process(words) => write!(f, "the command {}", words.first().map_or("", String::as_str)),
            Origin::Profile(name) => write!(f, "the profile {name}"),
            Origin::AssumeRole(Assume { role_arn, place: Place::Here, .. }) => {
                write!(f, "the role {role_arn}")
            }
            Origin::AssumeRole(Assume { role_arn, place: Place::There { endpoint, .. }, .. }) => {
                write!(f, "the role {role_arn} at {}", endpoint.authority())
            }
        }
    }
}

/// A role of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lent {
    /// The instance profile's ARN.
    pub instance_profile_arn: String,
    /// `AIPA…`
    pub instance_profile_id: String,
    /// The role's name.
    pub role: String,
    /// Where its keys come from, unless they are written down.
    pub source: Option<Source>,
}

impl Lent {
    /// The role with its keys.
    #[must_use]
    pub fn with_keys(&self, credentials: Credentials) -> Role {
        self.with(Grant::Keys { role: self.role.clone(), credentials })
    }

    /// The role with what its profile gives.
    #[must_use]
    pub fn with(&self, grant: Grant) -> Role {
        Role {
            instance_profile_arn: self.instance_profile_arn.clone(),
            instance_profile_id: self.instance_profile_id.clone(),
            grant,
        }
    }
}

/// Why there are no keys. It is told to guests and to the log: it quotes nothing that a program or a file said. It may name
/// a file, a profile or a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Failure {
    /// STS refuses: the role does not let this caller in.
    #[error("{0}")]
    Denied(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// A failure, as a sentence.
    pub fn new(what: impl Into<String>) -> Self {
        Self::Other(what.into())
    }

    /// There are keys, and they are of no use.
    #[must_use]
    pub fn ended() -> Self {
        Self::new("the keys that came had ended already")
    }
}

/// The keys that come from there, now. It may take long.
///
/// # Errors
/// When there are none.
pub fn fetch(
    origin: &Origin,
    variable: &dyn Fn(&str) -> Option<String>,
    running: &process::Children,
    now: &dyn Fn() -> Timestamp,
) -> Result<Credentials, Failure> {
    let keys = match origin {
        Origin::Process(words) => process::run(words, process::LIMIT, running)?,
        Origin::Profile(name) => profile::Files::read(variable)?.keys(name, variable, running, now)?,
        Origin::AssumeRole(assume) => match &assume.place {
            Place::Here => return Err(Failure::new("the service's own STS is asked elsewhere")),
            Place::There { endpoint, region, owner } => {
                let owner = match owner {
                    Owner::Environment => from_environment(variable)?,
                    Owner::Profile(name) => {
                        profile::Files::read(variable)?.keys(name, variable, running, now)?
                    }
                };
                sts::assume(assume, endpoint, region, &owner, now())?
            }
        },
    };
    checked(keys, now())
}

/// The keys of the service's own environment.
fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Credentials, Failure> {
    let needed = |name: &str| {
        let value = variable(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| Failure::new(format!("the service's environment has no {name}")))
    };
    Ok(Credentials {
        access_key_id: needed("AWS_ACCESS_KEY_ID")?,
        secret_access_key: Secret::new(needed("AWS_SECRET_ACCESS_KEY")?),
        session_token: Secret::new(variable("AWS_SESSION_TOKEN").unwrap_or_default()),
        issued: None,
        expiration: None,
    })
}

/// Bytes that an access key id, a secret or a token may have; AWS's are far shorter.
const LONGEST: usize = 16 * 1024;

/// Keys that can be served: they are text of one line each, and have not ended.
fn checked(mut keys: Credentials, now: Timestamp) -> Result<Credentials, Failure> {
    let is_line = |text: &str| text.len() <= LONGEST && !text.chars().any(char::is_control);
    let texts = [&*keys.access_key_id, keys.secret_access_key.expose(), keys.session_token.expose()];
    if !texts.iter().all(|text| is_line(text)) || texts[0].is_empty() || texts[1].is_empty() {
        return Err(Failure::new("what came are no keys: a part is missing, too long, or not one line"));
    }
    if keys.expiration.is_some_and(|end| end <= now) {
        return Err(Failure::ended());
    }
    // Metadata tells whole seconds.
    keys.issued = keys.issued.or_else(|| Timestamp::from_second(now.as_second()).ok());
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_that_is_spoken_to_in_plain() {
        for (text, expected) in [
            ("http://127.0.0.1:4566", Some("127.0.0.1:4566")),
            ("http://localstack:4566/", Some("localstack:4566")),
            ("http://sts.test", Some("sts.test:80")),
            ("http://[::1]:4566", Some("[::1]:4566")),
            ("https://sts.amazonaws.com", None),
            ("http://user@127.0.0.1:1", None),
            ("http://127.0.0.1:1/path", None),
            ("http://127.0.0.1:1/?query", None),
            ("127.0.0.1:4566", None),
            ("ftp://127.0.0.1", None),
            ("", None),
        ] {
            let read = text.parse::<Endpoint>();
            assert_eq!(read.as_ref().ok().map(Endpoint::authority), expected, "{text}: {read:?}");
        }
        assert!("https://sts.amazonaws.com".parse::<Endpoint>().unwrap_err().contains("export-credentials"));
    }

    #[test]
    fn a_source_is_told_without_what_may_be_secret() {
        let arn = "arn:aws:iam::123456789012:role/web";
        let assume = |place| {
            let (role_arn, session_name) = (arn.to_owned(), "me".to_owned());
            let external_id = Some("hunter2".to_owned());
            Origin::AssumeRole(Assume { role_arn, session_name, seconds: 900, external_id, place })
        };
        let there = || {
            let endpoint = "http://sts.test".parse().unwrap();
            Place::There { endpoint, region: "us-east-1".to_owned(), owner: Owner::Environment }
        };
        for (origin, is_real, expected) in [
            (
                Origin::Process(["get-keys", "--password", "hunter2"].map(str::to_owned).into()),
                true,
                "the command get-keys".to_owned(),
            ),
            (Origin::Process(Vec::new()), true, "the command ".to_owned()),
            (Origin::Profile("dev".to_owned()), true, "the profile dev".to_owned()),
            (assume(Place::Here), false, format!("the role {arn}")),
            (assume(there()), true, format!("the role {arn} at sts.test:80")),
        ] {
            let source = Source { origin, timekeeper: Timekeeper::Service };
            assert_eq!((source.is_real(), source.to_string()), (is_real, expected));
        }
    }

    #[test]
    fn keys_are_looked_at_before_they_are_served() {
        let now = Timestamp::from_second(1_000).unwrap();
        let keys = |id: &str, secret: &str, token: &str, end: i64| Credentials {
            access_key_id: id.into(),
            secret_access_key: Secret::new(secret.into()),
            session_token: Secret::new(token.into()),
            issued: None,
            expiration: Timestamp::from_second(end).ok(),
        };
        assert_eq!(checked(keys("A", "s", "", 1_001), now).unwrap().issued, Some(now));
        for bad in [
            keys("A", "s", "t", 1_000),
            keys("A", "s", "t", 1),
            keys("", "s", "t", 2_000),
            keys("A", "", "t", 2_000),
            keys("A", "s\nt", "t", 2_000),
            keys("A", "s", "t\0", 2_000),
            keys("A", "s", &"x".repeat(LONGEST + 1), 2_000),
        ] {
            assert!(checked(bad, now).is_err());
        }
    }

    #[test]
    fn the_environment_has_keys_or_says_which_it_lacks() {
        let variable = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" => Some("AKIA".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
            _ => None,
        };
        assert_eq!(from_environment(&variable).unwrap().secret_access_key.expose(), "secret");
        let without = |name: &str| if name == "AWS_SECRET_ACCESS_KEY" { None } else { variable(name) };
        let failure = from_environment(&without).unwrap_err();
        assert_eq!(failure.to_string(), "the service's environment has no AWS_SECRET_ACCESS_KEY");
    }
}
