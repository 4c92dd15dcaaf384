//! Ready-made commands of an environment: to be one of its instances, and to turn IMDSv1 on and off.

use imds_store::record::Environment;

use super::{DISABLE, LAUNCH};
use crate::console::commands::{admin, at_door};

words! {
    /// Texts of the commands.
    CommandWords {
        title: "Commands" / "コマンド";
        copy: "Copy" / "コピー";
        copied: "Copied" / "コピーしました";
        shell: "A shell on one of its instances" / "インスタンスの 1 つでシェルを開く";
        call: "A call without a token, as one of its instances" / "インスタンスの 1 つとして、トークンなしで呼び出す";
        show: "Show it, its instances and its last events" / "環境、インスタンス、最近のイベントを表示する";
        keys: "Once a shell, for the AWS CLI: any keys will do here" / "シェルごとに一度だけ (AWS CLI 用): キーは任意です";
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

/// Those of an environment, for the door of this host. A name is letters, digits and hyphens, which a shell leaves as they are.
pub(super) fn of(
    words: &'static CommandWords,
    environment: &Environment,
    host: &str,
    is_signed: bool,
) -> Vec<Group> {
    let (name, region) = (&environment.name, &environment.region);
    // Without a region a client goes to its own.
    let imds = format!("--region {region}{}", admin(host));
    let set = |word| format!("imds environment set {name} --imdsv1 {word} {imds}");
    let update = |value| {
        let command = format!("aws elasticbeanstalk update-environment --environment-name {name}");
        let option = format!("--option-settings Namespace={LAUNCH},OptionName={DISABLE},Value={value}");
        format!("{} \\\n    {option}", at_door(&command, host, region))
    };
    let exec = |command| format!("imds exec --environment {name} {imds} -- {command}");
    let keys = "export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any".to_owned();
    let keys = (!is_signed).then(|| (words.keys, vec![keys]));
    let look = [
        (words.shell, vec![exec("sh")]),
        (words.call, vec![exec("curl -i http://169.254.169.254/latest/meta-data/instance-id")]),
        (words.show, vec![format!("imds environment show {name} {imds}")]),
    ];
    let change = [
        (words.enable, vec![set("enabled"), update("false")]),
        (words.disable, vec![set("disabled"), update("true")]),
    ];
    look.into_iter().chain(keys).chain(change).map(|(what, commands)| Group { what, commands }).collect()
}
