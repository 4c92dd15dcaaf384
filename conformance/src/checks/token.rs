//! `PUT /latest/api/token`: what issues a token, what is refused and why.

use crate::check::{Check, Group, Outcome};
use crate::expect::{self, TTL_ANSWERED};
use crate::http::{Answer, Connection, Lost, Request, TTL};
use crate::session::{Session, lost_to};
use crate::shape;
use std::collections::BTreeSet;

const ALLOW: &str = "OPTIONS, PUT";
const VALID: &str = "60";

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Token, name, source, run }
}

/// The group's checks.
pub(crate) const CHECKS: &[Check] = &[
    check("PUT answers 200 OK", "wire 1.1 [D], 1.2 [O]", answers),
    check("the PUT answer's headers, order and casing", "wire 1.2 [O], decision 1", headers),
    check("56 characters of URL-safe base64, no trailing LF", "wire 1.2 [O], decision 5", characters),
    check("40 bytes that begin 01 00 04 00 (AQAEA)", "wire 0.1 [O], decision 5", first_bytes),
    check("every PUT issues another token", "decision 5", |s| many(s, 8)),
    check("64 tokens are good at the same time", "UG23 no practical limit [D]", |s| many(s, 64)),
    check("the TTL is repeated", "wire 1.2 [O], decision 4", repeated),
    check("TTL 1 and 21600 are allowed", "wire 1.1 [D], decision 4", bounds),
    check("TTL 0 and 21601 are 400", "wire 1.6 [I] [O], decision 4", |s| {
        refused(s, &["0", "00", "21601", "30000"])
    }),
    check("a signed TTL is 400", "decision 4", |s| refused(s, &["-1", "+60", "-0"])),
    check("blanks inside a TTL are 400", "decision 4", |s| refused(s, &["6 0", "60 60", "6\t0"])),
    check("a TTL that is not decimal digits is 400", "wire 1.6 [D], decision 4", |s| {
        refused(s, &["1.5", "abc", "0x3c", "1e3", "60s", "60,60", "60;", "\u{ff16}\u{ff10}"])
    }),
    check("a TTL past every integer is 400", "decision 4", |s| {
        refused(s, &["99999999999999999999", "18446744073709551676", "4294967356"])
    }),
    check("an empty TTL is 400", "decision 4", |s| refused(s, &[""])),
    check("a TTL header sent twice is 400", "decision 4", twice),
    check("no TTL header is 400", "wire 1.6 [D], decision 3", missing),
    check("a misspelt TTL header is 400", "wire 6 [S]", misspelt),
    check("the TTL header's case does not matter", "wire 1.1 [S] [O]", any_case),
    check("X-Forwarded-For is 403", "wire 1.1 [D], 1.6, decision 8", forwarded),
    check("X-Forwarded-For comes before the TTL", "decision 3", forwarded_first),
    check("a token header on the PUT changes nothing", "decision 3", with_token),
    check("other methods are 405 Not Allowed, Allow: OPTIONS, PUT", "wire 1.6 [O], decision 3", methods),
    check("OPTIONS is 200, empty, with Allow", "decision 3 [assumed]", options),
    check("the query string is dropped", "decision 3, 9", query),
    check("a trailing slash is 403", "wire 1.1 [O]", |s| {
        elsewhere(s, &["/latest/api/token/", "/latest/api/token/?a"])
    }),
    check("a doubled slash is 403", "decision 3", |s| {
        elsewhere(s, &["//latest/api/token", "/latest//api/token", "/latest/api//token"])
    }),
    check("a dated version is 403", "wire 1.1 [D]", |s| {
        elsewhere(
            s,
            &["/2021-03-23/api/token", "/1.0/api/token", "/2022-09-24/api/token", "/2099-01-01/api/token"],
        )
    }),
    check("a PUT anywhere else is 403", "wire 1.1 [I], decision 3", |s| {
        elsewhere(
            s,
            &["/", "/latest", "/latest/api", "/latest/api/tokens", "/latest/meta-data/", "/latest/user-data"],
        )
    }),
    check("another case or spelling of the path is 403", "decision 3, 9", |s| {
        elsewhere(
            s,
            &["/latest/API/token", "/latest/api/%74oken", "/latest/./api/token", "/latest/x/../api/token"],
        )
    }),
    check("PUT with Content-Length: 0 or without is 200", "clients 8.5", lengths),
    check(
        "a chunked PUT with Expect: 100-continue keeps its connection",
        "wire 1.1 [O], decision 12",
        expect_continue,
    ),
    check("a body is read and dropped", "decision 12", dropped),
    check("HTTP/1.0 gets a token too", "decision 1", http10),
];

fn put() -> Request {
    Request::put_token().ttl(VALID)
}

/// A token came, and its TTL.
fn issued(answer: &Answer, ttl: &str) -> Outcome {
    expect::status(answer, 200)?;
    expect::header(answer, TTL_ANSWERED, ttl)?;
    expect::of(answer, answer.body.len() == 56, "a token of 56 characters")
}

fn answers(session: &Session) -> Outcome {
    let answer = session.ask(&Request::put_token().ttl("21600"))?;
    expect::status_line(&answer, "HTTP/1.1 200 OK")?;
    issued(&answer, "21600")
}

fn headers(session: &Session) -> Outcome {
    let (answer, end) = session.ask_to_end(&put())?;
    let order = [TTL_ANSWERED, "Content-Length", "Date", "Server", "Connection", "Content-Type"];
    expect::names(&answer, &order)?;
    expect::header(&answer, TTL_ANSWERED, VALID)?;
    expect::header(&answer, "Content-Length", "56")?;
    expect::date_of(&answer, "Date")?;
    expect::header(&answer, "Server", "EC2ws")?;
    expect::header(&answer, "Connection", "close")?;
    expect::header(&answer, "Content-Type", "text/plain")?;
    expect::closed(&answer, &end)
}

fn characters(session: &Session) -> Outcome {
    let (answer, end) = session.ask_to_end(&put())?;
    issued(&answer, VALID)?;
    expect::closed(&answer, &end)?;
    let text = answer.text();
    expect::of(
        &answer,
        text.ends_with("==") && shape::url_safe(&text).is_some(),
        "URL-safe base64 that ends ==",
    )
}

fn first_bytes(session: &Session) -> Outcome {
    let answer = session.ask(&put())?;
    let bytes = shape::url_safe(&answer.text()).unwrap_or_default();
    expect::of(&answer, bytes.len() == 40, "40 bytes in base64")?;
    expect::of(&answer, bytes.starts_with(&[1, 0, 4, 0]), "a token that begins 01 00 04 00, in text AQAEA")
}

fn many(session: &Session, count: usize) -> Outcome {
    let mut tokens = BTreeSet::new();
    for _ in 0..count {
        tokens.insert(session.issue(60)?);
    }
    expect::that(tokens.len() == count, || {
        format!("{count} PUTs: expected as many different tokens, got {}", tokens.len())
    })?;
    for token in tokens {
        expect::status(&session.ask(&Request::get("/latest/meta-data/instance-id").token(&token))?, 200)?;
    }
    Ok(())
}

fn repeated(session: &Session) -> Outcome {
    for ttl in ["2", "60", "100", "300", "900", "21599"] {
        issued(&session.ask(&Request::put_token().ttl(ttl))?, ttl)?;
    }
    Ok(())
}

fn bounds(session: &Session) -> Outcome {
    for ttl in ["1", "21600"] {
        issued(&session.ask(&Request::put_token().ttl(ttl))?, ttl)?;
    }
    Ok(())
}

fn refused(session: &Session, ttls: &[&str]) -> Outcome {
    for ttl in ttls {
        expect::error(session, &session.ask(&Request::put_token().ttl(ttl))?, 400)?;
    }
    Ok(())
}

fn twice(session: &Session) -> Outcome {
    for second in [VALID, "61", "abc"] {
        expect::error(session, &session.ask(&put().ttl(second))?, 400)?;
    }
    let cases = put().with("x-aws-ec2-metadata-token-ttl-seconds", VALID);
    expect::error(session, &session.ask(&cases)?, 400)
}

fn missing(session: &Session) -> Outcome {
    expect::error(session, &session.ask(&Request::put_token())?, 400)
}

fn misspelt(session: &Session) -> Outcome {
    for name in
        ["X-aws-ec2metadata-token-ttl-seconds", "X-aws-ec2-metadata-token-ttl", "X-aws-ec2-metadata-token"]
    {
        expect::error(session, &session.ask(&Request::put_token().with(name, VALID))?, 400)?;
    }
    Ok(())
}

fn any_case(session: &Session) -> Outcome {
    for name in [TTL.to_lowercase(), TTL.to_uppercase(), TTL_ANSWERED.to_owned(), TTL.to_owned()] {
        issued(&session.ask(&Request::put_token().with(&name, VALID))?, VALID)?;
    }
    Ok(())
}

fn forwarded(session: &Session) -> Outcome {
    for (name, value) in [
        ("X-Forwarded-For", "203.0.113.9"),
        ("x-forwarded-for", "10.0.0.1, 10.0.0.2"),
        ("X-Forwarded-For", ""),
    ] {
        expect::error(session, &session.ask(&put().with(name, value))?, 403)?;
    }
    Ok(())
}

fn forwarded_first(session: &Session) -> Outcome {
    let from = |request: Request| request.with("X-Forwarded-For", "203.0.113.9");
    for request in [from(Request::put_token()), from(Request::put_token().ttl("0")), from(put().ttl(VALID))] {
        expect::error(session, &session.ask(&request)?, 403)?;
    }
    Ok(())
}

fn with_token(session: &Session) -> Outcome {
    for token in ["garbage", session.token()?] {
        issued(&session.ask(&put().token(token))?, VALID)?;
    }
    Ok(())
}

fn methods(session: &Session) -> Outcome {
    for method in ["GET", "HEAD", "POST", "DELETE", "PATCH", "TRACE", "PROPFIND", "put"] {
        let (answer, end) = session.ask_to_end(&Request::new(method, "/latest/api/token"))?;
        expect::not_allowed(session, &answer, ALLOW)?;
        expect::closed(&answer, &end)?;
    }
    let valid = Request::get("/latest/api/token").token(session.token()?);
    expect::not_allowed(session, &session.ask(&valid)?, ALLOW)
}

fn options(session: &Session) -> Outcome {
    let (answer, end) = session.ask_to_end(&Request::new("OPTIONS", "/latest/api/token"))?;
    expect::options(&answer, ALLOW)?;
    expect::closed(&answer, &end)
}

fn query(session: &Session) -> Outcome {
    for target in
        ["/latest/api/token?", "/latest/api/token?a=b", "/latest/api/token?/x", "/latest/api/token#x"]
    {
        issued(&session.ask(&Request::new("PUT", target).ttl(VALID))?, VALID)?;
    }
    Ok(())
}

fn elsewhere(session: &Session, targets: &[&str]) -> Outcome {
    for target in targets {
        let request = Request::new("PUT", target);
        expect::error(session, &session.ask(&request.clone().ttl(VALID))?, 403)?;
        expect::error(session, &session.ask(&request.clone().ttl("0"))?, 403)?;
        expect::error(session, &session.ask(&request.token(session.token()?))?, 403)?;
    }
    Ok(())
}

fn lengths(session: &Session) -> Outcome {
    issued(&session.ask(&put())?, VALID)?;
    issued(&session.ask(&put().with("Content-Length", "0"))?, VALID)
}

/// s3fs's own exchange: it waits for the interim answer before it sends the body's end.
fn expect_continue(session: &Session) -> Outcome {
    let request = put().keep_alive().with("Transfer-Encoding", "chunked").with("Expect", "100-continue");
    let mut connection = session.open()?;
    let interim = session.ask_on(&mut connection, &request)?;
    expect::of(&interim, interim.status == 100 && interim.headers.is_empty(), "HTTP/1.1 100 Continue alone")?;
    connection.send(b"0\r\n\r\n");
    let answer = connection.answer(&request).map_err(|lost| lost_to(&request, &lost))?;
    issued(&answer, VALID)?;
    still_serves(session, &mut connection, &answer.text())
}

fn dropped(session: &Session) -> Outcome {
    let chunked = put().with("Transfer-Encoding", "chunked").body(b"5\r\nhello\r\n0\r\n\r\n");
    for request in [chunked, put().with("Content-Length", "5").body(b"hello")] {
        let mut connection = session.open()?;
        let answer = session.ask_on(&mut connection, &request.keep_alive())?;
        issued(&answer, VALID)?;
        still_serves(session, &mut connection, &answer.text())?;
    }
    Ok(())
}

/// A GET with the token just issued, on the same connection.
fn still_serves(session: &Session, connection: &mut Connection, token: &str) -> Outcome {
    let request = Request::get("/latest/meta-data/instance-id").token(token).keep_alive();
    connection.send(&request.bytes(&session.endpoint.authority));
    match connection.answer(&request) {
        Ok(answer) => expect::status(&answer, 200),
        Err(lost @ (Lost::Closed(_) | Lost::Silent(_) | Lost::Malformed(_))) => {
            expect::that(false, || format!("{} after the PUT on its connection: {lost}", request.label()))
        }
    }
}

fn http10(session: &Session) -> Outcome {
    let (answer, end) = session.ask_to_end(&put().http10())?;
    issued(&answer, VALID)?;
    expect::closed(&answer, &end)
}
