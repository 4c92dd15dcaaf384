//! When a session is over: with the key that it was begun with, and not before.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use imds_core::Timestamp;
use imds_store::record::{Batch, Role};
use imds_store::store::{Effect, Expected, Write};

use super::super::testing::send;
use super::enter::{FORM, address, ask, begun, closed, key, keys, of, sees, temporary};
use crate::door::Door;
use crate::testing::keep_role;

/// What happens, and who is still in then: by the account's key, by ann's, by the role's.
type Event = (&'static str, fn(&Door), [bool; 3]);

const EVENTS: &[Event] = &[
    ("nothing", |_| {}, [true, true, true]),
    ("the same keys again", |door| _ = door.authority.set_keys(Some(keys())), [true, true, true]),
    (
        "a key is removed",
        |door| {
            let mut keys = keys();
            assert!(keys.remove("AKIAANN").is_some());
            door.authority.set_keys(Some(keys));
        },
        [true, false, true],
    ),
    (
        "another key has the id",
        |door| {
            let mut keys = keys();
            assert!(keys.remove("AKIAANN").is_some());
            assert!(keys.add(key("AKIAANN", Some("ann"), "ANOTHER")));
            door.authority.set_keys(Some(keys));
        },
        [true, false, true],
    ),
    (
        "the key is another's",
        |door| {
            let mut keys = keys();
            assert!(keys.remove("AKIAROOT").is_some());
            assert!(keys.add(key("AKIAROOT", Some("bob"), "SECRET")));
            door.authority.set_keys(Some(keys));
        },
        [false, true, true],
    ),
    ("there are no keys", |door| _ = door.authority.set_keys(None), [false, false, true]),
    (
        "temporary keys are ended",
        |door| {
            let mut keys = keys();
            keys.rotate(&[8; 32]);
            door.authority.set_keys(Some(keys));
        },
        [true, true, false],
    ),
    (
        "the role is deleted",
        |door| {
            let mut batch = Batch::default();
            batch.delete::<Role>("web");
            door.store.commit(batch.writes()).unwrap();
        },
        [true, true, false],
    ),
    (
        "another role has the name",
        |door| {
            let role = Role { id: "AROAEXAMPLE0000000001".into(), ..keep_role(door, "web") };
            let mut batch = Batch::default();
            batch.put("web", &role);
            door.store.commit(batch.writes()).unwrap();
        },
        [true, true, false],
    ),
];

#[tokio::test]
async fn a_session_is_over_when_whoever_signed_would_not_be_let_in() {
    for (what, event, expected) in EVENTS {
        let door = closed();
        let keys = temporary(&door, 900);
        let (secret, token) = (keys.secret_access_key.expose(), keys.session_token.expose());
        let asked = ask(&door, Method::POST, &keys.access_key_id, secret, Some(token)).await;
        let addresses = [address(&door, "AKIAROOT").await, address(&door, "AKIAANN").await, of(asked)];
        let mut sessions = Vec::new();
        for address in &addresses {
            sessions.push(begun(&door, address).await);
        }
        event(&door);
        for (session, is_in) in sessions.iter().zip(expected) {
            let status = if *is_in { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            assert_eq!(sees(&door, session).await, status, "{what}");
        }
        // What was ended does not begin again, whatever keys there are then.
        door.authority.set_keys(Some(self::keys()));
        for (session, is_in) in sessions[..2].iter().zip(expected) {
            assert_eq!(sees(&door, session).await == StatusCode::OK, *is_in, "{what}");
        }
    }
}

#[tokio::test]
async fn a_session_of_temporary_keys_is_over_when_they_are() {
    let door = closed();
    let keys = temporary(&door, 900);
    let (secret, token) = (keys.secret_access_key.expose(), keys.session_token.expose());
    let address = of(ask(&door, Method::POST, &keys.access_key_id, secret, Some(token)).await);
    let page = send(&door, "GET", &address, &[], "").await.2;
    assert!(page.contains("arn:aws:sts::123456789012:assumed-role/web/i-12345678901234567"), "{page}");
    let now = Timestamp::now();
    let pass = door.sessions.visitor(&begun(&door, &address).await, now).unwrap();
    for (later, is_in) in [(890, true), (901, false)] {
        let admits = door.authority.admits(&*door.store, &pass, now + Duration::from_secs(later));
        assert_eq!(admits.unwrap(), is_in);
    }
}

#[tokio::test]
async fn a_session_outlasts_what_cannot_be_read() {
    let door = closed();
    let keys = temporary(&door, 900);
    let (secret, token) = (keys.secret_access_key.expose(), keys.session_token.expose());
    let asked = of(ask(&door, Method::POST, &keys.access_key_id, secret, Some(token)).await);
    let session = begun(&door, &asked).await;
    assert_eq!(sees(&door, &session).await, StatusCode::OK);
    let damaged =
        Write { key: "role/web".into(), expected: Expected::Any, effect: Effect::Set(Arc::from(&b"{"[..])) };
    door.store.commit(&[damaged]).unwrap();
    // Nobody can vouch for him now; he is not sent away for good.
    for _ in 0..2 {
        assert_eq!(sees(&door, &session).await, StatusCode::INTERNAL_SERVER_ERROR);
    }
    let form = format!("seal={}", door.sessions.seal(&session));
    let headers = [FORM, ("cookie", &format!("imds-session={session}"))];
    let (status, ..) = send(&door, "POST", "/console/leave", &headers, &form).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    keep_role(&door, "web");
    assert_eq!(sees(&door, &session).await, StatusCode::OK);
    let mut batch = Batch::default();
    batch.delete::<Role>("web");
    door.store.commit(batch.writes()).unwrap();
    assert_eq!(sees(&door, &session).await, StatusCode::UNAUTHORIZED);
    keep_role(&door, "web");
    assert_eq!(sees(&door, &session).await, StatusCode::UNAUTHORIZED, "it was ended");
}
