//! Words of these verbs: a metadata version, a preference that may be none, `KEY=VALUE`, `NAME:VERSION`.

use std::fmt::{self, Display};
use std::str::FromStr;

use imds_core::id::InstanceId;
use imds_core::options::HttpTokens;

/// `--metadata-version`: `HttpTokens`, as AWS's console names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataVersion {
    /// V1 and V2 (token optional)
    V1AndV2,
    /// V2 (token required)
    V2,
}

impl From<MetadataVersion> for HttpTokens {
    fn from(version: MetadataVersion) -> Self {
        match version {
            MetadataVersion::V1AndV2 => Self::Optional,
            MetadataVersion::V2 => Self::Required,
        }
    }
}

impl FromStr for MetadataVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "v1-and-v2" => Ok(Self::V1AndV2),
            "v2" => Ok(Self::V2),
            _ => Err("it is `v1-and-v2` or `v2`".to_owned()),
        }
    }
}

/// What an account may prefer, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference<T> {
    /// `no-preference`: it is left to the image and to EC2.
    Nothing,
    /// This.
    For(T),
}

impl<T> Preference<T> {
    /// The same in other words.
    #[must_use]
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Preference<U> {
        match self {
            Self::Nothing => Preference::Nothing,
            Self::For(value) => Preference::For(map(value)),
        }
    }
}

impl<T: FromStr<Err: Display>> FromStr for Preference<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "no-preference" {
            return Ok(Self::Nothing);
        }
        text.parse().map(Self::For).map_err(|error| format!("{error}, or `no-preference`"))
    }
}

impl<T: Display> Display for Preference<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no-preference"),
            Self::For(value) => value.fmt(f),
        }
    }
}

/// `NAME[:VERSION]` of a launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its name, or its id, which begins with `lt-`.
    pub name: String,
    /// A number, `$Latest`, `$Default`; else the default version.
    pub version: Option<String>,
}

impl FromStr for Template {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (name, version) = match text.split_once(':') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        if name.is_empty() || version == Some("") {
            return Err("it must be like `web` or `web:3`");
        }
        Ok(Self { name: name.to_owned(), version: version.map(str::to_owned) })
    }
}

/// A word of `imds instance tag`: an id has no equals sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// An instance.
    Id(InstanceId),
    /// A tag.
    Tag(String, String),
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('=') {
            let (key, value) = pair(text)?;
            return Ok(Self::Tag(key, value));
        }
        text.parse().map(Self::Id).map_err(|error| format!("{error}; a tag is KEY=VALUE"))
    }
}

/// The id of an instance. Who typed the name of an environment is told `instead` of what.
fn instance(text: &str, instead: &str) -> Result<InstanceId, String> {
    text.parse().map_err(|error: imds_core::Error| {
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_name = !text.starts_with("i-") && !text.starts_with('-');
        if is_name && (4..=40).contains(&text.len()) && text.bytes().all(is_of_name) {
            format!("{error}; for an environment: `{instead} {text}`")
        } else {
            error.to_string()
        }
    })
}

/// An instance to be.
pub(in crate::args) fn to_be(text: &str) -> Result<InstanceId, String> {
    instance(text, "--environment")
}

/// An instance to be shown.
pub(in crate::args) fn to_show(text: &str) -> Result<InstanceId, String> {
    instance(text, "imds environment show")
}

/// `NAME=VALUE`, of which the value may be empty.
pub(in crate::args) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it must have a name, an equals sign, and a value".to_owned()),
    }
}
