//! Tags as parameters and as elements (docs/control-api.md).

use std::collections::BTreeMap;

use imds_core::{Error as CoreError, Instance};

use crate::query::{Error, Params, Xml};

/// Tags that a resource can have of its owner.
const MOST: usize = 50;

/// Reads `Tag.N.Key`, `Tag.N.Value`; a value that is left out is empty.
pub(crate) fn read(params: &Params) -> Result<BTreeMap<String, String>, Error> {
    let mut tags = BTreeMap::new();
    for tag in params.each("Tag") {
        let key = tag.need("Key")?;
        let value = tag.get("Value").unwrap_or_default();
        check(key, value)?;
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(tags)
}

/// Reads the tags that `TagSpecification.N` gives to new resources of this type.
pub(crate) fn specified(params: &Params, resource_type: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut tags = BTreeMap::new();
    for specification in params.each("TagSpecification") {
        if specification.need("ResourceType")? == resource_type {
            tags.extend(read(&specification)?);
        }
    }
    limit(&tags)?;
    Ok(tags)
}

/// Refuses more tags than a resource can have. Those of AWS's own do not count. The words are [assumed].
pub(crate) fn limit(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    if tags.keys().filter(|key| !key.starts_with("aws:")).count() > MOST {
        return Err(Error::new("TagLimitExceeded", format!("A resource can have {MOST} tags at most")));
    }
    Ok(())
}

/// Refuses tags of an instance whose keys cannot be paths, while its tags are served as metadata. The words are EC2's.
pub(crate) fn fit(instance: &Instance) -> Result<(), Error> {
    instance.check().map_err(|error| match error {
        CoreError::TagKey(key) => Error::invalid_value(format!(
            "'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\\\-_+=,.@:]{{1,255}}), and must not \
             be a reserved name ('.', '..', '_index')"
        )),
        error @ CoreError::Malformed { .. } => Error::invalid_value(error.to_string()),
    })
}

/// Refuses a key that only AWS may set.
pub(crate) fn unreserved(key: &str) -> Result<(), Error> {
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(Error::invalid_value("Tag keys starting with 'aws:' are reserved for internal use"));
    }
    Ok(())
}

/// Refuses what no tag can be. The words of what is too long, and that control characters are refused, are [assumed].
pub(crate) fn check(key: &str, value: &str) -> Result<(), Error> {
    unreserved(key)?;
    if key.chars().count() > 128 {
        return Err(Error::invalid_value("Tag key exceeds the maximum length of 128 characters"));
    }
    if value.chars().count() > 256 {
        return Err(Error::invalid_value("Tag value exceeds the maximum length of 256 characters"));
    }
    // They are lines of a listing, and lines of an answer.
    if key.chars().chain(value.chars()).any(char::is_control) {
        return Err(Error::invalid_value(format!("The tag '{key}' holds control characters")));
    }
    Ok(())
}

/// `<tagSet>`
pub(crate) fn write(xml: &mut Xml, tags: &BTreeMap<String, String>) {
    xml.list("tagSet", tags, |xml, (key, value)| {
        xml.text("key", key).text("value", value);
    });
}

/// What tags have under a filter's name: `tag:KEY`, `tag-key`, `tag-value`.
pub(crate) fn filtered(tags: &BTreeMap<String, String>, name: &str) -> Vec<String> {
    match name.strip_prefix("tag:") {
        Some(key) => tags.get(key).cloned().into_iter().collect(),
        None if name == "tag-key" => tags.keys().cloned().collect(),
        None if name == "tag-value" => tags.values().cloned().collect(),
        None => Vec::new(),
    }
}
