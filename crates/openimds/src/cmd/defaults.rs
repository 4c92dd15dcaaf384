//! `imds defaults`: what launches get that leave a metadata option open.

use std::process::ExitCode;

use imds_core::options::{HopLimit, HttpTokens};
use serde::Serialize;

use super::json;
use super::table::table;
use crate::admin::{Admin, Element, Form, version};
use crate::app::print;
use crate::args::control::{Defaults, DefaultsVerb, Preference, SetDefaults};

pub(super) fn run(args: &Defaults) -> anyhow::Result<ExitCode> {
    let admin = Admin::new(&args.door.admin, args.door.region.as_deref())?;
    match &args.verb {
        DefaultsVerb::Show(output) => {
            let told = Told::of(&admin.call("GetInstanceMetadataDefaults", &Form::default())?);
            let text = if output.is_json() { json(&told)? } else { told.text() };
            print(text.as_bytes());
        }
        DefaultsVerb::Set(set) => {
            admin.call("ModifyInstanceMetadataDefaults", &form(set))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be set; a hop limit without a preference is -1 (docs/control-api.md).
fn form(set: &SetDefaults) -> Form {
    let tokens = set.http_tokens.or(set.metadata_version.map(|version| version.map(HttpTokens::from)));
    let hops = set.hop_limit.map(|limit| match limit {
        Preference::Nothing => -1,
        Preference::For(limit) => i16::from(HopLimit::hops(limit)),
    });
    Form::default()
        .option("HttpTokens", tokens)
        .option("HttpPutResponseHopLimit", hops)
        .option("HttpEndpoint", set.http_endpoint)
        .option("InstanceMetadataTags", set.instance_metadata_tags)
        .option("HttpTokensEnforced", set.enforce)
}

/// The defaults, under EC2's own names; what is not set is not there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    http_tokens: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_put_response_hop_limit: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_metadata_tags: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_tokens_enforced: Option<String>,
}

impl Told {
    fn of(answer: &Element) -> Self {
        let text = |name| answer.text(&format!("accountLevel/{name}"));
        let option = |name| text(name).map(str::to_owned);
        Self {
            http_tokens: option("httpTokens"),
            http_put_response_hop_limit: text("httpPutResponseHopLimit").and_then(|hops| hops.parse().ok()),
            http_endpoint: option("httpEndpoint"),
            instance_metadata_tags: option("instanceMetadataTags"),
            http_tokens_enforced: option("httpTokensEnforced"),
        }
    }

    /// In the words of AWS's console (Data protection and security, IMDS defaults).
    fn text(&self) -> String {
        let rows = [
            ("Instance metadata service", self.http_endpoint.clone()),
            ("Metadata version", self.http_tokens.as_deref().map(|tokens| version(tokens).to_owned())),
            ("Metadata response hop limit", self.http_put_response_hop_limit.map(|hops| hops.to_string())),
            ("Access to tags in metadata", self.instance_metadata_tags.clone()),
            ("Enforce IMDSv2", self.http_tokens_enforced.clone()),
        ];
        let preference = |value: Option<String>| value.unwrap_or_else(|| "no preference".to_owned());
        table(["", ""], rows.map(|(name, value)| [name.to_owned(), preference(value)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Verb};
    use clap::Parser as _;

    fn told(level: &str) -> Told {
        let answer =
            format!("<GetInstanceMetadataDefaultsResponse>{level}</GetInstanceMetadataDefaultsResponse>");
        Told::of(&Element::parse(&answer).unwrap())
    }

    #[test]
    fn what_is_not_set_is_no_preference() {
        let some = told(
            "<accountLevel><httpTokens>required</httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit>\
             <httpTokensEnforced>enabled</httpTokensEnforced><managedBy>account</managedBy></accountLevel>",
        );
        insta::assert_snapshot!(some.text(), @r"
        Instance metadata service    no preference
        Metadata version             V2 (token required)
        Metadata response hop limit  2
        Access to tags in metadata   no preference
        Enforce IMDSv2               enabled
        ");
        assert_eq!(
            serde_json::to_string(&some).unwrap(),
            r#"{"HttpTokens":"required","HttpPutResponseHopLimit":2,"HttpTokensEnforced":"enabled"}"#
        );
        assert_eq!(serde_json::to_string(&told("<accountLevel/>")).unwrap(), "{}");
    }

    #[test]
    fn what_is_named_is_sent_and_nothing_else() {
        let sent = |words: &str| {
            let cli =
                Cli::try_parse_from(["imds", "defaults", "set"].into_iter().chain(words.split(' '))).unwrap();
            let Verb::Defaults(Defaults { verb: DefaultsVerb::Set(set), .. }) = cli.verb else {
                panic!("{words}")
            };
            form(&set).encode("X", "V")
        };
        assert_eq!(sent("--metadata-version v2"), "Action=X&Version=V&HttpTokens=required");
        assert_eq!(
            sent("--hop-limit no-preference --http-tokens no-preference --http-endpoint disabled"),
            "Action=X&Version=V&HttpTokens=no-preference&HttpPutResponseHopLimit=-1&HttpEndpoint=disabled"
        );
        assert_eq!(
            sent("--hop-limit 3 --enforce enabled --instance-metadata-tags enabled"),
            "Action=X&Version=V&HttpPutResponseHopLimit=3&InstanceMetadataTags=enabled&HttpTokensEnforced=enabled"
        );
    }
}
