//! Keys are not shown: what an instance is answered below its credentials has them taken out.

use serde_json::{Map, Value};

/// What is shown in their place.
const MASK: &str = "••••";
/// The members that hold keys (docs/wire.md 3.3).
const KEYS: [&str; 2] = ["SecretAccessKey", "Token"];
/// Directories that have documents with keys below them.
const DIRECTORIES: [&str; 2] = ["security-credentials", "identity-credentials"];

/// Is a document at this path one that may hold keys?
pub(super) fn may_hold_keys(segments: &[&str]) -> bool {
    segments.iter().any(|segment| DIRECTORIES.contains(segment))
}

/// The document without its keys; `None` for one that this does not understand, of which nothing is shown.
pub(super) fn masked(document: &str) -> Option<String> {
    // A name can be written with escapes too: who writes so has something to hide.
    if document.contains("\\u") {
        return None;
    }
    let members = serde_json::from_str::<Map<String, Value>>(document).ok()?;
    let mut shown = document.to_owned();
    for secret in KEYS.iter().filter_map(|key| members.get(*key)) {
        shown = shown.replace(secret.as_str()?, MASK);
    }
    // What was written in another way than it reads, or twice, is still there; what is a piece of a name broke that.
    let left = serde_json::from_str::<Map<String, Value>>(&shown).ok()?;
    let is_whole = left.keys().eq(members.keys());
    let is_masked = |key: &&str| left.get(*key).is_none_or(|value| value.as_str() == Some(MASK));
    let is_once = |key: &&str| shown.matches(&format!("\"{key}\"")).count() <= 1;
    (is_whole && KEYS.iter().all(|key| is_masked(key) && is_once(key))).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_credentials_may_hold_keys() {
        for (path, may) in [
            ("latest/meta-data/iam/security-credentials/web", true),
            ("latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance", true),
            ("latest/meta-data/identity-credentials/ec2/info", true),
            ("latest/meta-data/iam/info", false),
            ("latest/user-data", false),
        ] {
            assert_eq!(may_hold_keys(&path.split('/').collect::<Vec<_>>()), may, "{path}");
        }
    }

    #[test]
    fn keys_are_taken_out_of_the_text_and_the_rest_is_as_it_was() {
        let document = "{\n  \"AccessKeyId\" : \"ASIA\",\n  \"SecretAccessKey\" : \"wJalr/X+=\",\n  \"Token\" : \"IQoJ\"\n}";
        let shown =
            "{\n  \"AccessKeyId\" : \"ASIA\",\n  \"SecretAccessKey\" : \"••••\",\n  \"Token\" : \"••••\"\n}";
        assert_eq!(masked(document).as_deref(), Some(shown));
        assert_eq!(masked("{\"Code\" : \"Success\"}").as_deref(), Some("{\"Code\" : \"Success\"}"));
    }

    #[test]
    fn of_what_is_not_understood_nothing_is_shown() {
        for document in [
            "",
            "plain",
            "[\"SecretAccessKey\"]",
            "{\"SecretAccessKey\" : \"cut",
            // Written with an escape, so that the text does not have the value.
            "{\"SecretAccessKey\" : \"w\\u004aalr\"}",
            "{\"Secret\\u0041ccessKey\" : \"w\\/alr\"}",
            "{\"Token\" : 7}",
            "{\"Token\" : [\"IQoJ\"]}",
            "{\"Token\" : \"one\", \"Token\" : \"two\"}",
            // A key that is a piece of the names of members.
            "{\"SecretAccessKey\" : \"Token\", \"Token\" : \"x\"}",
        ] {
            assert_eq!(masked(document), None, "{document}");
        }
    }
}
