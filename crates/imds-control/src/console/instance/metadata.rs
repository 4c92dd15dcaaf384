//! *Metadata*: what the instance is answered at a path, by IMDSv1 and by IMDSv2.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use imds_core::finding::refusal;
use imds_core::view::{self, View};

use super::explained::{Explained, FindingWords};
use super::masked::{masked, may_hold_keys};
use super::{Head, Subject, Tab, tree};
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::shell::{Section, Shell};
use crate::query::Error;

/// Where one begins.
const START: &str = "/latest/meta-data/";
/// How much of a body is shown, in bytes.
const SHOWN: usize = 16 * 1_024;

words! {
    /// Texts of the metadata.
    MetadataWords {
        path: "Path" / "パス";
        go: "Go" / "移動";
        trail: "Path" / "パス";
        answer: "Answer" / "応答";
        wrong: "A path begins with / and has at most 1,024 printable ASCII characters." / "パスは / で始まる、1,024 文字以内の印字可能な ASCII 文字で指定してください。";
        absent: "The instance does not run, so nobody can ask for its metadata." / "インスタンスは実行されていないため、メタデータを取得できません。";
        nothing: "No metadata." / "メタデータはありません。";
        data: " bytes of data" / " バイトのデータ";
        cut_before: "Only the beginning is shown, of " / "先頭のみを表示しています。全体は ";
        cut_after: " bytes." / " バイトです。";
        user_data: "Show the user data" / "ユーザーデータを表示";
        hidden: "It holds keys, and is not shown." / "キーが含まれるため、表示しません。";
        masked: "The keys are not shown here; the instance gets them." / "キーはここには表示されません。インスタンスには返されます。";
    }
}

/// A way to another path.
struct Link {
    name: String,
    href: String,
}

/// What a version of the service answers.
struct Side {
    version: &'static str,
    status: u16,
    reason: &'static str,
    status_class: &'static str,
    body: Body,
    /// Why it was refused.
    explained: Option<Explained>,
}

/// A body, as it is shown.
enum Body {
    /// There is none.
    Nothing,
    /// The lines of a listing.
    Listing(Vec<Link>),
    /// A text, and the length of the whole if it is cut.
    Text(String, Option<usize>),
    /// The same, that one asks for before it is shown.
    UserData(String, Option<usize>),
    /// A document without its keys.
    Masked(String),
    /// It may hold keys, and is not understood.
    Hidden,
    /// No text: so many bytes.
    Data(usize),
}

#[derive(Template)]
#[template(path = "console/instance_metadata.html")]
struct Metadata {
    shell: Shell,
    head: Head,
    words: &'static MetadataWords,
    finding_words: &'static FindingWords,
    /// What was asked for.
    path: String,
    /// Is it no path?
    is_wrong: bool,
    /// The directories on the way, the last of which is where one is.
    trail: Vec<Link>,
    /// `None` for an instance that guests cannot be.
    sides: Option<Vec<Side>>,
}

pub(super) async fn show(RawQuery(query): RawQuery, subject: Subject) -> Result<Response, Failure> {
    let path = wanted(query.as_deref().unwrap_or_default());
    if !tree::is_path(&path) {
        // A long one is of no use to anybody.
        let typed = if path.len() <= tree::LONGEST { path } else { String::new() };
        let page = page(&subject, typed, true, Vec::new(), None);
        return Ok((StatusCode::BAD_REQUEST, page).into_response());
    }
    let segments = tree::segments(&path);
    let view = view(&subject, path.clone()).await?;
    let sides = match view {
        None => None,
        Some(view) => {
            let parent = parent(&subject, &segments, &view).await?;
            Some(sides(&subject, &segments, parent.as_deref(), view))
        }
    };
    let trail = trail(&subject, &segments);
    Ok(page(&subject, path, false, trail, sides).into_response())
}

fn page(
    subject: &Subject,
    path: String,
    is_wrong: bool,
    trail: Vec<Link>,
    sides: Option<Vec<Side>>,
) -> Page<Metadata> {
    let language = subject.visit.language;
    let kept = if is_wrong { String::new() } else { path.clone() };
    Page(Metadata {
        // One that is none is told, and goes nowhere.
        shell: subject.shell().keeping([("path", kept)]),
        head: subject.head(Tab::Metadata),
        words: MetadataWords::of(language),
        finding_words: FindingWords::of(language),
        path,
        is_wrong,
        trail,
        sides,
    })
}

/// The path that the address asks for.
fn wanted(query: &str) -> String {
    let mut fields = form_urlencoded::parse(query.as_bytes());
    fields.find_map(|(name, value)| (name == "path").then(|| value.into_owned())).unwrap_or(START.to_owned())
}

async fn view(subject: &Subject, path: String) -> Result<Option<View>, Failure> {
    let plane = &subject.visit.door.plane;
    Ok(plane.view(subject.id().clone(), path).await.map_err(Error::from)?)
}

/// The listing above a path, where something is behind that.
async fn parent(subject: &Subject, segments: &[&str], view: &View) -> Result<Option<String>, Failure> {
    let Some((_, above)) = segments.split_last().filter(|_| body(view).is_some()) else { return Ok(None) };
    let above = self::view(subject, tree::directory(above)).await?;
    Ok(above.as_ref().and_then(body).and_then(|body| String::from_utf8(body.clone()).ok()))
}

/// The metadata of a view, by whichever version there is some.
fn body(view: &View) -> Option<&Vec<u8>> {
    view.v2.body.as_ref().or(view.v1.body.as_ref())
}

/// The way to a path.
fn link(subject: &Subject, name: &str, path: &str) -> Link {
    let path: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
    Link { name: name.to_owned(), href: format!("/console/instances/{}/metadata?path={path}", subject.id()) }
}

fn trail(subject: &Subject, segments: &[&str]) -> Vec<Link> {
    let root = link(subject, "/", "/");
    let below = (1..=segments.len()).map(|end| {
        let (way, name) = (&segments[..end], segments[end - 1]);
        link(subject, name, &tree::directory(way))
    });
    [root].into_iter().chain(below).collect()
}

fn sides(subject: &Subject, segments: &[&str], parent: Option<&str>, view: View) -> Vec<Side> {
    let is_listing = tree::is_listing(segments, parent.unwrap_or_default());
    let show = |version, side: view::Side, has_token| {
        let is_refused = side.status >= 400;
        Side {
            version,
            status: side.status,
            reason: reason(side.status),
            status_class: status_class(side.status),
            explained: is_refused.then(|| Explained::of(refusal("GET", side.status, has_token), subject)),
            body: match side.body {
                None => Body::Nothing,
                Some(bytes) => shown(subject, segments, is_listing, bytes),
            },
        }
    };
    vec![show("IMDSv1", view.v1, false), show("IMDSv2", view.v2, true)]
}

/// EC2's words for a status (docs/wire.md 1.6).
pub(super) fn reason(status: u16) -> &'static str {
    if status == 405 {
        return "Not Allowed";
    }
    let known = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.unwrap_or_default()
}

/// The colour of a status. What is absent is neither good nor bad.
pub(super) fn status_class(status: u16) -> &'static str {
    match status {
        // It was sent no answer.
        0 => "bad",
        1..400 => "good",
        404 => "",
        _ => "bad",
    }
}

fn shown(subject: &Subject, segments: &[&str], is_listing: bool, bytes: Vec<u8>) -> Body {
    let length = bytes.len();
    let is_text = |text: &str| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    let Some(text) = String::from_utf8(bytes).ok().filter(|text| is_text(text)) else {
        return Body::Data(length);
    };
    if is_listing {
        let links = text.lines().map(|line| link(subject, line, &tree::child(segments, line)));
        return Body::Listing(links.collect());
    }
    if may_hold_keys(segments) {
        return masked(&text).map_or(Body::Hidden, Body::Masked);
    }
    let (text, whole) = cut(text);
    if matches!(segments, [_, "user-data", ..]) {
        Body::UserData(text, whole)
    } else {
        Body::Text(text, whole)
    }
}

/// The beginning of a text, and the length of the whole if that is not all.
fn cut(mut text: String) -> (String, Option<usize>) {
    let length = text.len();
    if length <= SHOWN {
        return (text, None);
    }
    text.truncate(text.floor_char_boundary(SHOWN));
    (text, Some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("a".repeat(SHOWN)), ("a".repeat(SHOWN), None));
        let long = format!("{}é", "a".repeat(SHOWN - 1));
        assert_eq!(cut(long), ("a".repeat(SHOWN - 1), Some(SHOWN + 1)));
    }

    #[test]
    fn the_path_is_the_first_that_the_address_has() {
        for (query, path) in [
            ("", START),
            ("lang=ja", START),
            ("path=%2Flatest%2F", "/latest/"),
            ("lang=ja&path=/&path=/x", "/"),
            ("path=", ""),
            ("path=/%ff", "/\u{fffd}"),
        ] {
            assert_eq!(wanted(query), path, "{query}");
        }
    }
}
