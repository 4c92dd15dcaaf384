//! Is a file such that whoever may write in a folder can change what is read there?

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Links that are followed, as the kernel does.
const LINKS: u32 = 40;

/// Does anything that this path leads through lie in `folder`: the file, a folder above it, or a link to either?
///
/// What is not there is looked at as far as it is.
///
/// # Errors
/// When the folder cannot be found, or the links have no end.
pub(crate) fn is_beneath(path: &Path, folder: &Path) -> io::Result<bool> {
    let folder = folder.canonicalize()?;
    let mut rest: VecDeque<OsString> = steps(&std::path::absolute(path)?);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        if next.starts_with(&folder) {
            return Ok(true);
        }
        let Ok(target) = next.read_link() else {
            here = next;
            continue;
        };
        links += 1;
        if links > LINKS {
            return Err(io::Error::other("too many links"));
        }
        if target.is_absolute() {
            here = PathBuf::from("/");
        }
        for name in steps(&target).into_iter().rev() {
            rest.push_front(name);
        }
    }
    Ok(false)
}

fn steps(path: &Path) -> VecDeque<OsString> {
    let step = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_wherever_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["state/inner", "state-of-things", "outside"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        fs::write(at("outside/file"), "").unwrap();
        fs::write(at("state/file"), "").unwrap();
        symlink("state", at("link-to-state")).unwrap();
        symlink(at("state/file"), at("outside/link-in")).unwrap();
        symlink("../outside/file", at("state/link-out")).unwrap();
        symlink(at("outside"), at("state/inner/out")).unwrap();
        symlink("../state/inner/out", at("outside/through")).unwrap();
        for (path, expected) in [
            ("outside/file", false),
            ("outside/none", false),
            ("state-of-things/file", false),
            ("state/../outside/file", true),
            ("outside/../state/file", true),
            ("state/file", true),
            ("state/none", true),
            ("state/inner/deep/none", true),
            ("outside/link-in", true),
            // Who can write there can let it lead elsewhere.
            ("state/link-out", true),
            ("outside/through/file", true),
            ("link-to-state/file", true),
        ] {
            for state in ["state", "link-to-state", "outside/../state"] {
                assert_eq!(is_beneath(&at(path), &at(state)).unwrap(), expected, "{path} {state}");
            }
        }
        symlink("circle", at("circle")).unwrap();
        assert!(is_beneath(&at("circle"), &at("state")).is_err());
        assert!(is_beneath(&at("outside/file"), &at("none")).is_err());
    }
}
