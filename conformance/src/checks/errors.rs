//! Every 4xx to the byte: status line, headers in order, page; methods; what HTTP itself refuses.

use crate::check::{Check, Group, Outcome};
use crate::expect;
use crate::http::{Answer, End, Lost, Request};
use crate::session::Session;

const ALLOW: &str = "GET, HEAD, OPTIONS";
const LEAF: &str = "/latest/meta-data/instance-id";
const UNKNOWN: &str = "/latest/meta-data/no-such-category";

/// Longer than any limit on a request line or a header.
const TOO_LONG: usize = 1 << 20;

/// More than the buffers of both sides hold; only who reads it lets it pass.
const ENDLESS: usize = 64 << 20;

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Errors, name, source, run }
}

/// The group's checks.
pub(crate) const CHECKS: &[Check] = &[
    check("400 to the byte", "decision 1, 2", |s| exact(s, &Request::put_token(), 400)),
    check("401 to the byte", "wire 1.7 [O], decision 1, 2", |s| {
        exact(s, &Request::get(LEAF).token("garbage"), 401)
    }),
    check("403 to the byte", "wire 1.7 [O], decision 1, 2", |s| {
        exact(s, &Request::new("PUT", "/latest").ttl("60"), 403)
    }),
    check("404 to the byte, whatever the error pages are", "wire 1.7 [O], decision 1, 2", not_found),
    check("405 to the byte, Not Allowed", "wire 1.6 [O], decision 1, 2", |s| {
        let (answer, end) = s.ask_to_end(&Request::new("POST", LEAF))?;
        expect::not_allowed(s, &answer, ALLOW)?;
        expect::closed(&answer, &end)
    }),
    check("errors to HEAD have the length and no body", "wire 1.1 [D], decision 2", head),
    check("other methods on metadata paths are 405 with Allow", "decision 3", methods),
    check("405 comes before 401 and 404", "decision 3", methods_first),
    check("OPTIONS on metadata paths is 200, empty, with Allow", "decision 3 [assumed]", options),
    check("an error keeps a connection that is to be kept", "wire 1.4 [O]", kept),
    check("a malformed request line is 400", "decision 1", request_line),
    check("a malformed target is 400", "decision 1", target),
    check("a malformed header is 400", "decision 1", header),
    check("a malformed length is 400", "decision 1", length),
    check("binary bytes are 400", "decision 1", binary),
    check("400 comes before every other rule", "decision 1", before_all),
    check("a request line too long is 414 or 431, or closed", "decision 1, 2, wire 1.11", long_target),
    check("a header too long is 431, or closed", "decision 1, 2, wire 1.11", long_header),
    check("a body too long is 413, or closed; the connection closes", "decision 13", long_body),
    check("a malformed chunk is never answered 200", "decision 12, wire 1.11", bad_chunk),
];

fn exact(session: &Session, request: &Request, code: u16) -> Outcome {
    let (answer, end) = session.ask_to_end(request)?;
    expect::error(session, &answer, code)?;
    expect::closed(&answer, &end)
}

fn not_found(session: &Session) -> Outcome {
    exact(session, &Request::get(UNKNOWN).token(session.token()?), 404)
}

fn head(session: &Session) -> Outcome {
    exact(session, &Request::new("HEAD", UNKNOWN).token(session.token()?), 404)?;
    exact(session, &Request::new("HEAD", LEAF).token("garbage"), 401)
}

fn methods(session: &Session) -> Outcome {
    for method in ["POST", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "Head", "POST"] {
        for path in ["/", "/latest/", LEAF, "/latest/user-data", "/2009-04-04/meta-data/"] {
            let answer = session.ask(&Request::new(method, path).token(session.token()?))?;
            expect::not_allowed(session, &answer, ALLOW)?;
        }
    }
    let body = Request::new("POST", LEAF).with("Content-Length", "5").body(b"hello");
    expect::not_allowed(session, &session.ask(&body)?, ALLOW)
}

fn methods_first(session: &Session) -> Outcome {
    for path in [LEAF, UNKNOWN, "/2099-01-01/"] {
        for request in [Request::new("POST", path), Request::new("DELETE", path).token("garbage")] {
            expect::not_allowed(session, &session.ask(&request)?, ALLOW)?;
        }
    }
    Ok(())
}

fn options(session: &Session) -> Outcome {
    for path in ["/", "/latest/meta-data/", LEAF, UNKNOWN, "/latest/user-data", "/latest/api/token/"] {
        let (answer, end) = session.ask_to_end(&Request::new("OPTIONS", path))?;
        expect::options(&answer, ALLOW)?;
        expect::closed(&answer, &end)?;
    }
    Ok(())
}

fn kept(session: &Session) -> Outcome {
    let requests = [
        (Request::get(LEAF).token("garbage"), 401),
        (Request::get(UNKNOWN).token(session.token()?), 404),
        (Request::new("PUT", "/latest/api/token/").ttl("60"), 403),
        (Request::put_token(), 400),
    ];
    let mut connection = session.open()?;
    for (request, code) in requests {
        let answer = session.ask_on(&mut connection, &request.keep_alive())?;
        expect::error_kept(session, &answer, code)?;
    }
    let last = Request::get(LEAF).token(session.token()?).keep_alive();
    expect::status(&session.ask_on(&mut connection, &last)?, 200)
}

/// What HTTP refuses: 400, whole, and the connection closed.
fn malformed(session: &Session, what: &str, bytes: &[u8]) -> Outcome {
    let (answer, end) = session.ask_to_end(&Request::raw(what, bytes))?;
    expect::error(session, &answer, 400)?;
    expect::closed(&answer, &end)
}

fn request_line(session: &Session) -> Outcome {
    for line in [
        "GET",
        "GET /latest/",
        "GET /latest/ HTTP/x",
        "GET /latest/ FTP/1.1",
        "GET /latest/ HTTP/1.1 x",
        "G@T\x01 / HTTP/1.1",
    ] {
        malformed(
            session,
            &format!("the request line {line:?}"),
            format!("{line}\r\nHost: x\r\n\r\n").as_bytes(),
        )?;
    }
    Ok(())
}

fn target(session: &Session) -> Outcome {
    let targets: [&[u8]; 6] = [
        b"latest/meta-data/",
        b"/latest/a b",
        b"/latest/<x>",
        b"/latest/`x`",
        b"/latest/\xff\xfe",
        b"/latest/\x01",
    ];
    for target in targets {
        let bytes = [b"GET ", target, b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
        malformed(session, &format!("the target \"{}\"", target.escape_ascii()), &bytes)?;
    }
    Ok(())
}

fn header(session: &Session) -> Outcome {
    let headers: [&[u8]; 6] = [
        b"no colon at all",
        b"Spaced : x",
        b": x",
        b"X-Folded: a\r\n b",
        b"\xe2\x80\x9cX-aws-ec2-metadata-token: x",
        b"X-Control: a\x00b",
    ];
    for header in headers {
        let bytes = [b"GET /latest/ HTTP/1.1\r\nHost: x\r\n", header, b"\r\n\r\n"].concat();
        malformed(session, &format!("the header \"{}\"", header.escape_ascii()), &bytes)?;
    }
    Ok(())
}

fn length(session: &Session) -> Outcome {
    for lengths in ["Content-Length: abc", "Content-Length: -1", "Content-Length: 1\r\nContent-Length: 2"] {
        let head = format!("PUT /latest/api/token HTTP/1.1\r\nHost: x\r\n{lengths}\r\n\r\n");
        malformed(session, &format!("the header {lengths:?}"), head.as_bytes())?;
    }
    Ok(())
}

fn binary(session: &Session) -> Outcome {
    malformed(session, "a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")?;
    malformed(session, "zero bytes", b"\0\0\0\0\0\0\0\0\r\n\r\n")
}

/// On the token path, with X-Forwarded-For, by another method: 400 all the same.
fn before_all(session: &Session) -> Outcome {
    for line in ["PUT /latest/api/token", "PUT /nowhere", "POST /latest/", "OPTIONS /latest/"] {
        let bytes =
            format!("{line} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\nSpaced : x\r\n\r\n");
        malformed(session, &format!("{line} with a malformed header"), bytes.as_bytes())?;
    }
    Ok(())
}

fn long_target(session: &Session) -> Outcome {
    let request = Request::raw(
        "a request line of 1 MiB",
        format!("GET /latest/{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(TOO_LONG)),
    );
    answered_or_closed(session, &request, &[414, 431])
}

fn long_header(session: &Session) -> Outcome {
    let one = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(TOO_LONG));
    answered_or_closed(session, &Request::raw("a header of 1 MiB", one), &[431])?;
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: a\r\n".repeat(TOO_LONG / 11));
    answered_or_closed(session, &Request::raw("headers of 1 MiB in all", many), &[431])
}

fn long_body(session: &Session) -> Outcome {
    let put = || Request::put_token().ttl("60").keep_alive();
    let whole = put().with("Content-Length", &TOO_LONG.to_string()).body(&[b'a'; TOO_LONG]);
    answered_or_closed(session, &whole, &[413])?;
    let endless = put().with("Content-Length", "1099511627776");
    let mut connection = session.open()?;
    connection.send(&endless.bytes(&session.endpoint.authority));
    let taken = connection.flood(&[b'a'; 65_536], ENDLESS);
    expect::that(taken < ENDLESS, || {
        format!("{}: expected the body to be refused, {taken} bytes of it were taken", endless.label())
    })
}

/// One of the codes, whole, or nothing; and the connection closed.
fn answered_or_closed(session: &Session, request: &Request, codes: &[u16]) -> Outcome {
    let (answer, end) = session.try_ask(request)?;
    match answer {
        Ok(answer) => refused(session, &answer, &end, codes),
        Err(Lost::Closed(bytes)) if bytes.is_empty() => Ok(()),
        Err(lost) => {
            expect::that(false, || format!("{}: expected {codes:?} or a close; {lost}", request.label()))
        }
    }
}

fn refused(session: &Session, answer: &Answer, end: &End, codes: &[u16]) -> Outcome {
    expect::of(
        answer,
        codes.contains(&answer.status),
        &format!("status {codes:?}, or a close without answer"),
    )?;
    expect::error(session, answer, answer.status)?;
    expect::closed(answer, end)
}

fn bad_chunk(session: &Session) -> Outcome {
    let request = Request::put_token().ttl("60").keep_alive().with("Transfer-Encoding", "chunked");
    for chunk in ["zz\r\n", "-1\r\nx\r\n", "5\r\nhelloworld\r\n0\r\n\r\n"] {
        answered_or_closed(session, &request.clone().body(chunk.as_bytes()), &[400])?;
    }
    Ok(())
}
