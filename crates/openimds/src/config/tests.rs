//! The configuration: what is taken, what is refused and how that is said.

mod meant;

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use imds_core::options::{HttpTokens, Switch};
use imds_core::testing::noon;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn config(&self, flags: &Flags) -> Result<Config, Error> {
        Config::new(&gather(Some(&self.path("imds.toml")), flags)?, flags, noon())
    }
}

fn config(text: &str) -> Result<Config, Error> {
    Folder::new(&[("imds.toml", text)]).config(&Flags::default())
}

fn refused(text: &str) -> String {
    config(text).unwrap_err().to_string()
}

#[test]
fn without_a_file_there_is_one_instance_on_loopback() {
    let flags = Flags::default();
    let config = Config::new(&gather(None, &flags).unwrap(), &flags, noon()).unwrap();
    assert_eq!(config.listen(), [(LISTEN.parse().unwrap(), Scope::Addresses)]);
    assert_eq!(config.service.admin, ADMIN.parse().unwrap());
    let [entry] = &config.instances[..] else { panic!("one instance") };
    assert!(entry.place.is_default);
    assert_eq!(entry.instance.id.as_str(), "i-12345678901234567");
    assert_eq!(entry.instance.options, imds_core::options::MetadataOptions::default());
}

#[test]
fn the_example_of_the_documentation_is_taken() {
    let text = include_str!("../../../../examples/imds.toml");
    let folder = Folder::new(&[
        ("imds.toml", text),
        ("cloud-init.yaml", "#cloud-config\n"),
        ("secret", "wJalr\n"),
        ("session-token", "IQoJ\n"),
        ("id.pub", "ssh-ed25519 AAAA me@home\n"),
    ]);
    let config = folder.config(&Flags::default()).unwrap();
    let instance = &config.instances[0].instance;
    assert_eq!(instance.options.http_tokens, HttpTokens::Required);
    assert_eq!(instance.options.http_put_response_hop_limit.hops(), 2);
    assert_eq!(instance.user_data.as_deref(), Some(b"#cloud-config\n".as_slice()));
    assert_eq!(instance.role.as_ref().unwrap().credentials().unwrap().secret_access_key.expose(), "wJalr");
    assert_eq!(instance.public_keys, [("me@home".to_owned(), "ssh-ed25519 AAAA me@home".to_owned())]);
}

#[test]
fn names_in_the_file_begin_where_a_flag_says() {
    let text = "[[instance]]\nuser-data-file = \"data\"";
    let folder = Folder::new(&[("imds.toml", text), ("data", "beside")]);
    let other = Folder::new(&[("data", "elsewhere")]);
    let elsewhere = Flags { config_folder: Some(other.0.path().to_owned()), ..Flags::default() };
    let nowhere = Flags { config_folder: Some("/nowhere".into()), ..Flags::default() };
    for (flags, read) in [(&Flags::default(), "beside"), (&elsewhere, "elsewhere")] {
        let config = folder.config(flags).unwrap();
        assert_eq!(config.instances[0].instance.user_data.as_deref(), Some(read.as_bytes()));
    }
    assert!(folder.config(&nowhere).unwrap_err().to_string().contains("/nowhere/data"));
}

#[test]
fn flags_fill_what_the_file_leaves_out() {
    let folder = Folder::new(&[
        ("imds.toml", "[[instance]]\nmetadata-options = { http-tokens = \"optional\" }"),
        ("data", "x"),
    ]);
    let mut flags = Flags::default();
    flags.options.http_tokens = Some(HttpTokens::Required);
    flags.options.instance_metadata_tags = Some(Switch::Enabled);
    flags.user_data_file = Some(folder.path("data"));
    flags.listen = vec!["127.0.0.1:0".parse().unwrap()];
    let config = folder.config(&flags).unwrap();
    let instance = &config.instances[0].instance;
    assert_eq!(instance.options.http_tokens, HttpTokens::Optional);
    assert_eq!(instance.options.instance_metadata_tags, Switch::Enabled);
    assert_eq!(instance.user_data.as_deref(), Some(b"x".as_slice()));
    assert_eq!(config.service.listen, flags.listen);
}

#[test]
fn who_is_the_default() {
    let ids = |text: &str| {
        let config = config(text).unwrap();
        let default = config.instances.iter().find(|entry| entry.place.is_default).unwrap();
        (config.instances.len(), default.instance.id.to_string())
    };
    let two = "[[instance]]\ninstance-id = \"i-0000000a\"\n[[instance]]\ninstance-id = \"i-0000000b\"\n";
    assert_eq!(ids(""), (1, "i-12345678901234567".into()));
    assert_eq!(ids("[[instance]]\ninstance-id = \"i-0000000a\""), (1, "i-0000000a".into()));
    assert_eq!(ids(two), (3, "i-12345678901234567".into()));
    assert_eq!(ids(&format!("{two}default = true")), (2, "i-0000000b".into()));
}

#[test]
fn all_are_those_of_the_file_and_the_built_in_one_where_it_is_the_only_one() {
    let timeline = "[[timeline]]\nkind = \"rebalance\"\n";
    let two = "[[instance]]\ninstance-id = \"i-0000000a\"\n[[instance]]\ninstance-id = \"i-0000000b\"\n";
    let named = format!("{timeline}instances = [\"i-12345678901234567\"]\n");
    for (text, built_in, events) in [
        (timeline.to_owned(), None, &[1][..]),
        (format!("{two}{timeline}"), Some("i-12345678901234567"), &[1, 1, 0]),
        (format!("{two}{named}"), Some("i-12345678901234567"), &[0, 0, 1]),
        (format!("{two}default = true\n{timeline}"), None, &[1, 1]),
    ] {
        let config = config(&text).unwrap();
        assert_eq!(config.built_in().map(InstanceId::as_str), built_in, "{text}");
        let planned: Vec<_> = config.instances.iter().map(|entry| entry.instance.timeline.len()).collect();
        assert_eq!(planned, events, "{text}");
        let hashed: Vec<_> =
            config.instances.iter().map(|entry| usize::from(!entry.place.planned.is_empty())).collect();
        assert_eq!(hashed, events, "{text}");
    }
}

#[test]
fn a_place_an_address_and_an_interface_follow_or_are_given() {
    let config = config(
        r#"
        [[instance]]
        local-ipv4 = "10.1.2.3"
        public-ipv4 = "203.0.113.9"
        placement = { region = "eu-west-1" }
        [[instance.interface]]
        local-ipv4s = ["10.1.2.9", "10.1.2.10"]
        [[instance.interface]]
        [[instance.interface]]
        device-number = 0
        subnet-id = "subnet-1"
        "#,
    )
    .unwrap();
    let instance = &config.instances[0].instance;
    assert_eq!(instance.placement.availability_zone, "eu-west-1a");
    assert_eq!(instance.hostname, "ip-10-1-2-3.eu-west-1.compute.internal");
    assert_eq!(
        instance.primary().public_hostname.as_deref(),
        Some("ec2-203-0-113-9.eu-west-1.compute.amazonaws.com")
    );
    assert_eq!((instance.primary().device_number, instance.primary().subnet_id.as_str()), (0, "subnet-1"));
    assert_eq!(instance.interfaces[1].local_ipv4s.len(), 2);
    assert_eq!(instance.interfaces[2].device_number, 2);
    assert_eq!(instance.interfaces[2].local_ipv4s, ["10.1.2.5".parse::<Ipv4Addr>().unwrap()]);
}

#[test]
fn the_first_interface_gives_the_instance_its_address() {
    let text = "[[instance]]\n[[instance.interface]]\ndevice-number = 0\nlocal-ipv4s = [\"10.9.8.7\"]\n";
    let taken = config(text).unwrap();
    let instance = &taken.instances[0].instance;
    assert_eq!(instance.hostname, "ip-10-9-8-7.ec2.internal");
    assert_eq!(instance.primary().vpc_ipv4_cidr_block.as_deref(), Some("10.9.0.0/16"));
    assert!(refused(&format!("{text}[[instance.interface]]\ndevice-number = 0")).contains("two interfaces"));
    assert!(
        refused(&text.replace("[[instance]]", "[[instance]]\nlocal-ipv4 = \"10.9.8.8\""))
            .contains("leave one of them out")
    );
}

#[test]
fn the_built_in_instance_may_not_be_another_one_too() {
    let error = refused(
        "[[instance]]\ninstance-id = \"i-12345678901234567\"\n[[instance]]\ninstance-id = \"i-0000000a\"",
    );
    assert!(error.contains("built-in") && error.contains("ids must differ"), "{error}");
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_what_is_permitted() {
    for (text, place, said) in [
        ("[service]\nlisten = 1", "line 2", "sequence"),
        ("\n\n[[instance]]\ninstance-idd = \"x\"", "line 4", "expected one of `instance-id`"),
        ("[[instance]]\ninstance-id = \"i-XYZ\"", "line 2", "17 (or 8) lower-case hexadecimal digits"),
        (
            "[[instance]]\nmetadata-options = { http-tokens = \"maybe\" }",
            "line 2",
            "expected `optional` or `required`",
        ),
        (
            "[[instance]]\n[instance.metadata-options]\nhttp-put-response-hop-limit = 65",
            "line 3",
            "from 1 to 64",
        ),
        ("[[instance]]\nlocal-ipv4 = \"10.0.0\"", "line 2", "invalid IPv4 address"),
        ("[[instance]]\nmac = \"x\"", "line 2", "six pairs"),
        ("[[instance]]\n[[instance]]", "line 2", "ids must differ"),
        ("[[instance]]\nlisten = [\"127.0.0.1:0\"]", "line 1", "needs a port"),
        ("[[instance]]\nlisten = [\"127.0.0.1:1338\"]", "line 1", "listened on twice"),
        (
            "[[instance]]\ndefault = true\n[[instance]]\ninstance-id = \"i-0000000a\"\ndefault = true",
            "line 3",
            "second instance has",
        ),
        (
            "[[instance]]\nrole = { name = \"web\", credentials = { kind = \"profile\" } }",
            "line 1",
            "need a profile",
        ),
        (
            "[[instance]]\nrole = { name = \"web\", credentials = { kind = \"static\" } }",
            "line 1",
            "access-key-id",
        ),
        (
            "[[instance]]\nrole = { name = \"a/b\", credentials = { kind = \"static\" } }",
            "line 2",
            "a name may hold",
        ),
        ("[[instance]]\nhostname = \"a\\nb\"", "line 2", "one line"),
        (
            "[[instance]]\nplacement = { region = \"eu-west-1\", availability-zone = \"us-east-1a\" }",
            "line 1",
            "not in the region",
        ),
        (
            "[[instance]]\ntags = { \"a b\" = \"\" }\nmetadata-options = { instance-metadata-tags = \"enabled\" }",
            "line 1",
            "`a b`",
        ),
        ("[service]\nheader-timeout = \"61m\"", "line 2", "up to an hour"),
        ("[service]\nvpc-cidr = \"10.0.0.0\"", "line 2", "IPv4 block"),
        ("[service", "line 1", ""),
    ] {
        let error = refused(text);
        assert!(error.contains(&format!("imds.toml {place}")) && error.contains(said), "{text}\n{error}");
    }
}

#[test]
fn a_path_that_cannot_be_set_is_refused_at_its_line() {
    for (text, place, said) in [
        (
            "[[instance]]\n[[instance.path]]\nabsent = true\npath = \"/x\"",
            "line 4",
            "it begins with /latest/",
        ),
        ("[[instance]]\n[[instance.path]]\npath = \"latest/x\"", "line 3", "it begins with /latest/"),
        ("[[instance]]\n[[instance.path]]\npath = \"/latest/a\\nb\"", "line 3", "without blanks"),
        (
            "[[instance]]\n[[instance.path]]\npath = \"/latest/../x\"",
            "line 3",
            "none of them empty, `.` or `..`",
        ),
        ("[[instance]]\n[[instance.path]]\npath = \"/latest/api/token\"", "line 3", "not below api/"),
        ("[[instance]]\n[[instance.path]]\npath = \"/latest/x\"", "line 2", "needs one of `body`, `file`"),
        (
            "[[instance]]\n[[instance.path]]\npath = \"/latest/x\"\nabsent = false",
            "line 2",
            "and `absent = true`",
        ),
        (
            "[[instance]]\n\n[[instance.path]]\npath = \"/latest/x\"\nbody = \"x\"\nstatus = 404",
            "line 3",
            "and no other",
        ),
        ("[[instance]]\n[[instance.path]]\npath = \"/latest/x\"\nstatus = 200", "line 2", "400 to 599"),
        ("[[instance]]\n[[instance.path]]\nbody = \"x\"", "line 2", "missing field `path`"),
        ("[[instance]]\npath = [{ path = \"/latest/x\", text = \"x\" }]", "line 2", "expected one of `path`"),
        (
            "[[instance]]\n[[instance.path]]\npath = \"/latest/x\"\nabsent = true\n\n[[instance.path]]\n\
             path = \"/latest/x\"\nbody = \"\"",
            "line 6",
            "/latest/x is set twice",
        ),
        (
            "[[instance]]\n[[instance.path]]\npath = \"/latest/x/y\"\nabsent = true\n[[instance.path]]\n\
             path = \"/latest/x\"\nbody = \"\"",
            "line 5",
            "/latest/x/y is below /latest/x",
        ),
    ] {
        let error = refused(text);
        assert!(error.contains(&format!("imds.toml {place}")) && error.contains(said), "{text}\n{error}");
    }
}

#[test]
fn a_path_by_hand_is_text_or_the_bytes_of_a_file() {
    let text = r#"
        [[instance]]
        path = [
            { path = "/latest/meta-data/new/file", file = "bytes" },
            { path = "/latest/meta-data/new/text", body = "two\nlines" },
            { path = "/latest/meta-data/ami-id", absent = true },
        ]
    "#;
    let files = [("imds.toml", text), ("bytes", "\u{0}x\n")];
    let folder = Folder::new(&files);
    let config = folder.config(&Flags::default()).unwrap();
    let instance = &config.instances[0].instance;
    let get = |path: &str| imds_core::tree::lookup(instance, path.as_bytes(), noon()).map(|value| value.body);
    assert_eq!(get("/latest/meta-data/new/file").as_deref(), Some(&b"\0x\n"[..]));
    assert_eq!(get("/latest/meta-data/new").as_deref(), Some(&b"file\ntext"[..]));
    assert_eq!(get("/latest/meta-data/ami-id"), None);
    // Another file, and the entry is another one.
    let hash = config.instances[0].place.hash.clone();
    fs::write(folder.path("bytes"), "y").unwrap();
    assert_ne!(folder.config(&Flags::default()).unwrap().instances[0].place.hash, hash);
    fs::write(folder.path("bytes"), "x".repeat(65_537)).unwrap();
    let error = folder.config(&Flags::default()).unwrap_err().to_string();
    assert!(error.contains("line 4") && error.contains("at most 65,536 bytes"), "{error}");
    fs::remove_file(folder.path("bytes")).unwrap();
    assert!(folder.config(&Flags::default()).unwrap_err().to_string().contains("No such file"));
}

#[test]
fn user_data_of_no_bytes_is_none_and_keys_without_a_session_have_an_empty_token() {
    let text = r#"
        [[instance]]
        instance-type = "t2.micro"
        user-data-file = "empty"
        role = { name = "web", credentials = { kind = "static", access-key-id = "AKIA", secret-access-key-file = "secret" } }
    "#;
    let folder = Folder::new(&[("imds.toml", text), ("empty", ""), ("secret", "x")]);
    let config = folder.config(&Flags::default()).unwrap();
    let instance = &config.instances[0].instance;
    let get = |path: &str| imds_core::tree::lookup(instance, path.as_bytes(), noon()).map(|value| value.body);
    assert_eq!(get("/latest/user-data"), None);
    assert_eq!(get("/latest/meta-data/system").unwrap(), "xen-on-nitro");
    let credentials = get("/latest/meta-data/iam/security-credentials/web").unwrap();
    assert!(String::from_utf8_lossy(&credentials).contains("\"Token\" : \"\""));
}

#[test]
fn the_door_stays_on_loopback_unless_that_is_meant() {
    let text = "[service]\nadmin = \"0.0.0.0:1339\"";
    assert!(refused(text).contains("--insecure"));
    let flags = Flags { insecure: true, ..Flags::default() };
    assert!(Folder::new(&[("imds.toml", text)]).config(&flags).is_ok());
    // Whoever has no key cannot do anything there.
    for (file, auth, expected) in [
        (format!("{text}\nauth = \"sigv4\""), None, Some(Auth::Sigv4)),
        (text.to_owned(), Some(Auth::Sigv4), Some(Auth::Sigv4)),
        (format!("{text}\nauth = \"open\""), Some(Auth::Sigv4), None),
        (format!("{text}\nauth = \"open\"\ninsecure = true"), Some(Auth::Open), Some(Auth::Open)),
        (format!("{text}\nauth = \"none\""), None, None),
    ] {
        let flags = Flags { auth, ..Flags::default() };
        let config = Folder::new(&[("imds.toml", &file)]).config(&flags);
        assert_eq!(config.ok().map(|config| config.service.auth), expected, "{file}");
    }
}

#[test]
fn file_and_flag_do_not_contradict_each_other_about_who_may_come_in() {
    for (file, flag, expected) in [
        ("", None, Ok(Auth::Open)),
        ("auth = \"open\"", None, Ok(Auth::Open)),
        ("auth = \"sigv4\"", None, Ok(Auth::Sigv4)),
        ("", Some(Auth::Sigv4), Ok(Auth::Sigv4)),
        ("auth = \"open\"", Some(Auth::Open), Ok(Auth::Open)),
        ("auth = \"sigv4\"", Some(Auth::Sigv4), Ok(Auth::Sigv4)),
        (
            "auth = \"open\"",
            Some(Auth::Sigv4),
            Err("--auth sigv4: the file says `auth = \"open\"` in [service]; both must say the same"),
        ),
        (
            "auth = \"sigv4\"",
            Some(Auth::Open),
            Err("--auth open: the file says `auth = \"sigv4\"` in [service]; both must say the same"),
        ),
    ] {
        let flags = Flags { auth: flag, ..Flags::default() };
        let config = Folder::new(&[("imds.toml", &format!("[service]\n{file}"))]).config(&flags);
        let told = config.map(|config| config.service.auth).map_err(|error| error.to_string());
        assert_eq!(told, expected.map_err(str::to_owned), "{file} {flag:?}");
    }
}

#[test]
fn the_schema_knows_what_the_file_does() {
    let schema = schema().as_value().to_string();
    for key in [
        "http-put-response-hop-limit",
        "user-data-file",
        "security-groups",
        "error-pages",
        "vpc-cidr",
        "absent",
        "sigv4",
    ] {
        assert!(schema.contains(key), "{key}");
    }
}

#[test]
fn what_is_planned_is_for_those_whom_it_names_and_has_a_hash_of_its_own() {
    let two = "[[instance]]\ninstance-id = \"i-0000000a\"\ndefault = true\n[[instance]]\ninstance-id = \"i-0000000b\"\n\
               local-ipv4 = \"172.31.0.9\"\n";
    let entries = |timeline: &str| config(&format!("{two}{timeline}")).unwrap().instances;
    let hashes =
        |entries: &[Entry]| entries.iter().map(|entry| entry.place.planned.clone()).collect::<Vec<_>>();
    let own = |entries: &[Entry]| entries.iter().map(|entry| entry.place.hash.clone()).collect::<Vec<_>>();
    let planned =
        |entries: &[Entry]| entries.iter().map(|entry| entry.instance.timeline.clone()).collect::<Vec<_>>();
    let plain = entries("");
    let of_one = entries("[[timeline]]\nkind = \"rebalance\"\nin = \"1m\"\ninstances = [\"i-0000000b\"]\n");
    assert_eq!(planned(&of_one)[0], []);
    let [rebalance] = &planned(&of_one)[1][..] else { panic!("one event") };
    assert!(rebalance.is_from_file);
    assert_eq!(rebalance.at, noon() + Duration::from_secs(60));
    let (before, after) = (hashes(&plain), hashes(&of_one));
    assert_eq!(before, ["", ""], "of nothing there is no trace");
    assert!(after[0].is_empty() && !after[1].is_empty(), "{after:?}");
    assert_eq!(own(&plain), own(&of_one), "what is planned is no part of an entry");
    let of_all = entries("[[timeline]]\nkind = \"rebalance\"\nin = \"1m\"\n");
    let [a, b] = &planned(&of_all)[..] else { panic!("two instances") };
    assert_eq!((a, a.len()), (b, 1));
    assert_eq!(
        hashes(&entries("[[timeline]]\n# A comment.\nin = \"1m\"\nkind = \"rebalance\"\n")),
        hashes(&of_all)
    );
    let twice = entries(&"[[timeline]]\nkind = \"rebalance\"\n".repeat(2));
    let [first, second] = &planned(&twice)[0][..] else { panic!("two events") };
    assert_ne!(first.id, second.id);
    let ids = |timeline: &str| -> Vec<Vec<String>> {
        let of = |entry: &Entry| entry.instance.timeline.iter().map(|planned| planned.id.clone()).collect();
        entries(timeline).iter().map(of).collect()
    };
    let [one, other] = [
        "[[timeline]]\nkind = \"rebalance\"\nin = \"1m\"\n",
        "[[timeline]]\nkind = \"rebalance\"\nin = \"2m\"\n",
    ];
    let (alone, after) = (ids(other), ids(&format!("{one}{other}")));
    assert_eq!((&alone[0][0], &alone[0]), (&after[0][1], &alone[1]), "its place in the file does not count");
    for (more, why) in [
        ("kind = \"reboot\"", "a kind is"),
        ("kind = \"rebalance\"\ninstances = [\"i-0000000c\"]", "no instance of this file"),
        ("instances = []", "missing field"),
    ] {
        let refused = refused(&format!("{two}[[timeline]]\n{more}\n"));
        assert!(refused.contains("imds.toml line 7") && refused.contains(why), "{refused}");
    }
    let many = "[[timeline]]\nkind = \"rebalance\"\ninstances = [\"i-0000000b\"]\n".repeat(101);
    let refused = refused(&format!("{two}{many}"));
    assert!(refused.contains("line 307: i-0000000b has 100 events already"), "{refused}");
}
