//! The process that runs credential processes and calls STS, for the keeper, which may do neither. It is there only where
//! the configuration names such a source at the start.
//!
//! It fetches what the configuration file says and nothing else: whoever had taken the keeper over could not make it run a
//! command of his own, as long as he cannot write that file, which must not lie in the state folder. It ends when the
//! keeper does, and what it runs ends with it. It is forked before anything is read or open that it must not have.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

use imds_core::Timestamp;
use imds_core::clock::Clock;
use imds_core::credentials::Credentials;
use imds_netns::{Helper, fork_apart};
use imds_store::record::Record as _;
use imds_store::record::clock::Form;
use serde::{Deserialize, Serialize};

use super::report::{KeysForm, body, encode};
use super::signals;
use crate::config::{Bundle, Config, Flags, gather};
use crate::credentials::exposed::{EXPOSED, exposed};
use crate::credentials::process::Children;
use crate::credentials::{Failure, Source, Timekeeper, fetch};

/// How many sources are fetched from at once; more wait.
const WORKERS: usize = 8;
/// Bytes of an errand and of what comes of it.
const LARGEST: usize = 1 << 20;

/// What there is to fetch.
#[derive(Serialize, Deserialize)]
struct Errand {
    source: Source,
    /// The service's clock, which the source may go by.
    clock: Form,
}

/// What came of an errand.
#[derive(Serialize, Deserialize)]
struct Outcome {
    source: Source,
    result: Result<KeysForm, Failure>,
}

/// The process, and whether there will be something to do for it.
pub struct Fetcher(Option<Helper>);

impl Fetcher {
    /// Starts it, where there is a file that may name something. Must be called first of all: before a secret is read, and
    /// before there are threads.
    ///
    /// # Errors
    /// When there cannot be such a process.
    pub fn start(
        file: Option<PathBuf>,
        flags: &Flags,
        state: Option<PathBuf>,
    ) -> Result<Self, imds_netns::Error> {
        let Some(file) = file else { return Ok(Self(None)) };
        let permitted = Permitted { sources: HashSet::new(), file, flags: flags.clone(), state };
        let helper = fork_apart(|stream| match work(stream, permitted) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(%error, "role credentials cannot be fetched");
                ExitCode::FAILURE
            }
        })?;
        Ok(Self(Some(helper)))
    }

    /// What speaks with it, if a configuration has work for it. Else it ends.
    ///
    /// # Errors
    /// When it is not known that it has.
    pub fn wanted(self, config: &Config) -> io::Result<Option<UnixStream>> {
        let Some(helper) = self.0 else { return Ok(None) };
        if config.lent.iter().any(|(_, lent)| lent.source.as_ref().is_some_and(Source::is_real)) {
            return Ok(Some(helper.stream));
        }
        helper.wait()?;
        Ok(None)
    }
}

/// Sends for the keys of a source, and says what the service's clock is.
pub(super) fn ask(stream: &mut UnixStream, source: &Source, clock: Clock) -> io::Result<()> {
    stream.write_all(&encode(&Errand { source: source.clone(), clock: clock.to_form() })?)
}

/// Waits for what came of an errand; `None` when there is nobody any longer.
pub(super) fn outcome(stream: &mut UnixStream) -> Option<(Source, Result<Credentials, Failure>)> {
    let Outcome { source, result } = serde_json::from_slice(&body(stream, LARGEST)?).ok()?;
    Some((source, result.map(Credentials::from)))
}

fn sources(config: &Config) -> HashSet<Source> {
    config.lent.iter().filter_map(|(_, lent)| lent.source.clone()).collect()
}

/// What the configuration file permits.
struct Permitted {
    sources: HashSet<Source>,
    file: PathBuf,
    flags: Flags,
    /// Where the keeper may write. What lies there says nothing.
    state: Option<PathBuf>,
}

impl Permitted {
    /// Does the file name this source, or has it come to since it was read?
    fn permits(&mut self, source: &Source) -> bool {
        if !self.sources.contains(source)
            && let Ok(bundle) = gather(Some(&self.file), &self.flags)
        {
            self.take(&bundle);
        }
        self.sources.contains(source) && !self.is_exposed(source)
    }

    /// Each time: a link may lead elsewhere now, and the file may have come to name other ones.
    fn is_exposed(&self, source: &Source) -> bool {
        let Some(state) = &self.state else { return false };
        let variable = |name: &str| std::env::var(name).ok();
        match exposed(std::iter::once(source), Some(&self.file), state, &variable) {
            Ok(None) => false,
            Ok(Some(path)) => {
                tracing::error!(path = %path.display(), "{EXPOSED}");
                true
            }
            // Of what cannot be looked at nothing is known.
            Err(error) => {
                tracing::error!(%error, "it cannot be seen whether the state folder says what is executed");
                true
            }
        }
    }

    /// A file that is refused changes nothing.
    fn take(&mut self, bundle: &Bundle) {
        if let Ok(config) = Config::new(bundle, &self.flags, Timestamp::now()) {
            self.sources = sources(&config);
        }
    }
}

fn work(mut stream: UnixStream, mut permitted: Permitted) -> io::Result<()> {
    signals::outlive()?;
    let children = Arc::new(Children::default());
    attend(&mut stream, &mut permitted, &children)?;
    children.end();
    Ok(())
}

/// Does what is asked until nobody asks any longer. Here it is only read, and never waited for who reads what comes of it:
/// the keeper may not before it has written all that it has to ask.
fn attend(stream: &mut UnixStream, permitted: &mut Permitted, children: &Arc<Children>) -> io::Result<()> {
    let (sender, errands) = channel();
    let errands = Arc::new(Mutex::new(errands));
    let answers = Arc::new(Mutex::new(stream.try_clone()?));
    for _ in 0..WORKERS {
        let (errands, answers, children) = (Arc::clone(&errands), Arc::clone(&answers), Arc::clone(children));
        let body = move || run(&errands, &answers, &children);
        std::thread::Builder::new().name("imds-errand".to_owned()).spawn(body)?;
    }
    while let Some(errand) = body(stream, LARGEST) {
        let Errand { source, clock } = serde_json::from_slice(&errand).map_err(io::Error::from)?;
        let clock = Clock::from_form(clock).map_err(io::Error::other)?;
        let clock = permitted.permits(&source).then_some(clock);
        sender.send((source, clock)).map_err(io::Error::other)?;
    }
    Ok(())
}

/// What a source is asked for, at which time; without one, it is refused.
type Permission = (Source, Option<Clock>);

fn run(errands: &Mutex<Receiver<Permission>>, answers: &Mutex<UnixStream>, children: &Children) {
    loop {
        let errand = errands.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((source, clock)) = errand else { return };
        let Some(clock) = clock else {
            let refused =
                Failure::new("the configuration file does not name this source, or lies in the state folder");
            tell(answers, source, Err(refused));
            continue;
        };
        let variable = |name: &str| std::env::var(name).ok();
        // Keys of an STS in another time than the machine's are asked for at that time.
        let now = || match source.timekeeper {
            Timekeeper::Service => clock.at(Timestamp::now()),
            Timekeeper::Machine => Timestamp::now(),
        };
        let result = fetch(&source.origin, &variable, children, &now);
        tell(answers, source, result);
    }
}

/// Tells what came. If there is nobody to hear it, this process is about to end.
fn tell(answers: &Mutex<UnixStream>, source: Source, result: Result<Credentials, Failure>) {
    let outcome = Outcome { source, result: result.map(KeysForm::from) };
    if let Ok(bytes) = encode(&outcome) {
        let _ = answers.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Origin;

    #[test]
    fn who_asks_much_before_he_listens_is_answered_all_of_it() {
        const MANY: usize = 4_000;
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let mut permitted = Permitted {
            sources: HashSet::new(),
            file: "/nowhere/imds.toml".into(),
            flags: Flags::default(),
            state: None,
        };
        let fetching =
            std::thread::spawn(move || attend(&mut there, &mut permitted, &Arc::default()).unwrap());
        here.set_write_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        let source = |number: usize| Source {
            origin: Origin::Process(vec![number.to_string(), "x".repeat(200)]),
            timekeeper: Timekeeper::Machine,
        };
        let clock = Clock::of_machine(Timestamp::now());
        for number in 0..MANY {
            ask(&mut here, &source(number), clock).unwrap();
        }
        let mut answered = HashSet::new();
        while answered.len() < MANY {
            let (source, result) = outcome(&mut here).unwrap();
            assert!(result.is_err_and(|refused| refused.to_string().contains("does not name this source")));
            assert!(answered.insert(source));
        }
        drop(here);
        fetching.join().unwrap();
    }

    #[test]
    fn only_what_the_file_names_is_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("imds.toml");
        let write = |command: &str| {
            let text = format!(
                "[[instance]]\nrole = {{ name = \"web\", credentials = {{ kind = \"process\", command = \"{command}\" }} }}\n"
            );
            std::fs::write(&file, text).unwrap();
        };
        let process = |word: &str| Source {
            origin: Origin::Process(vec![word.to_owned()]),
            timekeeper: Timekeeper::Machine,
        };
        write("one");
        let mut permitted =
            Permitted { sources: HashSet::new(), file: file.clone(), flags: Flags::default(), state: None };
        assert!(permitted.permits(&process("one")) && !permitted.permits(&process("two")));
        write("two");
        assert!(permitted.permits(&process("two")) && !permitted.permits(&process("three")));
        std::fs::write(&file, "no configuration").unwrap();
        assert!(!permitted.permits(&process("three")) && permitted.permits(&process("two")));
        // Where the keeper may write, nothing is believed.
        permitted.state = Some(folder.path().to_owned());
        assert!(!permitted.permits(&process("two")));
        permitted.state = Some(folder.path().join("state"));
        assert!(!permitted.permits(&process("two")), "it is not there");
        std::fs::create_dir(folder.path().join("state")).unwrap();
        assert!(permitted.permits(&process("two")));
    }
}
