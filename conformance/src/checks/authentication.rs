//! Who is answered 200 and who 401: tokens that open, tokens that do not, and requests without one.

use crate::check::{Check, Group, Outcome, Stop};
use crate::expect::{self, TTL_ANSWERED};
use crate::http::{Answer, Request, TOKEN, TTL};
use crate::session::{Session, Tokens};
use crate::shape::URL_SAFE;
use std::time::{Duration, Instant};

const LEAF: &str = "/latest/meta-data/instance-id";
const UNKNOWN: &str = "/latest/meta-data/no-such-category";

const fn check(name: &'static str, source: &'static str, run: fn(&Session) -> Outcome) -> Check {
    Check { group: Group::Authentication, name, source, run }
}

/// The group's checks.
pub(crate) const CHECKS: &[Check] = &[
    check("without a token 401 (required)", "wire 1.5 [D] [O]", tokenless_refused),
    check("without a token 200 (optional)", "wire 1.5 [D]", tokenless_served),
    check("without a token no TTL header (optional)", "wire 1.3 [O]", tokenless_no_ttl),
    check("401 before 404: nothing tells what exists (required)", "decision 3", tokenless_unknown),
    check("a wrong token is 401 on an unknown path too", "decision 3", wrong_token_unknown),
    check("a token opens every path", "wire 1.1 [D]", every_path),
    check("a token opens dated versions", "wire 1.1 [O]", dated),
    check("a token is good again and again", "wire 1.1 [D]", reusable),
    check("HEAD is authenticated like GET", "wire 1.1 [D], decision 3", head),
    check("the token header's case does not matter", "wire 1.1 [S] [O]", any_case),
    check("garbage is 401 in both modes", "wire 1.5 [D] [O]", garbage),
    check("a shortened or lengthened token is 401", "decision 5", resized),
    check("a token altered in any one character is 401", "decision 5", altered),
    check("a token in the other base64 alphabet is 401", "decision 5", other_alphabet),
    check("a token of another version (AQAAA) is 401", "wire 0.1 [O], decision 5", other_version),
    check("an empty token header is 401 in both modes", "decision 6", empty),
    check("a token header sent twice is 401 in both modes", "decision 6", duplicated),
    check("a token in another header is no token", "wire 6 [S], 1.5 [D]", wrong_header),
    check("the TTL is told right after issue", "wire 1.3 [O], decision 4", |s| counted(s, 60, 0)),
    check("the remaining seconds are rounded up", "decision 4", |s| counted(s, 60, 500)),
    check("the remaining seconds count down", "wire 1.3 [O]", |s| counted(s, 60, 1_200)),
    check("TTL 1: expired after a second, and stays so", "decision 4", expires),
    check("X-Forwarded-For on a GET changes nothing", "decision 8 [assumed]", forwarded),
];

fn get(token: &str) -> Request {
    Request::get(LEAF).token(token)
}

fn tokenless_refused(session: &Session) -> Outcome {
    session.only_required()?;
    for path in [
        "/",
        "/latest",
        "/latest/",
        "/latest/meta-data/",
        LEAF,
        "/2009-04-04/meta-data/instance-id",
        "/latest/user-data",
    ] {
        expect::error(session, &session.ask(&Request::get(path))?, 401)?;
        expect::error(session, &session.ask(&Request::new("HEAD", path))?, 401)?;
    }
    Ok(())
}

fn tokenless_served(session: &Session) -> Outcome {
    session.only_optional()?;
    for path in ["/", "/latest", "/latest/", "/latest/meta-data/", LEAF, "/2009-04-04/meta-data/instance-id"]
    {
        let plain = session.ask(&Request::get(path))?;
        expect::status(&plain, 200)?;
        expect::body(&plain, &session.get(path)?.body)?;
    }
    Ok(())
}

fn tokenless_no_ttl(session: &Session) -> Outcome {
    session.only_optional()?;
    for path in ["/", "/latest/meta-data/", LEAF] {
        let answer = session.ask(&Request::get(path))?;
        expect::status(&answer, 200)?;
        expect::no_header(&answer, TTL_ANSWERED)?;
    }
    Ok(())
}

fn tokenless_unknown(session: &Session) -> Outcome {
    session.only_required()?;
    for path in [UNKNOWN, "/2099-01-01/meta-data/", "/nothing", "/latest/meta-data/instance-id/x"] {
        expect::error(session, &session.ask(&Request::get(path))?, 401)?;
    }
    Ok(())
}

fn wrong_token_unknown(session: &Session) -> Outcome {
    for path in [UNKNOWN, "/2099-01-01/meta-data/", "/nothing"] {
        expect::error(session, &session.ask(&Request::get(path).token("garbage"))?, 401)?;
        expect::error(session, &session.get(path)?, 404)?;
    }
    Ok(())
}

fn every_path(session: &Session) -> Outcome {
    for path in
        ["/", "/latest", "/latest/", "/latest/meta-data", "/latest/meta-data/", "/latest/dynamic/", LEAF]
    {
        let answer = session.get(path)?;
        expect::status(&answer, 200)?;
        expect::remaining(&answer)?;
    }
    Ok(())
}

fn dated(session: &Session) -> Outcome {
    for version in ["1.0", "2008-02-01", "2009-04-04", "2016-09-02", "2021-03-23"] {
        let answer = session.get(&format!("/{version}/meta-data/instance-id"))?;
        expect::status(&answer, 200)?;
        expect::remaining(&answer)?;
    }
    Ok(())
}

fn reusable(session: &Session) -> Outcome {
    let token = session.issue(60)?;
    for _ in 0..10 {
        expect::status(&session.ask(&get(&token))?, 200)?;
    }
    Ok(())
}

fn head(session: &Session) -> Outcome {
    let head = Request::new("HEAD", LEAF);
    let answer = session.ask(&head.clone().token(session.token()?))?;
    expect::status(&answer, 200)?;
    expect::remaining(&answer)?;
    expect::error(session, &session.ask(&head.clone().token("garbage"))?, 401)?;
    expect::status(&session.ask(&head)?, without_token(session))
}

/// What a request without a token is answered.
fn without_token(session: &Session) -> u16 {
    match session.tokens {
        Tokens::Optional => 200,
        Tokens::Required => 401,
    }
}

fn any_case(session: &Session) -> Outcome {
    for name in [TOKEN.to_lowercase(), TOKEN.to_uppercase(), "X-Aws-Ec2-Metadata-Token".to_owned()] {
        let answer = session.ask(&Request::get(LEAF).with(&name, session.token()?))?;
        expect::status(&answer, 200)?;
        expect::remaining(&answer)?;
    }
    Ok(())
}

fn refused(session: &Session, tokens: &[String]) -> Outcome {
    for token in tokens {
        expect::error(session, &session.ask(&get(token))?, 401)?;
    }
    Ok(())
}

fn garbage(session: &Session) -> Outcome {
    let tokens = ["x", "null", "AQAEA", "<?xml version=\"1.0\"?>", "\u{fc}", "==", "0"].map(str::to_owned);
    refused(session, &tokens)?;
    refused(
        session,
        &["A".repeat(56), format!("AQAEA{}==", "A".repeat(49)), "=".repeat(56), "A".repeat(4_000)],
    )
}

/// The run's token, if it has the form that the next lines take apart.
fn whole_token(session: &Session) -> Result<&str, Stop> {
    let token = session.token()?;
    let whole = token.len() == 56 && token.starts_with("AQAEA");
    expect::that(whole, || "expected a token of 56 characters that begins AQAEA".into())?;
    Ok(token)
}

fn resized(session: &Session) -> Outcome {
    let token = whole_token(session)?;
    let mut wrong: Vec<String> =
        [1, 5, 28, 52, 54, 55].iter().map(|length| token[..*length].to_owned()).collect();
    wrong.extend([
        format!("{token}A"),
        format!("{token}===="),
        format!("A{token}"),
        format!("{token}{token}"),
    ]);
    wrong.push(token[1..].to_owned());
    wrong.push(format!("\"{token}\""));
    refused(session, &wrong)
}

fn altered(session: &Session) -> Outcome {
    let token = whole_token(session)?;
    for position in 0..token.len() {
        // The lowest bit finds who ignores base64's unused bits, the highest who ignores a whole field.
        for bit in [1, 32] {
            let changed = flipped(token, position, bit)?;
            let answer = session.ask(&get(&changed))?;
            expect::of(&answer, answer.status == 401, &format!("401 with character {position} altered"))?;
        }
    }
    Ok(())
}

fn flipped(token: &str, position: usize, bit: usize) -> Result<String, Stop> {
    let mut bytes = token.as_bytes().to_vec();
    bytes[position] = match URL_SAFE.iter().position(|symbol| *symbol == bytes[position]) {
        Some(value) => URL_SAFE[value ^ bit],
        None => b'A',
    };
    String::from_utf8(bytes).map_err(|_| Stop::Fail("the token is not ASCII".into()))
}

fn other_alphabet(session: &Session) -> Outcome {
    // A token has neither sign in one case of five; forty without are not to be expected.
    for _ in 0..40 {
        let token = session.issue(60)?;
        let other = token.replace('-', "+").replace('_', "/");
        if other != token {
            expect::status(&session.ask(&get(&token))?, 200)?;
            return refused(session, &[other]);
        }
    }
    Err(Stop::Fail("40 tokens: expected one with - or _, the alphabet of URL-safe base64".into()))
}

fn other_version(session: &Session) -> Outcome {
    let token = whole_token(session)?;
    refused(session, &[format!("AQAAA{}", &token[5..]), format!("AAAEA{}", &token[5..])])
}

fn empty(session: &Session) -> Outcome {
    refused(session, &[String::new()])
}

fn duplicated(session: &Session) -> Outcome {
    let token = session.token()?;
    for second in [token, "garbage", ""] {
        expect::error(session, &session.ask(&get(token).token(second))?, 401)?;
        expect::error(session, &session.ask(&get(second).token(token))?, 401)?;
    }
    let lower = get(token).with(&TOKEN.to_lowercase(), token);
    expect::error(session, &session.ask(&lower)?, 401)
}

fn wrong_header(session: &Session) -> Outcome {
    let token = session.token()?;
    for name in ["X-aws-metadata-token", TTL, "Authorization", "Cookie"] {
        let answer = session.ask(&Request::get(LEAF).with(name, token))?;
        expect::status(&answer, without_token(session))?;
        expect::no_header(&answer, TTL_ANSWERED)?;
    }
    Ok(())
}

/// Asks `pause` milliseconds after issue and holds the answer against what this side's clock allows.
fn counted(session: &Session, ttl: u64, pause: u64) -> Outcome {
    let before = Instant::now();
    let token = session.issue(u32::try_from(ttl).unwrap_or(u32::MAX))?;
    let issued = Instant::now();
    std::thread::sleep(Duration::from_millis(pause));
    let asked = Instant::now();
    let answer = session.ask(&get(&token))?;
    let most = before.elapsed();
    expect::status(&answer, 200)?;
    let told = expect::remaining(&answer)?;
    // Both clocks cut to milliseconds: two of them are left either way.
    let rounded_up =
        |elapsed: u128| u128::from(ttl).saturating_mul(1_000).saturating_sub(elapsed).div_ceil(1_000);
    let highest = rounded_up((asked - issued).as_millis().saturating_sub(2));
    let lowest = rounded_up(most.as_millis() + 2);
    let expected =
        format!("{lowest} to {highest} seconds left of {ttl}, {} ms after issue", most.as_millis());
    expect::of(&answer, (lowest..=highest).contains(&u128::from(told)), &expected)
}

fn expires(session: &Session) -> Outcome {
    let before = Instant::now();
    let token = session.issue(1)?;
    let first = session.ask(&get(&token))?;
    if before.elapsed() < Duration::from_millis(990) {
        expect::status(&first, 200)?;
    }
    std::thread::sleep(Duration::from_millis(1_100));
    for _ in 0..2 {
        expired(session, &session.ask(&get(&token))?)?;
    }
    Ok(())
}

fn expired(session: &Session, answer: &Answer) -> Outcome {
    expect::of(answer, answer.status == 401, "401: the token's second is over")?;
    expect::error(session, answer, 401)
}

fn forwarded(session: &Session) -> Outcome {
    let from = |request: Request| request.with("X-Forwarded-For", "203.0.113.9");
    expect::status(&session.ask(&from(get(session.token()?)))?, 200)?;
    expect::status(&session.ask(&from(Request::get(LEAF)))?, without_token(session))
}
