//! *Instances*: those of the region, a hundred a page.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Response};
use imds_core::options::Switch;

use super::actions::ActionWords;
use super::option::OptionWords;
use super::summary::{self, Summary};
use crate::call::Call;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::Visit;
use crate::query::Error;

/// Instances on a page.
const A_PAGE: usize = 100;
/// *Find*, as addresses name it: those that IMDSv1 answers.
const WITH_V1: &str = "v1";

words! {
    /// Texts of the page.
    ListWords {
        launch: "Launch instance" / "インスタンスを起動";
        find: "Find by name or ID" / "名前または ID で検索";
        only: "Show" / "表示";
        all: "All instances" / "すべてのインスタンス";
        with_v1: "With IMDSv1 on" / "IMDSv1 が有効なもの";
        apply: "Find" / "検索";
        name: "Name" / "名前";
        id: "Instance ID" / "インスタンス ID";
        state: "Instance state" / "インスタンスの状態";
        kind: "Instance type" / "インスタンスタイプ";
        address: "Private IPv4 address" / "プライベート IPv4 アドレス";
        none: "There is no instance in {region} yet. Another Region is chosen at the top of the page." / "{region} にはまだインスタンスがありません。ほかのリージョンは、ページの上部で選択できます。";
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
    damaged: Option<String>,
    rows: Vec<Summary>,
    count: String,
    /// That there is none in the region.
    none: String,
    /// This page and the last one, from 1.
    page: usize,
    pages: usize,
    /// What else the addresses of the other pages have.
    query: String,
}

/// What is looked for.
struct Wanted {
    /// A part of a name in small letters, or of an id.
    needle: String,
    is_with_v1: bool,
    /// Which page, if there are so many.
    page: usize,
}

/// What was found.
struct Found {
    /// Those of the page.
    rows: Vec<Summary>,
    /// How many there are on all pages.
    count: usize,
    page: usize,
    pages: usize,
    /// Is there any instance in the region?
    is_any: bool,
    /// How many cannot be read.
    damaged: usize,
}

impl Wanted {
    fn is(&self, one: &Summary) -> bool {
        let is_found = one.name.to_lowercase().contains(&self.needle) || one.id.contains(&self.needle);
        is_found && (!self.is_with_v1 || one.has_imds_v1())
    }

    fn find(&self, call: &Call<'_>) -> Result<Found, Error> {
        let (mut rows, mut is_any) = (Vec::new(), false);
        let damaged = summary::each(call, |one| {
            is_any = true;
            if self.is(&one) {
                rows.push(one);
            }
        })?;
        summary::sort(&mut rows);
        let (count, pages) = (rows.len(), rows.len().div_ceil(A_PAGE).max(1));
        let page = self.page.clamp(1, pages);
        let rows = rows.into_iter().skip((page - 1) * A_PAGE).take(A_PAGE).collect();
        Ok(Found { rows, count, page, pages, is_any, damaged })
    }
}

/// The list.
pub(super) async fn show(visit: Visit, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Form::read(query.unwrap_or_default().as_bytes());
    let sought = query.get("find").unwrap_or_default().to_owned();
    let is_with_v1 = query.get("show") == Some(WITH_V1);
    let page = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let wanted = Wanted { needle: sought.to_lowercase(), is_with_v1, page };
    let found = visit.ask_all(move |call| wanted.find(call)).await?;
    let words = ListWords::of(visit.language);
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
        is_any: found.is_any,
        damaged: summary::damaged(found.damaged, visit.language),
        rows: found.rows,
        count: words.count.replace("{all}", &found.count.to_string()),
        none: words.none.replace("{region}", &visit.region),
        page: found.page,
        pages: found.pages,
        query: others.finish(),
    };
    Ok(Page(page).into_response())
}
