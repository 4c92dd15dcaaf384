//! Tags as this API has them: `Tags.member.N`.

use std::collections::BTreeMap;

use crate::ec2::tags::{check, unreserved};
use crate::query::{Error, Params, Xml};

/// Tags that a resource can have of its owner.
pub(crate) const MOST: usize = 50;
/// Tags that an environment can have of its owner: three of 50 are its own.
pub(crate) const MOST_OF_ENVIRONMENT: usize = 47;

/// Reads a list of tags. A key that comes twice has the last value.
///
/// # Errors
/// When one is none that can be set, or there are too many.
pub(crate) fn read(params: &Params, name: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut tags = BTreeMap::new();
    for tag in params.each(&format!("{name}.member")) {
        let (key, value) = (tag.need("Key")?, tag.get("Value").unwrap_or_default());
        own(key)?;
        check(key, value)?;
        tags.insert(key.to_owned(), value.to_owned());
    }
    limit(&tags, MOST)?;
    Ok(tags)
}

/// Refuses a key that is AWS's own, or the service's. The words are [assumed].
pub(crate) fn own(key: &str) -> Result<(), Error> {
    unreserved(key)?;
    if key.to_ascii_lowercase().starts_with("elasticbeanstalk:") {
        let why = "Tag keys starting with 'elasticbeanstalk:' are reserved for internal use";
        return Err(Error::invalid_value(why));
    }
    Ok(())
}

/// Refuses more tags than a resource can have. The words are [assumed].
pub(crate) fn limit(tags: &BTreeMap<String, String>, most: usize) -> Result<(), Error> {
    if tags.len() > most {
        return Err(Error::new(
            "TooManyTagsException",
            format!("A resource of this kind can have {most} tags at most."),
        ));
    }
    Ok(())
}

/// `<ResourceTags>`
pub(crate) fn write(xml: &mut Xml, tags: &BTreeMap<String, String>) {
    xml.list("ResourceTags", tags, |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    });
}
