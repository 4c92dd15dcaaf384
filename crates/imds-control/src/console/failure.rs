//! Why a page is not shown: told on a page of its own, in the words of the action that was refused.

use askama::Template;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::commands::admin;
use super::elsewhere::{Place, looked_in};
use super::enter::LEAVE;
use super::page::Page;
use super::shell::{Section, Shell};
use super::visit::Visit;
use crate::query::Error;

/// A refusal. Whoever received the visitor makes a page of it.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// There is no such page.
    NothingHere,
    /// The session is over, or there is none yet: `imds console` begins one.
    NotSignedIn,
    /// The form is not one that this session was shown.
    NotOurs,
    /// An action was refused.
    Refused(Error),
    /// There is no environment with this name in the region of the visit, and these places have some.
    Elsewhere {
        /// As an action refuses it.
        error: Error,
        /// The name that was asked for.
        name: String,
        /// The other regions that have environments.
        places: Vec<Place>,
    },
}

impl Failure {
    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NothingHere => StatusCode::NOT_FOUND,
            Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::NotOurs => StatusCode::FORBIDDEN,
            Self::Refused(error) if error.code.ends_with(".NotFound") => StatusCode::NOT_FOUND,
            Self::Refused(error) | Self::Elsewhere { error, .. } => error.status,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The page that tells a failure, of a request with this method.
pub(super) fn page(visit: &Visit, method: &Method, failure: &Failure) -> Response {
    let (status, shell) = (failure.status(), visit.shell(Section::Nowhere));
    let is_question = matches!(*method, Method::GET | Method::HEAD) || status == StatusCode::NOT_FOUND;
    let told = match failure {
        Failure::NothingHere => Told::plain(shell.words.nothing_here),
        Failure::NotOurs => Told { cure: Some(shell.words.again), ..Told::plain(shell.words.not_ours) },
        Failure::NotSignedIn => Told {
            cure: Some(shell.words.how_to_sign_in),
            command: Some(command(visit)),
            ..Told::plain(shell.words.not_signed_in)
        },
        Failure::Refused(error) => Told::refused(error),
        Failure::Elsewhere { error, name, places } => {
            let links = places.iter().map(|place| (place.address(Some(name)), place.told(&visit.language)));
            let region = Some(looked_in(visit.language, &visit.region));
            Told { region, places: links.collect(), ..Told::refused(error) }
        }
    };
    let title = if is_question { shell.words.not_shown } else { shell.failed(&status) };
    let is_in = visit.session.is_some();
    // A form's address shows it too, but for the one that signs out, which is on every page.
    let has_form = is_in && !is_question && visit.path != LEAVE && visit.path.starts_with("/console/");
    let form = has_form.then(|| visit.path.clone());
    let reason =
        (told.code.is_some() && !is_question && status.is_client_error()).then_some(shell.words.reason);
    (status, Page(FailurePage { shell, title, told, reason, form, is_in })).into_response()
}

/// What begins a session at the door that somebody came to.
pub(super) fn command(visit: &Visit) -> String {
    format!("imds console{}", admin(&visit.host))
}

#[derive(Template)]
#[template(path = "console/failure.html")]
struct FailurePage {
    shell: Shell,
    title: &'static str,
    told: Told,
    /// What comes before an action's own words.
    reason: Option<&'static str>,
    /// Where the form is that was sent.
    form: Option<String>,
    /// Are there other pages for him?
    is_in: bool,
}

struct Told {
    /// The code of an action's refusal, which is told in English.
    code: Option<String>,
    what: String,
    cure: Option<&'static str>,
    command: Option<String>,
    /// Which region it was looked for in.
    region: Option<String>,
    /// Where else to look: address and text.
    places: Vec<(String, String)>,
}

impl Told {
    fn plain(what: &str) -> Self {
        Self {
            code: None,
            what: what.to_owned(),
            cure: None,
            command: None,
            region: None,
            places: Vec::new(),
        }
    }

    fn refused(error: &Error) -> Self {
        Self { code: Some(error.code.to_string()), ..Self::plain(&error.message) }
    }
}
