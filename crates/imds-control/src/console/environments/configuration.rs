//! `/console/environments/NAME/configuration`: *Configuration*: what is chosen, by category, and every option there is.

use std::borrow::Cow;

use askama::Template;
use axum::extract::Path;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use imds_core::language::{Language, Text};
use imds_store::record::environment::Settings;

use super::progress::ProgressWords;
use super::state::{Badge, StateWords};
use super::{LAUNCH, found, path, shell};
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::Visit;
use crate::elasticbeanstalk::option::{self, Listed};
use crate::elasticbeanstalk::platform::Platform;
use crate::environments::instance_type_of;

words! {
    /// Texts of the configuration.
    ConfigurationWords {
        environments: "Environments" / "環境";
        title: "Configuration" / "設定";
        instances: "Instances" / "インスタンス";
        edit: "Edit" / "編集";
        imds: "Instance metadata service (IMDS)" / "インスタンスメタデータサービス (IMDS)";
        instance_type: "Instance type" / "インスタンスタイプ";
        root_volume: "Root volume type and size" / "ルートボリュームのタイプとサイズ";
        usual: "Platform's default" / "プラットフォームのデフォルト";
        under_way: "The environment is being changed. What is shown is what is deployed." / "環境を変更しています。表示されているのはデプロイ済みの設定です。";
        unchanged: "Nothing was changed: the configuration was like this already." / "変更はありません。設定はすでにこの内容です。";
        all: "All options" / "すべてのオプション";
        option: "Option" / "オプション";
        value: "Value" / "値";
        from: "Source" / "設定元";
        chosen: "Set" / "設定済み";
        default: "Default" / "デフォルト";
        nothing: "Not set" / "設定なし";
        hidden: "Not shown" / "表示されません";
    }
}

/// Namespace and name of an option.
type Named = (&'static str, &'static str);

const ASG: &str = "aws:autoscaling:asg";
const ENVIRONMENT: &str = "aws:elasticbeanstalk:environment";
/// What there is only behind a load balancer.
const BALANCER: &[Named] = &[(ENVIRONMENT, "LoadBalancerType")];
/// The root volume, as the summary of instances has it.
const ROOT_VOLUME: [&str; 2] = ["RootVolumeType", "RootVolumeSize"];

/// The categories beside *Instances*, and the options that stand for each.
const CATEGORIES: [(Text, &[Named]); 7] = [
    (
        Text { en: "Capacity", ja: "容量" },
        &[(ENVIRONMENT, "EnvironmentType"), (ASG, "MinSize"), (ASG, "MaxSize")],
    ),
    (Text { en: "Load balancer", ja: "ロードバランサー" }, BALANCER),
    (
        Text { en: "Rolling updates and deployments", ja: "ローリング更新とデプロイ" },
        &[
            ("aws:elasticbeanstalk:command", "DeploymentPolicy"),
            ("aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateEnabled"),
        ],
    ),
    (
        Text { en: "Security", ja: "セキュリティ" },
        &[(ENVIRONMENT, "ServiceRole"), (LAUNCH, "EC2KeyName"), (LAUNCH, "IamInstanceProfile")],
    ),
    (
        Text { en: "Monitoring", ja: "モニタリング" },
        &[("aws:elasticbeanstalk:healthreporting:system", "SystemType"), (LAUNCH, "MonitoringInterval")],
    ),
    (
        Text { en: "Managed updates", ja: "マネージド更新" },
        &[("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled")],
    ),
    (Text { en: "Network", ja: "ネットワーク" }, &[("aws:ec2:vpc", "VPCId"), ("aws:ec2:vpc", "Subnets")]),
];

#[derive(Template)]
#[template(path = "console/environment_configuration.html")]
struct Configuration {
    shell: Shell,
    words: &'static ConfigurationWords,
    name: String,
    path: String,
    imds_v1: Badge,
    instance_type: String,
    root_volume: Option<String>,
    is_changing: bool,
    /// What an update that is under way makes of IMDSv1, if it changes it.
    becomes: Option<&'static str>,
    is_unchanged: bool,
    is_gone: bool,
    categories: Vec<Category>,
    namespaces: Vec<Namespace>,
}

/// What is chosen of a category: names and values of its options.
struct Category {
    title: &'static str,
    options: Vec<(&'static str, Option<String>)>,
}

/// Every option of a namespace.
struct Namespace {
    name: String,
    rows: Vec<Row>,
}

struct Row {
    option: String,
    value: Option<String>,
    is_chosen: bool,
    is_hidden: bool,
}

/// The page.
pub(super) async fn show(visit: Visit, Path(name): Path<String>, uri: Uri) -> Result<Response, Failure> {
    let (environment, platform) = found::look_up(&visit, &name).await?;
    let settings = &environment.settings;
    let about = ProgressWords::of(visit.language);
    let becomes = found::next_imds_v1(&environment, Some(&platform));
    let is_disabled = option::disables_imds_v1(&platform, settings);
    let listed = option::listed(&platform, settings, &environment.tier);
    let volume = ROOT_VOLUME.iter().filter_map(|name| settings.get(LAUNCH, name));
    let volume: Vec<_> = volume.filter(|value| !value.is_empty()).collect();
    Ok(Page(Configuration {
        shell: shell(&visit),
        words: ConfigurationWords::of(visit.language),
        path: path(&environment.name),
        imds_v1: Badge::imds_v1(StateWords::of(visit.language), is_disabled),
        instance_type: instance_type_of(&platform, settings),
        root_volume: (!volume.is_empty()).then(|| volume.join(" · ")),
        is_changing: environment.work.is_some(),
        becomes: becomes.map(|is_disabled| if is_disabled { about.to_disabled } else { about.to_enabled }),
        is_unchanged: super::done(&uri).as_deref() == Some("unchanged"),
        is_gone: environment.is_terminated(),
        categories: categories(visit.language, &platform, settings),
        namespaces: namespaces(&listed, settings),
        name: environment.name.clone(),
    })
    .into_response())
}

fn categories(language: Language, platform: &Platform, settings: &Settings) -> Vec<Category> {
    let value = |(namespace, name): &Named| {
        let value = option::value(platform, settings, namespace, name);
        (*name, value.filter(|value| !value.is_empty()).map(Cow::into_owned))
    };
    let category = |(title, options): &(Text, &[Named])| Category {
        title: title.of(language),
        options: options.iter().map(value).collect(),
    };
    // Of one instance alone there is no balancing.
    let is_there = |(_, options): &&(Text, &[Named])| !option::is_single(settings) || *options != BALANCER;
    CATEGORIES.iter().filter(is_there).map(category).collect()
}

/// They come in the order of namespaces.
fn namespaces(listed: &[Listed<'_>], settings: &Settings) -> Vec<Namespace> {
    let groups = listed.chunk_by(|one, next| one.namespace == next.namespace);
    groups
        .map(|group| Namespace {
            name: group.first().map_or_else(String::new, |option| option.namespace.to_owned()),
            rows: group.iter().map(|option| Row::of(option, settings)).collect(),
        })
        .collect()
}

impl Row {
    fn of(listed: &Listed<'_>, settings: &Settings) -> Self {
        let (namespace, name) = (listed.namespace, listed.name);
        // A password is shown to nobody.
        let is_hidden = name == "DBPassword";
        let value = listed.value.as_deref().filter(|value| !value.is_empty() && !is_hidden);
        let of_resource = listed.resource.map(|resource| format!("{resource}/{name}"));
        let is_own = of_resource.as_deref().is_some_and(|stored| settings.get(namespace, stored).is_some());
        Self {
            option: of_resource.filter(|_| is_own).unwrap_or_else(|| name.to_owned()),
            value: value.map(str::to_owned),
            is_chosen: is_own || settings.get(namespace, name).is_some(),
            is_hidden,
        }
    }
}
