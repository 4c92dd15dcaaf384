//! Which paths: one and all below it, or a pattern with `*` and `?`.

use std::borrow::Cow;

/// What is below every version, and at the beginning of no path that is answered.
const BELOW_A_VERSION: [&str; 4] = ["api", "dynamic", "meta-data", "user-data"];

/// Paths of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Vec<u8>,
    is_glob: bool,
}

impl Pattern {
    /// The longest that it may be.
    const LONGEST: usize = 256;
    /// A path that is longer is none that there is: it is not worth looking at.
    const PATH: usize = 1_024;

    /// Reads it: a path, or one with `*` for whatever comes, slashes too, and `?` for one byte.
    ///
    /// # Errors
    /// What is permitted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !text.starts_with(['/', '*']) || !is_plain || text.len() > Self::LONGEST {
            return Err(format!(
                "the path {text:?} is none: it begins with `/` or `*`, has no blanks and {} characters at most",
                Self::LONGEST
            ));
        }
        let first = text.split('/').find(|segment| !segment.is_empty()).unwrap_or_default();
        if BELOW_A_VERSION.contains(&first) {
            return Err(format!(
                "the path {text:?} has no version, so that no call has it: a path begins with a version, /latest/…, or with */"
            ));
        }
        let is_glob = text.contains(['*', '?']);
        let text = if is_glob { text } else { text.trim_end_matches('/') };
        Ok(Self { text: text.as_bytes().to_vec(), is_glob })
    }

    /// Is this path among them? Slashes fold, as in the tree.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        if path.len() > Self::PATH {
            return false;
        }
        let path = folded(path);
        if self.is_glob {
            return glob(&self.text, &path);
        }
        path.strip_prefix(&*self.text).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

fn folded(path: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memmem::find(path, b"//").is_none() {
        return path.into();
    }
    let mut folded = path.to_vec();
    folded.dedup_by(|next, before| *next == b'/' && *before == b'/');
    folded.into()
}

/// Whole text against whole pattern. The last star alone is come back to, so that no pattern takes more than the product of
/// both lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_all_below_it_and_stars_mean_anything() {
        for (pattern, path, expected) in [
            ("/latest/api/token", "/latest/api/token", true),
            ("/latest/api/token", "/latest/api/tokens", false),
            ("/latest/api/token", "/latest/api", false),
            ("/latest/meta-data/iam", "/latest/meta-data/iam/info", true),
            ("/latest/meta-data/iam/", "/latest/meta-data/iam", true),
            ("/latest/meta-data/iam/", "/latest//meta-data///iam/info", true),
            ("/", "/latest/", true),
            ("/", "/", true),
            ("/", "", true),
            ("*", "/anything/at/all", true),
            ("*/iam/*", "/2021-03-23/meta-data/iam/info", true),
            ("*/iam/*", "/2021-03-23/meta-data/iam", false),
            ("/latest/*/role?", "/latest/a/b/role1", true),
            ("/latest/*/role?", "/latest/a/b/role", false),
            ("*a*b", "/aXbXa", false),
            ("*a*b", "/aXbXab", true),
        ] {
            let read = Pattern::parse(pattern).unwrap();
            assert_eq!(read.matches(path.as_bytes()), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["", "latest", " /", "/a b", "/\n", "/é", &"/".repeat(257)] {
            assert!(Pattern::parse(bad).unwrap_err().contains("begins with `/` or `*`"), "{bad:?}");
        }
        assert!(Pattern::parse(&"/".repeat(256)).is_ok());
    }

    #[test]
    fn a_path_without_a_version_is_one_that_no_call_has() {
        for bad in
            ["/meta-data/instance-id", "/meta-data", "//user-data", "/dynamic/*", "/api/token", "/api/*"]
        {
            let refused = Pattern::parse(bad).unwrap_err();
            assert!(refused.contains("begins with a version, /latest/…, or with */"), "{bad}: {refused}");
        }
        for good in [
            "/",
            "*",
            "*/api/token",
            "/*/meta-data",
            "/meta*",
            "/latest/meta-data",
            "/2021-03-23/",
            "/l?test/",
        ] {
            assert!(Pattern::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn no_path_and_no_pattern_takes_long() {
        let pattern = Pattern::parse(&"*a".repeat(128)).unwrap();
        assert!(!pattern.matches(&[b'a'; 16 * 1024]), "longer than any path");
        assert!(!pattern.matches(&[&[b'a'; 1_000][..], b"b"].concat()));
        assert!(pattern.matches(&[b'a'; 1_000]));
    }
}
