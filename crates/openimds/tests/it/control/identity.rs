//! Identity documents that verify, by AWS's recipes (EC2 User Guide, "Verify the instance identity document") with only
//! the certificate changed; and those that must not.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;

use super::Api;
use crate::run::Said;
use crate::serve::{Files, Watched, until};
use crate::support::{IMDS, body, children, status};

const BUILT_IN: &str = "i-12345678901234567";
const SIGNED: [&str; 3] = ["pkcs7", "rsa2048", "signature"];

/// Runs `imds ca`.
fn ca(state: &Path, words: &[&str]) -> Said {
    Said::by(Command::new(IMDS).arg("ca").args(words).arg("--state").arg(state))
}

fn certificate(state: &Path) -> String {
    ca(state, &["show"]).well()
}

fn serve(state: &Path) -> Watched {
    Watched::start(&["--state", state.to_str().unwrap(), "--vpc-cidr", "127.0.0.0/8"])
}

/// What is at a path of `instance-identity/`, if anything is.
fn leaf(service: &Watched, name: &str) -> Option<String> {
    let answer = service.get(&format!("/latest/dynamic/instance-identity/{name}"), None);
    (status(&answer) == 200).then(|| body(&answer).to_owned())
}

/// All that an instance proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    document: String,
    pkcs7: String,
    rsa2048: String,
    signature: String,
}

impl Identity {
    /// As it is now; `None` while it is not signed, or changes.
    fn of(service: &Watched) -> Option<Self> {
        let leaf = |name| leaf(service, name);
        let read = || {
            Some(Self {
                document: leaf("document")?,
                pkcs7: leaf("pkcs7")?,
                rsa2048: leaf("rsa2048")?,
                signature: leaf("signature")?,
            })
        };
        let first = read()?;
        (read()? == first).then_some(first)
    }

    /// Which of the recipes accept it with this certificate: all of them, or none.
    #[track_caller]
    fn is_accepted(&self, certificate: &str) -> bool {
        let mut all = vec![dgst(&self.document, &self.signature, certificate)];
        for message in [&self.pkcs7, &self.rsa2048] {
            for program in ["smime", "cms"] {
                let content = verified(program, message, certificate);
                assert!(content.as_ref().is_none_or(|content| *content == self.document), "{content:?}");
                all.push(content.is_some());
            }
        }
        assert!(all.iter().all(|accepted| *accepted == all[0]), "{all:?}");
        all[0]
    }
}

/// As it is once it is signed, which is waited for at the start, but not for long.
fn signed(service: &Watched) -> Identity {
    until("the document is signed", || Identity::of(service))
}

fn openssl(folder: &Path, words: &str) -> Output {
    Command::new("openssl")
        .args(words.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The recipe of the base64-encoded signature.
fn dgst(document: &str, signature: &str, certificate: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("signature", &STANDARD.decode(signature.replace('\n', "")).unwrap());
    write("document", document.as_bytes());
    write("certificate", certificate.as_bytes());
    let key = openssl(folder.path(), "x509 -pubkey -noout -in certificate");
    assert!(key.status.success());
    write("key", &key.stdout);
    openssl(folder.path(), "dgst -sha256 -verify key -signature signature document").status.success()
}

/// The recipe of the PKCS#7 and RSA-2048 signatures: the document, if they are accepted.
fn verified(program: &str, message: &str, certificate: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let pem = format!("-----BEGIN PKCS7-----\n{message}\n-----END PKCS7-----\n");
    fs::write(folder.path().join("message"), pem).unwrap();
    fs::write(folder.path().join("certificate"), certificate).unwrap();
    let words = "-verify -in message -inform PEM -certfile certificate -noverify";
    let output = openssl(folder.path(), &format!("{program} {words}"));
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// The message with one byte of its document changed.
fn forged(message: &str) -> String {
    let mut bytes = STANDARD.decode(message.replace('\n', "")).unwrap();
    let type_name = b"t3.micro";
    let at = bytes.windows(type_name.len()).position(|window| window == type_name).unwrap();
    bytes[at] = b'm';
    STANDARD.encode(bytes)
}

#[test]
fn each_form_is_accepted_by_its_recipe_and_one_changed_byte_is_not() {
    let files = Files::new(&[]);
    let (state, other) = (files.path("state"), files.path("other"));
    let said = ca(&state, &["init"]).well();
    assert!(said.contains("imds ca show --state"), "{said}");
    ca(&other, &["init"]).well();
    let service = serve(&state);
    let whole = signed(&service);
    assert!(whole.is_accepted(&certificate(&state)));
    assert!(!whole.is_accepted(&certificate(&other)));
    assert_eq!(leaf(&service, "").unwrap(), "document\npkcs7\nrsa2048\nsignature");
    assert_eq!(leaf(&service, "dsa2048"), None);
    assert_eq!(status(&service.get("/2009-04-04/dynamic/instance-identity/rsa2048", None)), 200);
    assert_eq!(status(&service.get("/2008-09-01/dynamic/instance-identity/rsa2048", None)), 404);
    for name in SIGNED {
        let text = leaf(&service, name).unwrap();
        let lines: Vec<_> = text.split('\n').map(str::len).collect();
        let (last, full) = lines.split_last().unwrap();
        assert!(full.iter().all(|line| *line == 76) && (1..=76).contains(last), "{name}: {lines:?}");
    }
    let changed = Identity {
        document: whole.document.replace("t3.micro", "m3.micro"),
        pkcs7: forged(&whole.pkcs7),
        rsa2048: forged(&whole.rsa2048),
        signature: whole.signature.clone(),
    };
    assert!(!changed.is_accepted(&certificate(&state)));
    // The chain is good, too, for who does not leave it out.
    let folder = files.path("chain");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("c"), certificate(&state)).unwrap();
    fs::write(folder.join("m"), format!("-----BEGIN PKCS7-----\n{}\n-----END PKCS7-----\n", whole.pkcs7))
        .unwrap();
    assert!(openssl(&folder, "smime -verify -in m -inform PEM -certfile c -CAfile c").status.success());

    // The same bytes after a restart.
    service.end(Signal::TERM);
    assert_eq!(signed(&serve(&state)), whole);
}

#[test]
fn without_a_key_the_document_stands_alone() {
    let files = Files::new(&[]);
    let state = files.path("state");
    for service in [Watched::start(&[]), serve(&state)] {
        assert_eq!(leaf(&service, "").unwrap(), "document");
        assert!(SIGNED.iter().all(|name| leaf(&service, name).is_none()));
    }
    let said = ca(&state, &["show"]);
    assert!(said.code == Some(1) && said.err.contains("imds ca init"), "{said:?}");
    let said = ca(&state, &["rotate"]);
    assert!(said.code == Some(1) && said.err.contains("imds ca init"), "{said:?}");
}

#[test]
fn a_key_comes_and_is_rotated_and_goes_while_the_service_runs() {
    let files = Files::new(&[]);
    let state = files.path("state");
    let service = serve(&state);
    assert_eq!(leaf(&service, "signature"), None);
    ca(&state, &["init"]).well();
    let first = until("documents are signed", || Identity::of(&service));
    assert!(!service.says("are signed from now on").contains("another key"), "the first is no other one");
    let before = certificate(&state);
    assert!(first.is_accepted(&before));

    ca(&state, &["rotate"]).well();
    let both = certificate(&state);
    assert!(both.ends_with(&before) && both.len() > before.len());
    let second = until("they are signed anew", || Identity::of(&service).filter(|new| *new != first));
    assert!(second.is_accepted(&both) && !second.is_accepted(&before));
    service.says("signed with another key");
    for program in ["smime", "cms"] {
        // Who kept a message from before still verifies it with what is shown.
        assert_eq!(verified(program, &first.rsa2048, &both).unwrap(), first.document);
    }
    // An instance that comes later has the same key.
    let id = Api::of(&service).launch([127, 0, 9, 9].into(), "");
    let asked = || {
        let request = b"GET /latest/dynamic/instance-identity/rsa2048 HTTP/1.1\r\n\r\n";
        let answer = crate::serve::kept::exchange_from([127, 0, 9, 9].into(), service.listen[0], request);
        (status(&answer) == 200).then(|| body(&answer).to_owned())
    };
    let message = until("it is signed", asked);
    assert!(verified("smime", &message, &both).unwrap().contains(&id));

    fs::remove_dir_all(state.join("ca")).unwrap();
    until("nothing is signed any longer", || leaf(&service, "signature").is_none().then_some(()));
    assert_eq!(leaf(&service, "").unwrap(), "document");
}

#[test]
fn a_signature_is_never_served_with_another_document() {
    let files = Files::new(&[]);
    let (state, config) = (files.path("state"), files.path("imds.toml"));
    let entry = |name: &str, address: u8| {
        let text =
            format!("[[instance]]\ninstance-type = \"{name}\"\nlocal-ipv4 = \"172.31.16.{address}\"\n");
        fs::write(&config, text).unwrap();
    };
    ca(&state, &["init"]).well();
    entry("t3.micro", 10);
    let service = Watched::with(&files, &["--state", state.to_str().unwrap()]);
    let shown = certificate(&state);
    for (name, address) in [("t3.large", 10), ("t3.large", 11), ("m7g.large", 11)] {
        entry(name, address);
        until("the new document is signed", || {
            let message = leaf(&service, "rsa2048")?;
            let content = verified("smime", &message, &shown).expect("what is served is accepted");
            let new = format!("172.31.16.{address}\"");
            (content.contains(name) && content.contains(&new)).then_some(())
        });
        assert!(signed(&service).is_accepted(&shown));
    }
    // One that is stopped and started again is who it was.
    let before = signed(&service);
    let mut api = Api::of(&service);
    api.send("StopInstances", BUILT_IN);
    assert_eq!(leaf(&service, "signature"), None);
    api.send("StartInstances", BUILT_IN);
    let after = until("it is signed", || Identity::of(&service));
    assert!(after.is_accepted(&shown) && after.document.contains("m7g.large"));
    assert_eq!(before.document == after.document, before == after, "the same document, the same bytes");
}

#[test]
fn a_key_that_others_can_read_is_refused_and_it_is_nowhere_else() {
    let files = Files::new(&[]);
    let state = files.path("state");
    ca(&state, &["init"]).well();
    let key = state.join("ca/key.pem");
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let ports = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--state"];
    let said = Said::by(Command::new(IMDS).args(ports).arg(&state));
    assert!(said.code == Some(1) && said.err.contains("chmod 600"), "{said:?}");
    mode(0o600);
    let service = serve(&state);
    let whole = signed(&service);
    mode(0o640);
    until("it is told", || service.said().contains("the one before stays").then_some(()));
    assert_eq!(signed(&service), whole);
    mode(0o600);
    ca(&state, &["rotate"]).well();
    until("another is taken", || Identity::of(&service).filter(|new| *new != whole));
    let lines = fs::read_to_string(&key).unwrap();
    let (_, log) = service.end(Signal::TERM);
    let store = fs::read(state.join("store.redb")).unwrap();
    for line in lines.lines().filter(|line| !line.starts_with("---")) {
        let bytes = STANDARD.decode(&line[..line.len() / 4 * 4]).unwrap();
        assert!(!log.contains(line));
        assert!(!store.windows(bytes.len()).any(|window| window == bytes));
    }
}

/// How often these bytes are in the memory of a process.
pub(crate) fn occurrences(process: u32, bytes: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let mut count = 0;
    // What the kernel maps for itself cannot be read.
    for line in maps.lines().filter(|line| line.contains(" rw") && !line.contains("[v")) {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut piece = vec![0; usize::try_from(to - from).unwrap()];
        // Else it has gone meanwhile.
        if memory.read_exact_at(&mut piece, from).is_ok() {
            count += memchr::memmem::find_iter(&piece, bytes).count();
        }
    }
    count
}

#[test]
fn the_key_is_not_in_the_process_that_reads_what_guests_send() {
    let files = Files::new(&[]);
    let state = files.path("state");
    ca(&state, &["init"]).well();
    let service = serve(&state);
    signed(&service);
    let told = String::from_utf8(openssl(&state, "rsa -in ca/key.pem -text -noout").stdout).unwrap();
    let (_, rest) = told.split_once("prime1:\n").unwrap();
    let digits: String = rest.lines().take_while(|line| line.starts_with(' ')).map(str::trim).collect();
    let digits = digits.split(':').map(|digit| u8::from_str_radix(digit, 16).unwrap());
    let mut prime: Vec<u8> = digits.skip_while(|digit| *digit == 0).collect();
    // As numbers are kept: the last byte first.
    prime.reverse();
    let metadata = service.child.id();
    let [helper] = children(metadata)[..] else { panic!("one child") };
    assert_ne!(occurrences(helper, &prime), 0, "it is looked for in the right way");
    assert_ne!(occurrences(metadata, BUILT_IN.as_bytes()), 0, "and in the right place");
    assert_eq!(occurrences(metadata, &prime), 0);
}

#[test]
fn a_key_of_ones_own_is_taken_if_it_is_one() {
    let files = Files::new(&[]);
    let folder = files.path("own");
    fs::create_dir(&folder).unwrap();
    let own = |words: &str| assert!(openssl(&folder, words).status.success(), "{words}");
    let subject = "-days 3650 -subj /CN=ours";
    own(&format!("req -x509 -newkey rsa:3072 -nodes -keyout key -out certificate {subject}"));
    own("rsa -in key -traditional -out old");
    own("pkcs8 -topk8 -in key -passout pass:x -out closed");
    own(&format!("req -x509 -newkey rsa:1024 -nodes -keyout short -out short-certificate {subject}"));
    own(&format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ec -out ec-certificate {subject}"
    ));
    let init = |state: &str, key: &str, certificate: &str| {
        let [key, certificate] =
            [key, certificate].map(|name| folder.join(name).to_str().unwrap().to_owned());
        ca(&files.path(state), &["init", "--key", &key, "--certificate", &certificate])
    };
    for (key, certificate, why) in [
        ("closed", "certificate", "encrypted"),
        ("short", "short-certificate", "2048"),
        ("ec", "ec-certificate", "no RSA key"),
        ("key", "short-certificate", "no certificate in it is of the key"),
        ("certificate", "certificate", "no private key"),
        ("key", "key", "no certificate"),
        ("missing", "certificate", "cannot read"),
    ] {
        let said = init("refused", key, certificate);
        assert!(said.code == Some(1) && said.err.contains(why), "{key}: {said:?}");
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
    }
    assert!(!files.path("refused/ca").exists());
    for (state, key) in [("new", "key"), ("traditional", "old")] {
        init(state, key, "certificate").well();
        let state = files.path(state);
        assert_eq!(certificate(&state), fs::read_to_string(folder.join("certificate")).unwrap());
        assert!(signed(&serve(&state)).is_accepted(&certificate(&state)));
    }
}
