//! What is being done to an environment, in words.

use imds_core::environment::Status;
use imds_store::record::Environment;
use imds_store::record::environment::{Phase, Task, Work};

words! {
    /// Texts of what is being done.
    ProgressWords {
        title: "Recent events" / "最近のイベント";
        refresh: "Refresh" / "再読み込み";
        abort: "Abort current operation" / "現在のオペレーションを中止";
        launch: "The environment is being launched." / "環境を起動しています。";
        launched: "Its instances are launched. It is ready in a moment." / "インスタンスを起動しました。まもなく準備が完了します。";
        update: "The change was accepted. It is about to be deployed." / "変更を受け付けました。まもなくデプロイします。";
        replacing: "New instances are launched. In a moment they take the place of the old ones." / "新しいインスタンスを起動しました。まもなく古いインスタンスと置き換わります。";
        deploying: "The change is being deployed." / "変更をデプロイしています。";
        failed: "It failed, and is being taken back. The events say why." / "失敗したため、元に戻しています。理由はイベントに表示されます。";
        abort_begun: "The update is being aborted. What is deployed stays." / "更新を中止しています。デプロイ済みの設定はそのままです。";
        rebuild: "Everything of the environment is being replaced." / "環境を再構築しています。";
        restart: "The application servers are being restarted." / "アプリケーションサーバーを再起動しています。";
        terminate: "The environment and its instances are being terminated." / "環境とそのインスタンスを終了しています。";
        gone: "The environment is terminated. It is shown for a while." / "環境は終了しました。しばらくの間表示されます。";
        to_disabled: "After this, IMDSv1 is disabled: the environment enables only IMDSv2." / "完了後は IMDSv1 が無効になり、環境は IMDSv2 のみを有効にします。";
        to_enabled: "After this, the environment enables both IMDSv1 and IMDSv2." / "完了後は、環境は IMDSv1 と IMDSv2 の両方を有効にします。";
        no_events: "Nothing has happened yet." / "イベントはまだありません。";
        events: "The last events, the newest first" / "最近のイベント (新しい順)";
        time: "Time" / "時刻";
        severity: "Severity" / "重要度";
        message: "Details" / "詳細";
    }
}

/// What is being done to it; `None` while it can be used and changed, and when it is gone.
pub(super) fn doing(words: &ProgressWords, environment: &Environment) -> Option<&'static str> {
    match environment.status.parse() {
        Ok(Status::Ready | Status::Terminated) | Err(_) => None,
        Ok(Status::Launching | Status::Updating | Status::Aborting | Status::Terminating) => {
            environment.work.as_ref().map(|work| step(words, work))
        }
    }
}

fn step(words: &ProgressWords, work: &Work) -> &'static str {
    match (work.task, work.phase) {
        (Task::Create | Task::Update | Task::Rebuild, Phase::Failed) => words.failed,
        (Task::Create, Phase::Begun) => words.launch,
        (Task::Create, Phase::Prepared) => words.launched,
        (Task::Update, Phase::Begun) => words.update,
        (Task::Update, Phase::Prepared) if work.launched.is_empty() => words.deploying,
        (Task::Update, Phase::Prepared) => words.replacing,
        (Task::Rebuild, Phase::Begun | Phase::Prepared) => words.rebuild,
        (Task::Abort, _) => words.abort_begun,
        (Task::Restart, _) => words.restart,
        (Task::Terminate, _) => words.terminate,
    }
}
