//! *Allow tags in instance metadata*: the dialog of one instance.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use imds_core::Machine;
use imds_core::options::Switch;

use super::option::OptionWords;
use super::shown::Shown;
use super::{INSTANCES, find};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::{Visit, go};
use crate::query::{Error, Service};

/// The field.
const ALLOW: &str = "allow";

words! {
    /// Texts of the page.
    TagsWords {
        title: "Allow tags in instance metadata" / "インスタンスメタデータのタグを許可";
        allow: "Allow" / "許可";
        hint: "The instance reads its tags at /latest/meta-data/tags/instance. A key with a space or a slash cannot be part of that path, and is refused." / "インスタンスは /latest/meta-data/tags/instance で自身のタグを参照できます。スペースやスラッシュを含むキーはパスにできないため、拒否されます。";
        tags: "Tags of this instance" / "このインスタンスのタグ";
        key: "Key" / "キー";
        value: "Value" / "値";
    }
}

#[derive(Template)]
#[template(path = "console/allow_tags.html")]
struct Dialog {
    shell: Shell,
    words: &'static TagsWords,
    options: &'static OptionWords,
    id: String,
    tags: Vec<(String, String)>,
    is_allowed: bool,
    shown: Shown,
    refused: Option<Error>,
}

/// The dialog.
pub(super) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let (visit, machine) = find(&visit, id).await?;
    let tags = machine.instance.options.instance_metadata_tags;
    let shown = Shown::now([(ALLOW, tags.to_string())]);
    Ok(Page(dialog(&visit, machine, (tags, shown), None)).into_response())
}

/// *Save*
pub(super) async fn submit(visit: Visit, Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let (visit, machine) = find(&visit, id).await?;
    let id = machine.instance.id.to_string();
    let tags = if form.is_ticked(ALLOW) { Switch::Enabled } else { Switch::Disabled };
    let shown = Shown::of(&form, [ALLOW]);
    if !shown.is_changed(ALLOW, tags.as_str()) {
        return Ok(go(&format!("/console/instances/{id}?done=unchanged")));
    }
    let params =
        vec![("InstanceId".to_owned(), id.clone()), ("InstanceMetadataTags".to_owned(), tags.to_string())];
    match visit.perform(Service::Ec2, "ModifyInstanceMetadataOptions", params).await {
        Ok(_) => Ok(go(&format!("/console/instances/{id}?done=tags"))),
        Err(Failure::Refused(error)) => {
            let status = error.status;
            Ok((status, Page(dialog(&visit, machine, (tags, shown), Some(error)))).into_response())
        }
        Err(
            failure @ (Failure::NothingHere
            | Failure::NotSignedIn
            | Failure::NotOurs
            | Failure::Elsewhere { .. }),
        ) => Err(failure),
    }
}

fn dialog(
    visit: &Visit,
    machine: Machine,
    (allowed, shown): (Switch, Shown),
    refused: Option<Error>,
) -> Dialog {
    Dialog {
        shell: visit.shell(Section::Instances).of_one(INSTANCES),
        words: TagsWords::of(visit.language),
        options: OptionWords::of(visit.language),
        id: machine.instance.id.to_string(),
        tags: machine.instance.tags.into_iter().collect(),
        is_allowed: allowed == Switch::Enabled,
        shown,
        refused,
    }
}
