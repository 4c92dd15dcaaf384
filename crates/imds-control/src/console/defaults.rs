//! `/console/defaults`: *IMDS defaults* of the account, for launches in a region.

mod edit;

use askama::Template;
use axum::Router;
use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use imds_core::defaults::Defaults;
use imds_core::language::Language;

use super::failure::Failure;
use super::form::Form;
use super::instances::option::OptionWords;
use super::page::Page;
use super::shell::{Section, Shell};
use super::visit::Visit;
use crate::door::Door;

words! {
    /// Texts of what is set.
    DefaultsWords {
        title: "IMDS defaults" / "IMDS のデフォルト";
        dashboard: "Account attributes" / "アカウントの属性";
        protection: "Data protection and security" / "データ保護とセキュリティ";
        manage: "Manage" / "管理";
        manage_title: "Manage IMDS defaults" / "IMDS のデフォルトを管理";
        enforce: "Enforce IMDSv2" / "IMDSv2 を強制";
        tags: "Access to tags in metadata" / "メタデータ内のタグへのアクセス";
        region: "Region" / "リージョン";
        what: "IMDS defaults decide what a launch leaves open. Instances that are there already stay as they are." / "IMDS のデフォルトは、起動時に指定されなかったオプションに適用されます。既存のインスタンスは変わりません。";
        order: "Each option is decided on its own: what the launch says, else what is set here, else what the AMI asks for, else what EC2 has." / "オプションはそれぞれ、起動時の指定、ここでの設定、AMI の設定、EC2 の既定値の順に決まります。";
        updated: "The IMDS defaults were updated." / "IMDS のデフォルトを更新しました。";
        unchanged: "Nothing was changed." / "変更はありません。";
    }
}

#[derive(Template)]
#[template(path = "console/defaults.html")]
struct Shown {
    shell: Shell,
    words: &'static DefaultsWords,
    /// What is called what, and what it is set to.
    facts: [(&'static str, String); 5],
    done: Option<&'static str>,
}

/// Its routes.
pub(super) fn router() -> Router<Door> {
    Router::new()
        .route("/console/defaults", get(show))
        .route("/console/defaults/edit", get(edit::show).post(edit::submit))
}

/// What is set.
async fn show(visit: Visit, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let words = DefaultsWords::of(visit.language);
    let query = Form::read(query.unwrap_or_default().as_bytes());
    let shown = Shown {
        shell: visit.shell(Section::Defaults),
        words,
        facts: facts(visit.language, &kept(&visit).await?),
        done: match query.get("done") {
            Some("updated") => Some(words.updated),
            Some("unchanged") => Some(words.unchanged),
            _ => None,
        },
    };
    Ok(Page(shown).into_response())
}

/// Those of the visit's region.
async fn kept(visit: &Visit) -> Result<Defaults, Failure> {
    visit.ask(|call| Ok(call.defaults()?.map(|found| found.record).unwrap_or_default())).await
}

fn facts(language: Language, defaults: &Defaults) -> [(&'static str, String); 5] {
    let (words, options) = (DefaultsWords::of(language), OptionWords::of(language));
    let choice = &defaults.choice;
    let told = |value: Option<&'static str>| value.unwrap_or(options.no_preference).to_owned();
    let hops = choice.http_put_response_hop_limit.map(|limit| limit.hops().to_string());
    [
        (options.service, told(choice.http_endpoint.map(|switch| options.switch(switch)))),
        (options.version, told(choice.http_tokens.map(|tokens| options.version(tokens)))),
        (
            words.enforce,
            defaults.http_tokens_enforced.map_or(options.disabled, |it| options.switch(it)).to_owned(),
        ),
        (words.tags, told(choice.instance_metadata_tags.map(|switch| options.switch(switch)))),
        (options.hop_limit, hops.unwrap_or_else(|| options.no_preference.to_owned())),
    ]
}

#[cfg(test)]
mod tests;
