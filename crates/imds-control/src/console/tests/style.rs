//! The style sheet and the templates: neither names a class that the other does not know.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn classes(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    let names =
        text.split('.').skip(1).map(|rest| rest.chars().take_while(|c| is_part(*c)).collect::<String>());
    names.filter(|name| !name.is_empty()).collect()
}

/// Those that rules are for.
fn ruled(css: &str) -> BTreeSet<String> {
    let bare: String =
        css.split("/*").map(|part| part.split_once("*/").map_or(part, |(_, rest)| rest)).collect();
    // What is before a brace is a selector; in one of the values no class can be.
    bare.split('{')
        .flat_map(|part| classes(part.rsplit_once(['}', ';']).map_or(part, |(_, rest)| rest)))
        .collect()
}

/// Those that are in a template, but for those that the code puts in.
fn worn(template: &str) -> BTreeSet<String> {
    let values =
        template.split("class=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(value, _)| value);
    let fixed = values
        .flat_map(|value| value.split("{{").map(|part| part.split_once("}}").map_or(part, |(_, rest)| rest)));
    fixed.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[test]
fn every_class_has_a_rule_and_every_rule_is_for_something() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ruled = ruled(&fs::read_to_string(root.join("assets/console.css")).unwrap());
    let mut worn_anywhere = BTreeSet::new();
    for entry in fs::read_dir(root.join("templates/console")).unwrap() {
        worn_anywhere.extend(worn(&fs::read_to_string(entry.unwrap().path()).unwrap()));
    }
    assert!(ruled.contains("card") && worn_anywhere.contains("badge"));
    assert_eq!(worn_anywhere, ruled);
}

#[test]
fn classes_are_found() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let css = "/* .no */ .a, b.c:d { x: .5rem; y: z; } @media (m: 0.5rem) { .e > .f-g { h: 1.5rem } }";
    assert_eq!(ruled(css), names(&["a", "c", "e", "f-g"]));
    assert_eq!(worn("<a class=\"b {{ c.d }} e\"><f class=\"g\">"), names(&["b", "e", "g"]));
}
