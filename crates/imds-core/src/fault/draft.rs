//! A fault as it is written: in the file, in a call, and on its way between processes. Nothing of it is believed before
//! [`Draft::rule`] has read it.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Deed, EC2_PACKETS, Excess, Kind, LONGEST, Pattern, Per, Rule};
use crate::request::Method;
use crate::{Error, stretch};

/// A fault as it is written. What is left out is not limited, or has a default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// `latency`, `status`, …
    pub kind: String,
    /// The instances whose calls it concerns; none, or `all`, are all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<String>,
    /// A path with all below it, or a pattern with `*` and `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `GET`, `HEAD`, `PUT`, `OPTIONS`; none are all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Which share of these calls, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// How many calls at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How long: `90s`.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<String>,
    /// Of `latency`: `500ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<String>,
    /// Of `status`: 400 to 599.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u64>,
    /// Of `truncate`: bytes of the body that still come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Of `throttle`: so many a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// Of `throttle`: `requests` or `packets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// Of `throttle`: `drop` or `429`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Instances of one rule.
const INSTANCES: usize = 64;
/// Methods that one names at most: more there are not.
const METHODS: usize = 8;
/// Calls that can be counted.
const CALLS: u64 = 1_000_000_000;
/// The longest that a rule is in force.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Bytes of a body: more than any has.
const BYTES: u64 = 16 * 1024 * 1024;
/// The highest rate.
const RATE: u64 = 1_000_000;

impl Draft {
    /// The rule that it says.
    ///
    /// # Errors
    /// The first thing that is not permitted, and what is.
    pub fn rule(&self) -> Result<Rule, String> {
        let kind: Kind = word("the kind", &self.kind)?;
        self.only(kind)?;
        let probability = self.probability.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&probability) {
            return Err(format!("the probability {probability} is none: it is 0 to 1"));
        }
        if self.instances.len() > INSTANCES {
            return Err(format!("{} instances are too many: {INSTANCES} at most", self.instances.len()));
        }
        if self.methods.len() > METHODS {
            return Err(format!("{} methods are too many: {METHODS} at most", self.methods.len()));
        }
        let is_all = self.instances.iter().any(|name| name == "all");
        let instances = if is_all { &[][..] } else { &self.instances };
        let instances = instances.iter().map(|name| name.parse().map_err(|error: Error| error.to_string()));
        Ok(Rule {
            instances: instances.collect::<Result<_, _>>()?,
            path: self.path.as_deref().map(Pattern::parse).transpose()?,
            methods: self.methods.iter().map(|name| method(name)).collect::<Result<_, _>>()?,
            probability,
            count: self.count.map(|count| number("the count", count, 1, CALLS)).transpose()?,
            lasts: self.lasts.as_deref().map(|text| time("for", text, DAY)).transpose()?,
            deed: self.deed(kind)?,
        })
    }

    fn deed(&self, kind: Kind) -> Result<Deed, String> {
        Ok(match kind {
            Kind::Latency => {
                let delay = self.delay.as_deref().ok_or("latency needs a delay, such as 500ms")?;
                Deed::Latency(time("the delay", delay, LONGEST)?)
            }
            Kind::Status => {
                let status = number("the status", self.status.unwrap_or(500), 400, 599)?;
                Deed::Status(u16::try_from(status).unwrap_or(500))
            }
            Kind::Reset => Deed::Reset,
            Kind::Drop => Deed::Drop,
            Kind::Truncate => {
                let after = self.after.map(|after| number("after", after, 0, BYTES)).transpose()?;
                Deed::Truncate(after.and_then(|after| usize::try_from(after).ok()))
            }
            Kind::Empty => Deed::Empty,
            Kind::StaleCredentials => Deed::StaleCredentials,
            Kind::Throttle => {
                let per = self.per.as_deref().map_or(Ok(Per::Requests), |per| word("per", per))?;
                let usual = match per {
                    Per::Requests => None,
                    Per::Packets => Some(EC2_PACKETS.into()),
                };
                let rate = self.rate.or(usual).ok_or("throttle needs a rate, so many requests a second")?;
                let rate = u32::try_from(number("the rate", rate, 1, RATE)?).unwrap_or(EC2_PACKETS);
                let usual = match per {
                    Per::Requests => Excess::Refuse,
                    Per::Packets => Excess::Drop,
                };
                let excess = self.answer.as_deref().map_or(Ok(usual), |answer| word("the answer", answer))?;
                Deed::Throttle { rate, per, excess }
            }
        })
    }

    /// What belongs to another kind is not passed over in silence.
    fn only(&self, kind: Kind) -> Result<(), String> {
        for (name, is_given, of) in [
            ("delay", self.delay.is_some(), Kind::Latency),
            ("status", self.status.is_some(), Kind::Status),
            ("after", self.after.is_some(), Kind::Truncate),
            ("rate", self.rate.is_some(), Kind::Throttle),
            ("per", self.per.is_some(), Kind::Throttle),
            ("answer", self.answer.is_some(), Kind::Throttle),
        ] {
            if is_given && kind != of {
                return Err(format!("`{name}` belongs to {of}, and this is {kind}"));
            }
        }
        Ok(())
    }
}

fn word<T: FromStr<Err = Error>>(what: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{what} is wrong: {error}"))
}

fn method(name: &str) -> Result<Method, String> {
    match name {
        "GET" => Ok(Method::Get),
        "HEAD" => Ok(Method::Head),
        "PUT" => Ok(Method::Put),
        "OPTIONS" => Ok(Method::Options),
        _ => Err(format!("{name:?} is not a method of the service: GET, HEAD, PUT or OPTIONS")),
    }
}

fn number(what: &str, number: u64, least: u64, most: u64) -> Result<u64, String> {
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(format!("{what} {number} is not permitted: {least} to {most}"))
}

/// `500ms`, `5s`, `2m`, `1h30m`, or seconds without a unit.
fn time(what: &str, text: &str, most: Duration) -> Result<Duration, String> {
    stretch::read(text).filter(|time| !time.is_zero() && *time <= most).ok_or_else(|| {
        format!(
            "{what} {text:?} is not permitted: a time such as 500ms, 5s or 2m, {}s at most",
            most.as_secs()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(json: &str) -> Draft {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn each_kind_has_what_belongs_to_it() {
        let millis = Duration::from_millis;
        let throttle = |rate, per, excess| Deed::Throttle { rate, per, excess };
        for (json, deed) in [
            (r#"{"kind":"latency","delay":"500ms"}"#, Deed::Latency(millis(500))),
            (r#"{"kind":"latency","delay":"1m"}"#, Deed::Latency(millis(60_000))),
            (r#"{"kind":"status"}"#, Deed::Status(500)),
            (r#"{"kind":"status","status":403}"#, Deed::Status(403)),
            (r#"{"kind":"reset"}"#, Deed::Reset),
            (r#"{"kind":"drop"}"#, Deed::Drop),
            (r#"{"kind":"truncate"}"#, Deed::Truncate(None)),
            (r#"{"kind":"truncate","after":0}"#, Deed::Truncate(Some(0))),
            (r#"{"kind":"empty"}"#, Deed::Empty),
            (r#"{"kind":"stale-credentials"}"#, Deed::StaleCredentials),
            (r#"{"kind":"throttle","rate":5}"#, throttle(5, Per::Requests, Excess::Refuse)),
            (r#"{"kind":"throttle","per":"packets"}"#, throttle(1_024, Per::Packets, Excess::Drop)),
            (r#"{"kind":"throttle","rate":1,"answer":"drop"}"#, throttle(1, Per::Requests, Excess::Drop)),
            (
                r#"{"kind":"throttle","rate":9,"per":"packets","answer":"429"}"#,
                throttle(9, Per::Packets, Excess::Refuse),
            ),
        ] {
            let written = draft(json);
            assert_eq!(written.rule().map(|rule| rule.deed), Ok(deed), "{json}");
            assert_eq!(serde_json::to_string(&written).unwrap(), json, "told as it was written");
        }
        let limited = draft(r#"{"kind":"drop","count":3,"for":"90"}"#).rule().unwrap();
        assert_eq!((limited.count, limited.lasts), (Some(3), Some(Duration::from_secs(90))));
    }

    #[test]
    fn what_is_not_permitted_is_told_with_what_is() {
        for (json, why) in [
            (r#"{"kind":"explode"}"#, "latency, status, reset, drop, truncate, empty, stale-credentials or"),
            (r#"{"kind":"latency"}"#, "latency needs a delay"),
            (r#"{"kind":"latency","delay":"61s"}"#, "60s at most"),
            (r#"{"kind":"latency","delay":"0"}"#, "60s at most"),
            (r#"{"kind":"latency","delay":"-1s"}"#, "60s at most"),
            (r#"{"kind":"latency","delay":"18446744073709551615h"}"#, "60s at most"),
            (r#"{"kind":"status","status":200}"#, "400 to 599"),
            (r#"{"kind":"status","status":600}"#, "400 to 599"),
            (r#"{"kind":"drop","status":500}"#, "`status` belongs to status, and this is drop"),
            (r#"{"kind":"drop","rate":5}"#, "`rate` belongs to throttle"),
            (r#"{"kind":"truncate","after":99999999999}"#, "0 to 16777216"),
            (r#"{"kind":"throttle"}"#, "throttle needs a rate"),
            (r#"{"kind":"throttle","rate":0}"#, "1 to 1000000"),
            (r#"{"kind":"throttle","rate":1,"per":"bytes"}"#, "requests or packets"),
            (r#"{"kind":"throttle","rate":1,"answer":"503"}"#, "drop or 429"),
            (r#"{"kind":"drop","probability":1.5}"#, "0 to 1"),
            (r#"{"kind":"drop","probability":-0.1}"#, "0 to 1"),
            (r#"{"kind":"drop","count":0}"#, "1 to 1000000000"),
            (r#"{"kind":"drop","for":"25h"}"#, "86400s at most"),
            (r#"{"kind":"drop","path":"latest"}"#, "begins with `/` or `*`"),
            (r#"{"kind":"drop","path":"/meta-data/ami-id"}"#, "/latest/…, or with */"),
            (r#"{"kind":"drop","methods":["get"]}"#, "GET, HEAD, PUT or OPTIONS"),
            (r#"{"kind":"drop","instances":["web"]}"#, "an instance id"),
        ] {
            let refused = draft(json).rule().unwrap_err();
            assert!(refused.contains(why), "{json}: {refused}");
        }
        let many =
            Draft { kind: "drop".into(), instances: vec!["i-0000000b".into(); 65], ..Draft::default() };
        assert!(many.rule().unwrap_err().contains("64 at most"));
        let nan = Draft { kind: "drop".into(), probability: Some(f64::NAN), ..Draft::default() };
        assert!(nan.rule().is_err());
        assert!(serde_json::from_str::<Draft>(r#"{"kind":"drop","pth":"/"}"#).is_err());
    }
}
