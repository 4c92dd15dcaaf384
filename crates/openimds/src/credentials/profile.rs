//! A profile of the AWS files of the user who runs the service, read anew each time: static keys, `credential_process`,
//! `role_arn` with `source_profile` or `credential_source = Environment`. What needs a browser or HTTPS is refused, with
//! what to do instead.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use imds_core::Timestamp;
use imds_core::credentials::{Credentials, Secret};
use zeroize::Zeroizing;

use super::process::{self, Children};
use super::{Assume, Endpoint, Failure, Place, from_environment, ini, split, sts};

/// Bytes of a file that are read.
const LARGEST: u64 = 1 << 20;

/// What the two files say, profile by profile; what the file of credentials says comes first.
#[derive(Debug, Default)]
pub struct Files {
    credentials: HashMap<String, HashMap<String, Secret>>,
    config: HashMap<String, HashMap<String, Secret>>,
}

/// What there is to do once the profile is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Keys(Credentials),
    Process(Vec<String>),
    Role(Role),
}

/// A role of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Role {
    arn: String,
    session_name: Option<String>,
    seconds: u32,
    external_id: Option<String>,
    region: String,
    endpoint: Option<String>,
    source: From,
}

/// Whose keys sign for it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum From {
    Environment,
    Profile(String),
}

impl Files {
    /// Where they are: those that the environment names, else those in `~/.aws`; that of keys first.
    pub fn places(variable: &dyn Fn(&str) -> Option<String>) -> [Option<PathBuf>; 2] {
        let home = variable("HOME").map(PathBuf::from);
        let place = |name: &str, file: &str| {
            let named = variable(name).filter(|path| !path.is_empty());
            match (named, &home) {
                (Some(path), Some(home)) if path.starts_with("~/") => Some(home.join(&path[2..])),
                (Some(path), _) => Some(PathBuf::from(path)),
                (None, home) => home.as_ref().map(|home| home.join(".aws").join(file)),
            }
        };
        [place("AWS_SHARED_CREDENTIALS_FILE", "credentials"), place("AWS_CONFIG_FILE", "config")]
    }

    /// Reads them. One that is not there says nothing.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let [credentials, config] = Self::places(variable);
        let (credentials, config) = (sections(credentials.as_deref())?, sections(config.as_deref())?);
        let config = config
            .into_iter()
            .filter_map(|(section, keys)| Some((ini::profile_of(&section)?.to_owned(), keys)))
            .collect();
        Ok(Self { credentials, config })
    }

    /// The keys of a profile.
    ///
    /// # Errors
    /// When it gives none.
    pub fn keys(
        &self,
        name: &str,
        variable: &dyn Fn(&str) -> Option<String>,
        running: &Children,
        now: &dyn Fn() -> Timestamp,
    ) -> Result<Credentials, Failure> {
        let mut seen = Vec::new();
        let mut roles = Vec::new();
        let mut next = name.to_owned();
        let mut keys = loop {
            let step = self.step(&next, seen.last() == Some(&next), variable)?;
            match step {
                Step::Keys(keys) => break keys,
                Step::Process(words) => break process::run(&words, process::LIMIT, running)?,
                Step::Role(role) => {
                    if seen.contains(&next) {
                        return Err(Failure::new("the profiles lead in a circle: see source_profile"));
                    }
                    seen.push(next.clone());
                    let source = role.source.clone();
                    roles.push(role);
                    match source {
                        From::Environment => break from_environment(variable)?,
                        From::Profile(profile) => next = profile,
                    }
                }
            }
        };
        for role in roles.iter().rev() {
            keys = role.assume(&keys, now())?;
        }
        Ok(keys)
    }

    /// What a profile says. If it is its own source, its role does not count then.
    fn step(
        &self,
        name: &str,
        is_own_source: bool,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Step, Failure> {
        let (shared, config) = (self.credentials.get(name), self.config.get(name));
        if shared.is_none() && config.is_none() {
            return Err(Failure::new(format!("the AWS files have no profile {name}")));
        }
        let get = |key: &str| {
            let value =
                shared.and_then(|keys| keys.get(key)).or_else(|| config.and_then(|keys| keys.get(key)));
            value.map(Secret::expose).filter(|value| !value.is_empty())
        };
        if let Some(arn) = get("role_arn").filter(|_| !is_own_source) {
            return role(name, arn, &get, variable).map(Step::Role);
        }
        for keys in [shared, config].into_iter().flatten() {
            let value = |key: &str| keys.get(key).map(Secret::expose).filter(|value| !value.is_empty());
            if let (Some(id), Some(secret)) = (value("aws_access_key_id"), value("aws_secret_access_key")) {
                return Ok(Step::Keys(Credentials {
                    access_key_id: id.to_owned(),
                    secret_access_key: Secret::new(secret.to_owned()),
                    session_token: Secret::new(value("aws_session_token").unwrap_or_default().to_owned()),
                    issued: None,
                    expiration: None,
                }));
            }
        }
        if let Some(command) = get("credential_process") {
            let words = split::words(command);
            return words.map(Step::Process).map_err(|_| {
                Failure::new(format!("the credential_process of the profile {name} is not a command"))
            });
        }
        Err(Failure::new(if get("sso_session").or_else(|| get("sso_start_url")).is_some() {
            format!(
                "the profile {name} signs in with SSO, which is not supported; use kind = \"process\" with \
                 `aws configure export-credentials --profile {name}`"
            )
        } else {
            format!("the profile {name} has neither keys nor a credential_process nor a role_arn")
        }))
    }
}

impl Role {
    fn assume(&self, owner: &Credentials, now: Timestamp) -> Result<Credentials, Failure> {
        let Some(endpoint) = &self.endpoint else {
            return Err(Failure::new(
                "the role of the profile is assumed over HTTPS, which is not supported; use kind = \"process\" with \
                 `aws configure export-credentials`, or set AWS_ENDPOINT_URL_STS",
            ));
        };
        let endpoint = endpoint.parse::<Endpoint>().map_err(Failure::Other)?;
        let session_name = self.session_name.clone();
        let assume = Assume {
            role_arn: self.arn.clone(),
            session_name: session_name.unwrap_or_else(|| format!("openimds-{}", now.as_second())),
            seconds: self.seconds,
            external_id: self.external_id.clone(),
            place: Place::Here,
        };
        sts::assume(&assume, &endpoint, &self.region, owner, now)
    }
}

fn role<'v>(
    name: &str,
    arn: &str,
    get: &impl Fn(&str) -> Option<&'v str>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Role, Failure> {
    if get("web_identity_token_file").is_some() {
        return Err(Failure::new(format!("the profile {name} uses a web identity, which is not supported")));
    }
    if get("mfa_serial").is_some() {
        return Err(Failure::new(format!(
            "the profile {name} asks for an MFA code, which nobody could type here"
        )));
    }
    let source = match (get("source_profile"), get("credential_source")) {
        (Some(profile), None) => From::Profile(profile.to_owned()),
        (None, Some("Environment")) => From::Environment,
        (None, Some(_)) => {
            return Err(Failure::new(format!(
                "the credential_source of the profile {name} is not supported; `Environment` is"
            )));
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(Failure::new(format!(
                "the profile {name} needs source_profile or credential_source, one of them"
            )));
        }
    };
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let owned = |key: &str| get(key).map(str::to_owned);
    Ok(Role {
        arn: arn.to_owned(),
        session_name: owned("role_session_name"),
        seconds: get("duration_seconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(3_600),
        external_id: owned("external_id"),
        region: owned("region").or_else(|| set("AWS_REGION")).unwrap_or_else(|| "us-east-1".to_owned()),
        endpoint: set("AWS_ENDPOINT_URL_STS")
            .or_else(|| set("AWS_ENDPOINT_URL"))
            .or_else(|| owned("endpoint_url")),
        source,
    })
}

fn sections(path: Option<&Path>) -> Result<ini::Sections, Failure> {
    let Some(path) = path else { return Ok(ini::Sections::new()) };
    let unread = |what: &str| Failure::new(format!("the AWS file {} cannot be read: {what}", path.display()));
    let refused = |error: io::Error| {
        let kind = error.kind();
        let is_forbidden = kind == io::ErrorKind::PermissionDenied;
        let cure = if is_forbidden { "; the user who runs the service must be able to read it" } else { "" };
        unread(&format!("{kind}{cure}"))
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ini::Sections::new()),
        Err(error) => return Err(refused(error)),
        // A device or a pipe would be read for ever.
        Ok(found) if !found.is_file() || found.len() > LARGEST => {
            return Err(unread("it is no file, or too long"));
        }
        Ok(_) => {}
    }
    let bytes = Zeroizing::new(fs::read(path).map_err(refused)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| unread("it is not UTF-8"))?;
    ini::read(text).map_err(|line| unread(&format!("line {line} is neither a section nor a key")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "\
[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = hunter2\n\
[session]\naws_access_key_id = ASIA\naws_secret_access_key = hunter2\naws_session_token = token\n\
[half]\naws_access_key_id = AKIA\n\
[both]\naws_access_key_id = AKIABOTH\naws_secret_access_key = hunter2\n";

    const CONFIG: &str = "\
[default]\nregion = eu-west-1\n\
[profile both]\ncredential_process = /bin/false\n\
[profile here]\naws_access_key_id = AKIAHERE\naws_secret_access_key = hunter2\n\
[profile process]\ncredential_process = /bin/echo '{\"Version\":1,\"AccessKeyId\":\"ASIAP\",\"SecretAccessKey\":\"s\"}'\n\
[profile quote]\ncredential_process = 'hunter2\n\
[profile sso]\nsso_start_url = https://example.awsapps.com/start\n\
[profile role]\nrole_arn = arn:aws:iam::123456789012:role/web\nsource_profile = default\n\
[profile self]\nrole_arn = arn:aws:iam::123456789012:role/web\nsource_profile = self\naws_access_key_id = AKIASELF\n\
aws_secret_access_key = hunter2\nendpoint_url = https://sts.amazonaws.com\n\
[profile bare]\nrole_arn = arn:aws:iam::123456789012:role/web\n\
[profile one]\nrole_arn = arn:aws:iam::123456789012:role/one\nsource_profile = two\n\
[profile two]\nrole_arn = arn:aws:iam::123456789012:role/two\nsource_profile = three\n\
[profile three]\nrole_arn = arn:aws:iam::123456789012:role/three\nsource_profile = one\n\
[profile alone]\nrole_arn = arn:aws:iam::123456789012:role/web\nsource_profile = alone\n\
[profile lost]\nrole_arn = arn:aws:iam::123456789012:role/web\nsource_profile = nowhere\n\
[profile env]\nrole_arn = arn:aws:iam::123456789012:role/web\ncredential_source = Environment\n\
[profile ec2]\nrole_arn = arn:aws:iam::123456789012:role/web\ncredential_source = Ec2InstanceMetadata\n\
[profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/web\nsource_profile = default\nmfa_serial = arn:x\n\
[profile web]\nrole_arn = arn:aws:iam::123456789012:role/web\nweb_identity_token_file = /token\n\
[profile empty]\n[sso-session my]\nsso_region = us-east-1\n";

    fn files(folder: &Path) -> impl Fn(&str) -> Option<String> {
        fs::create_dir(folder.join(".aws")).unwrap();
        fs::write(folder.join(".aws/credentials"), CREDENTIALS).unwrap();
        fs::write(folder.join(".aws/config"), CONFIG).unwrap();
        let home = folder.to_str().unwrap().to_owned();
        move |name: &str| (name == "HOME").then(|| home.clone())
    }

    #[test]
    fn each_profile_gives_its_keys_or_says_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let variable = files(folder.path());
        let now = || Timestamp::from_second(1_000).unwrap();
        let keys = |name: &str| {
            let files = Files::read(&variable).unwrap();
            files.keys(name, &variable, &Children::default(), &now)
        };
        for (name, expected) in [
            ("default", Ok(("AKIADEFAULT", ""))),
            ("session", Ok(("ASIA", "token"))),
            ("both", Ok(("AKIABOTH", ""))),
            ("here", Ok(("AKIAHERE", ""))),
            ("process", Ok(("ASIAP", ""))),
            ("half", Err("neither keys nor")),
            ("empty", Err("neither keys nor")),
            ("nobody", Err("no profile nobody")),
            ("my", Err("no profile my")),
            ("quote", Err("is not a command")),
            ("sso", Err("aws configure export-credentials --profile sso")),
            ("role", Err("over HTTPS")),
            ("self", Err("an endpoint with https")),
            ("bare", Err("needs source_profile or")),
            ("one", Err("in a circle")),
            ("alone", Err("neither keys nor")),
            ("lost", Err("no profile nowhere")),
            ("env", Err("no AWS_ACCESS_KEY_ID")),
            ("ec2", Err("`Environment` is")),
            ("mfa", Err("MFA")),
            ("web", Err("web identity")),
        ] {
            match (keys(name), expected) {
                (Ok(keys), Ok(expected)) => {
                    assert_eq!((&*keys.access_key_id, keys.session_token.expose()), expected, "{name}");
                }
                (Err(failure), Err(expected)) => {
                    let failure = failure.to_string();
                    assert!(failure.contains(expected) && !failure.contains("hunter2"), "{name}: {failure}");
                }
                (found, expected) => panic!("{name}: {found:?} {expected:?}"),
            }
        }
    }

    #[test]
    fn the_files_are_those_that_the_environment_names_and_are_read_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        let variable = |name: &str| match name {
            "AWS_SHARED_CREDENTIALS_FILE" => Some("~/other".to_owned()),
            "AWS_CONFIG_FILE" => Some("/nowhere/config".to_owned()),
            "HOME" => Some(folder.path().to_str().unwrap().to_owned()),
            _ => None,
        };
        let id = || {
            let files = Files::read(&variable)?;
            let now = || Timestamp::UNIX_EPOCH;
            files.keys("default", &variable, &Children::default(), &now).map(|keys| keys.access_key_id)
        };
        assert!(id().unwrap_err().to_string().contains("no profile default"));
        for expected in ["AKIAONE", "AKIATWO"] {
            fs::write(&other, format!("[default]\naws_access_key_id={expected}\naws_secret_access_key=s\n"))
                .unwrap();
            assert_eq!(id().unwrap(), expected);
        }
        for hostile in [&b"[default]\nhunter2\n"[..], b"\xff\xfe hunter2"] {
            fs::write(&other, hostile).unwrap();
            let failure = id().unwrap_err().to_string();
            assert!(failure.contains("cannot be read") && !failure.contains("hunter2"), "{failure}");
        }
        fs::remove_file(&other).unwrap();
        fs::create_dir(&other).unwrap();
        assert!(id().unwrap_err().to_string().contains("it is no file"));
    }
}
