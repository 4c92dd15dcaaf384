//! What can be typed, and what it means.

use clap::{CommandFactory as _, Parser as _};

use super::*;
use crate::args::{Cli, Verb};

const ID: &str = "i-0123456789abcdef0";

fn parse(words: &str) -> Result<Verb, clap::Error> {
    Cli::try_parse_from(["imds"].into_iter().chain(words.split(' '))).map(|cli| cli.verb)
}

fn instance(words: &str) -> Instance {
    let Verb::Instance(instance) = parse(&format!("instance {words}")).unwrap() else { panic!("{words}") };
    instance
}

fn defaults(words: &str) -> SetDefaults {
    let Verb::Defaults(defaults) = parse(&format!("defaults set {words}")).unwrap() else {
        panic!("{words}")
    };
    let DefaultsVerb::Set(set) = defaults.verb else { panic!("{words}") };
    set
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn a_service_is_named_before_the_verb_or_after_it() {
    for words in [
        "--admin http://127.0.0.1:9 --region eu-west-1 list --json",
        "list --format json --region eu-west-1 --admin http://127.0.0.1:9",
    ] {
        let Instance { door, verb: InstanceVerb::List(list) } = instance(words) else { panic!("{words}") };
        assert_eq!((door.admin.port(), door.region.as_deref()), (9, Some("eu-west-1")));
        assert!(list.output.is_json() && list.filter.is_empty());
    }
    let InstanceVerb::List(list) = instance("list --filter tag:Name=a=b --filter image-id=").verb else {
        panic!()
    };
    assert_eq!(list.filter, [("tag:Name".into(), "a=b".into()), ("image-id".into(), String::new())]);
    assert!(!list.output.is_json());
}

#[test]
fn who_names_an_environment_is_told_where_to() {
    for (words, cure) in [
        ("exec web-env -- true", Some("; for an environment: `--environment web-env`")),
        ("instance show web-env", Some("; for an environment: `imds environment show web-env`")),
        ("exec i-12 -- true", None),
        ("exec web\u{1b}[2J -- true", None),
        ("instance show web", None),
    ] {
        let told = parse(words).unwrap_err().to_string();
        assert!(told.contains("an instance id"), "{told}");
        assert_eq!(told.contains("environment"), cure.is_some(), "{told}");
        assert!(cure.is_none_or(|cure| told.contains(cure)), "{told}");
    }
}

#[test]
fn a_metadata_version_has_two_names() {
    for (words, tokens) in [
        ("--metadata-version v2", HttpTokens::Required),
        ("--http-tokens required", HttpTokens::Required),
        ("--metadata-version v1-and-v2", HttpTokens::Optional),
    ] {
        let InstanceVerb::Set(set) = instance(&format!("set {ID} {words}")).verb else { panic!("{words}") };
        assert_eq!(set.options.choice(), Choice { http_tokens: Some(tokens), ..Choice::default() });
        assert_eq!(set.ids.len(), 1);
        let InstanceVerb::Launch(launch) = instance(&format!("launch {words}")).verb else {
            panic!("{words}")
        };
        assert_eq!(launch.options.choice().http_tokens, Some(tokens));
    }
}

#[test]
fn a_preference_may_be_none() {
    let set = defaults("--metadata-version no-preference --hop-limit 2 --enforce enabled");
    assert_eq!(set.metadata_version, Some(Preference::Nothing));
    assert_eq!(set.hop_limit, Some(Preference::For(HopLimit::TWO)));
    assert_eq!(set.enforce, Some(Preference::For(Switch::Enabled)));
    assert_eq!(defaults("--hop-limit no-preference").hop_limit, Some(Preference::Nothing));
}

#[test]
fn ids_and_tags_stand_side_by_side() {
    let InstanceVerb::Tag(tag) = instance(&format!("tag {ID} Name=web a= --remove b --remove c")).verb else {
        panic!()
    };
    let tags = [Word::Tag("Name".into(), "web".into()), Word::Tag("a".into(), String::new())];
    assert_eq!(tag.words, [&[Word::Id(ID.parse().unwrap())][..], &tags].concat());
    assert_eq!(tag.remove, ["b", "c"]);
}

#[test]
fn a_template_has_a_version_or_not() {
    for (text, name, version) in
        [("web", "web", None), ("web:3", "web", Some("3")), ("lt-0:$Latest", "lt-0", Some("$Latest"))]
    {
        let template: Template = text.parse().unwrap();
        assert_eq!((template.name.as_str(), template.version.as_deref()), (name, version));
    }
    for bad in ["", ":3", "web:"] {
        assert!(bad.parse::<Template>().is_err(), "{bad:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    for (words, why) in [
        ("instance", "Usage"),
        ("instance list --filter tag:Name", "equals sign"),
        ("instance list --json --format json", "cannot be used with"),
        ("instance list --admin 127.0.0.1:1339", "http://127.0.0.1:1339"),
        ("instance list --admin http://169.254.169.254", "where metadata is served"),
        ("instance show i-1", "17 (or 8)"),
        ("instance stop", "required"),
        ("instance set i-0123456789abcdef0", "required"),
        ("instance set --hop-limit 2", "required"),
        ("instance set i-0123456789abcdef0 --hop-limit 65", "from 1 to 64"),
        (
            "instance set i-0123456789abcdef0 --metadata-version v2 --http-tokens optional",
            "cannot be used with",
        ),
        ("instance launch --metadata-version v1", "`v1-and-v2` or `v2`"),
        ("instance launch --count 0", "1.."),
        ("instance launch --ssh-key-name x", "--ssh-key"),
        ("instance tag Name", "KEY=VALUE"),
        ("defaults set", "required"),
        ("defaults set --http-protocol-ipv6 enabled", "unexpected"),
        ("defaults set --enforce yes", "`no-preference`"),
    ] {
        let error = parse(words).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{words}");
        assert!(error.to_string().contains(why), "{words}: {error}");
    }
}
