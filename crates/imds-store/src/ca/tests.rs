//! What is made is good, what is brought is checked, and what is hostile is refused with a reason.

use super::*;
use imds_core::testing::noon;
use std::os::unix::fs::PermissionsExt as _;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn texts(state: &Path) -> [String; 2] {
    [KEY, CERTIFICATE].map(|name| fs::read_to_string(state.join(FOLDER).join(name)).unwrap())
}

fn certificates(ca: &Ca) -> Vec<String> {
    let pem = ca.pem();
    pem.split_inclusive("-----END CERTIFICATE-----\n").map(str::to_owned).collect()
}

#[test]
fn it_is_made_once_and_rotates_and_keeps_certificates_but_no_keys() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("new/state");
    assert!(matches!(rotate(&state, None, noon()), Err(Error::Missing { .. })));
    assert!(load(&state).unwrap().is_none());
    let first = init(&state, None, noon()).unwrap();
    assert!(matches!(init(&state, None, noon()), Err(Error::Exists { .. })));
    let ca = state.join(FOLDER);
    assert_eq!((mode(&ca), mode(&ca.join(KEY)), mode(&ca.join(CERTIFICATE))), (0o700, 0o600, 0o600));
    let read = load(&state).unwrap().unwrap();
    assert!(read.is_same(&first));
    let signed = first.sign("a document").unwrap();
    assert_eq!(read.sign("a document").unwrap(), signed, "the same bytes after a restart");
    assert_ne!(read.sign("a documenT").unwrap().value, signed.value);
    let [key, _] = texts(&state);

    let second = rotate(&state, None, noon()).unwrap();
    assert!(!second.is_same(&first));
    assert_ne!(second.sign("a document").unwrap().signer, signed.signer);
    assert_eq!(certificates(&second)[1..], certificates(&first));
    let third = rotate(&state, None, noon()).unwrap();
    assert_eq!(certificates(&third)[1..], certificates(&second));
    assert_eq!(load(&state).unwrap().unwrap().pem(), third.pem());
    assert!(!texts(&state).concat().contains(key.lines().nth(3).unwrap()));
    assert_eq!(fs::read_dir(&ca).unwrap().count(), 2);
}

#[test]
fn a_rotation_that_was_cut_off_has_not_happened() {
    let folder = tempfile::tempdir().unwrap();
    let first = init(folder.path(), None, noon()).unwrap();
    let [key, _] = texts(folder.path());
    rotate(folder.path(), None, noon()).unwrap();
    // The certificates are written first.
    fs::write(folder.path().join(FOLDER).join(KEY), &key).unwrap();
    let read = load(folder.path()).unwrap().unwrap();
    assert!(read.is_same(&first));
    assert_eq!(certificates(&read)[0], certificates(&first)[0]);
    rotate(folder.path(), None, noon()).unwrap();
    assert_eq!(certificates(&load(folder.path()).unwrap().unwrap()).len(), 3);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path(), None, noon()).unwrap();
    let key = folder.path().join(FOLDER).join(KEY);
    for open in [0o640, 0o604, 0o620, 0o644] {
        fs::set_permissions(&key, fs::Permissions::from_mode(open)).unwrap();
        for error in [load(folder.path()).unwrap_err(), rotate(folder.path(), None, noon()).unwrap_err()] {
            let said = error.to_string();
            assert!(said.contains("chmod 600") && said.contains("imds ca rotate"), "{said}");
        }
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(load(folder.path()).unwrap().is_some());
}

#[test]
fn a_key_of_ones_own_is_taken_with_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (from, state) = (folder.path().join("from"), folder.path().join("state"));
    let theirs = init(&from, None, noon()).unwrap();
    let files = [KEY, CERTIFICATE].map(|name| from.join(FOLDER).join(name));
    let own = Own { key: &files[0], certificate: &files[1] };
    assert!(init(&state, Some(own), noon()).unwrap().is_same(&theirs));
    // As the current one once more: it is not there twice.
    assert_eq!(certificates(&rotate(&state, Some(own), noon()).unwrap()).len(), 1);
    rotate(&from, None, noon()).unwrap();
    let both = rotate(&state, Some(own), noon()).unwrap();
    assert_eq!(certificates(&both).len(), 2);
    // Another's certificate.
    let other = init(&folder.path().join("other"), None, noon()).unwrap();
    fs::write(&files[1], other.pem()).unwrap();
    let before = texts(&state);
    let said = rotate(&state, Some(own), noon()).unwrap_err().to_string();
    assert!(said.contains("no certificate in it is of the key"), "{said}");
    assert_eq!(texts(&state), before);
}

#[test]
fn what_is_hostile_is_refused_with_a_reason_and_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    init(&state, None, noon()).unwrap();
    let [key, certificate] = texts(&state);
    let (files, new) = ([folder.path().join("k"), folder.path().join("c")], folder.path().join("new"));
    let own = Own { key: &files[0], certificate: &files[1] };
    let refused = |key: &[u8], certificate: &[u8], why: &str| {
        fs::write(&files[0], key).unwrap();
        fs::write(&files[1], certificate).unwrap();
        let error = init(&new, Some(own), noon()).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(why) && !format!("{said}{error:?}").contains("SECRET"), "{said}");
        assert!(load(&new).unwrap().is_none());
    };
    let bad = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    let good = certificate.as_bytes();
    for (text, why) in [
        ("SECRET".to_owned(), "no private key"),
        (bad("PRIVATE KEY", "SECRET"), "base64"),
        (bad("PRIVATE KEY", "SECRETSECRET"), "no RSA key of 2048"),
        (bad("RSA PRIVATE KEY", "SECRETSECRET"), "no RSA key of 2048"),
        (bad("EC PRIVATE KEY", "SECRETSECRET"), "no RSA key"),
        (bad("ENCRYPTED PRIVATE KEY", "SECRETSECRET"), "encrypted"),
        (bad("RSA PRIVATE KEY", "Proc-Type: 4,SECRET"), "encrypted"),
        (certificate.clone(), "no private key"),
    ] {
        refused(text.as_bytes(), good, why);
    }
    refused(b"\xff\xfe", good, "cannot read");
    for text in ["", "SECRET", &key, &bad("CERTIFICATE", "SECRETSECRET"), &bad("CERTIFICATE", "")] {
        refused(key.as_bytes(), text.as_bytes(), "certificate");
    }
    // Cut off and changed at every place, each reads or is refused.
    let whole = pem::blocks(&certificate).unwrap().remove(0).der;
    for at in 0..whole.len() {
        assert!(certificate::read_all(&pem::encode("CERTIFICATE", &whole[..at])).is_err());
        let mut other = whole.clone();
        other[at] ^= 0xff;
        let _ = certificate::read_all(&pem::encode("CERTIFICATE", &other));
    }
    let whole = pem::blocks(&key).unwrap().remove(0).der;
    for at in (0..whole.len()).step_by(16) {
        assert!(super::key(&pem::encode("PRIVATE KEY", &whole[..at])).is_err());
        let mut other = whole.clone();
        other[at] ^= 0xff;
        let _ = super::key(&pem::encode("PRIVATE KEY", &other));
    }
}

#[test]
fn half_of_it_is_not_taken_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path(), None, noon()).unwrap();
    let ca = folder.path().join(FOLDER);
    for name in [KEY, CERTIFICATE] {
        let aside = folder.path().join("aside");
        fs::rename(ca.join(name), &aside).unwrap();
        let said = load(folder.path()).unwrap_err().to_string();
        assert!(said.contains("there is none beside"), "{said}");
        assert!(init(folder.path(), None, noon()).is_err(), "nothing is overwritten");
        fs::rename(&aside, ca.join(name)).unwrap();
    }
    assert!(load(folder.path()).unwrap().is_some());
}

#[test]
fn the_key_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let ca = init(folder.path(), None, noon()).unwrap();
    assert_eq!(format!("{ca:?}"), "Ca(…)");
    assert!(!ca.pem().contains("PRIVATE"));
}
