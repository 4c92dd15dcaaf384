//! Connections: closed by default, kept on request, and given up when too little comes.

use crate::check::{Check, Group, Outcome, Stop};
use crate::expect;
use crate::http::{End, Request};
use crate::session::{Session, lost_to};
use crate::waits::{LONGEST, Waits};
use std::time::Duration;

const LEAF: &str = "/latest/meta-data/instance-id";
const OTHER: &str = "/latest/meta-data/instance-type";

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Connections, name, source, run }
}

/// The group's checks.
pub(crate) const CHECKS: &[Check] = &[
    check("closed after one answer by default", "wire 1.4 [O], decision 1", closed),
    check("Connection: close is closed too", "wire 1.4 [O], decision 1", close_asked),
    check("Connection: keep-alive keeps it, without a Connection header", "wire 1.4 [O], decision 1", kept),
    check("a kept connection closes when asked to", "decision 1", kept_then_closed),
    check("HTTP/1.0 is answered and closed", "decision 1", http10),
    check("HTTP/1.0 is closed even with keep-alive", "decision 1", http10_keep_alive),
    check("two pipelined requests are answered in order", "decision 1", pipelined),
    check("a request in single bytes is answered", "decision 13", single_bytes),
    check("a silent connection is closed without answer", "decision 13", |s| given_up(s, |w| &w.silent)),
    check("half a header is closed without answer", "decision 13", |s| given_up(s, |w| &w.half_header)),
    check("a header that never ends is closed without answer", "decision 13", |s| {
        given_up(s, |w| &w.trickle)
    }),
    check("half a body is closed without answer", "decision 13", |s| given_up(s, |w| &w.half_body)),
    check("a kept connection is closed when idle", "decision 13", |s| given_up(s, |w| &w.idle)),
];

fn get(session: &Session) -> Result<Request, Stop> {
    Ok(Request::get(LEAF).token(session.token()?))
}

fn closed_after(session: &Session, request: &Request) -> Outcome {
    let (answer, end) = session.ask_to_end(request)?;
    expect::status(&answer, 200)?;
    expect::header(&answer, "Connection", "close")?;
    expect::closed(&answer, &end)
}

fn closed(session: &Session) -> Outcome {
    closed_after(session, &get(session)?)?;
    closed_after(session, &Request::put_token().ttl("60"))?;
    closed_after(session, &Request::get("/latest/meta-data/").token(session.token()?))
}

fn close_asked(session: &Session) -> Outcome {
    closed_after(session, &get(session)?.with("Connection", "close"))
}

fn kept(session: &Session) -> Outcome {
    let mut connection = session.open()?;
    for request in [
        get(session)?.keep_alive(),
        Request::put_token().ttl("60").keep_alive(),
        Request::get("/latest/meta-data/").token(session.token()?).with("connection", "Keep-Alive"),
        get(session)?.keep_alive(),
    ] {
        let answer = session.ask_on(&mut connection, &request)?;
        expect::status(&answer, 200)?;
        expect::no_header(&answer, "Connection")?;
    }
    let end = connection.end(Duration::from_millis(200));
    expect::that(!end.closed && end.surplus.is_empty(), || {
        format!("after four kept answers: expected the connection open and quiet, got {end:?}")
    })
}

fn kept_then_closed(session: &Session) -> Outcome {
    let mut connection = session.open()?;
    let first = session.ask_on(&mut connection, &get(session)?.keep_alive())?;
    expect::no_header(&first, "Connection")?;
    let last = session.ask_on(&mut connection, &get(session)?)?;
    expect::status(&last, 200)?;
    expect::header(&last, "Connection", "close")?;
    expect::closed(&last, &connection.end(Duration::from_secs(1)))
}

fn http10(session: &Session) -> Outcome {
    closed_after(session, &get(session)?.http10())?;
    closed_after(session, &get(session)?.http10().without_host())
}

fn http10_keep_alive(session: &Session) -> Outcome {
    let (answer, end) = session.ask_to_end(&get(session)?.http10().keep_alive())?;
    expect::status(&answer, 200)?;
    expect::closed(&answer, &end)
}

fn pipelined(session: &Session) -> Outcome {
    let first = get(session)?.keep_alive();
    let second = Request::get(OTHER).token(session.token()?).keep_alive();
    let authority = &session.endpoint.authority;
    let mut connection = session.open()?;
    connection.send(&[first.bytes(authority), second.bytes(authority)].concat());
    for (request, path) in [(first, LEAF), (second, OTHER)] {
        let answer = connection.answer(&request).map_err(|lost| lost_to(&request, &lost))?;
        expect::status(&answer, 200)?;
        expect::body(&answer, &session.get(path)?.body)?;
    }
    Ok(())
}

fn single_bytes(session: &Session) -> Outcome {
    let request = get(session)?;
    let mut connection = session.open()?;
    for byte in request.bytes(&session.endpoint.authority) {
        connection.send(&[byte]);
        std::thread::sleep(Duration::from_micros(500));
    }
    let answer = connection.answer(&request).map_err(|lost| lost_to(&request, &lost))?;
    expect::status(&answer, 200)
}

fn given_up(session: &Session, which: fn(&Waits) -> &End) -> Outcome {
    let end = which(session.waits()?);
    expect::that(end.closed && end.surplus.is_empty(), || {
        format!(
            "expected a close without answer within {} s, got {} after {:.1} s and {} bytes",
            LONGEST.as_secs(),
            if end.closed { "a close" } else { "an open connection" },
            end.after.as_secs_f32(),
            end.surplus.len(),
        )
    })
}
