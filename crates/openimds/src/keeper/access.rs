//! The access keys of the state folder: read at the start, and again whenever their file changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use imds_control::Authority;
use imds_store::access_key::{self, AccessKeys};

use crate::config::Auth;

/// How long after a refusal the keys are read again: it is told anew, until there is none.
const AGAIN: Duration = Duration::from_secs(60);

/// Whose keys are taken, and where they are kept.
pub(super) struct Access {
    state: Option<PathBuf>,
    authority: Arc<Authority>,
    /// When the keys were refused last, unless they have been taken since.
    refused: Option<Instant>,
}

impl Access {
    /// Reads the keys of a state folder. What temporary keys come from is there too, so that they stay good after a
    /// restart; without a folder it lives as long as the process.
    pub(super) fn load(state: Option<&Path>, auth: Auth) -> anyhow::Result<Self> {
        let secret = imds_server::random::secret()?;
        let keys = match state {
            Some(state) => access_key::load_or_create(state, &secret)?,
            None => AccessKeys::new(&secret),
        };
        let is_required = auth == Auth::Sigv4;
        if let Some(state) = state.filter(|_| is_required && keys.is_empty()) {
            let state = state.display();
            tracing::warn!(
                "nobody can call the control API: there is no access key; `imds keys add --state {state}` makes one"
            );
        }
        let authority = Arc::new(Authority::new(keys, is_required));
        Ok(Self { state: state.map(Path::to_owned), authority, refused: None })
    }

    /// Who asks it.
    pub(super) fn authority(&self) -> Arc<Authority> {
        Arc::clone(&self.authority)
    }

    /// The file that is to be watched.
    pub(super) fn file(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|state| state.join(access_key::FILE))
    }

    /// Reads the keys again. Without the file there are none; a file that is refused changes nothing. Have the temporary
    /// keys ended that were issued before?
    pub(super) fn look(&mut self, now: Instant) -> bool {
        let Some(state) = &self.state else { return false };
        match access_key::load(state) {
            Ok(keys) => {
                self.refused = None;
                let changed = self.authority.set_keys(keys);
                if changed.keys {
                    tracing::info!("the access keys changed");
                }
                if changed.sessions {
                    tracing::info!(
                        "temporary keys have another secret; those that were issued before have ended"
                    );
                }
                changed.sessions
            }
            Err(error) => {
                self.refused = Some(now);
                // Who removed a key must know that it still opens.
                tracing::error!(
                    %error,
                    "the access keys were refused; the ones before stay, with those that were removed"
                );
                false
            }
        }
    }

    /// How long until the keys are to be read again, though nobody touched them; `None` while they are taken.
    pub(super) fn again(&self, now: Instant) -> Option<Duration> {
        self.refused.map(|at| AGAIN.saturating_sub(now.duration_since(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn keys_that_are_refused_are_looked_at_again_until_they_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut access = Access::load(Some(folder.path()), Auth::Open).unwrap();
        let file = access.file().unwrap();
        let mode = |mode| fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        assert!(!access.look(now) && access.again(now).is_none());
        for (at, what) in [(now, 0o644), (now + AGAIN, 0o640)] {
            mode(what);
            assert!(!access.look(at));
            assert_eq!(access.again(at), Some(AGAIN));
            assert_eq!(access.again(at + AGAIN - second), Some(second));
            assert_eq!(access.again(at + AGAIN + second), Some(Duration::ZERO));
        }
        mode(0o600);
        assert!(!access.look(now + AGAIN) && access.again(now + AGAIN).is_none());
        access_key::change::<_, access_key::Error>(folder.path(), &[1; 32], |keys| {
            keys.rotate(&[2; 32]);
            Ok(())
        })
        .unwrap();
        assert!(access.look(now), "sessions have ended");
        assert!(!access.look(now), "once");
        fs::remove_file(&file).unwrap();
        assert!(!access.look(now) && access.again(now).is_none(), "where there is none, there are no keys");
    }
}
