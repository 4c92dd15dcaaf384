//! Why a page is not shown: told on a page of its own, in the words of the action that was refused.

use askama::Template;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::commands::admin;
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
}

impl Failure {
    /// There is no such page.
    pub(super) fn nothing_here() -> Self {
        Self::NothingHere
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NothingHere => StatusCode::NOT_FOUND,
            Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::NotOurs => StatusCode::FORBIDDEN,
            Self::Refused(error) if error.code.ends_with(".NotFound") => StatusCode::NOT_FOUND,
            Self::Refused(error) => error.status,
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
    let told = match failure {
        Failure::NothingHere => Told::plain(shell.words.nothing_here),
        Failure::NotOurs => Told { cure: Some(shell.words.again), ..Told::plain(shell.words.not_ours) },
        Failure::NotSignedIn => Told {
            cure: Some(shell.words.how_to_sign_in),
            command: Some(command(visit)),
            ..Told::plain(shell.words.not_signed_in)
        },
        Failure::Refused(error) => Told { code: Some(error.code.to_string()), ..Told::plain(&error.message) },
    };
    let is_question = matches!(*method, Method::GET | Method::HEAD) || status == StatusCode::NOT_FOUND;
    let title = if is_question { shell.words.not_shown } else { shell.failed(&status) };
    let is_in = visit.session.is_some();
    (status, Page(FailurePage { shell, title, told, is_in })).into_response()
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
    /// Are there other pages for him?
    is_in: bool,
}

struct Told {
    /// The code of an action's refusal, which is told in English.
    code: Option<String>,
    what: String,
    cure: Option<&'static str>,
    command: Option<String>,
}

impl Told {
    fn plain(what: &str) -> Self {
        Self { code: None, what: what.to_owned(), cure: None, command: None }
    }
}
