//! The form of the AWS files: sections and keys, as botocore reads them. A comment is a line of its own.

use std::collections::HashMap;

use imds_core::credentials::Secret;

/// Sections by name; keys in lower case. Every value counts as a secret: some are.
pub type Sections = HashMap<String, HashMap<String, Secret>>;

/// Reads a file.
///
/// # Errors
/// The number of the line that is wrong. What stands there is not quoted.
pub fn read(text: &str) -> Result<Sections, usize> {
    let mut sections = Sections::new();
    let mut current: Option<String> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            let (name, _) = rest.split_once(']').ok_or(number)?;
            let name = name.trim().to_owned();
            sections.entry(name.clone()).or_default();
            current = Some(name);
            continue;
        }
        let section = current.as_ref().and_then(|name| sections.get_mut(name)).ok_or(number)?;
        // Indented: it belongs to the key above, as under `s3 =`. None of those matters here.
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let (key, value) = trimmed.split_once('=').ok_or(number)?;
        section.insert(key.trim().to_ascii_lowercase(), Secret::new(value.trim().to_owned()));
    }
    Ok(sections)
}

/// The profile that a section of the file `config` is about: `[default]`, `[profile NAME]`, `[profile "NAME"]`.
#[must_use]
pub fn profile_of(section: &str) -> Option<&str> {
    if section == "default" {
        return Some(section);
    }
    let name = section.strip_prefix("profile")?;
    let name = name.strip_prefix([' ', '\t'])?.trim();
    let bare = ['"', '\''].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(bare.unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_keys_and_comments() {
        let text = "# a comment\n\n[default]\nAWS_Access_Key_Id = AKIA\naws_secret_access_key=a=b/c+d#e\n\
                    ; another\n[ two ] # more\ns3 =\n  addressing_style = path\nregion=eu-west-1\r\n[default]\nx = 1\n";
        let sections = read(text).unwrap();
        let get = |section: &str, key: &str| sections.get(section)?.get(key).map(Secret::expose);
        for (section, key, expected) in [
            ("default", "aws_access_key_id", Some("AKIA")),
            ("default", "aws_secret_access_key", Some("a=b/c+d#e")),
            ("default", "x", Some("1")),
            ("two", "region", Some("eu-west-1")),
            ("two", "s3", Some("")),
            ("two", "addressing_style", None),
        ] {
            assert_eq!(get(section, key), expected, "{section} {key}");
        }
        for (bad, line) in [("key = value", 1), ("[a\n", 1), ("[a]\nhunter2\n", 2), ("\n\nx", 3)] {
            assert_eq!(read(bad), Err(line), "{bad}");
        }
    }

    #[test]
    fn profiles_of_the_file_config() {
        for (section, expected) in [
            ("default", Some("default")),
            ("profile dev", Some("dev")),
            ("profile  dev ", Some("dev")),
            ("profile \"my dev\"", Some("my dev")),
            ("profile default", Some("default")),
            ("dev", None),
            ("profiledev", None),
            ("sso-session dev", None),
        ] {
            assert_eq!(profile_of(section), expected, "{section}");
        }
    }
}
