//! `/console`: what there is, and the way to the account's settings.

use std::collections::HashSet;

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use imds_core::audit::Tallies;
use imds_store::record::{self, Environment};

use super::failure::Failure;
use super::instances::summary;
use super::page::Page;
use super::shell::{Section, Shell};
use super::visit::Visit;
use crate::call::Call;
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
        unknown: "The metadata process does not answer." / "メタデータプロセスが応答しません。";
        launch: "Launch an instance" / "インスタンスを起動";
        account: "Account attributes" / "アカウントの属性";
        settings: "Settings" / "設定";
        protection: "Data protection and security" / "データ保護とセキュリティ";
        imds: "IMDS defaults" / "IMDS のデフォルト";
        manage: "Manage" / "管理";
    }
}

/// What is counted in a region.
#[derive(Debug)]
struct Counted {
    running: usize,
    with_v1: usize,
    environments: usize,
    ids: HashSet<String>,
}

#[derive(Template)]
#[template(path = "console/dashboard.html")]
struct Dashboard {
    shell: Shell,
    words: &'static DashboardWords,
    counted: Counted,
    /// Calls without a token: answered, and rejected.
    calls: Option<(String, String)>,
}

/// The dashboard.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let counted = visit.ask(counted).await?;
    let words = DashboardWords::of(visit.language);
    // The rest is true without it.
    let tallies = visit.door().plane.tallies().await.ok();
    let calls = tallies.map(|tallies| without_token(&tallies, &counted.ids));
    let told = |words: &str, count: u64| words.replace("{n}", &count.to_string());
    let calls = calls.map(|(good, bad)| (told(words.answered, good), told(words.rejected, bad)));
    Ok(Page(Dashboard { shell: visit.shell(Section::Dashboard), words, counted, calls }).into_response())
}

fn counted(call: &Call<'_>) -> Result<Counted, Error> {
    let all = summary::all(call)?;
    let environments = record::list::<Environment>(call.store, "")?;
    let environments = environments
        .into_iter()
        .filter(|(_, found)| found.record.region == call.region && found.record.status != "Terminated");
    Ok(Counted {
        running: all.iter().filter(|one| one.state.is_running()).count(),
        with_v1: all.iter().filter(|one| one.has_imds_v1()).count(),
        environments: environments.count(),
        ids: all.into_iter().map(|one| one.id).collect(),
    })
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
