//! The file of keys: what becomes of those that are in it when it is replaced, closed, or behind a link.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Key, closed, door, keys, role, session_secret};
use crate::serve::{Files, until};

#[test]
fn who_has_read_the_file_issues_nothing_once_its_secret_is_another() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let root = Key::add(&state, &[]);
    let service = closed(&state, &[]);
    let door = door(&service);
    let role = role(&root, door);
    let stolen = session_secret(&state);
    let session = |secret| Key::issued(secret, "web", &role, 0);
    let before = session(&stolen);
    assert_eq!(before.who(door).status, 200);
    // Other access keys alone shut nobody out who has read it.
    let other = Key::add(&state, &[]);
    until("it is known", || (other.who(door).status == 200).then_some(()));
    assert_eq!(before.who(door).status, 200);
    let told = keys(&state, &["rotate"]).well();
    assert!(told.contains("refused from now on"), "{told}");
    until("sessions have ended", || (before.who(door).status == 403).then_some(()));
    assert_eq!(before.who(door).refusal(), (403, "InvalidClientTokenId"));
    assert_eq!(root.who(door).status, 200, "access keys are as they were");
    assert_eq!(session(&session_secret(&state)).who(door).status, 200);
    let said = service.said();
    assert!(said.contains("those that were issued before have ended"), "{said}");
}

#[test]
fn a_key_that_was_removed_is_unknown_once_the_file_is_closed_to_others() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let (root, bob) = (Key::add(&state, &[]), Key::add(&state, &["--user", "bob"]));
    let service = closed(&state, &[]);
    let door = door(&service);
    let file = state.join("keys");
    let mut without = imds_store::access_key::load(&state).unwrap().unwrap();
    assert!(without.remove(&bob.id).is_some());
    let beside = state.join("edited");
    fs::write(&beside, &*imds_store::access_key::text(&without)).unwrap();
    fs::set_permissions(&beside, Permissions::from_mode(0o644)).unwrap();
    fs::rename(&beside, &file).unwrap();
    until("it is refused", || service.said().contains("with those that were removed").then_some(()));
    assert!(service.said().contains("imds keys rotate"));
    assert_eq!(bob.who(door).status, 200);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    until("bob is not known", || (bob.who(door).status == 403).then_some(()));
    assert_eq!(root.who(door).status, 200);
    // And one that is opened to others is told while it still can be mended.
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    until("it is told", || service.said().contains("mode 640").then_some(()));
}

#[test]
fn a_file_behind_a_link_is_followed_wherever_the_link_leads() {
    let files = Files::new(&[]);
    let (state, one, two) = (files.path("state"), files.path("one"), files.path("two"));
    let (first, second) = (Key::add(&one, &[]), Key::add(&two, &[]));
    fs::create_dir(&state).unwrap();
    let link_to = |folder: &Path| {
        let beside = state.join("link");
        std::os::unix::fs::symlink(folder.join("keys"), &beside).unwrap();
        fs::rename(&beside, state.join("keys")).unwrap();
    };
    link_to(&one);
    let service = closed(&state, &[]);
    let door = door(&service);
    assert_eq!((first.who(door).status, second.who(door).status), (200, 403));
    link_to(&two);
    until("it leads elsewhere", || (second.who(door).status == 200).then_some(()));
    assert_eq!(first.who(door).status, 403);
    // Written there, and through the link.
    let third = Key::add(&two, &[]);
    until("what is there is followed", || (third.who(door).status == 200).then_some(()));
    keys(&state, &["remove", &third.id]).well();
    until("it is removed", || (third.who(door).status == 403).then_some(()));
    assert!(!fs::read_to_string(two.join("keys")).unwrap().contains(&third.secret));
    assert!(state.join("keys").is_symlink());
}
