//! A finding, explained to the owner of an instance: what it is, why, and the cure, ready to be pasted.

use imds_core::finding::{ENABLE, ENVIRONMENT, Finding, Known, Setting, Way};
use imds_core::language::Language;
use imds_core::options::Switch;

use super::Subject;
use crate::console::commands::at_door;
use crate::console::instances::environment::{self, EnvironmentNote};

words! {
    /// Texts around a finding.
    FindingWords {
        cure: "What to do" / "対処方法";
        command: "Command" / "コマンド";
        change: "Modify instance metadata options" / "インスタンスメタデータのオプションを変更";
    }
}

/// A finding in the reader's language, for this instance.
pub(super) struct Explained {
    /// Its name for programs, and in addresses.
    pub(super) id: &'static str,
    pub(super) what: String,
    pub(super) why: String,
    pub(super) cure: String,
    /// Commands for the instance itself.
    pub(super) commands: Vec<String>,
    /// The setting that is the cure, or the other one.
    pub(super) setting: Option<Remedy>,
}

/// A setting that cures, and the ways to it that this instance has.
pub(super) struct Remedy {
    /// What changes, unless the cure says so already.
    pub(super) what: Option<String>,
    /// The environment that has the setting for the instances to come.
    pub(super) environment: Option<EnvironmentNote>,
    pub(super) ways: Vec<Route>,
}

/// One way to a setting.
pub(super) struct Route {
    /// The service that has it.
    pub(super) service: &'static str,
    pub(super) command: Option<String>,
    /// Where AWS's console has it.
    pub(super) console: String,
}

impl Explained {
    /// A finding about a call of this instance.
    pub(super) fn of(finding: &'static Finding, subject: &Subject) -> Self {
        let language = subject.visit.language;
        // Nobody enables what is on: then something else was the reason.
        let is_enabled = subject.machine.instance.options.http_endpoint == Switch::Enabled;
        let is_of_use = |setting: &&Setting| !(is_enabled && **setting == ENABLE);
        let setting = finding.cure.setting.as_ref().filter(is_of_use);
        let known = Known { instance: Some(subject.id().to_string()), hops: None };
        Self {
            id: finding.id,
            what: sentence(finding.what.of(language), language),
            why: sentence(finding.why.of(language), language),
            cure: sentence(finding.cure.what.of(language), language),
            commands: finding.cure.commands.iter().map(|command| known.fill(command)).collect(),
            setting: setting.map(|setting| Remedy {
                what: Some(setting.what.of(language))
                    .filter(|what| *what != finding.cure.what.of(language))
                    .map(|what| sentence(what, language)),
                environment: environment::note(&subject.machine, language),
                ways: ways(setting, &known, subject),
            }),
        }
    }
}

/// The ways to a setting of this instance. Whoever changes an instance of an environment wants its successors changed too.
fn ways(setting: &Setting, known: &Known, subject: &Subject) -> Vec<Route> {
    let language = subject.visit.language;
    let environment = environment::name(&subject.machine);
    let fill = |text: &str| known.fill(text).replace(ENVIRONMENT, environment.unwrap_or(ENVIRONMENT));
    let route = |service, way: &Way| Route {
        service,
        command: way.command.map(|command| at_door(&fill(command), &subject.host, &subject.visit.region)),
        console: sentence(&fill(way.console.of(language)), language),
    };
    let beanstalk = environment.map(|_| route("Elastic Beanstalk", &setting.beanstalk));
    beanstalk.into_iter().chain([route("EC2", &setting.ec2)]).collect()
}

/// A text of the table as a sentence of a page.
fn sentence(text: &str, language: Language) -> String {
    match language {
        Language::Ja => format!("{text}。"),
        Language::En => {
            let mut letters = text.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).chain(['.']).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_the_table_becomes_a_sentence() {
        for (text, language, told) in [
            ("get a token first", Language::En, "Get a token first."),
            ("", Language::En, "."),
            ("トークンを取得してください", Language::Ja, "トークンを取得してください。"),
        ] {
            assert_eq!(sentence(text, language), told);
        }
    }
}
