//! Watching files: a file that is replaced is another file, its folder stays.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::inotify;

/// The folders of the files that matter.
pub(super) struct Watch {
    inotify: OwnedFd,
    /// Each folder by its number, and the names that matter in it.
    names: HashMap<i32, (PathBuf, Vec<OsString>)>,
    /// Files whose folder has gone.
    lost: Vec<PathBuf>,
}

impl Watch {
    pub(super) fn new() -> io::Result<Self> {
        let inotify = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        Ok(Self { inotify, names: HashMap::new(), lost: Vec::new() })
    }

    /// Watches these files, too. What cannot be watched is said, and is no reason to lose the rest.
    pub(super) fn follow<'a>(&mut self, paths: impl IntoIterator<Item = &'a Path>) {
        for path in paths {
            if let Err(error) = self.follow_one(path) {
                tracing::warn!(%error, path = %path.display(), "a file cannot be watched yet");
                if !self.lost.iter().any(|lost| lost == path) {
                    self.lost.push(path.to_owned());
                }
            }
            // Behind a link, it is the file at its end that is written to.
            if let Some(target) = path.canonicalize().ok().filter(|target| target != path) {
                let _ = self.follow_one(&target);
            }
        }
    }

    fn follow_one(&mut self, path: &Path) -> io::Result<()> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // Who may read a file counts, too: one that others can read is refused until it is closed to them.
        let events = inotify::WatchFlags::ATTRIB
            | inotify::WatchFlags::CLOSE_WRITE
            | inotify::WatchFlags::CREATE
            | inotify::WatchFlags::DELETE
            | inotify::WatchFlags::MOVED_TO;
        // A folder that is watched already keeps its number.
        let id = inotify::add_watch(&self.inotify, folder, events)?;
        let (_, names) = self.names.entry(id).or_insert_with(|| (folder.to_owned(), Vec::new()));
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        Ok(())
    }

    /// Was one of the files touched?
    pub(super) fn is_touched(&mut self) -> io::Result<bool> {
        if !self.drain()? && !self.find_again() {
            return Ok(false);
        }
        Ok(true)
    }

    /// Reads the events that there are. Did one concern a file that matters?
    fn drain(&mut self) -> io::Result<bool> {
        let mut is_touched = false;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) if event.events().contains(inotify::ReadFlags::IGNORED) => {
                    // The folder itself is gone; another may come in its place.
                    let gone = self.names.remove(&event.wd()).into_iter();
                    self.lost.extend(
                        gone.flat_map(|(folder, names)| names.into_iter().map(move |name| folder.join(name))),
                    );
                }
                // Some were lost: one of them may have mattered.
                Ok(event) if event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW) => is_touched = true,
                Ok(event) => {
                    let name =
                        event.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                    let known = self
                        .names
                        .get(&event.wd())
                        .is_some_and(|(_, names)| names.iter().any(|known| *known == *name));
                    // A folder that is swapped by a link of its own, as Kubernetes does, shows no more than `..data`.
                    is_touched |= known || name.starts_with("..");
                }
                Err(rustix::io::Errno::AGAIN) => return Ok(is_touched),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Are there files whose folder has gone?
    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Watches files again whose folder had gone. Is one of them there?
    fn find_again(&mut self) -> bool {
        let lost = std::mem::take(&mut self.lost);
        let before = lost.len();
        for path in lost {
            if self.follow_one(&path).is_err() {
                self.lost.push(path);
            }
        }
        self.lost.len() < before
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn whatever_makes_a_file_another_one_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let [kept, beside, other] = ["kept", "beside", "other"].map(|name| folder.path().join(name));
        let mut watch = Watch::new().unwrap();
        watch.follow([&*kept]);
        let mut step = |what: &str, expected: bool, work: &dyn Fn()| {
            work();
            assert_eq!(watch.is_touched().unwrap(), expected, "{what}");
            assert!(!watch.is_touched().unwrap(), "{what}: once");
        };
        step("another file", false, &|| fs::write(&other, "x").unwrap());
        step("made", true, &|| fs::write(&kept, "x").unwrap());
        step("opened to others", true, &|| mode(&kept, 0o644));
        step("closed to them", true, &|| mode(&kept, 0o600));
        step("read", false, &|| drop(fs::read(&kept).unwrap()));
        step("another's mode", false, &|| mode(&other, 0o600));
        step("moved over", true, &|| {
            fs::write(&beside, "y").unwrap();
            fs::rename(&beside, &kept).unwrap();
        });
        step("a link moved over", true, &|| {
            symlink(&other, &beside).unwrap();
            fs::rename(&beside, &kept).unwrap();
        });
        step("removed", true, &|| fs::remove_file(&kept).unwrap());
    }

    #[test]
    fn a_link_is_followed_to_where_it_leads_now() {
        let folder = tempfile::tempdir().unwrap();
        let [kept, one, two] = ["kept", "one/file", "two/file"].map(|name| folder.path().join(name));
        for file in [&one, &two] {
            fs::create_dir(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
        symlink(&one, &kept).unwrap();
        let mut watch = Watch::new().unwrap();
        watch.follow([&*kept]);
        fs::write(&one, "y").unwrap();
        assert!(watch.is_touched().unwrap());
        fs::remove_file(&kept).unwrap();
        symlink(&two, &kept).unwrap();
        assert!(watch.is_touched().unwrap());
        watch.follow([&*kept]);
        mode(&two, 0o600);
        assert!(watch.is_touched().unwrap());
    }
}
