//! `/console/environments/NAME`: one environment, what is being done to it, its instances and its events.

use askama::Template;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use imds_store::record::Environment;

use super::commands::{self, CommandWords, Group};
use super::events::{self, Event};
use super::progress::{self, ProgressWords};
use super::state::{Badge, StateWords};
use super::{found, path, shell};
use crate::call::Call;
use crate::console::failure::Failure;
use crate::console::instances::summary::Summary;
use crate::console::moment::Moment;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::Visit;
use crate::elasticbeanstalk::health::{self, InstanceHealth};
use crate::elasticbeanstalk::platform::Platform;
use crate::elasticbeanstalk::{environment, option};
use crate::query::Error;

words! {
    /// Texts of an environment's page.
    OverviewWords {
        environments: "Environments" / "環境";
        configuration: "Configuration" / "設定";
        overview: "Environment overview" / "環境の概要";
        id: "Environment ID" / "環境 ID";
        application: "Application name" / "アプリケーション名";
        status: "Status" / "ステータス";
        health: "Health" / "ヘルス";
        platform: "Platform" / "プラットフォーム";
        domain: "Domain" / "ドメイン";
        created: "Date created" / "作成日";
        updated: "Last modified" / "最終更新日";
        instances: "Instances" / "インスタンス";
        instance: "Instance ID" / "インスタンス ID";
        kind: "Type" / "タイプ";
        address: "Private address" / "プライベートアドレス";
        role: "Role" / "役割";
        present: "In use" / "使用中";
        next: "New: takes over" / "新規: 置き換わる";
        no_instances: "It has no instance now." / "現在インスタンスはありません。";
        actions: "Actions" / "アクション";
        rebuild: "Rebuild environment" / "環境の再構築";
        rebuild_what: "All instances and the launch template are deleted, and come anew." / "すべてのインスタンスと起動テンプレートを削除し、作り直します。";
        terminate: "Terminate environment" / "環境の終了";
        terminate_what: "The environment and its instances are terminated, for good." / "環境とそのインスタンスを終了します。元に戻すことはできません。";
        confirm_rebuild: "Rebuild" / "再構築";
        confirm_terminate: "Terminate" / "終了";
        not_known: "The platform of this environment is not known any longer: the environment can be terminated, but not configured." / "この環境のプラットフォームは現在サポートされていません。環境を終了することはできますが、設定することはできません。";
        creating: "The creation of the environment was started." / "環境の作成を開始しました。";
        updating: "The update of the environment was started." / "環境の更新を開始しました。";
        aborting: "The current operation was told to stop." / "現在のオペレーションの中止を開始しました。";
        rebuilding: "The rebuilding of the environment was started." / "環境の再構築を開始しました。";
        terminating: "The termination of the environment was started." / "環境の終了を開始しました。";
    }
}

impl OverviewWords {
    /// What was done, by the word of the address; nothing for one that is none of ours.
    fn done(&self, word: &str) -> Option<&'static str> {
        let told = match word {
            "creating" => self.creating,
            "updating" => self.updating,
            "aborting" => self.aborting,
            "rebuilding" => self.rebuilding,
            "terminating" => self.terminating,
            _ => return None,
        };
        Some(told)
    }
}

#[derive(Template)]
#[template(path = "console/environment.html")]
struct Overview {
    shell: Shell,
    words: &'static OverviewWords,
    about: &'static ProgressWords,
    typed: &'static CommandWords,
    done: Option<&'static str>,
    refused: Option<Error>,
    path: String,
    name: String,
    facts: Facts,
    instances: Vec<Instance>,
    /// What is being done; the page is taken anew while there is something.
    doing: Option<&'static str>,
    /// What that makes of IMDSv1, if it changes it.
    becomes: Option<&'static str>,
    is_abortable: bool,
    is_gone: bool,
    /// Is its platform one still?
    is_known: bool,
    events: Vec<Event>,
    groups: Vec<Group>,
}

/// What is always so, or now.
struct Facts {
    id: String,
    application: String,
    status: Badge,
    health: Badge,
    /// `None` of a platform that is none any more.
    imds_v1: Option<Badge>,
    platform: String,
    domain: Option<String>,
    created: Moment,
    updated: Moment,
}

/// A line of the instances.
struct Instance {
    id: String,
    health: Badge,
    imds_v1: Badge,
    kind: String,
    address: String,
    role: &'static str,
}

/// All that the page is made of.
struct Seen {
    environment: Environment,
    platform: Option<Platform>,
    instances: Vec<InstanceHealth>,
    events: Vec<Event>,
}

/// The page.
pub(super) async fn show(visit: Visit, Path(name): Path<String>, uri: Uri) -> Result<Response, Failure> {
    let done = super::done(&uri);
    let mut page = page(&visit, name).await?;
    page.done = done.and_then(|word| page.words.done(&word));
    Ok(Page(page).into_response())
}

/// The page, after an action that it has the button of was refused.
pub(super) async fn refused(visit: &Visit, name: &str, error: Error) -> Result<Response, Failure> {
    let status: StatusCode = error.status;
    let page = Overview { refused: Some(error), ..page(visit, name.to_owned()).await? };
    Ok((status, Page(page)).into_response())
}

async fn page(visit: &Visit, name: String) -> Result<Overview, Failure> {
    let sought = name.clone();
    let seen = match visit.ask(move |call| Seen::of(call, &name)).await {
        Ok(seen) => seen,
        Err(failure) => return Err(found::where_else(visit, &sought, failure).await),
    };
    let Seen { environment, platform, .. } = &seen;
    let states = StateWords::of(visit.language);
    let (words, about) = (OverviewWords::of(visit.language), ProgressWords::of(visit.language));
    let typed = CommandWords::of(visit.language);
    let platform = platform.as_ref();
    let becomes = found::next_imds_v1(environment, platform);
    let is_signed = visit.door.authority.is_required();
    let launched = environment.work.as_ref().map_or(&[][..], |work| &work.launched);
    let instance = |one: &InstanceHealth| Instance::of(one, launched, words, states);
    Ok(Overview {
        shell: shell(visit),
        done: None,
        refused: None,
        path: path(&environment.name),
        name: environment.name.clone(),
        facts: Facts::of(environment, platform, states),
        instances: seen.instances.iter().map(instance).collect(),
        doing: progress::doing(about, environment),
        becomes: becomes.map(|is_disabled| if is_disabled { about.to_disabled } else { about.to_enabled }),
        is_abortable: environment::is_abortable(environment),
        is_gone: environment.is_terminated(),
        is_known: platform.is_some(),
        groups: commands::of(typed, environment, &visit.host, is_signed),
        events: seen.events,
        words,
        about,
        typed,
    })
}

impl Seen {
    fn of(call: &Call<'_>, name: &str) -> Result<Self, Error> {
        let (environment, platform) = found::named(call, name)?;
        Ok(Self {
            instances: health::instances(call, &environment)?,
            events: events::last(call, &environment)?,
            environment,
            platform,
        })
    }
}

impl Facts {
    fn of(one: &Environment, platform: Option<&Platform>, states: &StateWords) -> Self {
        let is_disabled = platform.map(|platform| option::disables_imds_v1(platform, &one.settings));
        let has_domain = !one.cname_prefix.is_empty();
        Self {
            id: one.id.clone(),
            application: one.application.clone(),
            status: Badge::status(states, &one.status),
            health: Badge::health(states, &one.health, environment::health_status(one)),
            imds_v1: is_disabled.map(|is_disabled| Badge::imds_v1(states, is_disabled)),
            platform: one.solution_stack.clone(),
            // A worker serves nobody.
            domain: has_domain.then(|| environment::cname(&one.region, &one.cname_prefix)),
            created: Moment::of(one.created),
            updated: Moment::of(one.updated),
        }
    }
}

impl Instance {
    fn of(one: &InstanceHealth, launched: &[String], words: &OverviewWords, states: &StateWords) -> Self {
        let instance = &one.machine.instance;
        let id = instance.id.to_string();
        Self {
            health: Badge::health(states, one.color, one.status),
            imds_v1: Badge::imds_v1(states, !Summary::of(&one.machine).has_imds_v1()),
            kind: instance.instance_type.clone(),
            address: instance.local_ipv4().map_or_else(String::new, |address| address.to_string()),
            role: if launched.contains(&id) { words.next } else { words.present },
            id,
        }
    }
}
