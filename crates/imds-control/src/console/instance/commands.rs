//! *Commands*: what to type, on the instance and from here, ready to be pasted.

use askama::Template;
use imds_core::finding::V1_REFUSED;
use imds_core::options::{HttpTokens, Switch};

use super::{Head, Subject, Tab};
use crate::console::commands::{admin, at_door};
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};

/// What to type for metadata without a token.
const V1: &str = "curl -f http://169.254.169.254/latest/meta-data/";

words! {
    /// Texts of the commands.
    CommandWords {
        copy: "Copy" / "コピー";
        copied: "Copied" / "コピーしました";
        inside: "On the instance" / "インスタンスで";
        inside_how: "For a shell on the instance: the first command of the next part opens one." / "インスタンスのシェルで入力します。次の項目の最初のコマンドでシェルを開けます。";
        v2: "IMDSv2: get a token, then ask with it" / "IMDSv2: トークンを取得してからリクエストする";
        v1: "IMDSv1: ask without a token" / "IMDSv1: トークンなしでリクエストする";
        v1_works: "It is answered now: IMDSv2 is optional." / "現在は応答が返ります。IMDSv2 はオプションです。";
        v1_refused: "It is answered with 401 now: IMDSv2 is required." / "現在は 401 が返ります。IMDSv2 は必須です。";
        v1_disabled: "It is answered with 403 now: the endpoint is disabled. So is the PUT." / "現在は 403 が返ります。エンドポイントは無効です。PUT も同様です。";
        v1_stopped: "Nothing is answered now: the instance does not run." / "現在は応答されません。インスタンスは実行されていません。";
        exec: "As the instance, from here" / "このマシンから、インスタンスとして実行";
        exec_how: "These run on the machine where the service runs." / "サービスを実行しているマシンで実行してください。";
        shell: "A shell" / "シェル";
        exec_v1: "One call with IMDSv1" / "IMDSv1 での呼び出し";
        exec_v2: "One call with IMDSv2" / "IMDSv2 での呼び出し";
        aws: "AWS CLI" / "AWS CLI";
        keys: "Once a shell: any keys will do here" / "シェルごとに一度だけ: キーは任意です";
        own_keys: "They are signed with your access keys." / "アクセスキーで署名されます。";
        imds: "imds" / "imds";
        describe: "Show the instance" / "インスタンスを表示";
        require: "IMDSv2: Required" / "IMDSv2: 必須";
        allow: "IMDSv2: Optional" / "IMDSv2: オプション";
        hops: "Metadata response hop limit: 2, through a container's bridge" / "メタデータレスポンスのホップ制限: 2 (コンテナのブリッジ経由)";
        history: "Show who changed what" / "変更履歴を表示";
    }
}

/// A command, and what it is for.
pub(super) struct Command {
    /// Unique in the page.
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    pub(super) text: String,
    pub(super) note: Option<&'static str>,
}

/// Commands that belong together.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) how: Option<&'static str>,
    pub(super) commands: Vec<Command>,
}

#[derive(Template)]
#[template(path = "console/instance_commands.html")]
pub(super) struct Commands {
    shell: Shell,
    head: Head,
    words: &'static CommandWords,
    groups: Vec<Group>,
}

pub(super) async fn show(subject: Subject) -> Page<Commands> {
    let words = CommandWords::of(subject.visit.language);
    Page(Commands {
        shell: subject.shell(),
        head: subject.head(Tab::Commands),
        words,
        groups: vec![
            inside(&subject, words),
            exec(&subject, words),
            aws(&subject, words),
            imds(&subject, words),
        ],
    })
}

fn inside(subject: &Subject, words: &'static CommandWords) -> Group {
    let options = &subject.machine.instance.options;
    let v1 = match (subject.machine.state.is_running(), options.http_endpoint, options.http_tokens) {
        (false, ..) => words.v1_stopped,
        (true, Switch::Disabled, _) => words.v1_disabled,
        (true, Switch::Enabled, HttpTokens::Required) => words.v1_refused,
        (true, Switch::Enabled, HttpTokens::Optional) => words.v1_works,
    };
    Group {
        title: words.inside,
        how: Some(words.inside_how),
        commands: vec![
            // The same that every finding says.
            Command {
                id: "inside-v2",
                what: words.v2,
                text: V1_REFUSED.cure.commands.join("\n"),
                note: None,
            },
            Command { id: "inside-v1", what: words.v1, text: V1.to_owned(), note: Some(v1) },
        ],
    }
}

fn exec(subject: &Subject, words: &'static CommandWords) -> Group {
    let exec = format!("imds exec {}{}", subject.id(), admin(&subject.host));
    let v2 = V1_REFUSED.cure.commands.join("; ");
    Group {
        title: words.exec,
        how: Some(words.exec_how),
        commands: vec![
            Command { id: "exec-shell", what: words.shell, text: exec.clone(), note: None },
            Command {
                id: "exec-v2",
                what: words.exec_v2,
                text: format!("{exec} -- sh -c '{v2}'"),
                note: None,
            },
            Command { id: "exec-v1", what: words.exec_v1, text: format!("{exec} -- {V1}"), note: None },
        ],
    }
}

fn aws(subject: &Subject, words: &'static CommandWords) -> Group {
    let id = subject.id();
    let is_signed = subject.visit.door.authority.is_required();
    let keys = (!is_signed).then(|| Command {
        id: "aws-keys",
        what: words.keys,
        text: "export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any".to_owned(),
        note: None,
    });
    let modify = |id: &'static str, what, option: &str| {
        let instance = subject.id();
        let command = format!("aws ec2 modify-instance-metadata-options --instance-id {instance} {option}");
        Command { id, what, text: at_door(&command, &subject.host, &subject.visit.region), note: None }
    };
    let describe = format!("aws ec2 describe-instances --instance-ids {id}");
    let describe = at_door(&describe, &subject.host, &subject.visit.region);
    let describe = Command { id: "aws-describe", what: words.describe, text: describe, note: None };
    let rest = [
        describe,
        modify("aws-required", words.require, "--http-tokens required --http-endpoint enabled"),
        modify("aws-optional", words.allow, "--http-tokens optional --http-endpoint enabled"),
        modify("aws-hops", words.hops, "--http-put-response-hop-limit 2 --http-endpoint enabled"),
    ];
    Group {
        title: words.aws,
        how: is_signed.then_some(words.own_keys),
        commands: keys.into_iter().chain(rest).collect(),
    }
}

fn imds(subject: &Subject, words: &'static CommandWords) -> Group {
    let (id, admin) = (subject.id(), admin(&subject.host));
    let region = &subject.visit.region;
    let command = |name: &'static str, what, verb: &str, option: &str| Command {
        id: name,
        what,
        text: format!("imds instance {verb} {id}{option} --region {region}{admin}"),
        note: None,
    };
    Group {
        title: words.imds,
        how: None,
        commands: vec![
            command("imds-show", words.describe, "show", ""),
            command("imds-required", words.require, "set", " --metadata-version v2"),
            command("imds-optional", words.allow, "set", " --metadata-version v1-and-v2"),
            command("imds-hops", words.hops, "set", " --hop-limit 2"),
            command("imds-history", words.history, "history", ""),
        ],
    }
}
