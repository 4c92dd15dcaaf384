//! `MaxResults` and `NextToken`: some of many at a time.

use crate::query::{Error, Params, Xml};

/// The part of `all` that is asked for, and the token of the next one. Things are in the order of `name`, which no two
/// share; the token is where a page ended, so that what comes or goes between two calls disturbs no other.
pub(crate) fn page<T>(
    params: &Params,
    mut all: Vec<T>,
    most: usize,
    name: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Error> {
    let size = params.parsed::<usize>("MaxResults")?;
    if let Some(size) = size.filter(|size| !(1..=most).contains(size)) {
        return Err(Error::invalid_value(format!(
            "Value ( {size} ) for parameter maxResults is invalid. It must be from 1 to {most}."
        )));
    }
    all.sort_by_cached_key(&name);
    // Who names something twice is shown it once.
    all.dedup_by_key(|one| name(one));
    if let Some(token) = params.text("NextToken") {
        // The code is EC2's, the words are [assumed].
        let after = decode(token)
            .ok_or_else(|| Error::new("InvalidNextToken", format!("The token '{token}' is invalid")))?;
        all.retain(|one| name(one) > after);
    }
    let size = size.unwrap_or(usize::MAX);
    let next = all.get(size).and_then(|_| all.get(size - 1)).map(|last| encode(&name(last)));
    all.truncate(size);
    Ok((all, next))
}

/// Refuses pages that are smaller than the action permits.
pub(crate) fn check_least(params: &Params, least: usize) -> Result<(), Error> {
    match params.parsed::<usize>("MaxResults")? {
        Some(size) if size < least => Err(Error::invalid_value(format!(
            "Value ( {size} ) for parameter maxResults is invalid. It must be at least {least}."
        ))),
        Some(_) | None => Ok(()),
    }
}

/// `<nextToken>`, if there is more.
pub(crate) fn write(xml: &mut Xml, next: Option<String>) {
    xml.option("nextToken", next);
}

/// The token for what comes after `name`.
pub(crate) fn encode(name: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(name)
}

/// What a token was made of; `None` if it is none.
pub(crate) fn decode(token: &str) -> Option<String> {
    use base64::Engine as _;
    String::from_utf8(base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another() {
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let form = format!("MaxResults=2&NextToken={token}");
            let params = Params::parse(form.as_bytes()).unwrap();
            let (some, next) =
                page(&params, vec!["e", "b", "d", "a", "b", "c"], 10, |one| (*one).to_owned()).unwrap();
            seen.extend(some);
            let Some(next) = next else { break };
            token = next;
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
        let refused = |form: &str| {
            let params = Params::parse(form.as_bytes()).unwrap();
            page(&params, vec!["a"], 10, |one| (*one).to_owned()).unwrap_err().code
        };
        assert_eq!(refused("MaxResults=0"), "InvalidParameterValue");
        assert_eq!(refused("MaxResults=11"), "InvalidParameterValue");
        assert_eq!(refused("NextToken=%21"), "InvalidNextToken");
    }
}
