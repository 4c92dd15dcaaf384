//! `/console/enter` and `/console/leave`: where a session begins and ends.
//!
//! A one-time URL is looked at by more than who opens it: browsers fetch ahead, and programs that a link is pasted into show
//! what it leads to. So it only shows a button, and the button uses it up.

use askama::Template;
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use imds_core::Timestamp;

use super::failure::{Failure, command};
use super::form::Form;
use super::page::Page;
use super::shell::{Section, Shell};
use super::visit::{Visit, go};
use super::{cookie, preference};
use crate::authz::Pass;
use crate::call::ACCOUNT;
use crate::door::Door;
use crate::query::Error;

/// Where a one-time URL leads.
pub(super) const ENTER: &str = "/console/enter";
/// Where a form leads that ends a session.
pub(super) const LEAVE: &str = "/console/leave";
/// Where one is then.
const LEFT: &str = "/console/enter?done=left";
/// The field with the ticket, of address and form.
const TICKET: &str = "ticket";

/// Its routes.
pub(super) fn router() -> Router<Door> {
    Router::new().route(ENTER, get(show).post(enter)).route(LEAVE, post(leave))
}

/// The address of whoever may begin a session with this ticket, from the door on.
pub(crate) fn address(ticket: &str) -> String {
    format!("{ENTER}?{TICKET}={ticket}")
}

words! {
    /// Texts of the way in.
    EnterWords {
        title: "Sign in" / "サインイン";
        explain: "This address was made with the access key below. What you change here is recorded under it. The session lasts eight hours at most, and ends when the key does." / "このアドレスは次のアクセスキーで発行されました。ここでの変更は、このキーによるものとして記録されます。セッションは最長 8 時間で、キーが無効になると終了します。";
        access_key: "Access key ID" / "アクセスキー ID";
        arn: "ARN" / "ARN";
        sign_in: "Sign in" / "サインイン";
        spent: "This address was opened already, or is more than a minute old." / "このアドレスはすでに使用されたか、発行から 1 分以上経過しています。";
        left: "You are signed out." / "サインアウトしました。";
    }
}

#[derive(Template)]
#[template(path = "console/enter.html")]
struct Enter {
    shell: Shell,
    words: &'static EnterWords,
    way: Way,
    /// What makes an address like this.
    command: String,
}

/// How somebody stands before the door.
enum Way {
    /// With a ticket that is good.
    In(Ticket),
    /// With one that is not.
    Spent,
    /// He has just left.
    Left,
    /// With none.
    Unknown,
}

impl Way {
    /// The fields of its address, while the ticket is good.
    fn fields(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::In(ticket) => {
                [(TICKET, Some(&ticket.ticket)), (preference::REGION, ticket.region.as_ref())]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?.clone())))
                    .collect()
            }
            Self::Spent | Self::Left | Self::Unknown => Vec::new(),
        }
    }
}

struct Ticket {
    ticket: String,
    access_key: String,
    arn: String,
    /// Where it leads, if its address says so.
    region: Option<String>,
}

impl Ticket {
    fn of(ticket: String, pass: &Pass, uri: &Uri) -> Result<Self, Error> {
        let account = ACCOUNT.parse().map_err(|_| Error::internal())?;
        let arn = pass.identity().arn("aws", &account);
        Ok(Self {
            ticket,
            access_key: pass.access_key().to_owned(),
            arn,
            region: preference::chosen_region(uri),
        })
    }
}

/// The button. The ticket stays good.
async fn show(visit: Visit, uri: Uri) -> Result<Response, Failure> {
    let door = &visit.door;
    if !door.authority.is_required() {
        return Ok(go("/console"));
    }
    let way = match preference::field(&uri, TICKET) {
        Some(ticket) => match door.sessions.holder(&ticket, Timestamp::now()) {
            Some(pass) => Way::In(Ticket::of(ticket, &pass, &uri)?),
            None => Way::Spent,
        },
        None if visit.session.is_none() && preference::field(&uri, "done").as_deref() == Some("left") => {
            Way::Left
        }
        None => Way::Unknown,
    };
    Ok(page(&visit, way))
}

/// Begins a session, and ends the one that this browser had.
async fn enter(visit: Visit, form: Form) -> Result<Response, Failure> {
    let door = &visit.door;
    if !door.authority.is_required() {
        return Ok(go("/console"));
    }
    let ticket = form.get(TICKET).unwrap_or_default();
    let Some(name) = door.sessions.enter(ticket, Timestamp::now())? else {
        return Ok(page(&visit, Way::Spent));
    };
    if let Some(before) = &visit.session {
        door.sessions.leave(before);
    }
    // Where `imds console` was told to go.
    let region = form.get(preference::REGION).and_then(preference::region);
    let mut response =
        go(&region.map_or("/console".to_owned(), |region| format!("/console?region={region}")));
    cookie::set(&mut response, &cookie::giving(&name));
    Ok(response)
}

/// Ends a session.
async fn leave(visit: Visit) -> Response {
    if let Some(name) = &visit.session {
        visit.door.sessions.leave(name);
    }
    let mut response = go(LEFT);
    cookie::set(&mut response, &cookie::taking());
    response
}

fn page(visit: &Visit, way: Way) -> Response {
    let status = match way {
        Way::In(_) | Way::Left | Way::Unknown => StatusCode::OK,
        Way::Spent => StatusCode::GONE,
    };
    let (shell, words) =
        (visit.shell(Section::Nowhere).keeping(way.fields()), EnterWords::of(visit.language));
    (status, Page(Enter { shell, words, way, command: command(visit) })).into_response()
}
