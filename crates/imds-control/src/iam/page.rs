//! `MaxItems` and `Marker`: some of many at a time.

use super::check;
use crate::ec2::page::{decode, encode};
use crate::query::{Error, Params, Xml};

/// As many as one answer has when nobody says.
const USUAL: u32 = 100;

/// The part of `all` that is asked for, in the order of `name`, which no two share, and the marker of the next one: where
/// this one ended, so that what comes or goes between two calls disturbs no other.
pub(crate) fn page<T>(
    params: &Params,
    mut all: Vec<T>,
    name: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Error> {
    let size = check::number(params, "MaxItems", 1..=1_000)?.unwrap_or(USUAL) as usize;
    all.sort_by_cached_key(&name);
    if let Some(marker) = params.text("Marker") {
        // The words are [assumed].
        let after = decode(marker).ok_or_else(|| check::invalid("Invalid Marker."))?;
        all.retain(|one| name(one) > after);
    }
    let next = all.get(size).and_then(|_| all.get(size - 1)).map(|last| encode(&name(last)));
    all.truncate(size);
    Ok((all, next))
}

/// `<IsTruncated>`, and `<Marker>` if there is more.
pub(crate) fn write(xml: &mut Xml, next: Option<String>) {
    xml.text("IsTruncated", next.is_some()).option("Marker", next);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another() {
        let mut seen = Vec::new();
        let mut marker = String::new();
        loop {
            let params = Params::parse(format!("MaxItems=2&Marker={marker}").as_bytes()).unwrap();
            let (some, next) = page(&params, vec!["e", "b", "d", "a", "c"], |one| (*one).to_owned()).unwrap();
            seen.extend(some);
            let Some(next) = next else { break };
            marker = next;
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
        let usual: Vec<_> = (0..150).collect();
        let params = Params::parse(b"").unwrap();
        let (some, next) = page(&params, usual, |one| format!("{one:03}")).unwrap();
        assert_eq!((some.len(), next.is_some()), (100, true));
        for bad in ["MaxItems=0", "MaxItems=1001", "MaxItems=x", "Marker=%21"] {
            let params = Params::parse(bad.as_bytes()).unwrap();
            let error = page(&params, vec!["a"], |one| (*one).to_owned()).unwrap_err();
            assert_eq!(error.code, "ValidationError", "{bad}");
        }
    }
}
