//! The dated versions of the tree, and when a category came (wire.md 2.5).

/// Every version that is a path, oldest first. `latest` is the newest.
const NAMES: [&str; 28] = [
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2011-01-01",
    "2011-05-01",
    "2012-01-12",
    "2014-02-25",
    "2014-11-05",
    "2015-10-20",
    "2016-04-19",
    "2016-06-30",
    "2016-09-02",
    "2018-03-28",
    "2018-08-17",
    "2018-09-24",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-07-09",
    "2022-09-24",
];

/// A version of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u8);

impl Version {
    /// What `latest` means.
    pub const LATEST: Self = Self(NAMES.len() as u8 - 1);

    /// The version that a path names.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        if name == b"latest" {
            return Some(Self::LATEST);
        }
        let index = NAMES.iter().position(|known| known.as_bytes() == name)?;
        u8::try_from(index).ok().map(Self)
    }

    /// The first version that shows what came with `release`. AWS's table of categories names releases that are not
    /// versions; what they brought appears with the next version.
    pub(crate) const fn since(release: &str) -> Self {
        let mut index = 0;
        while index < NAMES.len() {
            if !is_before(NAMES[index], release) {
                return Self(index as u8);
            }
            index += 1;
        }
        panic!("a category must have come with one of the versions");
    }
}

/// Compares as text: dates are written so that this is their order, and `1.0` is before them all.
const fn is_before(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() {
        if a[index] != b[index] {
            return a[index] < b[index];
        }
        index += 1;
    }
    a.len() < b.len()
}

/// The listing of `/`.
pub(crate) fn listing() -> String {
    let mut text = NAMES.join("\n");
    text.push_str("\nlatest");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_is_no_version_shows_with_the_next() {
        for (release, version) in [
            ("1.0", "1.0"),
            ("2009-04-04", "2009-04-04"),
            ("2016-11-15", "2018-03-28"),
            ("2018-05-23", "2018-08-17"),
            ("2020-08-24", "2020-10-27"),
            ("2020-11-01", "2021-01-03"),
            ("2022-09-24", "latest"),
        ] {
            assert_eq!(Some(Version::since(release)), Version::named(version.as_bytes()), "{release}");
        }
        for unknown in ["", "2016-11-15", "2024-04-11", "Latest", "1", "latest "] {
            assert_eq!(Version::named(unknown.as_bytes()), None, "{unknown}");
        }
    }

    #[test]
    fn the_listing_begins_as_it_was_measured_in_2016() {
        // 14 versions and `latest` were 153 bytes (wire.md 2.1).
        let then = [&NAMES[..14], &["latest"]].concat().join("\n");
        assert_eq!(then.len(), 153);
        assert!(NAMES.is_sorted());
        assert!(listing().starts_with("1.0\n2007-01-19\n") && listing().ends_with("\n2022-09-24\nlatest"));
    }
}
