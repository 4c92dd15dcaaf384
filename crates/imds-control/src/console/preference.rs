//! Language and region: as the address says, else a cookie, else the browser and what there is.

use axum::http::Uri;
use imds_core::Machine;
use imds_core::language::Language;
use imds_store::{Store, record};

use super::shell;
use crate::query::REGION as USUAL_REGION;

/// The cookie, and the field of an address, that has the language.
pub(super) const LANGUAGE: &str = "lang";
/// The same, for the region.
pub(super) const REGION: &str = "region";

/// The language that the address chooses: its tag.
pub(super) fn chosen_language(uri: &Uri) -> Option<String> {
    field(uri, LANGUAGE).filter(|tag| language_tag(tag).is_some())
}

/// The region that the address chooses.
pub(super) fn chosen_region(uri: &Uri) -> Option<String> {
    field(uri, REGION).filter(|name| region(name).is_some())
}

/// A tag, if it is that of a language of the console.
pub(super) fn language_tag(tag: &str) -> Option<String> {
    [Language::En, Language::Ja].map(shell::tag).contains(&tag).then(|| tag.to_owned())
}

/// The language with this tag.
pub(super) fn language(tag: impl AsRef<str>) -> Language {
    if tag.as_ref() == shell::tag(Language::Ja) { Language::Ja } else { Language::En }
}

/// The first language of `Accept-Language` by weight that there is; English where there is none.
pub(super) fn accepted(header: &str) -> Language {
    let mut best = (Language::En, 0.0);
    for part in header.split(',') {
        let mut fields = part.split(';').map(str::trim);
        let tag = fields.next().unwrap_or_default();
        let weight = fields.find_map(|field| field.strip_prefix("q="));
        let weight = weight.map_or(1.0, |weight| weight.parse::<f32>().unwrap_or(0.0));
        let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        // Of equal ones the first counts.
        if weight > best.1 && language_tag(&primary).is_some() {
            best = (language(primary), weight);
        }
    }
    best.0
}

/// A name, if it has the form of a region's.
pub(super) fn region(name: &str) -> Option<&str> {
    let is_region = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    is_region.then_some(name)
}

/// Where whoever chose no region is: where the first instance is, else where clients are that name none. It may read a good
/// part of the instances.
pub(super) fn usual_region(store: &dyn Store) -> String {
    let first = record::pieces().find_map(|prefix| {
        // One that is damaged is told on the page that reads it.
        record::each::<Machine>(store, &prefix).ok()?.find_map(|(_, found)| found.ok())
    });
    first.map_or_else(|| USUAL_REGION.to_owned(), |found| found.record.instance.placement.region.clone())
}

/// The first field of an address with this name.
pub(super) fn field(uri: &Uri, name: &str) -> Option<String> {
    let query = uri.query()?.as_bytes();
    form_urlencoded::parse(query).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_language_counts_by_weight() {
        for (header, expected) in [
            ("", Language::En),
            ("ja", Language::Ja),
            ("ja-JP,ja;q=0.9,en;q=0.8", Language::Ja),
            ("en-US,en;q=0.9,ja;q=0.8", Language::En),
            ("de, ja;q=0.5, en;q=0.4", Language::Ja),
            ("JA", Language::Ja),
            ("fr", Language::En),
            ("ja;q=0", Language::En),
            ("ja;q=x, ;;,", Language::En),
        ] {
            assert_eq!(accepted(header), expected, "{header}");
        }
    }

    #[test]
    fn an_address_chooses_only_what_there_is() {
        let chosen = |uri: &str| {
            let uri = uri.parse().unwrap();
            (chosen_language(&uri), chosen_region(&uri))
        };
        let texts = |one: &str, other: &str| (Some(one.to_owned()), Some(other.to_owned()));
        assert_eq!(chosen("/console?lang=ja&region=eu-west-1"), texts("ja", "eu-west-1"));
        for bad in
            ["/console", "/console?lang=fr&region=%0d%0aX:", "/console?lang=&region=", "/console?region=A;b"]
        {
            assert_eq!(chosen(bad), (None, None), "{bad}");
        }
    }
}
