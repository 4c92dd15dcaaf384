//! *Calls*: the last calls of the instance, with each that was refused explained.

use askama::Template;
use imds_core::access::TOKEN_PATH;
use imds_core::audit::{Recorded, Version, Whose};
use imds_core::fault::Kind;
use imds_core::finding::{self, Finding};
use imds_core::options::Switch;

use super::explained::{Explained, FindingWords};
use super::metadata::{reason, status_class};
use super::{Head, Moment, Subject, Tab};
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::query::Error;

/// How many calls are shown.
const SHOWN: usize = 100;

words! {
    /// Texts of the calls.
    CallWords {
        last: "The last calls" / "最近の呼び出し";
        none: "The instance has not called yet. How it does:" / "このインスタンスからの呼び出しはまだありません。呼び出し方法:";
        shown: "Calls" / "呼び出し";
        v1: "of which IMDSv1" / "うち IMDSv1";
        refused: "of which refused" / "うち拒否";
        at: "Time" / "時刻";
        request: "Request" / "リクエスト";
        status: "Status" / "ステータス";
        version: "Version" / "バージョン";
        source: "Source" / "送信元";
        user_agent: "User agent" / "ユーザーエージェント";
        micros: "Time (µs)" / "処理時間 (µs)";
        fault: "A fault on request" / "要求による障害";
        why: "Why calls got nothing" / "呼び出しが失敗した理由";
    }
}

/// A call, as it is shown.
struct Row {
    at: Moment,
    method: String,
    path: String,
    status: u16,
    reason: &'static str,
    status_class: &'static str,
    /// The fault on request that it met.
    fault: Option<&'static str>,
    version: &'static str,
    version_class: &'static str,
    source: String,
    user_agent: String,
    micros: u64,
    /// Why it got nothing: the finding's name, and what it is.
    explained: Option<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "console/instance_calls.html")]
pub(super) struct Calls {
    shell: Shell,
    head: Head,
    words: &'static CallWords,
    finding_words: &'static FindingWords,
    /// How many are IMDSv1.
    v1: usize,
    /// How many were refused.
    refused: usize,
    /// Newest first.
    rows: Vec<Row>,
    /// Each reason that there was, once.
    explained: Vec<Explained>,
}

pub(super) async fn show(subject: Subject) -> Result<Page<Calls>, Failure> {
    let of = Whose::Instance(subject.id().clone());
    let calls = subject.visit.door.plane.calls(of).await.map_err(Error::from)?;
    let calls: Vec<_> = calls.into_iter().rev().take(SHOWN).collect();
    let mut explained: Vec<Explained> = Vec::new();
    let endpoint = subject.machine.instance.options.http_endpoint;
    for finding in calls.iter().filter_map(|call| explanation(call, endpoint)) {
        if !explained.iter().any(|known| known.id == finding.id) {
            explained.push(Explained::of(finding, &subject));
        }
    }
    let language = subject.visit.language;
    Ok(Page(Calls {
        shell: subject.shell(),
        head: subject.head(Tab::Calls),
        words: CallWords::of(language),
        finding_words: FindingWords::of(language),
        v1: calls.iter().filter(|call| is_v1(call)).count(),
        refused: calls.iter().filter(|call| is_refused(call)).count(),
        rows: calls.into_iter().map(|call| row(call, endpoint, &explained)).collect(),
        explained,
    }))
}

/// Is it IMDSv1's? Who asks for a token is not, whatever is wrong with how he does.
fn is_v1(call: &Recorded) -> bool {
    call.version == Version::V1 && call.method != "PUT"
}

/// Is it refused? What is not there is absent: nobody refuses it.
fn is_refused(call: &Recorded) -> bool {
    matches!(call.status, 400 | 401 | 403 | 405 | 417 | 429 | 503)
}

/// What there is to say of a call that got nothing.
fn explanation(call: &Recorded, endpoint: Switch) -> Option<&'static Finding> {
    // It was made to get this: nothing is wrong with it.
    if call.fault.is_some() {
        return None;
    }
    // What asks for a token brings none.
    let has_token = call.version == Version::V2 && call.method != "PUT";
    match (call.method.as_str(), call.status) {
        (_, ..400) => None,
        ("PUT", 403) => Some(forbidden_put(&call.path, endpoint)),
        (method, status) => Some(finding::refusal(method, status, has_token)),
    }
}

/// Why a PUT got 403. It got that at every path while the endpoint was disabled; else the path tells, and where that is
/// right, it was `X-Forwarded-For`, which nobody remembers.
fn forbidden_put(path: &str, endpoint: Switch) -> &'static Finding {
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match (endpoint, &segments[..]) {
        (Switch::Disabled, _) => &finding::ENDPOINT_DISABLED,
        (Switch::Enabled, _) if path.as_bytes() == TOKEN_PATH => &finding::PUT_FORBIDDEN,
        (Switch::Enabled, ["latest", "api", "token"]) => &finding::TOKEN_PATH_SLASH,
        (Switch::Enabled, [_, "api", "token"]) => &finding::DATED_TOKEN_PATH,
        (Switch::Enabled, _) => &finding::WRONG_TOKEN_PATH,
    }
}

fn row(call: Recorded, endpoint: Switch, explained: &[Explained]) -> Row {
    let finding = explanation(&call, endpoint);
    let why = finding.and_then(|finding| explained.iter().find(|known| known.id == finding.id));
    Row {
        at: Moment::of(call.at),
        status: call.status,
        reason: reason(call.status),
        status_class: status_class(call.status),
        fault: call.fault.map(Kind::as_str),
        version: if is_v1(&call) { "IMDSv1" } else { "IMDSv2" },
        version_class: if is_v1(&call) { "warn" } else { "note" },
        source: call.source.to_string(),
        method: call.method,
        path: call.path,
        user_agent: call.user_agent,
        micros: call.micros,
        explained: why.map(|why| (why.id, why.what.clone())),
    }
}
