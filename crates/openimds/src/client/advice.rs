//! Why a request was refused, in a sentence, and what to do about it.

use imds_core::finding::{self, Known, V1_REFUSED};

/// The reason and the cure for a status that came back for a request. `has_token` says whether one was sent.
#[must_use]
pub fn advice(method: &str, status: u16, has_token: bool) -> String {
    let finding = finding::refusal(method, status, has_token);
    let setting = finding.cure.setting.and_then(|setting| Some((setting.what.en, setting.ec2.command?)));
    let setting = setting.map(|(what, command)| (what, Known::default().fill(command)));
    if *finding == V1_REFUSED {
        let (what, command) = setting.unwrap_or_default();
        return format!("{}: leave out --v1, or, {what}: `{command}`", finding.what.en);
    }
    let command = setting.map(|(_, command)| format!(" (`{command}`)")).unwrap_or_default();
    format!("{}: {}; {}{command}", finding.what.en, finding.why.en, finding.cure.what.en)
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn each_refusal_has_its_own_cure() {
        for (method, status, has_token, cure) in [
            ("GET", 401, false, "leave out --v1"),
            ("GET", 401, false, "--http-tokens optional"),
            ("GET", 401, true, "get a new one"),
            ("GET", 403, true, "--http-endpoint enabled"),
            ("GET", 404, true, "list the directory above"),
            ("PUT", 400, false, "1 to 21600"),
            ("PUT", 403, false, "X-Forwarded-For"),
            ("PUT", 403, false, "--http-endpoint enabled"),
            ("GET", 500, false, "with -v"),
        ] {
            let advice = advice(method, status, has_token);
            assert!(
                advice.contains(cure) && !advice.contains('\n'),
                "{method} {status} {has_token}: {advice}"
            );
        }
    }
}
