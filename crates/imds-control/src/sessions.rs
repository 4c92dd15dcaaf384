//! Who is in the console. While the door is open to everybody a session is a random number that its forms are bound to; where
//! signatures are verified it is somebody's, and begins with a one-time URL (`imds console`).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use imds_core::Timestamp;

use crate::authz::Pass;
use crate::call::random_hex;
use crate::query::Error;

/// How long a one-time URL can be used.
const TICKET_LIFE: Duration = Duration::from_secs(60);
/// How long a session lasts.
const SESSION_LIFE: Duration = Duration::from_secs(8 * 3_600);
/// One-time URLs that can be used at once, and sessions; more push out those that end first.
const MOST: usize = 256;

/// Sessions of the console.
#[derive(Debug)]
pub struct Sessions {
    key: hmac::Key,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    tickets: Roll,
    sessions: Roll,
}

impl Sessions {
    /// None yet. Forms are bound to their sessions with this secret.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret), held: Mutex::default() }
    }

    /// What a one-time URL has for whoever signed with this.
    pub(crate) fn ticket(&self, pass: Pass, now: Timestamp) -> Result<String, Error> {
        let ticket = random_hex()?;
        self.held().tickets.keep(ticket.clone(), pass, TICKET_LIFE, now);
        Ok(ticket)
    }

    /// Whose ticket this is. It stays good.
    pub(crate) fn holder(&self, ticket: &str, now: Timestamp) -> Option<Pass> {
        self.held().tickets.get(ticket, now)
    }

    /// Begins the session that a ticket is for, once: its name, which its cookie has.
    pub(crate) fn enter(&self, ticket: &str, now: Timestamp) -> Result<Option<String>, Error> {
        let name = random_hex()?;
        let mut held = self.held();
        let Some(pass) = held.tickets.take(ticket, now) else { return Ok(None) };
        held.sessions.keep(name.clone(), pass, SESSION_LIFE, now);
        Ok(Some(name))
    }

    /// Whose session this is.
    pub(crate) fn visitor(&self, name: &str, now: Timestamp) -> Option<Pass> {
        self.held().sessions.get(name, now)
    }

    /// Ends a session.
    pub(crate) fn leave(&self, name: &str) {
        self.held().sessions.0.remove(name);
    }

    /// What a form of this session carries.
    pub(crate) fn seal(&self, name: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, name.as_bytes()))
    }

    /// Is this what a form of this session carries?
    pub(crate) fn is_sealed(&self, name: &str, seal: &str) -> bool {
        let seal = URL_SAFE_NO_PAD.decode(seal).unwrap_or_default();
        hmac::verify(&self.key, name.as_bytes(), &seal).is_ok()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who signed, by a name that nobody can guess, each until its time.
#[derive(Default)]
struct Roll(HashMap<String, (Pass, Timestamp)>);

impl fmt::Debug for Roll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever knows a name is in.
        write!(f, "Roll({})", self.0.len())
    }
}

impl Roll {
    fn keep(&mut self, name: String, pass: Pass, life: Duration, now: Timestamp) {
        self.0.retain(|_, (_, until)| *until > now);
        if self.0.len() >= MOST {
            let first = self.0.iter().min_by_key(|(_, (_, until))| *until).map(|(name, _)| name.clone());
            first.map(|name| self.0.remove(&name));
        }
        self.0.insert(name, (pass, now + life));
    }

    fn get(&self, name: &str, now: Timestamp) -> Option<Pass> {
        self.0.get(name).filter(|(_, until)| *until > now).map(|(pass, _)| pass.clone())
    }

    fn take(&mut self, name: &str, now: Timestamp) -> Option<Pass> {
        self.0.remove(name).filter(|(_, until)| *until > now).map(|(pass, _)| pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::credentials::Secret;
    use imds_core::testing::noon;
    use imds_store::access_key::AccessKey;

    fn pass(key: &str) -> Pass {
        Pass::of_key(AccessKey::new(key, Secret::new("SECRET".into()), None, noon()).unwrap())
    }

    fn key(pass: Option<Pass>) -> Option<String> {
        pass.map(|pass| pass.access_key().to_owned())
    }

    fn later(seconds: u64) -> Timestamp {
        noon() + Duration::from_secs(seconds)
    }

    #[test]
    fn a_ticket_is_good_once_and_for_a_minute() {
        let sessions = Sessions::new(&[1; 32]);
        let ticket = sessions.ticket(pass("AAA"), noon()).unwrap();
        let late = sessions.ticket(pass("BBB"), noon()).unwrap();
        assert_eq!(
            key(sessions.holder(&ticket, later(59))).as_deref(),
            Some("AAA"),
            "looking uses nothing up"
        );
        let name = sessions.enter(&ticket, later(59)).unwrap().unwrap();
        assert_eq!(key(sessions.visitor(&name, later(60))).as_deref(), Some("AAA"));
        assert_eq!(key(sessions.holder(&ticket, later(59))), None, "used");
        assert_eq!(sessions.enter(&ticket, later(59)).unwrap(), None, "used");
        assert_eq!(sessions.enter(&late, later(60)).unwrap(), None, "too late");
        assert_eq!(key(sessions.holder(&late, later(60))), None, "too late");
        assert_eq!(sessions.enter("", noon()).unwrap(), None);
        assert_eq!(key(sessions.visitor(&ticket, noon())), None, "a ticket is no session");
        assert_eq!(key(sessions.visitor(&name, later(59 + 8 * 3_600))), None, "over");
        sessions.leave(&name);
        assert_eq!(key(sessions.visitor(&name, later(60))), None);
    }

    #[test]
    fn nobody_comes_in_by_what_a_log_says() {
        let sessions = Sessions::new(&[1; 32]);
        let ticket = sessions.ticket(pass("AAA"), noon()).unwrap();
        let name = sessions.enter(&sessions.ticket(pass("AAA"), noon()).unwrap(), noon()).unwrap().unwrap();
        let shown = format!("{sessions:?} {:?}", sessions.visitor(&name, noon()));
        assert!(!shown.contains(&ticket) && !shown.contains(&name) && !shown.contains("SECRET"), "{shown}");
    }

    #[test]
    fn there_are_never_too_many() {
        let sessions = Sessions::new(&[1; 32]);
        let first = sessions.ticket(pass("AAA"), noon()).unwrap();
        for second in 1..=256 {
            sessions.ticket(pass("BBB"), noon() + Duration::from_millis(second)).unwrap();
        }
        assert_eq!(sessions.held().tickets.0.len(), MOST);
        assert_eq!(sessions.enter(&first, later(1)).unwrap(), None, "pushed out");
    }

    #[test]
    fn a_form_is_of_one_session_only() {
        let sessions = Sessions::new(&[1; 32]);
        let seal = sessions.seal("one");
        assert!(sessions.is_sealed("one", &seal));
        assert!(!sessions.is_sealed("two", &seal) && !Sessions::new(&[2; 32]).is_sealed("one", &seal));
        for bad in ["", "x", "%", &seal[1..], &format!("{seal}A")] {
            assert!(!sessions.is_sealed("one", bad), "{bad}");
        }
    }
}
