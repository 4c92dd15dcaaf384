//! *Instances*: those of the region, a hundred a page.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Response};
use imds_core::options::{HttpTokens, Switch};

use super::actions::ActionWords;
use super::option::OptionWords;
use super::summary::{self, Summary};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::Visit;

/// Instances on a page.
const A_PAGE: usize = 100;
/// *Find*, as addresses name it: those that IMDSv1 answers.
const WITH_V1: &str = "v1";

words! {
    /// Texts of the page.
    ListWords {
        launch: "Launch an instance" / "インスタンスを起動";
        find: "Find by name or ID" / "名前または ID で検索";
        only: "Show" / "表示";
        all: "All instances" / "すべてのインスタンス";
        with_v1: "Those that IMDSv1 answers" / "IMDSv1 が応答するもの";
        apply: "Find" / "検索";
        name: "Name" / "名前";
        id: "Instance ID" / "インスタンス ID";
        state: "Instance state" / "インスタンスの状態";
        kind: "Instance type" / "インスタンスタイプ";
        address: "Private IPv4 address" / "プライベート IPv4 アドレス";
        none: "There is no instance in this Region yet." / "このリージョンにはまだインスタンスがありません。";
        none_such: "No instance is such a one." / "該当するインスタンスはありません。";
        pages: "Pages" / "ページ";
        previous: "Previous" / "前へ";
        next: "Next" / "次へ";
        launched: "The instances were launched." / "インスタンスを起動しました。";
        count: "{all} instances" / "インスタンス {all} 件";
    }
}

#[derive(Template)]
#[template(path = "console/instances.html")]
struct List {
    shell: Shell,
    words: &'static ListWords,
    options: &'static OptionWords,
    actions: &'static ActionWords,
    done: Option<&'static str>,
    sought: String,
    is_with_v1: bool,
    is_any: bool,
    rows: Vec<Summary>,
    count: String,
    /// This page and the last one, from 1.
    page: usize,
    pages: usize,
    /// What else the addresses of the other pages have.
    query: String,
}

/// The list.
pub(super) async fn show(visit: Visit, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Form::read(query.unwrap_or_default().as_bytes());
    let sought = query.get("find").unwrap_or_default().to_owned();
    let is_with_v1 = query.get("show") == Some(WITH_V1);
    let mut rows = visit.ask(summary::all).await?;
    let is_any = !rows.is_empty();
    let needle = sought.to_lowercase();
    rows.retain(|row| {
        let is_found = row.name.to_lowercase().contains(&needle) || row.id.contains(&needle);
        is_found && (!is_with_v1 || row.has_imds_v1())
    });
    let pages = rows.len().div_ceil(A_PAGE).max(1);
    let page = query.get("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).clamp(1, pages);
    let words = ListWords::of(visit.language);
    let count = words.count.replace("{all}", &rows.len().to_string());
    rows = rows.into_iter().skip((page - 1) * A_PAGE).take(A_PAGE).collect();
    let fields = [("find", sought.clone()), ("show", if is_with_v1 { WITH_V1 } else { "" }.to_owned())];
    let mut others = form_urlencoded::Serializer::new(String::new());
    others.extend_pairs(&fields);
    let page = List {
        shell: visit.shell(Section::Instances).keeping(fields),
        words,
        options: OptionWords::of(visit.language),
        actions: ActionWords::of(visit.language),
        done: (query.get("done") == Some("launched")).then_some(words.launched),
        sought,
        is_with_v1,
        is_any,
        rows,
        count,
        page,
        pages,
        query: others.finish(),
    };
    Ok(Page(page).into_response())
}
