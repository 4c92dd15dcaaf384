//! `/console/environments/new`: *Create a new environment*.

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use imds_store::record::{self, InstanceProfile};

use super::{DISABLE, LAUNCH, gone_on, path, refusal};
use crate::call::Call;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::instances::where_shown;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::Visit;
use crate::ec2::instance_type;
use crate::elasticbeanstalk::application;
use crate::elasticbeanstalk::platform::{self, Platform};
use crate::query::{Error, Service};

words! {
    /// Texts of the form.
    CreateWords {
        environments: "Environments" / "環境";
        title: "Create a new environment" / "新しい環境の作成";
        about: "Environment information" / "環境情報";
        application: "Application name" / "アプリケーション名";
        application_help: "Optional. One that there is, or a new one, which is created too. Without it, the environment's name." / "任意。既存のアプリケーション、または新しい名前 (アプリケーションも作成されます)。指定しない場合は環境名と同じです。";
        name: "Environment name" / "環境名";
        name_help: "4 to 40 letters, digits and hyphens, no hyphen first or last." / "4～40 文字の英数字とハイフン。先頭と末尾にハイフンは使用できません。";
        platform: "Platform" / "プラットフォーム";
        kind: "Environment type" / "環境タイプ";
        single: "Single instance" / "単一インスタンス";
        balanced: "Load balanced" / "負荷分散";
        instances: "Instances" / "インスタンス";
        instance_type: "Instance type" / "インスタンスタイプ";
        optional: "Optional. Without it, t3.micro." / "任意。指定しない場合は t3.micro です。";
        profile: "EC2 instance profile" / "EC2 インスタンスプロファイル";
        profile_help: "Optional. Its role's credentials are in the instances' metadata." / "任意。ロールの認証情報がインスタンスメタデータに含まれます。";
        section: "Instance metadata service (IMDS)" / "インスタンスメタデータサービス (IMDS)";
        help: "The platform supports both IMDSv1 and IMDSv2. To enforce IMDSv2, disable IMDSv1. This is the default of Amazon Linux 2023." / "プラットフォームは IMDSv1 と IMDSv2 の両方をサポートしています。IMDSv2 を強制するには、IMDSv1 を無効にします。Amazon Linux 2023 のデフォルトです。";
        disabled: "Disabled" / "無効";
        option: "Option:" / "オプション:";
        create: "Create environment" / "環境の作成";
        cancel: "Cancel" / "キャンセル";
    }
}

const SINGLE: &str = "SingleInstance";
const BALANCED: &str = "LoadBalanced";

#[derive(Template)]
#[template(path = "console/environment_new.html")]
struct Create {
    shell: Shell,
    words: &'static CreateWords,
    refused: Option<Error>,
    typed: Typed,
    stacks: Vec<String>,
    types: Vec<String>,
    known: Known,
}

/// What the form proposes.
struct Known {
    applications: Vec<String>,
    profiles: Vec<String>,
}

/// What the form holds.
struct Typed {
    application: String,
    name: String,
    stack: String,
    is_single: bool,
    instance_type: String,
    profile: String,
    disables_imds_v1: bool,
}

/// The form.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    Ok(Page(form(&visit, Typed::default()).await?).into_response())
}

/// *Create environment*, and its application where there is none. What this made goes again if the environment is refused.
pub(super) async fn create(visit: Visit, sent: Form) -> Result<Response, Failure> {
    let (visit, typed) = (where_shown(&visit, &sent), Typed::read(&sent));
    let application = typed.application().to_owned();
    let exists = visit.ask(move |call| Ok(application::get(call, &application)?.is_some())).await?;
    let made = async |action| {
        let named = vec![("ApplicationName".to_owned(), typed.application().to_owned())];
        visit.perform(Service::ElasticBeanstalk, action, named).await
    };
    let error = match if exists { Ok(()) } else { made("CreateApplication").await.map(|_| ()) } {
        Err(failure) => refusal(failure)?,
        Ok(()) => match visit.perform(Service::ElasticBeanstalk, "CreateEnvironment", typed.params()).await {
            Ok(_) => return Ok(gone_on(&visit, &path(&typed.name), "creating")),
            Err(failure) => {
                // What failed otherwise may be there all the same, and needs its application.
                let error = refusal(failure)?;
                if !exists {
                    made("DeleteApplication").await?;
                }
                error
            }
        },
    };
    let status: StatusCode = error.status;
    let page = Create { refused: Some(error), ..form(&visit, typed).await? };
    Ok((status, Page(page)).into_response())
}

async fn form(visit: &Visit, typed: Typed) -> Result<Create, Failure> {
    Ok(Create {
        shell: visit.shell(Section::Environments),
        words: CreateWords::of(visit.language),
        refused: None,
        typed,
        stacks: Platform::listed().map(|platform| platform.stack()).collect(),
        types: instance_type::all().into_iter().map(|one| one.name).collect(),
        known: visit.ask(Known::of).await?,
    })
}

impl Known {
    fn of(call: &Call<'_>) -> Result<Self, Error> {
        let profiles = record::list::<InstanceProfile>(call.store, "")?;
        Ok(Self {
            applications: application::all(call)?.into_iter().map(|one| one.name).collect(),
            profiles: profiles.into_iter().map(|(_, found)| found.record.name).collect(),
        })
    }
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            application: String::new(),
            name: String::new(),
            stack: platform::DEFAULT.to_owned(),
            is_single: true,
            instance_type: String::new(),
            profile: String::new(),
            disables_imds_v1: true,
        }
    }
}

impl Typed {
    fn read(form: &Form) -> Self {
        let text = |name| form.get(name).unwrap_or_default().to_owned();
        Self {
            application: text("application"),
            name: text("name"),
            stack: form.get("platform").unwrap_or(platform::DEFAULT).to_owned(),
            is_single: form.get("type") == Some(SINGLE),
            instance_type: text("instance-type"),
            profile: text("instance-profile"),
            disables_imds_v1: form.is_ticked("imdsv1-disabled"),
        }
    }

    /// The application; without one, that of the environment's name, as for `imds environment create`.
    fn application(&self) -> &str {
        if self.application.is_empty() { &self.name } else { &self.application }
    }

    /// Those of `CreateEnvironment`. What was left empty is left to the service; the box is not: the default differs between
    /// platforms, and the form has shown it as it is to be.
    fn params(&self) -> Vec<(String, String)> {
        let named = [
            ("ApplicationName", self.application()),
            ("EnvironmentName", &self.name),
            ("SolutionStackName", &self.stack),
        ];
        let mut params: BTreeMap<String, String> =
            named.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let kind = if self.is_single { SINGLE } else { BALANCED };
        let options = [
            ("aws:elasticbeanstalk:environment", "EnvironmentType", kind.to_owned()),
            (LAUNCH, DISABLE, self.disables_imds_v1.to_string()),
            (LAUNCH, "InstanceType", self.instance_type.clone()),
            (LAUNCH, "IamInstanceProfile", self.profile.clone()),
        ];
        let chosen = options.into_iter().filter(|(_, _, value)| !value.is_empty());
        for (number, (namespace, name, value)) in (1..).zip(chosen) {
            let member = |part| format!("OptionSettings.member.{number}.{part}");
            params.insert(member("Namespace"), namespace.to_owned());
            params.insert(member("OptionName"), name.to_owned());
            params.insert(member("Value"), value);
        }
        params.into_iter().collect()
    }
}
