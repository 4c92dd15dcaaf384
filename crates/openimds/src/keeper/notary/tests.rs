//! What is signed, when, and what of it guests are told.

use std::os::unix::net::UnixStream;

use imds_core::id::InstanceId;
use imds_core::lifecycle::State;
use imds_core::testing::{launch, noon};
use imds_store::Memory;
use imds_store::record::Batch;
use imds_store::registry::Change;

use super::*;
use crate::keeper::report::{self, Report};

/// A notary, and what it tells.
struct Scene {
    notary: Notary,
    store: Arc<dyn Store>,
    heard: UnixStream,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new(has_key: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if has_key {
            ca::init(folder.path(), None, noon()).unwrap();
        }
        let (here, heard) = UnixStream::pair().unwrap();
        heard.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let notary = Notary::load(Some(folder.path()), Arc::clone(&store), Reporter::new(here)).unwrap();
        Self { notary, store, heard, folder }
    }

    fn keep(&self, machine: &Machine) {
        let mut batch = Batch::default();
        batch.put(machine.instance.id.as_str(), machine);
        self.store.commit(batch.writes()).unwrap();
    }

    /// The next signature that is told, or that there is none any longer.
    fn next(&mut self) -> (InstanceId, Option<Arc<Signature>>) {
        let Some(Report::Changed { revision: 0, mut changes }) = report::wait(&mut self.heard) else {
            panic!("nothing was told");
        };
        assert_eq!(changes.len(), 1);
        let Some(Change::Signature(id, signature)) = changes.pop() else { panic!("another change") };
        (id, signature)
    }

    fn begun(mut self) -> Self {
        self.notary.begin().unwrap();
        self.notary.start().unwrap();
        self
    }
}

fn machine(number: u32) -> Machine {
    let mut launch = launch();
    launch.id = format!("i-{number:08x}").parse().unwrap();
    Machine::launched(launch.instance())
}

#[test]
fn what_is_there_is_signed_before_the_service_begins() {
    let mut scene = Scene::new(true);
    let one = machine(1);
    scene.keep(&one);
    scene.notary.begin().unwrap();
    let (id, signature) = scene.next();
    assert_eq!(id, one.instance.id);
    assert!(signature.unwrap().fits(&document(&one.instance)));
    assert!(scene.notary.sender.is_some() && scene.notary.waiting.is_some());
}

#[test]
fn a_document_that_changes_is_signed_anew_and_nothing_else_is() {
    let mut scene = Scene::new(true).begun();
    let mut one = machine(1);
    scene.keep(&one);
    let (_, first) = scene.next();
    // Not in the document.
    one.instance.tags.insert("Name".into(), "web".into());
    scene.keep(&one);
    one.instance.set_type("t3.large".into());
    scene.keep(&one);
    let (_, second) = scene.next();
    assert!(second.as_ref().unwrap().fits(&document(&one.instance)));
    assert_ne!(first, second);
    one.state = State::Terminated;
    scene.keep(&one);
    assert_eq!(scene.next(), (one.instance.id.clone(), None));
    // And again, as it was: the same bytes.
    one.state = State::Running;
    scene.keep(&one);
    assert_eq!(scene.next().1, second);
}

#[test]
fn keys_come_change_and_go_while_it_runs() {
    let mut scene = Scene::new(false).begun();
    let one = machine(1);
    scene.keep(&one);
    scene.notary.look().unwrap();
    assert!(scene.notary.sender.is_none(), "without a key there is no thread");
    assert_eq!(scene.notary.files().len(), 1);

    let state = scene.folder.path().to_owned();
    ca::init(&state, None, noon()).unwrap();
    assert_eq!(scene.notary.files().len(), 3);
    scene.notary.look().unwrap();
    let (_, first) = scene.next();
    scene.notary.look().unwrap();
    ca::rotate(&state, None, noon()).unwrap();
    scene.notary.look().unwrap();
    let (_, second) = scene.next();
    assert_ne!(first.unwrap().signer, second.clone().unwrap().signer);

    // One that is refused changes nothing.
    let key = state.join(ca::FOLDER).join(ca::KEY);
    let mode = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o644);
    scene.notary.look().unwrap();
    let two = machine(2);
    scene.keep(&two);
    let (id, signature) = scene.next();
    assert_eq!(id, two.instance.id);
    assert_eq!(signature.unwrap().signer, second.unwrap().signer);
    mode(0o600);

    std::fs::remove_dir_all(state.join(ca::FOLDER)).unwrap();
    scene.notary.look().unwrap();
    let Some(Report::Changed { changes, .. }) = report::wait(&mut scene.heard) else { panic!("not told") };
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|change| matches!(change, Change::Signature(_, None))));
}

#[test]
fn many_are_told_in_pieces_and_what_changes_comes_first() {
    let (here, mut heard) = UnixStream::pair().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = Arc::new(ca::init(folder.path(), None, noon()).unwrap());
    let store = Memory::default();
    let many = 2 * u32::try_from(PIECE).unwrap() + 1;
    let mut batch = Batch::default();
    for number in 1..=many {
        let machine = machine(number);
        batch.put(machine.instance.id.as_str(), &machine);
    }
    store.commit(batch.writes()).unwrap();
    let mut desk = Desk::new(Arc::new(store), Reporter::new(here));
    desk.set(Some(ca)).unwrap();
    let last = machine(many).instance.id;
    desk.hear(Word::Changed(vec![last.clone()])).unwrap();
    let mut told = Vec::new();
    while desk.work().unwrap() {
        let Some(Report::Changed { changes, .. }) = report::wait(&mut heard) else { panic!("not told") };
        assert!(changes.len() <= PIECE);
        told.extend(changes.into_iter().map(|change| {
            let Change::Signature(id, Some(_)) = change else { panic!("another change") };
            id
        }));
        if told.len() == many as usize {
            // The one that was in both is not signed twice.
            break;
        }
    }
    assert_eq!((told.len(), &told[0]), (many as usize, &last));
    assert!(!desk.work().unwrap() || !desk.work().unwrap());
}

#[test]
fn a_form_that_is_none_is_no_signature() {
    let good = SignatureForm::from(&imds_core::testing::signature(&launch().instance()));
    assert_eq!(good.read(), Some(imds_core::testing::signature(&launch().instance())));
    let short = SignatureForm { digest: "AAAA".into(), ..good };
    assert_eq!(short.read(), None);
}
