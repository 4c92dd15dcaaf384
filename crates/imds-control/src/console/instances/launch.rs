//! *Launch an instance*: the wizard on one page.

mod fields;
mod origin;
mod typed;

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use imds_core::defaults::Defaults;
use imds_core::options::Switch;
use imds_store::record::{self, Image, InstanceProfile};

use super::field::{Control, Field};
use super::option::OptionWords;
use super::where_shown;
use crate::call::{Call, random_hex};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::console::visit::{Visit, go};
use crate::ec2::{image, key};
use crate::query::{Error, Service};
use typed::Typed;

words! {
    /// Texts of the page.
    LaunchWords {
        title: "Launch an instance" / "インスタンスを起動";
        launch: "Launch instance" / "インスタンスを起動";
        basics: "Name, image and type" / "名前、イメージ、タイプ";
        advanced: "Advanced details" / "高度な詳細";
        image_is: "What “Select” leads to is told for this AMI:" / "「選択」のままの場合の値は、次の AMI についてのものです:";
        look: "Show the defaults of the AMI chosen above" / "上で選択した AMI のデフォルトを表示";
        order: "Each option is decided on its own: what is chosen here, else the account's default, else what the AMI asks for, else what EC2 has." / "オプションはそれぞれ、ここでの選択、アカウントのデフォルト、AMI の設定、EC2 の既定値の順に決まります。";
        again: "Launch it again: what was launched already is not launched a second time." / "もう一度起動してください。すでに起動されていた場合、二重に起動されることはありません。";
    }
}

/// What the form chooses from, and what decides where it chooses nothing.
#[derive(Debug)]
struct Stock {
    images: Vec<Image>,
    keys: Vec<String>,
    profiles: Vec<String>,
    defaults: Defaults,
}

#[derive(Template)]
#[template(path = "console/launch.html")]
struct Launch {
    shell: Shell,
    words: &'static LaunchWords,
    options: &'static OptionWords,
    basics: Vec<Field>,
    advanced: Vec<Field>,
    /// The image that defaults are told for.
    image: String,
    is_enforced: bool,
    /// So that a form that is sent twice launches once.
    once: String,
    /// Refused by the service's own fault: was it done?
    is_unsure: bool,
    refused: Option<Error>,
}

/// The form, for the image that the address names, if it names one.
pub(super) async fn show(visit: Visit, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Form::read(query.unwrap_or_default().as_bytes());
    let typed = Typed { image: query.get("image").unwrap_or_default().to_owned(), ..Typed::fresh() };
    Ok(Page(launch(&visit, &typed, random_hex()?, None).await?).into_response())
}

/// *Launch instance*; or only a look at the defaults of another image.
pub(super) async fn submit(visit: Visit, form: Form) -> Result<Response, Failure> {
    let (visit, typed) = (where_shown(&visit, &form), Typed::of(&form));
    if form.is_ticked("look") {
        return Ok(Page(launch(&visit, &typed, random_hex()?, None).await?).into_response());
    }
    let once = form.get("once");
    match visit.perform(Service::Ec2, "RunInstances", typed.params(once)).await {
        Ok(answer) => Ok(go(&launched(answer.as_str()))),
        Err(Failure::Refused(error)) => {
            let status: StatusCode = error.status;
            // What failed on this side may have been launched: the same launch does it once.
            let once = once.filter(|_| status.is_server_error()).map(str::to_owned);
            let once = once.map_or_else(random_hex, Ok)?;
            Ok((status, Page(launch(&visit, &typed, once, Some(error)).await?)).into_response())
        }
        Err(
            failure @ (Failure::NothingHere
            | Failure::NotSignedIn
            | Failure::NotOurs
            | Failure::Elsewhere { .. }),
        ) => Err(failure),
    }
}

/// Where one goes from an answer of `RunInstances`: to the instance, or to the list where there are several.
fn launched(answer: &str) -> String {
    let ids = answer.split("<instanceId>").skip(1).filter_map(|rest| rest.split("</instanceId>").next());
    match ids.collect::<Vec<_>>()[..] {
        [id] => format!("/console/instances/{id}?done=launched"),
        _ => "/console/instances?done=launched".to_owned(),
    }
}

async fn launch(
    visit: &Visit,
    typed: &Typed,
    once: String,
    refused: Option<Error>,
) -> Result<Launch, Failure> {
    let stock = visit.ask(stock).await?;
    let image = stock.image(&typed.image);
    let form = fields::Form {
        language: visit.language,
        stock: &stock,
        image,
        typed,
        wrong: refused.as_ref().and_then(fields::wrong),
    };
    Ok(Launch {
        shell: visit.shell(Section::Instances),
        words: LaunchWords::of(visit.language),
        options: OptionWords::of(visit.language),
        basics: form.basics(),
        advanced: form.advanced(),
        image: image.map(fields::titled).unwrap_or_default(),
        is_enforced: stock.defaults.http_tokens_enforced == Some(Switch::Enabled),
        once,
        is_unsure: refused.as_ref().is_some_and(|error| error.status.is_server_error()),
        refused,
    })
}

fn stock(call: &Call<'_>) -> Result<Stock, Error> {
    let mut images: Vec<_> = image::all(call)?.into_iter().map(|known| known.image).collect();
    // First what EC2's own console has first: what is newest of Amazon's.
    images.sort_by_key(|image| (image.owner != "amazon", !image.has_imds_v2, image.architecture != "x86_64"));
    let profiles = record::list::<InstanceProfile>(call.store, "")?;
    Ok(Stock {
        images,
        keys: key::all(call)?.into_iter().map(|found| found.record.name).collect(),
        profiles: profiles.into_iter().map(|(_, found)| found.record.name).collect(),
        defaults: call.defaults()?.map(|found| found.record).unwrap_or_default(),
    })
}

impl Stock {
    /// The image with this id, else the one that is chosen first.
    fn image(&self, id: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.id == id).or_else(|| self.images.first())
    }
}
