//! The rules for one file: each looks at its path and its text, and nothing else.

use super::{Finding, code};

/// The only crate that may say `unsafe`.
const UNSAFE_CRATE: &str = "crates/imds-netns/";

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "common", "helpers", "misc", "types"];

/// The longest that files may be: the path's end, the lines it may have, and the cure.
const LENGTHS: [(&str, usize, &str); 3] = [
    ("crates/openimds/src/main.rs", 39, "move what it does into the library"),
    ("ARCHITECTURE.md", 199, "it is a map: move detail to where the code is"),
    (".rs", 500, "split it by what its parts do"),
];

/// Everything that is wrong with the file at `path` (from the workspace's folder) that holds `text`.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(empty_name(path));
    findings.extend(too_long(path, text));
    if path.ends_with("Cargo.toml") {
        findings.extend(own_lints(path, text));
    }
    if path.ends_with(".rs") {
        findings.extend(no_opening(path, text));
        for (index, line) in code::only(text).lines().enumerate() {
            findings.extend(words(path, line).into_iter().map(|what| Finding::new(path, index + 1, what)));
        }
    }
    findings
}

fn empty_name(path: &str) -> Option<Finding> {
    let name = path.split('/').map(|part| part.split('.').next().unwrap_or(part)).find(is_empty_name)?;
    Some(Finding::new(path, 1, format!("`{name}` says nothing; name it for what it holds")))
}

fn is_empty_name(name: &&str) -> bool {
    EMPTY_NAMES.contains(name)
}

fn too_long(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let (_, most, cure) = LENGTHS.into_iter().find(|(end, ..)| path.ends_with(end))?;
    (lines > most).then(|| Finding::new(path, most + 1, format!("{lines} lines, {most} are allowed; {cure}")))
}

fn no_opening(path: &str, text: &str) -> Option<Finding> {
    let opens = text.lines().next().is_some_and(|line| line.starts_with("//! ") && line.len() > 4);
    let what = "the file does not say what it is for; open it with a `//!` line";
    (!opens).then(|| Finding::new(path, 1, what))
}

/// A package with lints of its own escapes the workspace's; the fuzz targets' workspace has none to inherit.
fn own_lints(path: &str, text: &str) -> Option<Finding> {
    let is_package = text.lines().any(|line| line.trim() == "[package]") && !path.starts_with("fuzz/");
    let inherits = text.split_once("[lints]").is_some_and(|(_, rest)| {
        rest.lines().map(str::trim).find(|line| !line.is_empty()) == Some("workspace = true")
    });
    let what = "the package does not take the workspace's lints; add `[lints]` with `workspace = true`";
    (is_package && !inherits).then(|| Finding::new(path, 1, what))
}

/// What one line of code says that it may not.
fn words(path: &str, line: &str) -> Vec<String> {
    let words: Vec<&str> =
        line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    let mut broken = Vec::new();
    if words.contains(&"unsafe") && !path.starts_with(UNSAFE_CRATE) {
        broken.push(format!("`unsafe` outside {UNSAFE_CRATE}; do it there behind a safe function"));
    }
    for unfinished in ["todo!", "unimplemented!"] {
        if words.contains(&unfinished.trim_end_matches('!')) && line.contains(unfinished) {
            broken.push(format!("`{unfinished}` is a stub; build it, or leave it out"));
        }
    }
    if line.replace(' ', "").contains("#[ignore") {
        broken.push("an ignored test proves nothing; make it run, or remove it".to_owned());
    }
    let module = words.windows(2).find(|pair| pair[0] == "mod" && is_empty_name(&pair[1]));
    broken.extend(module.map(|pair| format!("`mod {}` says nothing; name it for what it holds", pair[1])));
    broken
}

#[cfg(test)]
mod tests {
    use super::check;

    const OPENING: &str = "//! What it is for.\n";

    /// The findings for a Rust file that opens as it should and then holds `code`, as printed.
    fn broken(path: &str, code: &str) -> Vec<String> {
        check(path, &format!("{OPENING}{code}")).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn one(findings: &[String], start: &str) {
        assert!(matches!(findings, [only] if only.starts_with(start)), "{findings:?}");
    }

    #[test]
    fn a_tidy_file_passes() {
        assert_eq!(broken("crates/imds-core/src/token.rs", "pub fn seal() {}\n"), [""; 0]);
    }

    #[test]
    fn unsafe_is_for_one_crate() {
        let code = "\nfn f() { unsafe { g() } }\n";
        one(
            &broken("crates/imds-core/src/token.rs", code),
            "crates/imds-core/src/token.rs:3: `unsafe` outside",
        );
        one(
            &broken("crates/imds-core/src/token.rs", "#[unsafe(no_mangle)]"),
            "crates/imds-core/src/token.rs:2: ",
        );
        assert_eq!(broken("crates/imds-netns/src/link.rs", code), [""; 0]);
        assert_eq!(
            broken("fuzz/a.rs", "// unsafe\n#![deny(unsafe_code)]\nconst A: &str = \"unsafe\";\n"),
            [""; 0]
        );
    }

    #[test]
    fn a_rust_file_has_at_most_500_lines() {
        assert_eq!(broken("a.rs", &"\n".repeat(499)), [""; 0]);
        one(&broken("a.rs", &"\n".repeat(500)), "a.rs:501: 501 lines, 500 are allowed");
    }

    #[test]
    fn the_binarys_main_stays_small() {
        assert_eq!(broken("crates/openimds/src/main.rs", &"\n".repeat(38)), [""; 0]);
        one(
            &broken("crates/openimds/src/main.rs", &"\n".repeat(39)),
            "crates/openimds/src/main.rs:40: 40 lines",
        );
    }

    #[test]
    fn the_map_stays_under_200_lines() {
        assert_eq!(check("ARCHITECTURE.md", &"\n".repeat(199)), []);
        assert_eq!(check("ARCHITECTURE.md", &"\n".repeat(200)).len(), 1);
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        for text in ["", "fn f() {}\n", "// What?\n", "//!\n", "\n//! Late.\n"] {
            assert_eq!(check("a.rs", text).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn names_say_something() {
        for path in ["a/util.rs", "a/utils/b.rs", "common/x.md", "helpers.py", "misc.test.js", "a/types.rs"] {
            one(&broken(path, ""), &format!("{path}:1: `"));
        }
        one(&broken("a.rs", "pub(crate) mod helpers {"), "a.rs:2: `mod helpers` says nothing");
        assert_eq!(broken("a/commonwealth.rs", "mod utilities;"), [""; 0]);
    }

    #[test]
    fn nothing_is_a_stub() {
        one(&broken("a.rs", "fn f() { todo!() }"), "a.rs:2: `todo!` is a stub");
        one(&broken("a.rs", "fn f() { unimplemented!(\"x\") }"), "a.rs:2: `unimplemented!` is a stub");
        one(&broken("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}"), "a.rs:3: an ignored test");
        assert_eq!(broken("a.rs", "// todo!\nlet todo = 1;\nmy_todo!();"), [""; 0]);
    }

    #[test]
    fn a_package_takes_the_workspaces_lints() {
        one(&broken_manifest("[package]\n"), "crates/a/Cargo.toml:1: the package does not take");
        one(&broken_manifest("[package]\n[lints]\n[dependencies]\n"), "crates/a/Cargo.toml:1: ");
        assert!(broken_manifest("[package]\n\n[lints]\nworkspace = true\n").is_empty());
        assert!(broken_manifest("[workspace]\n").is_empty());
    }

    fn broken_manifest(text: &str) -> Vec<String> {
        check("crates/a/Cargo.toml", text).iter().map(ToString::to_string).collect()
    }
}
