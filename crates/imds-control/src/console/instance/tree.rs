//! Paths of metadata, and what a listing leads to (docs/wire.md 2).

/// The longest path that is looked up, in bytes.
pub(super) const LONGEST: usize = 1_024;
/// Lists a key by number and name, and has it under its number.
const PUBLIC_KEYS: &str = "public-keys";
/// The leaf beside the directories of a version.
const USER_DATA: &str = "user-data";

/// A path that can be asked for: printable ASCII that begins with a slash, and is not too long.
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.len() <= LONGEST && path.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Its names. Doubled slashes fold, and one at the end is fine.
pub(super) fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// The directory of these names.
pub(super) fn directory(segments: &[&str]) -> String {
    segments.iter().fold("/".to_owned(), |path, segment| path + segment + "/")
}

/// Is what is at this path a listing? `parent` is the listing of the directory above, which tells its directories by
/// a slash; versions, what they list and public keys are told by their place.
pub(super) fn is_listing(segments: &[&str], parent: &str) -> bool {
    match segments {
        [] | [_] => true,
        [_, name] => *name != USER_DATA,
        [.., PUBLIC_KEYS, _] => true,
        [.., name] => parent.lines().any(|line| line.strip_suffix('/') == Some(name)),
    }
}

/// Where a line of the listing of this directory leads.
pub(super) fn child(segments: &[&str], line: &str) -> String {
    let above = directory(segments);
    let is_directory = match segments {
        [] => true,
        [_] => line != USER_DATA,
        [.., PUBLIC_KEYS] => {
            let number = line.split('=').next().unwrap_or(line);
            return format!("{above}{number}/");
        }
        _ => false,
    };
    if is_directory && !line.ends_with('/') { format!("{above}{line}/") } else { format!("{above}{line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_are_asked_for() {
        let longest = format!("/{}", "a".repeat(LONGEST - 1));
        for good in ["/", "/latest/meta-data/", "/a b", "//x", "/../etc", &longest] {
            assert!(is_path(good), "{good}");
        }
        let longer = format!("{longest}a");
        for bad in ["", "latest", "/\n", "/\0", "/é", "/\u{7f}", "\\", &longer] {
            assert!(!is_path(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_line_of_a_listing_leads_where_it_is() {
        for (path, line, to) in [
            ("/", "latest", "/latest/"),
            ("//latest", "meta-data", "/latest/meta-data/"),
            ("/latest/", "user-data", "/latest/user-data"),
            ("/latest/meta-data", "iam/", "/latest/meta-data/iam/"),
            ("/latest/meta-data/", "ami-id", "/latest/meta-data/ami-id"),
            ("/latest/meta-data/public-keys/", "0=my key", "/latest/meta-data/public-keys/0/"),
            (
                "/latest/meta-data/public-keys/0/",
                "openssh-key",
                "/latest/meta-data/public-keys/0/openssh-key",
            ),
            (
                "/latest/meta-data/network/interfaces/macs/",
                "0a:b/",
                "/latest/meta-data/network/interfaces/macs/0a:b/",
            ),
        ] {
            assert_eq!(child(&segments(path), line), to);
        }
    }

    #[test]
    fn a_listing_is_told_by_the_one_above_it() {
        for (path, parent, is) in [
            ("/", "", true),
            ("/latest", "", true),
            ("/latest/user-data", "", false),
            ("/latest/dynamic/", "", true),
            ("/latest/meta-data/iam", "ami-id\niam/", true),
            ("/latest/meta-data/ami-id/", "ami-id\niam/", false),
            ("/latest/meta-data/public-keys/0", "0=my-key", true),
            ("/latest/meta-data/public-keys/0/openssh-key", "openssh-key", false),
        ] {
            assert_eq!(is_listing(&segments(path), parent), is, "{path}");
        }
    }
}
