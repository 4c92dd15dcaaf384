//! *Manage IMDS defaults*: the form.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use imds_core::defaults::Defaults;
use imds_core::language::Language;
use imds_core::options::{HttpTokens, Switch};

use super::{DefaultsWords, kept};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::instances::field::{Control, Field};
use crate::console::instances::option::OptionWords;
use crate::console::instances::shown::Shown;
use crate::console::instances::where_shown;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::{Visit, go};
use crate::query::{Error, Service};

words! {
    /// Texts of the form.
    EditWords {
        update: "Update" / "更新";
        enforce_hint: "Enabled, a launch with IMDSv1 fails, and no instance can be switched back to it." / "有効にすると、IMDSv1 での起動は失敗し、IMDSv1 に戻すこともできません。";
        hops_hint: "From 1 to 64; empty for no preference: then a launch gets 2 if the AMI has ImdsSupport v2.0, else 1. Give 2 if instances host containers." / "1～64。空の場合は設定なし: AMI の ImdsSupport が v2.0 なら 2、それ以外は 1 になります。コンテナをホストする場合は 2 を指定します。";
        tags_hint: "Whether an instance may read its own tags." / "インスタンスが自身のタグを参照できるかどうか。";
    }
}

/// What the form has: the parameters of the action, empty for no preference.
#[derive(Debug, Clone, Default)]
struct Typed {
    endpoint: String,
    tokens: String,
    enforced: String,
    tags: String,
    hops: String,
}

impl Typed {
    fn now(defaults: &Defaults) -> Self {
        let word = |switch: Option<Switch>| switch.map(Switch::as_str).unwrap_or_default().to_owned();
        let choice = &defaults.choice;
        let hops = choice.http_put_response_hop_limit.map(|limit| limit.hops().to_string());
        Self {
            endpoint: word(choice.http_endpoint),
            tokens: choice.http_tokens.map(HttpTokens::as_str).unwrap_or_default().to_owned(),
            enforced: word(defaults.http_tokens_enforced.or(Some(Switch::Disabled))),
            tags: word(choice.instance_metadata_tags),
            hops: hops.unwrap_or_default(),
        }
    }

    fn of(form: &Form) -> Self {
        let text = |name| form.get(name).unwrap_or_default().to_owned();
        Self {
            endpoint: text("endpoint"),
            tokens: text("tokens"),
            enforced: text("enforced"),
            tags: text("tags"),
            hops: text("hops"),
        }
    }

    /// Each field with its parameter, its value, and what stands for no preference in the action.
    fn fields(&self) -> [(&'static str, &'static str, &str, &'static str); 5] {
        [
            ("endpoint", "HttpEndpoint", &self.endpoint, "no-preference"),
            ("tokens", "HttpTokens", &self.tokens, "no-preference"),
            ("enforced", "HttpTokensEnforced", &self.enforced, ""),
            ("tags", "InstanceMetadataTags", &self.tags, "no-preference"),
            ("hops", "HttpPutResponseHopLimit", &self.hops, "-1"),
        ]
    }

    /// What is shown while this is what the form has.
    fn shown(&self) -> Shown {
        Shown::now(self.fields().map(|(name, _, value, _)| (name, value.to_owned())))
    }

    /// The parameters of what was changed.
    fn params(&self, shown: &Shown) -> Vec<(String, String)> {
        let changed = self.fields().into_iter().filter(|(name, _, value, _)| shown.is_changed(name, value));
        let or = |value: &str, none: &str| if value.is_empty() { none } else { value }.to_owned();
        changed.map(|(_, param, value, none)| (param.to_owned(), or(value, none))).collect()
    }
}

#[derive(Template)]
#[template(path = "console/defaults_edit.html")]
struct Edit {
    shell: Shell,
    words: &'static EditWords,
    defaults: &'static DefaultsWords,
    options: &'static OptionWords,
    fields: [Field; 5],
    shown: Shown,
    refused: Option<Error>,
}

/// The form.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let typed = Typed::now(&kept(&visit).await?);
    Ok(Page(edit(&visit, &typed, typed.shown(), None)).into_response())
}

/// *Update*
pub(super) async fn submit(visit: Visit, form: Form) -> Result<Response, Failure> {
    let (visit, typed) = (where_shown(&visit, &form), Typed::of(&form));
    let shown = Shown::of(&form, typed.fields().map(|(name, ..)| name));
    let params = typed.params(&shown);
    let to = |done| go(&format!("/console/defaults?done={done}&region={}", visit.region));
    if params.is_empty() {
        return Ok(to("unchanged"));
    }
    match visit.perform(Service::Ec2, "ModifyInstanceMetadataDefaults", params).await {
        Ok(_) => Ok(to("updated")),
        Err(Failure::Refused(error)) => {
            Ok((error.status, Page(edit(&visit, &typed, shown, Some(error)))).into_response())
        }
        Err(
            failure @ (Failure::NothingHere
            | Failure::NotSignedIn
            | Failure::NotOurs
            | Failure::Elsewhere { .. }),
        ) => Err(failure),
    }
}

fn edit(visit: &Visit, typed: &Typed, shown: Shown, refused: Option<Error>) -> Edit {
    Edit {
        shell: visit.shell(Section::Defaults),
        words: EditWords::of(visit.language),
        defaults: DefaultsWords::of(visit.language),
        options: OptionWords::of(visit.language),
        fields: fields(visit.language, typed, refused.as_ref().and_then(wrong)),
        shown,
        refused,
    }
}

fn fields(language: Language, typed: &Typed, wrong: Option<&str>) -> [Field; 5] {
    let (words, defaults, options) =
        (EditWords::of(language), DefaultsWords::of(language), OptionWords::of(language));
    let switches = [("enabled", options.enabled), ("disabled", options.disabled)];
    let on_or_off = || Control::words(options.no_preference, switches);
    let versions = [("required", options.only_v2), ("optional", options.both)];
    let enforced = switches.map(|(value, text)| (value.to_owned(), text.to_owned()));
    [
        Field::new("endpoint", options.service, on_or_off()).with(&typed.endpoint, wrong),
        Field::new("tokens", options.version, Control::words(options.no_preference, versions))
            .with(&typed.tokens, wrong),
        Field::new("enforced", defaults.enforce, Control::Select(enforced.into()))
            .with(&typed.enforced, wrong)
            .hint(words.enforce_hint),
        Field::new("tags", defaults.tags, on_or_off()).with(&typed.tags, wrong).hint(words.tags_hint),
        Field::new("hops", options.hop_limit, Control::Number(64))
            .with(&typed.hops, wrong)
            .hint(words.hops_hint),
    ]
}

/// The field that a refusal is about.
fn wrong(error: &Error) -> Option<&'static str> {
    // The longer name has the shorter one in it.
    let known = [
        ("HttpTokensEnforced", "enforced"),
        ("HttpTokens", "tokens"),
        ("HttpEndpoint", "endpoint"),
        ("InstanceMetadataTags", "tags"),
        ("HttpPutResponseHopLimit", "hops"),
    ];
    known.into_iter().find(|(name, _)| error.message.contains(&format!(" {name}."))).map(|(_, field)| field)
}
