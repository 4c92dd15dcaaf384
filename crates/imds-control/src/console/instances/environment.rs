//! The environment that launched an instance, and that replaces it some day by another one with settings of its own.

use imds_core::Machine;
use imds_core::language::Language;

/// The tag of an instance that an environment launched.
const TAG: &str = "elasticbeanstalk:environment-name";

words! {
    /// Texts about the environment of an instance.
    EnvironmentWords {
        environment: "Environment" / "環境";
        replaced: "Instances of an environment are replaced, and new ones have what the environment is configured with: a change here is lost with the instance." / "環境のインスタンスは置き換えられ、新しいインスタンスには環境の設定が適用されます。ここでの変更はインスタンスとともに失われます。";
        configuration: "Configuration of the environment" / "環境の設定";
    }
}

/// What is said of it, and where it is.
#[derive(Debug)]
pub(in crate::console) struct EnvironmentNote {
    pub(in crate::console) words: &'static EnvironmentWords,
    pub(in crate::console) name: String,
    /// Its page.
    pub(in crate::console) page: String,
    /// The page of its configuration.
    pub(in crate::console) configuration: String,
}

/// What is said on a page of an instance that an environment launched.
pub(in crate::console) fn note(machine: &Machine, language: Language) -> Option<EnvironmentNote> {
    let name = name(machine)?;
    let region = &machine.instance.placement.region;
    let at = format!("/console/environments/{name}");
    Some(EnvironmentNote {
        words: EnvironmentWords::of(language),
        name: name.to_owned(),
        // Names are those of a region.
        page: format!("{at}?region={region}"),
        configuration: format!("{at}/configuration?region={region}"),
    })
}

/// Its name. Anybody may set a tag: one that is no name is none.
pub(in crate::console) fn name(machine: &Machine) -> Option<&str> {
    let name = machine.instance.tags.get(TAG)?;
    let is_name = (4..=40).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-');
    is_name.then_some(name)
}
