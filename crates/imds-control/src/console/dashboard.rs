//! `/console`: what there is, and the way to the account's settings.

use std::collections::HashSet;

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use imds_core::audit::Tallies;

use super::failure::Failure;
use super::instances::summary;
use super::page::Page;
use super::shell::{Section, Shell};
use super::visit::Visit;
use crate::call::Call;
use crate::elasticbeanstalk::environment;
use crate::query::Error;

words! {
    /// Texts of the page.
    DashboardWords {
        what: "This console and the APIs behind it are OpenIMDS, not AWS: no machine is started and nothing is billed. The screens have AWS's own words, so that what is learnt here is found there." / "このコンソールと背後の API は AWS ではなく OpenIMDS です。マシンは起動されず、料金も発生しません。画面の用語は AWS のコンソールに合わせています。";
        resources: "Resources" / "リソース";
        running: "Instances (running)" / "インスタンス (実行中)";
        with_v1: "Instances with IMDSv1 on" / "IMDSv1 が有効なインスタンス";
        without_token: "Calls without a token since the service was started" / "サービス開始以降のトークンなしの呼び出し";
        answered: "{n} answered" / "応答 {n} 件";
        rejected: "{n} rejected with 401" / "401 で拒否 {n} 件";
        unknown: "The metadata process does not answer; restart the service." / "メタデータのプロセスが応答しません。サービスを再起動してください。";
        launch: "Launch instance" / "インスタンスを起動";
        account: "Account attributes" / "アカウントの属性";
        settings: "Settings" / "設定";
        protection: "Data protection and security" / "データ保護とセキュリティ";
        imds: "IMDS defaults" / "IMDS のデフォルト";
        manage: "Manage" / "管理";
    }
}

/// What is counted in a region.
#[derive(Debug, Default)]
struct Counted {
    running: usize,
    with_v1: usize,
    environments: usize,
    ids: HashSet<String>,
    /// Instances that cannot be read.
    damaged: usize,
}

#[derive(Template)]
#[template(path = "console/dashboard.html")]
struct Dashboard {
    shell: Shell,
    words: &'static DashboardWords,
    counted: Counted,
    damaged: Option<String>,
    /// Calls without a token: answered, and rejected.
    calls: Option<(String, String)>,
}

/// The dashboard.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let counted = visit.ask_all(counted).await?;
    let words = DashboardWords::of(visit.language);
    // The rest is true without it.
    let tallies = visit.door.plane.tallies().await.ok();
    let calls = tallies.map(|tallies| without_token(&tallies, &counted.ids));
    let told = |words: &str, count: u64| words.replace("{n}", &count.to_string());
    let calls = calls.map(|(good, bad)| (told(words.answered, good), told(words.rejected, bad)));
    let damaged = summary::damaged(counted.damaged, visit.language);
    let shell = visit.shell(Section::Dashboard);
    Ok(Page(Dashboard { shell, words, counted, damaged, calls }).into_response())
}

fn counted(call: &Call<'_>) -> Result<Counted, Error> {
    let mut counted = Counted::default();
    let damaged = summary::each(call, |one| {
        counted.running += usize::from(one.state.is_running());
        counted.with_v1 += usize::from(one.has_imds_v1());
        counted.ids.insert(one.id);
    })?;
    let environments = environment::all(call)?.into_iter();
    let environments = environments.filter(|found| found.record.status != "Terminated");
    Ok(Counted { environments: environments.count(), damaged, ..counted })
}

/// Calls without a token, answered and rejected (CloudWatch's `MetadataNoToken` and `MetadataNoTokenRejected`).
fn without_token(tallies: &Tallies, ids: &HashSet<String>) -> (u64, u64) {
    let here = tallies.instances.iter().filter(|(id, ..)| ids.contains(id.as_str()));
    here.fold((0, 0), |(good, bad), (.., counts)| {
        (good + counts.metadata_no_token, bad + counts.metadata_no_token_rejected)
    })
}

#[cfg(test)]
mod tests;
