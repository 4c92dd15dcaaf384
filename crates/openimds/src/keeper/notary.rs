//! Signing identity documents, which nobody waits for: the key of the state folder, and a thread that follows the store.
//!
//! What it signs is told as a change of its own. Before it is told, and whenever the document has changed since, guests
//! find no signature: see `imds_core::tree`.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use imds_core::Machine;
use imds_core::document::document;
use imds_core::id::InstanceId;
use imds_core::signature::{Signature, digest_of};
use imds_store::ca::{self, Ca};
use imds_store::record::{self, Record as _};
use imds_store::store::Event;
use imds_store::{Error, Store};
use rustix::process::setpriority_process;

use super::feed::is_gone;
use super::report::{Reporter, SignatureForm, Told, Wire};

/// How long is signed before the service begins: it does not keep its users waiting because there are many instances.
const FIRST: Duration = Duration::from_millis(500);
/// Signatures of one report.
const PIECE: usize = 32;
/// How far back it stands.
const NICE: i32 = 10;

/// Who has the key.
pub(super) struct Notary {
    state: Option<PathBuf>,
    store: Arc<dyn Store>,
    reporter: Reporter,
    /// What is there now.
    ca: Option<Arc<Ca>>,
    /// What waits for its thread.
    waiting: Option<Waiting>,
    /// How the thread hears of a key. Without a key there is no thread.
    sender: Option<Sender<Word>>,
}

/// Work for which there is no thread yet.
struct Waiting {
    desk: Desk,
    words: Receiver<Word>,
    events: Receiver<Event>,
}

/// What the thread hears.
enum Word {
    /// There is another key, or none any longer.
    Key(Option<Arc<Ca>>),
    /// These machines may have changed.
    Changed(Vec<InstanceId>),
}

impl Notary {
    /// Reads the key of a state folder.
    pub(super) fn load(
        state: Option<&Path>,
        store: Arc<dyn Store>,
        reporter: Reporter,
    ) -> anyhow::Result<Self> {
        let ca = state.map(ca::load).transpose()?.flatten().map(Arc::new);
        Ok(Self { state: state.map(Path::to_owned), store, reporter, ca, waiting: None, sender: None })
    }

    /// Signs what there is, as far as that is soon done. Starts no thread.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        let Some(ca) = self.ca.clone() else { return Ok(()) };
        let mut waiting = self.prepare();
        waiting.desk.set(Some(ca))?;
        let end = Instant::now() + FIRST;
        while Instant::now() < end && waiting.desk.work()? {}
        self.waiting = Some(waiting);
        Ok(())
    }

    /// Watches from now on, before anything is listed: nothing is missed.
    fn prepare(&mut self) -> Waiting {
        let (sender, words) = channel();
        self.sender = Some(sender);
        let desk = Desk::new(Arc::clone(&self.store), self.reporter.clone());
        Waiting { desk, words, events: self.store.watch() }
    }

    /// Goes on in the background, from when there may be threads.
    pub(super) fn start(&mut self) -> io::Result<()> {
        let (Some(waiting), Some(sender)) = (self.waiting.take(), self.sender.clone()) else {
            return Ok(());
        };
        let Waiting { mut desk, words, events } = waiting;
        let ear = std::thread::Builder::new().name("imds-notary-ear".to_owned());
        ear.spawn(move || {
            for event in events {
                let ids: Vec<_> = event.changes.iter().filter_map(|(key, _)| machine(key)).collect();
                if !ids.is_empty() && sender.send(Word::Changed(ids)).is_err() {
                    return;
                }
            }
        })?;
        let body = move || {
            // Whatever somebody waits for comes first.
            if let Err(error) = setpriority_process(None, NICE) {
                tracing::debug!(%error, "documents are signed with the priority of everything else");
            }
            match desk.attend(&words) {
                Ok(()) => {}
                // If it is the service that has gone, that needs no word.
                Err(Error::Io(error)) if is_gone(&error) => {}
                Err(error) => tracing::error!(%error, "identity documents are not signed any longer"),
            }
        };
        std::thread::Builder::new().name("imds-notary".to_owned()).spawn(body)?;
        Ok(())
    }

    /// The files that are to be watched. Those of a folder that is not there yet come with it.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let Some(folder) = self.state.as_ref().map(|state| state.join(ca::FOLDER)) else { return Vec::new() };
        let within = folder.is_dir().then(|| [ca::KEY, ca::CERTIFICATE].map(|name| folder.join(name)));
        std::iter::once(folder).chain(within.into_iter().flatten()).collect()
    }

    /// Reads the key again. Without its folder there is none; one that is refused changes nothing.
    pub(super) fn look(&mut self) -> io::Result<()> {
        let Some(state) = &self.state else { return Ok(()) };
        let ca = match ca::load(state) {
            Ok(ca) => ca.map(Arc::new),
            Err(error) => {
                tracing::error!(%error, "the key of identity documents was refused; the one before stays");
                return Ok(());
            }
        };
        match (&self.ca, &ca) {
            (None, None) => return Ok(()),
            (Some(before), Some(now)) if before.is_same(now) => return Ok(()),
            (None, Some(_)) => tracing::info!("identity documents are signed from now on"),
            (Some(_), Some(_)) => tracing::info!("identity documents are signed with another key"),
            (Some(_), None) => tracing::info!("identity documents are not signed: their key has gone"),
        }
        self.ca.clone_from(&ca);
        if self.sender.is_none() {
            self.waiting = Some(self.prepare());
            self.start()?;
        }
        if let Some(sender) = &self.sender {
            // Nobody there: that is told already.
            let _ = sender.send(Word::Key(ca));
        }
        Ok(())
    }
}

/// Where documents lie that are to be signed. What lies there is ids: however many changes there are, it is no more than
/// there are machines.
struct Desk {
    store: Arc<dyn Store>,
    reporter: Reporter,
    ca: Option<Arc<Ca>>,
    /// What was signed and told: the document's digest, or zeros where another key signed it.
    told: HashMap<InstanceId, [u8; 32]>,
    /// What changed, which comes first.
    due: BTreeSet<InstanceId>,
    /// What is to be looked at because there is another key.
    rest: BTreeSet<InstanceId>,
}

impl Desk {
    fn new(store: Arc<dyn Store>, reporter: Reporter) -> Self {
        Self { store, reporter, ca: None, told: HashMap::new(), due: BTreeSet::new(), rest: BTreeSet::new() }
    }

    /// Takes words until nobody says any.
    fn attend(&mut self, words: &Receiver<Word>) -> Result<(), Error> {
        loop {
            // Everything that is known by now, before the next piece: what has changed again need not be signed.
            for word in words.try_iter() {
                self.hear(word)?;
            }
            if self.work()? {
                continue;
            }
            let Ok(word) = words.recv() else { return Ok(()) };
            self.hear(word)?;
        }
    }

    fn hear(&mut self, word: Word) -> Result<(), Error> {
        match word {
            Word::Key(ca) => self.set(ca),
            Word::Changed(ids) => {
                // Without a key, all are looked at when one comes.
                if self.ca.is_some() {
                    self.due.extend(ids);
                }
                Ok(())
            }
        }
    }

    /// There is another key: all is to be signed anew. Until then what was signed before stays, and verifies. Without a
    /// key it is taken back.
    fn set(&mut self, ca: Option<Arc<Ca>>) -> Result<(), Error> {
        let is_signing = ca.is_some();
        self.ca = ca;
        if is_signing {
            self.told.values_mut().for_each(|digest| *digest = [0; 32]);
            for beginning in record::pieces() {
                let all = self.store.list(&format!("{}/{beginning}", Machine::KIND))?;
                self.rest.extend(all.iter().filter_map(|(key, _)| machine(key)));
            }
            return Ok(());
        }
        self.due.clear();
        self.rest.clear();
        let gone: Vec<_> = self.told.drain().map(|(id, _)| told_as(&id, None)).collect();
        Ok(self.tell(gone)?)
    }

    /// Signs a piece of what is due, and tells it; false when there was nothing.
    fn work(&mut self) -> Result<bool, Error> {
        let Some(ca) = self.ca.clone() else { return Ok(false) };
        let mut changes = Vec::new();
        let mut is_any = false;
        while changes.len() < PIECE {
            let Some(id) = self.due.pop_first().or_else(|| self.rest.pop_first()) else { break };
            is_any = true;
            changes.extend(self.change(&ca, &id)?);
        }
        self.tell(changes)?;
        Ok(is_any)
    }

    /// What is to be told of a machine, if that is not what was told before.
    fn change(&mut self, ca: &Ca, id: &InstanceId) -> Result<Option<Told<'static>>, Error> {
        let machine = match record::get::<Machine>(&*self.store, id.as_str()) {
            Ok(found) => found.map(|found| found.record),
            // Those who serve it tell that.
            Err(Error::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some(machine) = machine.filter(|machine| !machine.state.is_terminated()) else {
            return Ok(self.told.remove(id).map(|_| told_as(id, None)));
        };
        let document = document(&machine.instance);
        let digest = digest_of(&document);
        if self.told.get(id) == Some(&digest) {
            return Ok(None);
        }
        let signature = ca.sign(&document)?;
        self.told.insert(id.clone(), digest);
        Ok(Some(told_as(id, Some(&signature))))
    }

    fn tell(&self, changes: Vec<Told<'_>>) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        // It follows from no commit.
        self.reporter.tell(&Wire::Changed { revision: 0, changes })
    }
}

/// The machine whose record has this key.
fn machine(key: &str) -> Option<InstanceId> {
    let (kind, id) = key.split_once('/')?;
    if kind == Machine::KIND { id.parse().ok() } else { None }
}

fn told_as(id: &InstanceId, signature: Option<&Signature>) -> Told<'static> {
    Told::Signature { id: id.to_string(), signature: signature.map(SignatureForm::from) }
}

#[cfg(test)]
mod tests;
