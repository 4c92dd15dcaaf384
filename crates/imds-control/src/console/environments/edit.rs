//! `/console/environments/NAME/configuration/instances`: *Instances*, *Edit*: the box that disables IMDSv1.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use imds_store::record::Environment;

use super::{DISABLE, LAUNCH, found, gone_on, path, refusal, shell};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::instances::where_shown;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::Visit;
use crate::ec2::instance_type;
use crate::elasticbeanstalk::platform::Platform;
use crate::elasticbeanstalk::{environment, option};
use crate::environments::instance_type_of;
use crate::query::{Error, Service};

words! {
    /// Texts of the form. Those that the guide of AWS does not have are [assumed].
    EditWords {
        environments: "Environments" / "環境";
        configuration: "Configuration" / "設定";
        title: "Instances" / "インスタンス";
        edit: "Edit" / "編集";
        section: "Instance metadata service (IMDS)" / "インスタンスメタデータサービス (IMDS)";
        help: "Your environment's platform supports both IMDSv1 and IMDSv2. To enforce IMDSv2, disable IMDSv1." / "お使いの環境のプラットフォームは IMDSv1 と IMDSv2 の両方をサポートしています。IMDSv2 を強制するには、IMDSv1 を無効にします。";
        disabled: "Disabled" / "無効";
        only_v2: "With the current setting, the environment enables only IMDSv2." / "現在の設定では、環境は IMDSv2 のみを有効にします。";
        both: "With the current setting, the environment enables both IMDSv1 and IMDSv2." / "現在の設定では、環境は IMDSv1 と IMDSv2 の両方を有効にします。";
        option: "Option:" / "オプション:";
        instance_type: "Instance type" / "インスタンスタイプ";
        replaced: "Applying a change replaces the environment's instances: new ones are launched, then the old ones are terminated. Their ids and addresses change." / "変更を適用すると環境のインスタンスが置き換わります。新しいインスタンスが起動した後、古いインスタンスは終了し、ID とアドレスが変わります。";
        not_ready: "The environment is being changed now. A change can be applied when it is ready." / "環境は現在変更中です。準備が完了してから適用してください。";
        apply: "Apply" / "適用";
        cancel: "Cancel" / "キャンセル";
    }
}

#[derive(Template)]
#[template(path = "console/environment_instances.html")]
struct Edit {
    shell: Shell,
    words: &'static EditWords,
    name: String,
    path: String,
    refused: Option<Error>,
    is_ready: bool,
    /// Is IMDSv1 disabled now?
    is_disabled: bool,
    /// `e-…`, so that what is sent goes to this one.
    id: String,
    /// What the form held before anybody typed.
    shown: Typed,
    typed: Typed,
    types: Vec<String>,
}

/// What the form holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Typed {
    /// The box.
    disables_imds_v1: bool,
    /// `None` where the form does not ask: several types are chosen, of which this one is none.
    instance_type: Option<String>,
}

/// The form, as things are.
pub(super) async fn show(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let (environment, platform) = found::look_up(&visit, &name).await?;
    let typed = Typed::of(&environment, &platform);
    Ok(Page(edit(&visit, &environment, &platform, (typed.clone(), typed))).into_response())
}

/// *Apply*: only what is other than it was shown is sent, and no more of that than is still to be done.
pub(super) async fn apply(visit: Visit, Path(name): Path<String>, form: Form) -> Result<Response, Failure> {
    let visit = where_shown(&visit, &form);
    let (environment, platform) = found::look_up(&visit, &name).await?;
    let present = Typed::of(&environment, &platform);
    let id = match found::shown(&visit, &name, &form).await {
        Ok(id) => id,
        // What was typed is for another one.
        Err(failure) => {
            let page = edit(&visit, &environment, &platform, (present.clone(), present));
            return again(page, failure);
        }
    };
    let shown = Typed::shown(&form);
    let typed = Typed::read(&form, &shown);
    let mut changes = typed.changes(&shown);
    if environment.work.is_none() {
        let apart = typed.changes(&present);
        changes.retain(|change| apart.contains(change));
    }
    if changes.is_empty() {
        return Ok(gone_on(&visit, &format!("{}/configuration", path(&name)), "unchanged"));
    }
    match visit.perform(Service::ElasticBeanstalk, "UpdateEnvironment", params(id, changes)).await {
        Ok(_) => Ok(gone_on(&visit, &path(&name), "updating")),
        Err(failure) => again(edit(&visit, &environment, &platform, (shown, typed)), failure),
    }
}

/// Those of `UpdateEnvironment`.
fn params(id: String, changes: Vec<(&'static str, String)>) -> Vec<(String, String)> {
    let mut params = vec![("EnvironmentId".to_owned(), id)];
    for (number, (option, value)) in (1..).zip(changes) {
        let member = |part| format!("OptionSettings.member.{number}.{part}");
        params.push((member("Namespace"), LAUNCH.to_owned()));
        params.push((member("OptionName"), option.to_owned()));
        params.push((member("Value"), value));
    }
    params
}

/// The form again, after it was refused.
fn again(page: Edit, failure: Failure) -> Result<Response, Failure> {
    let error = refusal(failure)?;
    let status: StatusCode = error.status;
    Ok((status, Page(Edit { refused: Some(error), ..page })).into_response())
}

fn edit(
    visit: &Visit,
    environment: &Environment,
    platform: &Platform,
    (shown, typed): (Typed, Typed),
) -> Edit {
    Edit {
        shell: shell(visit),
        words: EditWords::of(visit.language),
        name: environment.name.clone(),
        path: path(&environment.name),
        refused: None,
        is_ready: environment::ready(environment).is_ok(),
        is_disabled: option::disables_imds_v1(platform, &environment.settings),
        id: environment.id.clone(),
        shown,
        typed,
        types: instance_type::all().into_iter().map(|one| one.name).collect(),
    }
}

impl Typed {
    /// As things are.
    fn of(environment: &Environment, platform: &Platform) -> Self {
        let settings = &environment.settings;
        let several = settings.get("aws:ec2:instances", "InstanceTypes").unwrap_or_default();
        Self {
            disables_imds_v1: option::disables_imds_v1(platform, settings),
            instance_type: several.is_empty().then(|| instance_type_of(platform, settings)),
        }
    }

    /// As the form was before anybody typed. Where it did not ask for the type, it has none.
    fn shown(form: &Form) -> Self {
        Self {
            disables_imds_v1: form.get("was-imdsv1-disabled") == Some("true"),
            instance_type: form.get("was-instance-type").map(str::to_owned),
        }
    }

    /// As it was sent. A type that was left empty stays as it was.
    fn read(form: &Form, shown: &Self) -> Self {
        let kind = form.get("instance-type").map(str::to_owned);
        Self {
            disables_imds_v1: form.is_ticked("imdsv1-disabled"),
            instance_type: shown.instance_type.clone().map(|shown| kind.unwrap_or(shown)),
        }
    }

    /// Options that are to have another value than there.
    fn changes(&self, there: &Self) -> Vec<(&'static str, String)> {
        let mut changes = Vec::new();
        if self.disables_imds_v1 != there.disables_imds_v1 {
            changes.push((DISABLE, self.disables_imds_v1.to_string()));
        }
        if let Some(kind) = self.instance_type.clone().filter(|_| self.instance_type != there.instance_type) {
            changes.push(("InstanceType", kind));
        }
        changes
    }
}
