//! *Actions* of an instance, as every page of it offers them, and what is said when one was done. A page that includes
//! `console/instance_actions.html` has `shell`, `id`, `state` (`running`, as the API names it) and `actions`.

use imds_core::lifecycle::State;

words! {
    /// Texts of an instance's actions and states.
    ActionWords {
        actions: "Actions" / "アクション";
        settings: "Instance settings" / "インスタンスの設定";
        options: "Modify instance metadata options" / "インスタンスメタデータのオプションを変更";
        tags: "Allow tags in instance metadata" / "インスタンスメタデータのタグを許可";
        state: "Instance state" / "インスタンスの状態";
        start: "Start instance" / "インスタンスを開始";
        stop: "Stop instance" / "インスタンスを停止";
        reboot: "Reboot instance" / "インスタンスを再起動";
        terminate: "Terminate (delete) instance" / "インスタンスを終了 (削除)";
        sure: "It cannot be brought back." / "元に戻すことはできません。";
        confirm: "Terminate (delete)" / "終了 (削除)";
        gone: "Nothing of a terminated instance can be changed." / "終了したインスタンスは変更できません。";
        pending: "Pending" / "保留中";
        running: "Running" / "実行中";
        shutting_down: "Shutting-down" / "シャットダウン中";
        terminated: "Terminated" / "終了済み";
        stopping: "Stopping" / "停止中";
        stopped: "Stopped" / "停止済み";
        was_launched: "The instance was launched." / "インスタンスを起動しました。";
        was_changed: "The instance metadata options were modified." / "インスタンスメタデータのオプションを変更しました。";
        tags_changed: "Whether tags are in the instance metadata was saved." / "インスタンスメタデータのタグの設定を保存しました。";
        was_unchanged: "Nothing was changed." / "変更はありません。";
        was_started: "The instance was started." / "インスタンスを開始しました。";
        was_stopped: "The instance was stopped." / "インスタンスを停止しました。";
        was_rebooted: "The instance was rebooted." / "インスタンスを再起動しました。";
        was_terminated: "The instance was terminated." / "インスタンスを終了しました。";
    }
}

/// The colour of a state's badge.
pub(in crate::console) fn class(state: State) -> &'static str {
    match state {
        State::Running | State::Pending => "good",
        State::Stopping | State::Stopped => "warn",
        State::ShuttingDown | State::Terminated => "bad",
    }
}

impl ActionWords {
    /// A state in the words of the console.
    pub(in crate::console) fn told(&self, state: State) -> &'static str {
        match state {
            State::Pending => self.pending,
            State::Running => self.running,
            State::ShuttingDown => self.shutting_down,
            State::Terminated => self.terminated,
            State::Stopping => self.stopping,
            State::Stopped => self.stopped,
        }
    }

    /// What was done, by the word that `?done=` has; `None` for one that nothing was done with.
    pub(in crate::console) fn done(&self, word: &str) -> Option<&'static str> {
        let told = match word {
            "launched" => self.was_launched,
            "options" => self.was_changed,
            "tags" => self.tags_changed,
            "unchanged" => self.was_unchanged,
            "start" => self.was_started,
            "stop" => self.was_stopped,
            "reboot" => self.was_rebooted,
            "terminate" => self.was_terminated,
            _ => return None,
        };
        Some(told)
    }
}
