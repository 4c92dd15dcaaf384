//! `/console/environments`: *Environments*, the table.

use std::cmp::Reverse;

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use imds_core::language::Language;
use imds_store::record::Environment;

use super::path;
use super::state::{Badge, StateWords};
use crate::console::elsewhere::{self, Place};
use crate::console::failure::Failure;
use crate::console::moment::Moment;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::Visit;
use crate::elasticbeanstalk::platform::Platform;
use crate::elasticbeanstalk::{environment, option};

words! {
    /// Texts of the list.
    ListWords {
        title: "Environments" / "環境";
        create: "Create environment" / "環境の作成";
        none: "There is no environment in {region}." / "{region} に環境はありません。";
        what: "An environment launches instances for you. Whether they answer IMDSv1 is an option of its configuration." / "環境はインスタンスを起動して管理します。インスタンスが IMDSv1 に応答するかどうかは、環境の設定で決まります。";
        name: "Environment name" / "環境名";
        application: "Application" / "アプリケーション";
        health: "Health" / "ヘルス";
        status: "Status" / "ステータス";
        platform: "Platform" / "プラットフォーム";
        created: "Date created" / "作成日";
    }
}

#[derive(Template)]
#[template(path = "console/environments.html")]
struct List {
    shell: Shell,
    words: &'static ListWords,
    rows: Vec<Row>,
    /// That there is none in the region.
    none: String,
    language: Language,
    /// Where else there are some, if there is none here.
    places: Vec<Place>,
}

struct Row {
    path: String,
    name: String,
    application: String,
    health: Badge,
    status: Badge,
    platform: String,
    /// `None` of a platform that is none any more.
    imds_v1: Option<Badge>,
    created: Moment,
}

/// The list: those of this region that are there, the newest first.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let mut all = visit.ask(environment::all).await?;
    all.retain(|found| !found.record.is_terminated());
    all.sort_by_key(|found| Reverse(found.record.created));
    let states = StateWords::of(visit.language);
    let rows = all.iter().map(|found| Row::of(&found.record, states)).collect();
    let words = ListWords::of(visit.language);
    let places = if all.is_empty() { visit.ask(elsewhere::places).await? } else { Vec::new() };
    let page = List {
        shell: visit.shell(Section::Environments),
        words,
        rows,
        none: words.none.replace("{region}", &visit.region),
        language: visit.language,
        places,
    };
    Ok(Page(page).into_response())
}

impl Row {
    fn of(one: &Environment, states: &StateWords) -> Self {
        let platform = Platform::by_stack(&one.solution_stack);
        let is_disabled = platform.map(|platform| option::disables_imds_v1(&platform, &one.settings));
        Self {
            path: path(&one.name),
            name: one.name.clone(),
            application: one.application.clone(),
            health: Badge::health(states, &one.health, environment::health_status(one)),
            status: Badge::status(states, &one.status),
            platform: one.solution_stack.clone(),
            imds_v1: is_disabled.ok().map(|is_disabled| Badge::imds_v1(states, is_disabled)),
            created: Moment::of(one.created),
        }
    }
}
