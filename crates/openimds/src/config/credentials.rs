//! `[instance.role.credentials]` as it is written, and what follows from it: keys, or where they come from.

use std::path::{Path, PathBuf};

use imds_core::credentials::{Credentials as Keys, Secret};
use imds_core::id::InstanceId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::gather::Bundle;
use super::text::{Line, Moment, Name, RoleArn, Text};
use crate::credentials::{Assume, Endpoint, Origin, Owner, Place, Source, Timekeeper, split};

/// Seconds that keys of a role live when nothing is said: an hour, as STS' do.
const DURATION: u32 = 3_600;

/// `[instance.role.credentials]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Credentials {
    pub(super) kind: Kind,
    /// `static`: the access key.
    pub(super) access_key_id: Option<Text<Line>>,
    /// A file with the secret key, beside this one if its path is not absolute.
    pub(super) secret_access_key_file: Option<PathBuf>,
    /// A file with the session token, likewise.
    pub(super) session_token_file: Option<PathBuf>,
    /// When they end. Left out, they are shown as issued anew every hour for six hours.
    pub(super) expiration: Option<Text<Moment>>,
    /// `process`: the command, as a shell would split it; no shell runs it. Its first word is a program of the PATH, or, with
    /// a slash in it, a file, beside this one if its path is not absolute. Arguments stay as they are.
    pub(super) command: Option<Text<Line>>,
    /// `profile`: its name in the AWS files. `assume-role` with an endpoint: whose keys the call is signed with.
    pub(super) profile: Option<Text<Line>>,
    /// `assume-role`: the role.
    pub(super) role_arn: Option<Text<RoleArn>>,
    /// The session's name. Left out, it is the instance's id.
    pub(super) role_session_name: Option<Text<Name>>,
    /// Seconds that the keys are to live, 900 to 43200. Left out, an hour.
    pub(super) duration: Option<u32>,
    /// What the role's trust policy may ask for.
    pub(super) external_id: Option<Text<Line>>,
    /// Another STS than this service's own: `http://HOST:PORT`.
    pub(super) endpoint: Option<Text<Line>>,
    /// The region that the call is signed for. Left out, it is the instance's.
    pub(super) region: Option<Text<Name>>,
    /// With an endpoint: where the keys are that the call is signed with.
    pub(super) source: Option<KeysOf>,
    /// Whose time the keys are in that come from outside. Left out, the machine's.
    pub(super) clock: Option<Time>,
}

/// Where credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// From this file and those it names.
    Static,
    /// From a command that prints them, as the SDKs' `credential_process`.
    Process,
    /// From a profile of the AWS files of the user who runs the service.
    Profile,
    /// From STS.
    AssumeRole,
}

/// Whose keys a call of STS is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KeysOf {
    /// A profile of the AWS files.
    Profile,
    /// `AWS_ACCESS_KEY_ID` and its like, of the service.
    Environment,
}

/// Whose time keys are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Time {
    /// The machine's.
    Machine,
    /// This service's, with all that is done to its clock: so are those of an STS whose clock is changed along with it.
    Service,
}

/// What an entry says of its role's keys.
pub(super) enum Given {
    /// They are in files that it names.
    Keys(Keys),
    /// They come from somewhere, and are renewed.
    From(Source),
}

impl Credentials {
    /// What it says.
    pub(super) fn given(&self, id: &InstanceId, region: &str, bundle: &Bundle) -> Result<Given, String> {
        self.check_keys()?;
        let line = |text: &Option<Text<Line>>| text.as_ref().map(|text| text.0.0.clone());
        let origin = match self.kind {
            Kind::Static => return Ok(Given::Keys(self.keys(bundle)?)),
            Kind::Process => {
                let command = line(&self.command).ok_or("credentials of kind process need a command")?;
                Origin::Process(placed(split::words(&command)?, bundle)?)
            }
            Kind::Profile => {
                let profile = line(&self.profile).ok_or("credentials of kind profile need a profile")?;
                Origin::Profile(profile)
            }
            Kind::AssumeRole => {
                let role_arn = self.role_arn.as_ref().map(|arn| arn.0.0.clone());
                let role_arn = role_arn.ok_or("credentials of kind assume-role need a role-arn")?;
                let seconds = self.duration.unwrap_or(DURATION);
                if !(900..=43_200).contains(&seconds) {
                    return Err("duration is in seconds, 900 to 43200".to_owned());
                }
                let session_name = self.role_session_name.as_ref();
                Origin::AssumeRole(Assume {
                    role_arn,
                    session_name: session_name.map_or_else(|| id.to_string(), |name| name.0.0.clone()),
                    seconds,
                    external_id: line(&self.external_id),
                    place: self.place(region)?,
                })
            }
        };
        Ok(Given::From(Source { origin, timekeeper: self.timekeeper() }))
    }

    /// Whose clock they go by: what our own STS gives is in our own time.
    fn timekeeper(&self) -> Timekeeper {
        if !self.is_real() {
            return Timekeeper::Service;
        }
        match self.clock {
            Some(Time::Service) => Timekeeper::Service,
            Some(Time::Machine) | None => Timekeeper::Machine,
        }
    }

    /// Are they keys that open something elsewhere? Then they are kept from those who must not have them.
    pub(super) fn is_real(&self) -> bool {
        match self.kind {
            Kind::Static => false,
            Kind::Process | Kind::Profile => true,
            Kind::AssumeRole => self.endpoint.is_some(),
        }
    }

    /// Which STS is called, and as whom.
    fn place(&self, region: &str) -> Result<Place, String> {
        let Some(endpoint) = &self.endpoint else {
            if self.source.is_some()
                || self.profile.is_some()
                || self.region.is_some()
                || self.clock.is_some()
            {
                return Err(
                    "source, profile, region and clock go with an endpoint; without one, this service's own STS \
                            is called by the root of the account, in its own time"
                        .to_owned(),
                );
            }
            return Ok(Place::Here);
        };
        let owner = match (self.source, &self.profile) {
            (Some(KeysOf::Environment), None) => Owner::Environment,
            (Some(KeysOf::Profile) | None, Some(profile)) => Owner::Profile(profile.0.0.clone()),
            (Some(KeysOf::Profile), None) => Owner::Profile("default".to_owned()),
            (Some(KeysOf::Environment), Some(_)) => {
                return Err("source = \"environment\" and a profile exclude each other".to_owned());
            }
            (None, None) => {
                return Err(
                    "an endpoint needs a profile, or source = \"environment\": whose keys sign the call?"
                        .to_owned(),
                );
            }
        };
        let region = self.region.as_ref().map_or_else(|| region.to_owned(), |region| region.0.0.clone());
        Ok(Place::There { endpoint: endpoint.0.0.parse::<Endpoint>()?, region, owner })
    }

    /// Is there a key that belongs to another kind? It would say nothing, and look as if it did.
    fn check_keys(&self) -> Result<(), String> {
        use Kind::{AssumeRole, Process, Profile, Static};
        let keys: [(&str, bool, &[Kind]); 13] = [
            ("access-key-id", self.access_key_id.is_some(), &[Static]),
            ("secret-access-key-file", self.secret_access_key_file.is_some(), &[Static]),
            ("session-token-file", self.session_token_file.is_some(), &[Static]),
            ("expiration", self.expiration.is_some(), &[Static]),
            ("command", self.command.is_some(), &[Process]),
            ("profile", self.profile.is_some(), &[Profile, AssumeRole]),
            ("role-arn", self.role_arn.is_some(), &[AssumeRole]),
            ("role-session-name", self.role_session_name.is_some(), &[AssumeRole]),
            ("duration", self.duration.is_some(), &[AssumeRole]),
            ("external-id", self.external_id.is_some(), &[AssumeRole]),
            ("endpoint or region", self.endpoint.is_some() || self.region.is_some(), &[AssumeRole]),
            ("source", self.source.is_some(), &[AssumeRole]),
            ("clock", self.clock.is_some(), &[Process, Profile, AssumeRole]),
        ];
        let wrong = keys.iter().find(|(_, is_there, kinds)| *is_there && !kinds.contains(&self.kind));
        match wrong {
            Some((key, ..)) => Err(format!("credentials of this kind have no {key}")),
            None => Ok(()),
        }
    }

    /// Those of kind `static`.
    fn keys(&self, bundle: &Bundle) -> Result<Keys, String> {
        let access_key_id = self.access_key_id.as_ref().map(|text| text.0.0.clone());
        let access_key_id = access_key_id.ok_or("static credentials need an access-key-id")?;
        let secret_file = self
            .secret_access_key_file
            .as_deref()
            .ok_or("static credentials need a secret-access-key-file")?;
        let secret = |path: &Path| {
            let text = String::from_utf8_lossy(bundle.named(path));
            match text.trim().parse::<Line>() {
                Ok(Line(text)) if !text.is_empty() => Ok(Secret::new(text)),
                Ok(_) | Err(_) => Err(format!("{} must hold one line, the secret", path.display())),
            }
        };
        Ok(Keys {
            access_key_id,
            secret_access_key: secret(secret_file)?,
            session_token: self
                .session_token_file
                .as_deref()
                .map_or_else(|| Ok(Secret::new(String::new())), secret)?,
            issued: None,
            expiration: self.expiration.as_ref().map(|time| time.0.0),
        })
    }
}

/// A command whose program is beside the file that names it, as all files are, if it is a relative path.
fn placed(mut words: Vec<String>, bundle: &Bundle) -> Result<Vec<String>, String> {
    if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
        // Without the `./` between folder and file, but for one at the beginning: without a slash it would be looked for
        // in the PATH.
        let path: PathBuf = bundle.resolve(Path::new(&*program)).components().collect();
        let path = path.into_os_string().into_string();
        *program = path.map_err(|_| "the path of the folder with the command's program is not UTF-8")?;
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::super::{Bundle, Config, Flags, gather};
    use crate::credentials::{Assume, Origin, Owner, Place, Source, Timekeeper};
    use imds_core::options::HttpTokens;
    use imds_core::testing::noon;

    fn config(keys: &str, more: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("imds.toml");
        let text = format!(
            "[[instance]]\ninstance-id = \"i-12345678901234567\"\n{more}\n[instance.role]\nname = \"web\"\n\
             [instance.role.credentials]\n{keys}\n"
        );
        std::fs::write(&file, text).unwrap();
        let flags = Flags::default();
        let bundle = gather(Some(&file), &flags).map_err(|error| error.to_string())?;
        Config::new(&bundle, &flags, noon()).map_err(|error| error.to_string())
    }

    fn source(keys: &str) -> Source {
        config(keys, "").unwrap().lent.remove(0).1.source.unwrap()
    }

    const ROLE: &str = "kind = \"assume-role\"\nrole-arn = \"arn:aws:iam::123456789012:role/web\"\n";

    fn assume(keys: &str) -> Assume {
        let source = source(&format!("{ROLE}{keys}"));
        let Origin::AssumeRole(assume) = source.origin else { panic!("{keys}") };
        assume
    }

    #[test]
    fn each_kind_is_read() {
        let process = source("kind = \"process\"\ncommand = \"get-keys --for 'web server'\"").origin;
        assert_eq!(process, Origin::Process(["get-keys", "--for", "web server"].map(str::to_owned).into()));
        let profile = source("kind = \"profile\"\nprofile = \"my dev\"").origin;
        assert_eq!(profile, Origin::Profile("my dev".to_owned()));
        let own = assume("");
        assert_eq!(
            (&*own.session_name, own.seconds, &own.place),
            ("i-12345678901234567", 3_600, &Place::Here)
        );
        let own = assume("role-session-name = \"me\"\nduration = 900\nexternal-id = \"x y\"");
        assert_eq!((&*own.session_name, own.seconds, own.external_id.as_deref()), ("me", 900, Some("x y")));
        let dev = Owner::Profile("dev".to_owned());
        for (keys, expected_region, expected_owner) in [
            ("source = \"environment\"", "us-east-1", Owner::Environment),
            ("profile = \"dev\"", "us-east-1", dev.clone()),
            ("source = \"profile\"\nprofile = \"dev\"\nregion = \"eu-west-1\"", "eu-west-1", dev),
            ("source = \"profile\"", "us-east-1", Owner::Profile("default".to_owned())),
        ] {
            let there = assume(&format!("endpoint = \"http://127.0.0.1:4566\"\n{keys}"));
            let Place::There { endpoint, region, owner } = there.place else { panic!("{keys}") };
            assert_eq!((endpoint.authority(), &*region), ("127.0.0.1:4566", expected_region), "{keys}");
            assert_eq!(owner, expected_owner, "{keys}");
        }
    }

    /// As all paths of the file; the command's arguments are not ours to understand.
    #[test]
    fn a_program_with_a_slash_is_beside_the_file_and_all_else_is_as_it_is_written() {
        for (file, command, expected) in [
            ("/etc/imds.toml", "./creds.sh ./a b", &["/etc/creds.sh", "./a", "b"][..]),
            ("/etc/imds.toml", "bin/creds.sh", &["/etc/bin/creds.sh"]),
            ("/etc/imds.toml", "../creds.sh", &["/etc/../creds.sh"]),
            ("/etc/imds.toml", "/opt/creds.sh", &["/opt/creds.sh"]),
            ("/etc/imds.toml", "creds.sh", &["creds.sh"]),
            ("conf/imds.toml", "./creds.sh", &["conf/creds.sh"]),
            ("./imds.toml", "./creds.sh", &["./creds.sh"]),
            // Not one of the PATH.
            ("imds.toml", "./creds.sh", &["./creds.sh"]),
        ] {
            let bundle = Bundle::new(file.into(), String::new(), Vec::new());
            let words = super::split::words(command).unwrap();
            assert_eq!(super::placed(words, &bundle).unwrap(), expected, "{file} {command}");
        }
    }

    #[test]
    fn a_secret_that_is_not_there_is_told_with_where_it_is_looked_for() {
        let keys = "kind = \"static\"\naccess-key-id = \"AKIA\"\nsecret-access-key-file = \"none\"";
        let refused = config(keys, "").unwrap_err();
        assert!(refused.contains(": cannot read ") && refused.contains("none: "), "{refused}");
        assert!(
            refused.ends_with("; relative paths begin in the folder of the file that names it"),
            "{refused}"
        );
    }

    #[test]
    fn a_role_that_is_no_arn_is_refused_at_its_line() {
        let refused = config("kind = \"assume-role\"\nrole-arn = \"own\"", "").unwrap_err();
        let expected = "imds.toml line 8: a role's ARN is like arn:aws:iam::123456789012:role/NAME";
        assert!(refused.ends_with(expected), "{refused}");
    }

    #[test]
    fn keys_from_outside_are_in_the_machine_s_time_unless_said_otherwise() {
        let there = format!("{ROLE}endpoint = \"http://127.0.0.1:4566\"\nprofile = \"dev\"");
        for keys in ["kind = \"process\"\ncommand = \"a\"", "kind = \"profile\"\nprofile = \"a\"", &there] {
            for (clock, expected) in [
                ("", Timekeeper::Machine),
                ("clock = \"machine\"", Timekeeper::Machine),
                ("clock = \"service\"", Timekeeper::Service),
            ] {
                assert_eq!(source(&format!("{keys}\n{clock}")).timekeeper, expected, "{keys} {clock}");
            }
        }
        assert_eq!(source(ROLE).timekeeper, Timekeeper::Service, "our own STS");
    }

    #[test]
    fn what_says_nothing_or_two_things_is_refused() {
        let role = |keys: &str| format!("{ROLE}{keys}");
        for (keys, expected) in [
            ("kind = \"process\"".to_owned(), "need a command"),
            ("kind = \"process\"\ncommand = \"\"".to_owned(), "the command is empty"),
            ("kind = \"process\"\ncommand = \"a 'b\"".to_owned(), "not closed"),
            ("kind = \"process\"\ncommand = \"a\"\nprofile = \"b\"".to_owned(), "have no profile"),
            ("kind = \"profile\"".to_owned(), "need a profile"),
            (
                "kind = \"profile\"\nprofile = \"a\"\nrole-arn = \"arn:aws:iam::123456789012:role/b\""
                    .to_owned(),
                "have no role-arn",
            ),
            ("kind = \"static\"\ncommand = \"a\"".to_owned(), "have no command"),
            ("kind = \"assume-role\"".to_owned(), "need a role-arn"),
            (role("access-key-id = \"AKIA\""), "have no access-key-id"),
            (role("duration = 899"), "900 to 43200"),
            (role("duration = 43201"), "900 to 43200"),
            (role("source = \"environment\""), "go with an endpoint"),
            (role("profile = \"a\""), "go with an endpoint"),
            (role("clock = \"service\""), "go with an endpoint"),
            ("kind = \"static\"\nclock = \"machine\"".to_owned(), "have no clock"),
            (role("endpoint = \"http://127.0.0.1:1\""), "needs a profile"),
            (
                role("endpoint = \"http://127.0.0.1:1\"\nsource = \"environment\"\nprofile = \"a\""),
                "exclude each other",
            ),
            (role("endpoint = \"https://sts.amazonaws.com\"\nprofile = \"a\""), "export-credentials"),
        ] {
            let refused = config(&keys, "").unwrap_err();
            assert!(refused.contains(" line 1: ") && refused.contains(expected), "{keys}: {refused}");
        }
    }

    #[test]
    fn real_credentials_ask_for_tokens_and_for_a_name_that_is_known() {
        let there = format!("{ROLE}endpoint = \"http://127.0.0.1:1\"\nsource = \"environment\"");
        let optional = "metadata-options = { http-tokens = \"optional\" }";
        for (keys, more, tokens, is_checked) in [
            ("kind = \"process\"\ncommand = \"a\"", "", Some(HttpTokens::Required), true),
            ("kind = \"profile\"\nprofile = \"a\"", "", Some(HttpTokens::Required), true),
            (&*there, "", Some(HttpTokens::Required), true),
            ("kind = \"process\"\ncommand = \"a\"", optional, Some(HttpTokens::Optional), true),
            (ROLE, "", None, false),
        ] {
            let config = config(keys, more).unwrap();
            assert_eq!(config.instances[0].choice.http_tokens, tokens, "{keys} {more}");
            assert_eq!(config.service.hosts.is_some(), is_checked, "{keys} {more}");
            assert!(config.instances[0].instance.role.is_none());
        }
    }
}
