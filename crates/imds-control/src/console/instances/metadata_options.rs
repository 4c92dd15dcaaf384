//! *Modify instance metadata options*: the dialog of one instance.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use imds_core::Machine;
use imds_core::options::{HttpTokens, MetadataOptions, Switch};

use super::actions::ActionWords;
use super::environment::{self, EnvironmentNote};
use super::option::OptionWords;
use super::shown::Shown;
use super::{INSTANCES, find};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::{Visit, go};
use crate::query::{Error, Service};

words! {
    /// Texts of the page.
    DialogWords {
        title: "Modify instance metadata options" / "インスタンスメタデータオプションの変更";
        enable: "Enable" / "有効にする";
        service_hint: "Cleared, every call is answered 403." / "オフにすると、すべての呼び出しに 403 が返ります。";
        ipv6_hint: "Whether [fd00:ec2::254] answers as well." / "[fd00:ec2::254] でも応答するかどうか。";
        optional_hint: "IMDSv1 and IMDSv2: a call may come without a token." / "IMDSv1 と IMDSv2: トークンなしの呼び出しにも応答します。";
        required_hint: "IMDSv2 alone: a call without a token is answered 401." / "IMDSv2 のみ: トークンなしの呼び出しには 401 が返ります。";
        hops_hint: "From 1 to 64. With 1 a token reaches the instance itself; a container behind a bridge needs 2." / "1～64。1 ではトークンはインスタンス自体にのみ届きます。ブリッジの先のコンテナには 2 が必要です。";
        at_once: "The change takes effect immediately without needing an instance restart." / "変更はインスタンスの再起動を必要とせず、すぐに有効になります。";
        at_start: "The instance is stopped: the change takes effect when it is started." / "インスタンスは停止しています。変更は次回の開始時に有効になります。";
    }
}

/// What the form has.
#[derive(Debug, Clone)]
struct Typed {
    is_on: bool,
    has_ipv6: bool,
    tokens: String,
    hops: String,
}

impl Typed {
    fn now(options: &MetadataOptions) -> Self {
        Self {
            is_on: options.http_endpoint == Switch::Enabled,
            has_ipv6: options.http_protocol_ipv6 == Switch::Enabled,
            tokens: options.http_tokens.as_str().to_owned(),
            hops: options.http_put_response_hop_limit.hops().to_string(),
        }
    }

    fn of(form: &Form) -> Self {
        let text = |name| form.get(name).unwrap_or_default().to_owned();
        Self {
            is_on: form.is_ticked("endpoint"),
            has_ipv6: form.is_ticked("ipv6"),
            tokens: text("tokens"),
            hops: text("hops"),
        }
    }

    /// Each field with its parameter and its value.
    fn fields(&self) -> [(&'static str, &'static str, &str); 4] {
        let switch = |is_on| if is_on { Switch::Enabled } else { Switch::Disabled }.as_str();
        [
            ("endpoint", "HttpEndpoint", switch(self.is_on)),
            ("ipv6", "HttpProtocolIpv6", switch(self.has_ipv6)),
            ("tokens", "HttpTokens", &self.tokens),
            ("hops", "HttpPutResponseHopLimit", &self.hops),
        ]
    }

    /// What is shown while this is what the form has.
    fn shown(&self) -> Shown {
        Shown::now(self.fields().map(|(name, _, value)| (name, value.to_owned())))
    }

    /// The parameters of what was changed.
    fn params(&self, shown: &Shown) -> Vec<(String, String)> {
        let changed = self.fields().into_iter().filter(|(name, _, value)| shown.is_changed(name, value));
        changed.map(|(_, param, value)| (param.to_owned(), value.to_owned())).collect()
    }
}

#[derive(Template)]
#[template(path = "console/metadata_options.html")]
struct Dialog {
    shell: Shell,
    words: &'static DialogWords,
    options: &'static OptionWords,
    actions: &'static ActionWords,
    id: String,
    is_stopped: bool,
    is_gone: bool,
    is_enforced: bool,
    /// The environment that launched the instance.
    environment: Option<EnvironmentNote>,
    typed: Typed,
    shown: Shown,
    refused: Option<Error>,
}

impl Dialog {
    /// *IMDSv2*: word, label, what it means.
    fn versions(&self) -> [(&'static str, &'static str, &'static str); 2] {
        let (words, options) = (self.words, self.options);
        [
            (HttpTokens::Optional.as_str(), options.optional, words.optional_hint),
            (HttpTokens::Required.as_str(), options.required, words.required_hint),
        ]
    }

    fn has_wrong(&self, name: &str) -> bool {
        self.refused.as_ref().is_some_and(|error| error.message.contains(name))
    }
}

/// The dialog.
pub(super) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let (visit, machine) = find(&visit, id).await?;
    let typed = Typed::now(&machine.instance.options);
    let shown = typed.shown();
    Ok(Page(dialog(&visit, &machine, (typed, shown), None).await?).into_response())
}

/// *Save*
pub(super) async fn submit(visit: Visit, Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let (visit, machine) = find(&visit, id).await?;
    let id = machine.instance.id.as_str();
    let typed = Typed::of(&form);
    let shown = Shown::of(&form, typed.fields().map(|(name, ..)| name));
    let mut params = typed.params(&shown);
    if params.is_empty() {
        return Ok(go(&format!("/console/instances/{id}?done=unchanged")));
    }
    params.push(("InstanceId".to_owned(), id.to_owned()));
    match visit.perform(Service::Ec2, "ModifyInstanceMetadataOptions", params).await {
        Ok(_) => Ok(go(&format!("/console/instances/{id}?done=options"))),
        Err(Failure::Refused(error)) => {
            let status: StatusCode = error.status;
            Ok((status, Page(dialog(&visit, &machine, (typed, shown), Some(error)).await?)).into_response())
        }
        Err(
            failure @ (Failure::NothingHere
            | Failure::NotSignedIn
            | Failure::NotOurs
            | Failure::Elsewhere { .. }),
        ) => Err(failure),
    }
}

async fn dialog(
    visit: &Visit,
    machine: &Machine,
    (typed, shown): (Typed, Shown),
    refused: Option<Error>,
) -> Result<Dialog, Failure> {
    let is_enforced = visit
        .ask(|call| {
            let defaults = call.defaults()?.map(|found| found.record).unwrap_or_default();
            Ok(defaults.http_tokens_enforced == Some(Switch::Enabled))
        })
        .await?;
    Ok(Dialog {
        shell: visit.shell(Section::Instances).of_one(INSTANCES),
        words: DialogWords::of(visit.language),
        options: OptionWords::of(visit.language),
        actions: ActionWords::of(visit.language),
        id: machine.instance.id.to_string(),
        is_stopped: !machine.state.is_running() && !machine.state.is_terminated(),
        is_gone: machine.state.is_terminated(),
        is_enforced,
        environment: environment::note(machine, visit.language),
        typed,
        shown,
        refused,
    })
}
