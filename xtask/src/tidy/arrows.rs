//! The arrows between our own packages, compared with what Cargo says they are.

use std::path::Path;

use serde_json::Value;

use super::Finding;
use crate::workspace;

/// Which of our packages a package may name, for its code, its tests and its build script alike.
const ARROWS: [(&str, &[&str]); 10] = [
    ("imds-core", &[]),
    ("imds-store", &["imds-core"]),
    ("imds-server", &["imds-store", "imds-core"]),
    ("imds-control", &["imds-store", "imds-core"]),
    ("imds-netns", &[]),
    ("openimds", &["imds-server", "imds-control", "imds-netns", "imds-store", "imds-core"]),
    ("conformance", &[]),
    ("only-imdsv2", &["openimds"]),
    ("xtask", &[]),
    ("imds-fuzz", &["imds-server", "imds-store", "imds-core"]),
];

/// Every arrow between `packages` (as `cargo metadata` lists them) that is not in the table.
pub(super) fn check(packages: &[Value]) -> Vec<Finding> {
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Value) -> Vec<Finding> {
    let name = package["name"].as_str().unwrap_or_default();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
    let path = manifest.strip_prefix(workspace::root()).unwrap_or(manifest).to_string_lossy();
    let Some((_, allowed)) = ARROWS.into_iter().find(|(from, _)| *from == name) else {
        let what = format!("`{name}` has no arrows yet; add it to the table in xtask/src/tidy/arrows.rs");
        return vec![Finding::new(&path, 1, what)];
    };
    // A dependency without a source is a folder, so one of ours; a package may name itself for its tests.
    let ours = package["dependencies"].as_array().into_iter().flatten().filter(|to| to["source"].is_null());
    ours.filter_map(|to| to["name"].as_str())
        .filter(|to| *to != name && !allowed.contains(to))
        .map(|to| {
            let what = format!("`{name}` may not know `{to}`; it may know {}", list(allowed));
            Finding::new(&path, line_of(manifest, to), what)
        })
        .collect()
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none of our packages".to_owned() } else { format!("only {}", names.join(", ")) }
}

/// The first line of the manifest that starts with the dependency's name.
fn line_of(manifest: &Path, dependency: &str) -> usize {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    text.lines().position(|line| line.trim_start().starts_with(dependency)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::check;
    use crate::workspace;

    /// A package as Cargo describes it, with dependencies in folders and one from a registry.
    fn package(name: &str, ours: &[&str]) -> Value {
        let manifest = workspace::root().join(format!("nowhere/{name}/Cargo.toml"));
        let mut dependencies = vec![json!({"name": "bytes", "source": "registry", "kind": null})];
        dependencies.extend(ours.iter().map(|to| json!({"name": to, "source": null, "kind": "dev"})));
        json!({"name": name, "manifest_path": manifest, "dependencies": dependencies})
    }

    fn broken(packages: &[Value]) -> Vec<String> {
        check(packages).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn arrows_of_the_map_pass() {
        let packages = [
            package("imds-core", &["imds-core"]),
            package("imds-server", &["imds-store", "imds-core"]),
            package("openimds", &["imds-netns", "imds-control"]),
        ];
        assert_eq!(broken(&packages), [""; 0]);
    }

    #[test]
    fn an_arrow_off_the_map_is_found() {
        let server = package("imds-server", &["imds-control"]);
        assert_eq!(
            broken(&[server]),
            ["nowhere/imds-server/Cargo.toml:1: `imds-server` may not know `imds-control`; \
              it may know only imds-store, imds-core"]
        );
        let suite = package("conformance", &["imds-core"]);
        assert!(broken(&[suite])[0].ends_with("it may know none of our packages"));
    }

    #[test]
    fn a_package_off_the_map_is_found() {
        assert!(broken(&[package("imds-extra", &[])])[0].contains("`imds-extra` has no arrows yet"));
    }
}
