//! *Calls*: the last calls of the instance, with each that was refused explained.

use askama::Template;
use imds_core::audit::{Recorded, Version, Whose};
use imds_core::finding::{self, Finding};

use super::explained::{Explained, FindingWords};
use super::metadata::reason;
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
        micros: "Microseconds" / "マイクロ秒";
        why: "Why calls were refused" / "呼び出しが拒否された理由";
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
    version: &'static str,
    version_class: &'static str,
    source: String,
    user_agent: String,
    micros: u64,
    /// Why it was refused: the finding's name, and what it is.
    refused: Option<(&'static str, String)>,
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
    /// Each refusal that there was, once.
    explained: Vec<Explained>,
}

pub(super) async fn show(subject: Subject) -> Result<Page<Calls>, Failure> {
    let of = Whose::Instance(subject.id().clone());
    let calls = subject.visit.door().plane.calls(of).await.map_err(Error::from)?;
    let calls: Vec<_> = calls.into_iter().rev().take(SHOWN).collect();
    let mut explained: Vec<Explained> = Vec::new();
    for finding in calls.iter().filter_map(refusal) {
        if !explained.iter().any(|known| known.id == finding.id) {
            explained.push(Explained::of(finding, &subject));
        }
    }
    let language = subject.visit.language;
    Ok(Page(Calls {
        shell: subject.visit.shell(Section::Instances),
        head: subject.head(Tab::Calls),
        words: CallWords::of(language),
        finding_words: FindingWords::of(language),
        v1: calls.iter().filter(|call| is_v1(call)).count(),
        refused: calls.iter().filter(|call| refusal(call).is_some()).count(),
        rows: calls.into_iter().map(|call| row(call, &explained)).collect(),
        explained,
    }))
}

/// Is it IMDSv1's? Who asks for a token is not, whatever is wrong with how he does.
fn is_v1(call: &Recorded) -> bool {
    call.version == Version::V1 && call.method != "PUT"
}

/// Why a call was refused, if it was.
fn refusal(call: &Recorded) -> Option<&'static Finding> {
    // What asks for a token brings none.
    let has_token = call.version == Version::V2 && call.method != "PUT";
    (call.status >= 400).then(|| finding::refusal(&call.method, call.status, has_token))
}

fn row(call: Recorded, explained: &[Explained]) -> Row {
    let finding = refusal(&call);
    let why = finding.and_then(|finding| explained.iter().find(|known| known.id == finding.id));
    Row {
        at: Moment::of(call.at),
        status: call.status,
        reason: reason(call.status),
        status_class: if finding.is_some() { "bad" } else { "good" },
        version: if is_v1(&call) { "IMDSv1" } else { "IMDSv2" },
        version_class: if is_v1(&call) { "warn" } else { "note" },
        source: call.source.to_string(),
        method: call.method,
        path: call.path,
        user_agent: call.user_agent,
        micros: call.micros,
        refused: why.map(|why| (why.id, why.what.clone())),
    }
}
