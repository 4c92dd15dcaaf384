//! Reading the file and the files it names: everything that touches the disk, and nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::advice;
use super::file::File;
use super::timeline::Timeline;
use super::{Error, Flags};

/// A configuration as bytes: the file's text, and the content of the files that it and the flags name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    path: PathBuf,
    /// Where relative names in it begin, if not beside it.
    folder: Option<PathBuf>,
    text: String,
    /// There may be secrets among them.
    files: Vec<(PathBuf, Zeroizing<Vec<u8>>)>,
}

/// Reads `config`, if there is one, and all that it and the flags name.
///
/// # Errors
/// When one of the files cannot be read, or the first does not say which others there are.
pub fn gather(config: Option<&Path>, flags: &Flags) -> Result<Bundle, Error> {
    let mut bundle = Bundle::default();
    if let Some(path) = config {
        let text = read(path, String::new)?;
        bundle.path = path.to_owned();
        bundle.folder.clone_from(&flags.config_folder);
        bundle.text = String::from_utf8(text).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            Error::at(
                path,
                &String::from_utf8_lossy(&error.as_bytes()[..valid]),
                valid,
                "the file is not UTF-8",
            )
        })?;
    }
    bundle.filled(flags)
}

/// The same of a text that is in no file. `name` is what refusals call it; names in it are those of the working folder.
///
/// # Errors
/// As [`gather`].
pub(crate) fn gather_text(name: &str, text: &str, flags: &Flags) -> Result<Bundle, Error> {
    Bundle::new(name.into(), text.to_owned(), Vec::new()).filled(flags)
}

fn read(path: &Path, by: impl FnOnce() -> String) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|cause| Error::Read { by: by(), path: path.to_owned(), cause })
}

impl Bundle {
    /// A configuration that was not read: where it would lie, its text, and the files that it names.
    pub(crate) fn new(path: PathBuf, text: String, files: Vec<(PathBuf, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(path, content)| (path, Zeroizing::new(content))).collect();
        Self { path, folder: None, text, files }
    }

    /// With the files that it and the flags name.
    fn filled(mut self, flags: &Flags) -> Result<Self, Error> {
        let file = self.parsed()?;
        for instance in &file.instance {
            let start = instance.span().start;
            for name in instance.get_ref().files() {
                let path = self.resolve(name);
                let content = self.read(start, name, &path)?;
                self.files.push((path, Zeroizing::new(content)));
            }
        }
        for (flag, path) in [("--user-data", &flags.user_data_file), ("--ssh-key", &flags.ssh_key_file)] {
            if let Some(path) = path {
                let content = read(path, || format!("{flag}: "))?;
                self.files.push((path.into(), Zeroizing::new(content)));
            }
        }
        Ok(self)
    }

    /// A file that the entry that begins at `start` names. If it cannot be read, what is said has a way out.
    fn read(&self, start: usize, name: &Path, path: &Path) -> Result<Vec<u8>, Error> {
        fs::read(path).map_err(|cause| {
            let cure = if cause.kind() == io::ErrorKind::NotFound {
                "relative paths begin in the folder of the file that names it"
            } else {
                "the configuration names it, and the user who runs imds must be able to read it"
            };
            let cause = io::Error::new(cause.kind(), format!("{cause}; {cure}"));
            Error::Read { by: self.names(start, name), path: path.to_owned(), cause }
        })
    }

    /// Where the entry that begins at `start` names a file, as a beginning of what is said about it.
    fn names(&self, start: usize, name: &Path) -> String {
        let (offset, key) = advice::key_of(&self.text, start, &name.to_string_lossy()).unwrap_or((start, ""));
        let place = self.refused(offset, key.to_owned()).to_string();
        if key.is_empty() { place } else { format!("{place}: ") }
    }

    /// Does the file say nothing at all? So does one that is cut off, or whose disk is full.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    }

    /// A refusal of a file that says nothing any longer.
    #[must_use]
    pub fn refused_blank(&self) -> Error {
        let what = "the file is empty, which would terminate all instances that it had; if that is meant, write \
                    `[service]` into it";
        self.refused(0, what.to_owned())
    }

    /// Every file that was read, for whoever watches them.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let config = (!self.path.as_os_str().is_empty()).then_some(&*self.path);
        config.into_iter().chain(self.files.iter().map(|(path, _)| &**path))
    }

    /// The file as it is written.
    pub(super) fn parsed(&self) -> Result<File, Error> {
        toml::from_str(&self.text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let there = self.text.get(offset..).unwrap_or_default();
            Error::at(&self.path, &self.text, offset, advice::said(error.message(), there))
        })
    }

    /// The entries of the instances, as tables.
    pub(super) fn tables(&self) -> Result<Vec<toml::Table>, Error> {
        #[derive(Deserialize)]
        struct Tables {
            #[serde(default)]
            instance: Vec<toml::Table>,
        }
        let read = toml::from_str::<Tables>(&self.text).map(|tables| tables.instance);
        read.map_err(|error| self.refused(0, error.message().to_owned()))
    }

    /// What is planned, as tables and as it is understood.
    pub(super) fn timeline(&self) -> Result<Vec<(toml::Table, Timeline)>, Error> {
        #[derive(Deserialize)]
        struct Tables {
            #[serde(default)]
            timeline: Vec<toml::Table>,
        }
        let refused = |error: toml::de::Error| self.refused(0, error.message().to_owned());
        let Tables { timeline } = toml::from_str(&self.text).map_err(refused)?;
        let read = |table: toml::Table| Ok((table.clone(), Timeline::deserialize(table).map_err(refused)?));
        timeline.into_iter().map(read).collect()
    }

    /// A refusal of what stands at byte `offset` of the file.
    pub(super) fn refused(&self, offset: usize, what: String) -> Error {
        Error::at(&self.path, &self.text, offset, what)
    }

    /// The content of a file that the configuration names.
    pub(super) fn named(&self, name: &Path) -> &[u8] {
        self.content(&self.resolve(name))
    }

    /// The content of a file that a flag names.
    pub(super) fn content(&self, path: &Path) -> &[u8] {
        self.files.iter().find(|(known, _)| known == path).map_or(&[], |(_, content)| content)
    }

    /// Relative names are beside the configuration, unless a flag says where.
    pub(super) fn resolve(&self, name: &Path) -> PathBuf {
        self.folder
            .as_deref()
            .or_else(|| self.path.parent())
            .map_or_else(|| name.to_owned(), |folder| folder.join(name))
    }
}
