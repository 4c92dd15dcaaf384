//! How an environment is, in the words of the pages: status, health, severities, IMDSv1.

use imds_core::environment::{Health, Severity, Status};

words! {
    /// Texts of states. Those of Elastic Beanstalk's own words in Japanese are [assumed].
    StateWords {
        launching: "Launching" / "起動中";
        updating: "Updating" / "更新中";
        aborting: "Aborting" / "中止中";
        ready: "Ready" / "準備完了";
        terminating: "Terminating" / "終了中";
        terminated: "Terminated" / "終了済み";
        green: "Green" / "緑";
        yellow: "Yellow" / "黄";
        red: "Red" / "赤";
        grey: "Grey" / "灰";
        fine: "Ok" / "OK";
        warning: "Warning" / "警告";
        severe: "Severe" / "重大";
        pending: "Pending" / "保留中";
        info: "Info" / "情報";
        no_data: "No data" / "データなし";
        disabled: "Disabled" / "無効";
        enabled: "Enabled" / "有効";
    }
}

/// A word with a colour. The colour never says more than the word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Badge {
    /// `good`, `warn`, `bad` or `note`, as the style sheet names them.
    pub(super) class: &'static str,
    /// The word.
    pub(super) text: String,
}

impl Badge {
    fn new(class: &'static str, text: impl Into<String>) -> Self {
        Self { class, text: text.into() }
    }

    /// An environment's status. A word that is none of AWS's is shown as it is kept.
    pub(super) fn status(words: &StateWords, status: &str) -> Self {
        match status.parse() {
            Ok(Status::Launching) => Self::new("note", words.launching),
            Ok(Status::Updating) => Self::new("note", words.updating),
            Ok(Status::Aborting) => Self::new("warn", words.aborting),
            Ok(Status::Ready) => Self::new("good", words.ready),
            Ok(Status::Terminating) => Self::new("warn", words.terminating),
            Ok(Status::Terminated) => Self::new("quiet", words.terminated),
            Err(_) => Self::new("quiet", status),
        }
    }

    /// A colour, with the word that says what it means (`HealthStatus`).
    pub(super) fn health(words: &StateWords, color: &str, means: &str) -> Self {
        let (class, name) = match color.parse() {
            Ok(Health::Green) => ("good", words.green),
            Ok(Health::Yellow) => ("warn", words.yellow),
            Ok(Health::Red) => ("bad", words.red),
            Ok(Health::Grey) => ("quiet", words.grey),
            Err(_) => ("quiet", color),
        };
        let means = match means {
            "Ok" => words.fine,
            "Warning" => words.warning,
            "Severe" => words.severe,
            "Pending" => words.pending,
            "Info" => words.info,
            "NoData" => words.no_data,
            other => other,
        };
        Self::new(class, format!("{name} ({means})"))
    }

    /// The severity of an event, as the API names it.
    pub(super) fn severity(severity: &str) -> Self {
        let class = match severity.parse() {
            Ok(Severity::Error | Severity::Fatal) => "bad",
            Ok(Severity::Warn) => "warn",
            Ok(Severity::Info) => "note",
            Ok(Severity::Debug | Severity::Trace) | Err(_) => "quiet",
        };
        Self::new(class, severity)
    }

    /// Is IMDSv1 disabled?
    pub(super) fn imds_v1(words: &StateWords, is_disabled: bool) -> Self {
        if is_disabled { Self::new("good", words.disabled) } else { Self::new("warn", words.enabled) }
    }
}

#[cfg(test)]
mod tests {
    use imds_core::language::Language;

    use super::*;

    #[test]
    fn every_word_has_a_colour_and_what_is_no_word_is_shown_as_it_is() {
        let words = StateWords::of(Language::En);
        for (status, class, text) in [
            ("Launching", "note", "Launching"),
            ("Updating", "note", "Updating"),
            ("Aborting", "warn", "Aborting"),
            ("Ready", "good", "Ready"),
            ("Terminating", "warn", "Terminating"),
            ("Terminated", "quiet", "Terminated"),
            ("<b>", "quiet", "<b>"),
        ] {
            assert_eq!(Badge::status(words, status), Badge::new(class, text));
        }
        for (color, means, class, text) in [
            ("Green", "Ok", "good", "Green (Ok)"),
            ("Yellow", "Warning", "warn", "Yellow (Warning)"),
            ("Red", "Severe", "bad", "Red (Severe)"),
            ("Grey", "Pending", "quiet", "Grey (Pending)"),
            ("Grey", "NoData", "quiet", "Grey (No data)"),
            ("x", "y", "quiet", "x (y)"),
        ] {
            assert_eq!(Badge::health(words, color, means), Badge::new(class, text));
        }
        for (severity, class) in [
            ("FATAL", "bad"),
            ("ERROR", "bad"),
            ("WARN", "warn"),
            ("INFO", "note"),
            ("TRACE", "quiet"),
            ("x", "quiet"),
        ] {
            assert_eq!(Badge::severity(severity), Badge::new(class, severity));
        }
    }
}
