//! What only the store in a file promises: it lasts, it is one process's and its owner's, and damage is found.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use imds_store::Embedded;
use imds_store::embedded::{FILE, OpenError};
use imds_store::store::{Expected::Any, Store as _};

use crate::{delete, folder, put};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Puts something in the place of a store.
fn place(state: &Path, content: &[u8]) -> PathBuf {
    let path = state.join(FILE);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// The bytes of a store with some records, closed as it should be.
fn some(state: &Path) -> Vec<u8> {
    let store = Embedded::open(state).unwrap();
    for round in 0..20 {
        store.commit(&[put(&format!("machine/{round}"), Any, &"x".repeat(3000))]).unwrap();
    }
    drop(store);
    fs::read(state.join(FILE)).unwrap()
}

#[test]
fn what_was_committed_is_there_when_it_is_opened_again() {
    let folder = folder();
    let state = folder.path().join("new/state");
    let store = Embedded::open(&state).unwrap();
    assert_eq!((mode(&state), mode(&state.join(FILE))), (0o700, 0o600));
    store.commit(&[put("a", Any, "1"), put("b", Any, "1")]).unwrap();
    store.commit(&[put("a", Any, "2"), delete("b", Any)]).unwrap();
    let kept = store.list("").unwrap();
    drop(store);

    let store = Embedded::open(&state).unwrap();
    assert_eq!(store.list("").unwrap(), kept);
    assert_eq!(store.commit(&[put("a", Any, "3")]).unwrap(), 3, "revisions go on");
}

#[test]
fn what_others_can_read_is_refused() {
    let folder = folder();
    drop(Embedded::open(folder.path()).unwrap());
    fs::set_permissions(folder.path().join(FILE), Permissions::from_mode(0o640)).unwrap();
    let error = Embedded::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("(mode 640)") && error.contains("chmod 600"), "{error}");
}

#[test]
fn two_cannot_have_it() {
    let folder = folder();
    let store = Embedded::open(folder.path()).unwrap();
    let begun = Instant::now();
    let error = Embedded::open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!((2..6).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    store.commit(&[put("a", Any, "1")]).unwrap();
}

#[test]
fn who_comes_while_it_is_closed_gets_it() {
    let folder = folder();
    let store = Embedded::open(folder.path()).unwrap();
    let closing = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        drop(store);
    });
    Embedded::open(folder.path()).unwrap();
    closing.join().unwrap();
}

#[test]
fn a_crash_while_it_is_made_leaves_nothing_in_the_way() {
    let folder = folder();
    fs::write(folder.path().join(".store.redb.new"), [0; 4096]).unwrap();
    Embedded::open(folder.path()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_is_not_a_store_is_refused_and_left_alone() {
    let folder = folder();
    let whole = some(folder.path());
    let contents =
        [vec![], b"SECRET".repeat(1000), vec![0; 1 << 16], whole[..9].to_vec(), whole[..400].to_vec()];
    for content in contents {
        let path = place(folder.path(), &content);
        let error = Embedded::open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("put a backup in its place"), "{error}");
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
        assert!(fs::read(path).unwrap() == content, "a file that is not understood is left alone");
    }
}

#[test]
fn one_wrong_byte_in_what_is_kept_is_found() {
    let folder = folder();
    let whole = some(folder.path());
    let kept = Embedded::open(folder.path()).unwrap().list("").unwrap();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(4001) {
        let mut content = whole.clone();
        content[at] ^= 0x55;
        let path = place(folder.path(), &content);
        match Embedded::open(folder.path()) {
            Ok(store) => assert_eq!(store.list("").unwrap(), kept, "byte {at} is of a page in use"),
            Err(error) => {
                assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
                assert!(fs::read(path).unwrap() == content, "it is left alone");
                refused += 1;
            }
        }
    }
    assert!(refused >= 15, "the records alone are 15 pages: {refused}");
}
