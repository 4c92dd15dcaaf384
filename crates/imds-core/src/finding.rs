//! What can be wrong between a program and its instance metadata: what it is, why it is so, and the cure.
//!
//! One table serves `imds explain`, `imds doctor`, `imds get` and the console. It holds data and prints nothing; `wire`
//! names sections of `docs/wire.md`. Commands and what is written in them are the same in every language.

/// Declares findings, each once, and the list of them all.
macro_rules! findings {
    ($all:ident: $($(#[$doc:meta])* $name:ident = $finding:expr;)*) => {
        $($(#[$doc])* pub static $name: Finding = $finding;)*
        /// All of this file.
        pub(super) static $all: &[&Finding] = &[$(&$name),*];
    };
}

mod answers;
mod calls;
mod setting;

pub use answers::*;
pub use calls::*;
use serde::Serialize;
pub use setting::ENABLE;

use crate::language::Text;

/// One thing that can be wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name for programs: `v1-call`.
    pub id: &'static str,
    /// What it does.
    pub severity: Severity,
    /// What it is, in a sentence without an end.
    pub what: Text,
    /// Why it matters, or how it comes about.
    pub why: Text,
    /// The sections of `docs/wire.md` that have the evidence.
    pub wire: &'static [&'static str],
    /// What to do about it.
    pub cure: Cure,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// It works, and can go wrong, or lets others in.
    Warning,
    /// It does not work.
    Error,
}

/// What to do about a finding.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Cure {
    /// In a sentence without an end.
    pub what: Text,
    /// Commands for where the finding was made.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub commands: &'static [&'static str],
    /// Where a setting of the instance is the cure, or the other one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
}

/// A setting of an instance, and the ways to change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// What changes, for the reader to choose.
    pub what: Text,
    /// For an instance of EC2.
    pub ec2: Way,
    /// For the instances of an Elastic Beanstalk environment.
    pub beanstalk: Way,
}

/// One way to change a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Way {
    /// A command of the AWS CLI. [`INSTANCE`], [`ENVIRONMENT`] and [`HOPS`] stand for what the reader knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'static str>,
    /// Where it is in the console, or why it is not.
    pub console: Text,
}

/// What to type for a token.
const GET_TOKEN: &str = "TOKEN=$(curl -f -X PUT \"http://169.254.169.254/latest/api/token\" \
     -H \"X-aws-ec2-metadata-token-ttl-seconds: 21600\")";
/// What to type for metadata.
const USE_TOKEN: &str =
    "curl -f -H \"X-aws-ec2-metadata-token: $TOKEN\" http://169.254.169.254/latest/meta-data/";

/// A cure by hand.
const fn by_hand(what: Text) -> Cure {
    Cure { what, commands: &[], setting: None }
}

/// Every finding there is.
pub fn all() -> impl Iterator<Item = &'static Finding> {
    calls::CALLS.iter().chain(answers::ANSWERS).copied()
}

/// Stands for an instance id.
pub const INSTANCE: &str = "INSTANCE";
/// Stands for the name of an environment.
pub const ENVIRONMENT: &str = "ENVIRONMENT";
/// Stands for a hop limit.
pub const HOPS: &str = "HOPS";
/// The hop limit that lets a token through one bridge.
const ONE_BRIDGE: u8 = 2;

/// What is known of the instance that a cure is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub instance: Option<String>,
    /// The hop limit that it takes.
    pub hops: Option<u8>,
}

impl Known {
    /// A text of the table with what is known in its place. A hop limit that is not known is the one for one bridge.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let text = text.replace(HOPS, &self.hops.unwrap_or(ONE_BRIDGE).to_string());
        match &self.instance {
            Some(instance) => text.replace(INSTANCE, instance),
            None => text,
        }
    }
}

/// Why a request got this status. `has_token` says whether it carried one.
#[must_use]
pub fn refusal(method: &str, status: u16, has_token: bool) -> &'static Finding {
    match (method, status, has_token) {
        (_, 417, _) => &EXPECT,
        (_, 429 | 503, _) => &THROTTLED,
        ("PUT", 400, _) => &TTL_REFUSED,
        ("PUT", 403, _) => &PUT_FORBIDDEN,
        ("PUT", 404 | 405, _) => &NO_TOKENS,
        (_, 401, false) => &V1_REFUSED,
        (_, 401, true) => &TOKEN_REFUSED,
        (_, 403, _) => &ENDPOINT_DISABLED,
        (_, 404, _) => &NOTHING_HERE,
        (_, 405, _) => &WRONG_METHOD,
        _ => &OTHER_REFUSAL,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::language::Language;

    /// The sentences of a finding, and of the setting that cures it.
    fn sentences(finding: &Finding) -> Vec<Text> {
        let setting = finding.cure.setting.map(|setting| setting.what);
        [finding.what, finding.why, finding.cure.what].into_iter().chain(setting).collect()
    }

    /// Where its setting is in the console.
    fn ways(finding: &Finding) -> Vec<Text> {
        let ways = finding.cure.setting.map(|setting| [setting.ec2.console, setting.beanstalk.console]);
        ways.into_iter().flatten().collect()
    }

    #[test]
    fn every_cause_has_its_cure_in_both_languages() {
        for (finding, cause, cure) in [
            (&PUT_FORBIDDEN, "Host", "--server-name"),
            (&PUT_FORBIDDEN, "X-Forwarded-For", "X-Forwarded-For"),
            (&CLOCK, "AWS", "`imds clock show`"),
        ] {
            for language in [Language::En, Language::Ja] {
                let said = [finding.why.of(language), finding.cure.what.of(language)];
                assert!(said[0].contains(cause) && said[1].contains(cure), "{}: {said:?}", finding.id);
            }
        }
    }

    /// What is said the same in every language: codes, addresses, headers, options, names.
    fn names(english: &str) -> impl Iterator<Item = &str> {
        let is_name = |word: &&str| {
            let has = |is: fn(char) -> bool| word.chars().skip(1).any(is);
            let is_option = word.len() == 2 && word.starts_with('-');
            has(|c| c.is_ascii_uppercase() || c == '/' || c == '_')
                || word.contains(|c: char| c.is_ascii_digit())
                || is_option
                || word.ends_with("curl")
        };
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_./=:".contains(c);
        // The `s` of a plural is English's own.
        english.split(move |c| !is_part(c)).map(|word| word.trim_end_matches(['.', ':', 's'])).filter(is_name)
    }

    #[test]
    fn every_finding_is_whole_in_both_languages_and_has_a_name_of_its_own() {
        let mut ids = BTreeSet::new();
        for finding in all() {
            assert!(ids.insert(finding.id), "{} twice", finding.id);
            assert!(finding.id.bytes().all(|byte| byte.is_ascii_lowercase() || b"-1".contains(&byte)));
            for text in sentences(finding).into_iter().chain(ways(finding)) {
                for text in [text.of(Language::En), text.of(Language::Ja)] {
                    assert!(!text.is_empty() && !text.ends_with(['.', '。']), "{}: {text}", finding.id);
                    assert!(!text.contains('\n') && !text.contains("  "), "{}: {text}", finding.id);
                    assert_eq!(text.trim(), text, "{}", finding.id);
                }
            }
            assert!(!finding.wire.is_empty(), "{}", finding.id);
        }
    }

    #[test]
    fn japanese_is_japanese_and_polite_and_english_is_not() {
        let is_japanese = |c: char| matches!(c, 'ぁ'..='ヿ' | '一'..='龯');
        for finding in all() {
            for text in sentences(finding).into_iter().chain(ways(finding)) {
                assert!(text.ja.contains(is_japanese) && !text.en.contains(is_japanese), "{}", text.ja);
                // A blank stands between Japanese and everything else, as in AWS's own texts.
                let pairs = text.ja.chars().zip(text.ja.chars().skip(1));
                for (left, right) in pairs {
                    let is_close = is_japanese(left) && right.is_ascii_alphanumeric()
                        || left.is_ascii_alphanumeric() && is_japanese(right);
                    assert!(!is_close, "{left}{right}: {}", text.ja);
                }
            }
            for text in sentences(finding) {
                let is_polite = ["ます", "です", "ません", "ました", "でした", "ください"]
                    .iter()
                    .any(|end| text.ja.ends_with(end));
                assert!(is_polite, "{}: {}", finding.id, text.ja);
            }
        }
    }

    #[test]
    fn names_are_the_same_in_both_languages() {
        let names_of = |text| names(text).collect::<Vec<_>>();
        assert_eq!(
            names_of("set HttpPutResponseHopLimit to HOPS; AWS's SDKs (libcurl -H \"Expect:\") get 401."),
            ["HttpPutResponseHopLimit", "HOPS", "AWS", "SDK", "libcurl", "-H", "401"]
        );
        assert_eq!(
            names_of("the path /latest/api/token: AWS_EC2_METADATA_DISABLED=true in `imds run`").len(),
            2
        );
        for finding in all() {
            for text in sentences(finding).into_iter().chain(ways(finding)) {
                for name in names(text.en) {
                    assert!(text.ja.contains(name), "{}: {name} is not in {}", finding.id, text.ja);
                }
            }
        }
    }

    #[test]
    fn programs_are_told_in_english() {
        let json = serde_json::to_value(&TOO_FAR).unwrap();
        assert_eq!(json["what"], TOO_FAR.what.en);
        assert_eq!(json["cure"]["setting"]["ec2"]["console"], TOO_FAR.cure.setting.unwrap().ec2.console.en);
    }

    #[test]
    fn the_sections_that_are_named_are_there() {
        let wire = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/wire.md"));
        let has = |section: &str| {
            wire.lines()
                .filter_map(|line| line.trim_start_matches('#').strip_prefix(' '))
                .any(|heading| heading.strip_prefix(section).is_some_and(|rest| rest.starts_with([' ', '.'])))
        };
        for finding in all() {
            for section in finding.wire {
                assert!(has(section), "{} names wire {section}", finding.id);
            }
        }
    }

    #[test]
    fn the_documentation_names_them_all() {
        let interface = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/interface.md"));
        for finding in all() {
            assert!(interface.contains(&format!("`{}`", finding.id)), "{}", finding.id);
        }
    }

    #[test]
    fn what_is_known_is_put_in_its_place() {
        let known = Known { instance: Some("i-0123456789abcdef0".to_owned()), hops: Some(3) };
        let command = TOO_FAR.cure.setting.and_then(|setting| setting.ec2.command).unwrap();
        assert_eq!(
            known.fill(command),
            "aws ec2 modify-instance-metadata-options --instance-id i-0123456789abcdef0 \
             --http-put-response-hop-limit 3 --http-endpoint enabled"
        );
        assert!(
            Known::default()
                .fill(command)
                .contains("--instance-id INSTANCE --http-put-response-hop-limit 2 ")
        );
    }

    #[test]
    fn each_refusal_has_its_finding() {
        for (method, status, has_token, finding) in [
            ("GET", 401, false, &V1_REFUSED),
            ("HEAD", 401, true, &TOKEN_REFUSED),
            ("GET", 403, true, &ENDPOINT_DISABLED),
            ("GET", 404, false, &NOTHING_HERE),
            ("POST", 405, false, &WRONG_METHOD),
            ("PUT", 400, false, &TTL_REFUSED),
            ("PUT", 403, false, &PUT_FORBIDDEN),
            ("PUT", 404, false, &NO_TOKENS),
            ("PUT", 417, false, &EXPECT),
            ("GET", 429, true, &THROTTLED),
            ("PUT", 503, false, &THROTTLED),
            ("GET", 500, false, &OTHER_REFUSAL),
        ] {
            assert_eq!(refusal(method, status, has_token).id, finding.id, "{method} {status} {has_token}");
        }
    }
}
