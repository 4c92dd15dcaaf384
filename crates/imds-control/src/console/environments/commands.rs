//! Ready-made commands of an environment: to be one of its instances, and to turn IMDSv1 on and off.

use imds_store::record::Environment;

use super::{DISABLE, LAUNCH};
use crate::query::REGION as USUAL_REGION;

words! {
    /// Texts of the commands.
    CommandWords {
        title: "Commands" / "コマンド";
        copy: "Copy" / "コピー";
        copied: "Copied" / "コピーしました";
        shell: "A shell on one of its instances" / "インスタンスの 1 つでシェルを開く";
        call: "A call without a token, as one of its instances" / "インスタンスの 1 つとして、トークンなしで呼び出す";
        show: "Show it, its instances and its last events" / "環境、インスタンス、最近のイベントを表示する";
        enable: "Enable IMDSv1 and IMDSv2 both" / "IMDSv1 と IMDSv2 の両方を有効にする";
        disable: "Disable IMDSv1" / "IMDSv1 を無効にする";
    }
}

/// Commands that do the same, each by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// What they do.
    pub(super) what: &'static str,
    /// As they are typed.
    pub(super) commands: Vec<String>,
}

/// Those of an environment. A name is letters, digits and hyphens, which a shell leaves as they are.
pub(super) fn of(words: &'static CommandWords, environment: &Environment) -> Vec<Group> {
    let (name, region) = (&environment.name, &environment.region);
    // Where clients go by themselves need not be said.
    let region = if region == USUAL_REGION { String::new() } else { format!(" --region {region}") };
    let set = |word| format!("imds environment set {name} --imdsv1 {word}{region}");
    let update = |value| {
        format!(
            "aws elasticbeanstalk update-environment --environment-name {name}{region} \\\n    \
             --option-settings Namespace={LAUNCH},OptionName={DISABLE},Value={value}"
        )
    };
    let exec = |command| format!("imds exec --environment {name}{region} -- {command}");
    let groups = [
        (words.shell, vec![exec("sh")]),
        (words.call, vec![exec("curl -i http://169.254.169.254/latest/meta-data/instance-id")]),
        (words.show, vec![format!("imds environment show {name}{region}")]),
        (words.enable, vec![set("enabled"), update("false")]),
        (words.disable, vec![set("disabled"), update("true")]),
    ];
    groups.into_iter().map(|(what, commands)| Group { what, commands }).collect()
}
