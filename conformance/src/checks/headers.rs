//! The headers of what is answered with 200, in EC2's order and casing.

use crate::check::{Check, Group, Outcome, Stop};
use crate::expect::{self, TTL_ANSWERED};
use crate::http::{Answer, Request};
use crate::session::Session;
use std::time::Duration;

const LEAF: &str = "/latest/meta-data/instance-id";
const USER_DATA: &str = "/latest/user-data";
const V1: [&str; 7] =
    ["Content-Type", "Accept-Ranges", "Last-Modified", "Content-Length", "Date", "Server", "Connection"];

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Headers, name, source, run }
}

/// The group's checks.
pub(crate) const CHECKS: &[Check] = &[
    check("GET with a token: headers, order and casing", "wire 1.3 [O], decision 1", v2),
    check("GET without a token: the same but for the TTL", "wire 1.3 [O], decision 1", v1),
    check("the status line is HTTP/1.1 200 OK", "wire 1.3 [O], decision 1", line),
    check("Server: EC2ws, Accept-Ranges: none on every answer", "wire 0.1, 1.3 [O]", fixed),
    check("no ETag on any answer", "wire 0.1 [O]", |s| nowhere(s, "ETag")),
    check("Content-Length on every answer, never chunked", "wire 1.4 [O]", length),
    check("metadata, listings and JSON are text/plain, without charset", "wire 2.3 [D] [O]", plain),
    check("user-data is application/octet-stream", "wire 2.3 [D] [O]", user_data_type),
    check("no user-data is 404", "wire 2.4 [D] [O]", no_user_data),
    check("Date and Last-Modified are HTTP dates, in this order", "wire 1.3 [O]", dates),
    check("Last-Modified is the instance's, not the request's", "wire 1.3 [O], decision 11", last_modified),
    check("HEAD has GET's headers and no body", "wire 1.1 [D]", head),
    check("Host is not checked", "wire 1.9 [O], decision 9", host),
];

fn exact(answer: &Answer, names: &[&str]) -> Outcome {
    expect::status(answer, 200)?;
    expect::names(answer, names)?;
    expect::header(answer, "Content-Type", "text/plain")?;
    expect::header(answer, "Accept-Ranges", "none")?;
    expect::header(answer, "Server", "EC2ws")?;
    expect::header(answer, "Connection", "close")?;
    expect::header(answer, "Content-Length", &answer.body.len().to_string())
}

fn v2(session: &Session) -> Outcome {
    let names = [&[TTL_ANSWERED], &V1[..]].concat();
    for path in ["/", "/latest/meta-data/", LEAF] {
        let answer = session.get(path)?;
        exact(&answer, &names)?;
        expect::remaining(&answer)?;
    }
    Ok(())
}

fn v1(session: &Session) -> Outcome {
    session.only_optional()?;
    for path in ["/", "/latest/meta-data/", LEAF] {
        exact(&session.ask(&Request::get(path))?, &V1)?;
    }
    Ok(())
}

fn line(session: &Session) -> Outcome {
    everywhere(session, |answer| expect::status_line(answer, "HTTP/1.1 200 OK"))
}

/// Holds for the answer of everything that `/latest` lists.
fn everywhere(session: &Session, rule: impl Fn(&Answer) -> Outcome) -> Outcome {
    session.latest()?.nodes.iter().try_for_each(|node| rule(&node.answer))
}

fn fixed(session: &Session) -> Outcome {
    everywhere(session, |answer| {
        expect::header(answer, "Server", "EC2ws")?;
        expect::header(answer, "Accept-Ranges", "none")
    })
}

fn nowhere(session: &Session, name: &str) -> Outcome {
    everywhere(session, |answer| {
        expect::status(answer, 200)?;
        expect::no_header(answer, name)
    })
}

fn length(session: &Session) -> Outcome {
    everywhere(session, |answer| {
        expect::header(answer, "Content-Length", &answer.body.len().to_string())?;
        expect::no_header(answer, "Transfer-Encoding")
    })
}

fn plain(session: &Session) -> Outcome {
    let tree = session.latest()?;
    let mut metadata = tree.nodes.iter().filter(|node| node.path != "user-data");
    metadata.try_for_each(|node| expect::header(&node.answer, "Content-Type", "text/plain"))
}

fn user_data_type(session: &Session) -> Outcome {
    let answer = session.get(USER_DATA)?;
    if answer.status == 404 {
        return Err(Stop::Absent("the instance has no user-data".into()));
    }
    expect::status(&answer, 200)?;
    expect::header(&answer, "Content-Type", "application/octet-stream")?;
    expect::of(&answer, answer.body.len() <= 16_384, "at most 16 KB of user-data")
}

fn no_user_data(session: &Session) -> Outcome {
    let answer = session.get(USER_DATA)?;
    if answer.status == 200 {
        return Err(Stop::Absent("the instance has user-data".into()));
    }
    expect::error(session, &answer, 404)
}

fn dates(session: &Session) -> Outcome {
    everywhere(session, |answer| {
        let changed = expect::date_of(answer, "Last-Modified")?;
        let sent = expect::date_of(answer, "Date")?;
        expect::of(answer, changed <= sent, "a Last-Modified that is not after Date")
    })
}

fn last_modified(session: &Session) -> Outcome {
    let first = session.get(LEAF)?;
    let expected = expect::date_of(&first, "Last-Modified")?;
    std::thread::sleep(Duration::from_millis(1_100));
    for path in [LEAF, "/latest/meta-data/", "/latest/meta-data/instance-type"] {
        let answer = session.get(path)?;
        let date = expect::date_of(&answer, "Last-Modified")?;
        let same = first.header("Last-Modified").unwrap_or_default();
        expect::of(&answer, date == expected, &format!("Last-Modified: {same}, as a second before"))?;
    }
    Ok(())
}

fn head(session: &Session) -> Outcome {
    for path in ["/", "/latest", "/latest/meta-data/", LEAF, USER_DATA, "/latest/no-such-path"] {
        let get = session.get(path)?;
        let (head, end) = session.ask_to_end(&Request::new("HEAD", path).token(session.token()?))?;
        expect::of(&head, head.status_line == get.status_line, &format!("{:?}, as GET", get.status_line))?;
        let still = |answer: &Answer| -> Vec<(String, String)> {
            let value = |(name, value): &(String, String)| match name.as_str() {
                // A second may have passed between the two.
                "Date" | TTL_ANSWERED => (name.clone(), String::new()),
                _ => (name.clone(), value.clone()),
            };
            answer.headers.iter().map(value).collect()
        };
        expect::of(&head, still(&head) == still(&get), &format!("the headers of GET, {:?}", still(&get)))?;
        expect::closed(&head, &end)?;
    }
    Ok(())
}

fn host(session: &Session) -> Outcome {
    let get = || Ok::<_, Stop>(Request::get(LEAF).token(session.token()?).without_host());
    for request in [
        get()?,
        get()?.with("Host", "instance-data.ec2.internal"),
        get()?.with("Host", "169.254.169.254"),
        get()?.with("Host", "example.com:8080"),
    ] {
        expect::status(&session.ask(&request)?, 200)?;
    }
    Ok(())
}
