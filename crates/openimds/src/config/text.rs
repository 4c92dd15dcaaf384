//! Values that are written as text, in the file and on the command line alike.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use imds_core::{Timestamp, stretch};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A value of the file that reads itself from text, so that what is wrong with it is said at its line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl<T> JsonSchema for Text<T> {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// Whose calls the door takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// Everybody's, with any access key or none
    #[default]
    Open,
    /// Those that are signed with a key of the state folder, or with temporary keys that were issued here
    Sigv4,
}

/// Text that can be a line of a listing or of a header: no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line(pub(super) String);

impl FromStr for Line {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().any(char::is_control) {
            Err("a value must be one line, without control characters")
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// A name that is one segment of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(pub(super) String);

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_:-".contains(&byte))
        {
            Ok(Self(text.to_owned()))
        } else {
            Err("a name may hold letters, digits and + = , . @ _ : - and no blanks or slashes")
        }
    }
}

/// The ARN of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoleArn(pub(super) String);

impl FromStr for RoleArn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = "a role's ARN is like arn:aws:iam::123456789012:role/NAME";
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts[..] else { return Err(malformed) };
        let name =
            resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        let is_role = !name.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_account = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
        if !partition.is_empty() && is_account && is_role {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed)
        }
    }
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "a time is like 2026-11-24T12:00:00Z")
    }
}

/// An IPv4 block: `172.31.0.0/16`, from /8 to /28.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr(pub Ipv4Addr, pub u8);

impl FromStr for Cidr {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = "a VPC is an IPv4 block such as 172.31.0.0/16, from /8 to /28";
        let (network, prefix) = text.split_once('/').ok_or(malformed)?;
        let cidr = Self(network.parse().map_err(|_| malformed)?, prefix.parse().map_err(|_| malformed)?);
        if (8..=28).contains(&cidr.1) { Ok(cidr) } else { Err(malformed) }
    }
}

/// The longest [`Seconds`].
const HOUR: Duration = Duration::from_secs(3_600);

/// A time: `5s`, `500ms`, `5m`, or seconds without a unit. More than nothing, an hour at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = stretch::read(text).filter(|time| !time.is_zero() && *time <= HOUR);
        read.map(Self).ok_or("a time is such as `5`, `5s`, `500ms` or `5m`, up to an hour")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_or_are_seconds() {
        for (text, millis) in [
            ("5", 5_000),
            ("5s", 5_000),
            ("500ms", 500),
            ("5m", 300_000),
            ("3600", 3_600_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(text.parse(), Ok(Seconds(Duration::from_millis(millis))), "{text}");
        }
        for bad in ["", "0", "0ms", "-1", "1.5", "+5", "61m", "3601", "18446744073709551615s", "s"] {
            assert!(bad.parse::<Seconds>().is_err(), "{bad}");
        }
    }

    #[test]
    fn blocks_names_and_lines_are_what_they_are_called() {
        assert_eq!("127.0.0.0/8".parse(), Ok(Cidr([127, 0, 0, 0].into(), 8)));
        for bad in ["172.31.0.0", "172.31.0.0/29", "172.31.0.0/7", "::/16", "x/16"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
        for bad in ["", "a/b", "a b", "a\n"] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
        assert!("two\nlines".parse::<Line>().is_err());
        for good in ["arn:aws:iam::123456789012:role/web", "arn:aws-cn:iam::123456789012:role/a/b/web+=,.@_-"]
        {
            assert_eq!(good.parse(), Ok(RoleArn(good.to_owned())));
        }
        for bad in [
            "",
            "own",
            "web",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/web/",
            "arn:aws:iam::123456789012:user/web",
            "arn:aws:iam::12345678901:role/web",
            "arn:aws:iam::own:role/web",
            "arn:aws:sts::123456789012:role/web",
            "arn::iam::123456789012:role/web",
            "arn:aws:iam:us-east-1:123456789012:role/web",
            "arn:aws:iam::123456789012:role/we b",
            "arn:aws:iam::123456789012:role/web\n",
        ] {
            assert!(bad.parse::<RoleArn>().is_err(), "{bad:?}");
        }
    }
}
