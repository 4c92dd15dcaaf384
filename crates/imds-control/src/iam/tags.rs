//! Tags of roles and instance profiles (IAM User Guide, "Tags for IAM resources").

use std::collections::BTreeMap;

use super::check;
use crate::query::{Error, Params, Xml};

/// Tags that one thing can have.
const MOST: usize = 50;

/// Whether keys differ that differ in the case of their letters alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// They do not: roles'.
    Ignored,
    /// They do: instance profiles'.
    Counts,
}

impl Case {
    fn is_same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Ignored => one.to_lowercase() == other.to_lowercase(),
            Self::Counts => one == other,
        }
    }
}

/// Reads `Tags.member.N.Key`, `Tags.member.N.Value`.
pub(crate) fn read(params: &Params, case: Case) -> Result<BTreeMap<String, String>, Error> {
    let mut tags = BTreeMap::<String, String>::new();
    for tag in params.each("Tags.member") {
        // Each is compared with those before it: beyond the limit that is not worth its while.
        if tags.len() == MOST {
            return Err(too_many());
        }
        let key = check::text(&tag, "Key", 1..=128)?;
        let value = check::text(&tag, "Value", 0..=256)?;
        for (parameter, text) in [("Key", key), ("Value", value)] {
            if !text.chars().all(is_of_a_tag) {
                let rule = "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+";
                return Err(check::broken(&tag, parameter, text, rule));
            }
        }
        // The code is [assumed].
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Error::new(
                "InvalidInput",
                "aws: prefixed tag key names are not allowed for external use.",
            ));
        }
        if tags.keys().any(|known| case.is_same(known, key)) {
            let more = match case {
                Case::Ignored => " Please note that Tag keys are case insensitive.",
                Case::Counts => "",
            };
            return Err(Error::new("InvalidInput", format!("Duplicate tag keys found.{more}")));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(tags)
}

/// Tags over those that there are.
pub(crate) fn extend(
    tags: &mut BTreeMap<String, String>,
    new: BTreeMap<String, String>,
    case: Case,
) -> Result<(), Error> {
    tags.retain(|known, _| !new.keys().any(|key| case.is_same(known, key)));
    tags.extend(new);
    limit(tags)
}

/// Takes the tags away that `TagKeys.member.N` names; none must not be meant. One that is not there is no fault.
pub(crate) fn remove(tags: &mut BTreeMap<String, String>, params: &Params, case: Case) -> Result<(), Error> {
    let keys = params.list("TagKeys.member");
    if keys.is_empty() {
        return Err(check::missing(params, "TagKeys"));
    }
    tags.retain(|known, _| !keys.iter().any(|key| case.is_same(known, key)));
    Ok(())
}

fn limit(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    if tags.len() > MOST { Err(too_many()) } else { Ok(()) }
}

/// The words are [assumed].
fn too_many() -> Error {
    let message = format!("The number of tags has reached the maximum limit of {MOST}");
    check::conflict("LimitExceeded", message)
}

fn is_of_a_tag(c: char) -> bool {
    let is_separator = c.is_whitespace() && !c.is_control();
    c.is_alphanumeric() || is_separator || "_.:/=+-@".contains(c)
}

/// `<Tags>`
pub(crate) fn write(xml: &mut Xml, tags: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>) {
    xml.list("Tags", tags, |xml, (key, value)| {
        xml.text("Key", key.as_ref()).text("Value", value.as_ref());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(form: &str, case: Case) -> Result<BTreeMap<String, String>, String> {
        let params = Params::parse(form.as_bytes()).unwrap();
        read(&params, case).map_err(|error| error.code.into_owned())
    }

    fn tag(key: &str, value: &str) -> String {
        format!("Tags.member.1.Key={key}&Tags.member.1.Value={value}")
    }

    #[test]
    fn keys_are_told_apart_by_their_case_or_not() {
        let two = format!("{}&Tags.member.2.Key=NAME&Tags.member.2.Value=b", tag("Name", "a+b"));
        assert_eq!(parsed(&two, Case::Ignored).unwrap_err(), "InvalidInput");
        assert_eq!(parsed(&two, Case::Counts).unwrap().len(), 2);
        let mut tags = parsed(&tag("Name", "a"), Case::Ignored).unwrap();
        extend(&mut tags, parsed(&tag("NAME", "b"), Case::Ignored).unwrap(), Case::Ignored).unwrap();
        assert_eq!(tags.iter().collect::<Vec<_>>(), [(&"NAME".to_owned(), &"b".to_owned())]);
        let keys = Params::parse(b"TagKeys.member.1=name&TagKeys.member.2=none").unwrap();
        let mut kept = tags.clone();
        remove(&mut kept, &keys, Case::Counts).unwrap();
        remove(&mut tags, &keys, Case::Ignored).unwrap();
        assert_eq!((kept.len(), tags.len()), (1, 0));
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for form in ["", "Tags=", &tag("k", ""), &tag("%C3%A9+1", "_.:/=%2B-@")] {
            assert!(parsed(form, Case::Ignored).is_ok(), "{form}");
        }
        let long = "x".repeat(257);
        let many: String =
            (1..=51).map(|n| format!("&Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=")).collect();
        let most = many.replace("&Tags.member.51.Key=k51&Tags.member.51.Value=", "");
        assert_eq!(parsed(&most, Case::Ignored).unwrap().len(), MOST);
        for (form, code) in [
            ("Tags.member.1.Key=a", "ValidationError"),
            ("Tags.member.1.Value=a", "ValidationError"),
            (&tag("", "a"), "ValidationError"),
            (&tag(&long[..129], "a"), "ValidationError"),
            (&tag("a", &long), "ValidationError"),
            (&tag("a*", "b"), "ValidationError"),
            (&tag("a", "%00"), "ValidationError"),
            (&tag("a", "%0A"), "ValidationError"),
            (&tag("AWS:a", "b"), "InvalidInput"),
            (&many, "LimitExceeded"),
            // What comes after the last that may be is not looked at.
            (&many.replace("Tags.member.51.Key=k51", "Tags.member.51.Key=*"), "LimitExceeded"),
            (&many.replace("Tags.member.51.Key=k51", "Tags.member.51.Key=k1"), "LimitExceeded"),
        ] {
            assert_eq!(parsed(form, Case::Ignored), Err(code.to_owned()), "{form:.60}");
        }
    }
}
