//! Cookies: the session's, and those that keep what was chosen.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

/// The cookie that a session is known by.
///
/// Browsers tell hosts apart and not ports: whoever listens at another port of this host can set it, and is sent it by a
/// browser that opens a page of his below `/console`. Where nothing is signed, a name that he chose is worth nothing to him:
/// forms are sealed with a secret of ours, and a page of his has another origin and reads none of them. Where signatures
/// are asked for, a name that is none of a session opens nothing, and one that he was given himself opens what is his.
const SESSION: &str = "imds-session";

/// A cookie that came once. Of two with one name nobody knows whose each is.
pub(super) fn once<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut values = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (known, value) = pair.trim().split_once('=')?;
        (known == name).then_some(value)
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// The name of the session that a request brings, if it has the form of one.
pub(super) fn session(headers: &HeaderMap) -> Option<&str> {
    once(headers, SESSION)
        .filter(|name| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What gives a session, until the browser is closed.
pub(super) fn giving(session: &str) -> String {
    format!("{SESSION}={session}; Path=/console; HttpOnly; SameSite=Strict")
}

/// What takes it away.
pub(super) fn taking() -> String {
    format!("{}; Max-Age=0", giving(""))
}

/// What keeps a choice for a year.
pub(super) fn keeping(name: &str, chosen: &str) -> String {
    format!("{name}={chosen}; Path=/console; Max-Age=31536000; HttpOnly; SameSite=Strict")
}

/// Sends a cookie with a response.
pub(super) fn set(response: &mut Response, cookie: &str) {
    // What is in it is ours, or was looked at.
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "0123456789abcdef0123456789abcdef";

    fn sent(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn a_session_is_named_once_and_in_its_form() {
        let own = format!("{SESSION}={NAME}");
        for (lines, is_one) in [
            (vec![own.clone()], true),
            (vec![format!("lang=ja;  {own} ;x=y")], true),
            (vec!["lang=ja".to_owned(), own.clone()], true),
            (vec![format!("{own}; {own}")], false),
            (vec![own.clone(), format!("{SESSION}=")], false),
            (vec![own.clone(), own.clone()], false),
            (vec![format!("{own}0")], false),
            (vec![format!("{SESSION}=\"{NAME}\"")], false),
            (vec![format!("{SESSION}={}", NAME.replace('f', "g"))], false),
            (vec![format!("x{own}")], false),
            (vec![format!("{}={NAME}", SESSION.to_uppercase())], false),
            (vec![SESSION.to_owned()], false),
            (vec![], false),
        ] {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            assert_eq!(session(&sent(&lines)), is_one.then_some(NAME), "{lines:?}");
        }
    }
}
