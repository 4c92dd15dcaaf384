//! The access keys of the state folder: read at the start, and again whenever their file changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use imds_control::Authority;
use imds_store::access_key::{self, AccessKeys};

use crate::app;
use crate::config::Auth;

/// Whose keys are taken, and where they are kept.
pub(super) struct Access {
    state: Option<PathBuf>,
    authority: Arc<Authority>,
}

impl Access {
    /// Reads the keys of a state folder. What temporary keys come from is there too, so that they stay good after a
    /// restart; without a folder it lives as long as the process.
    pub(super) fn load(state: Option<&Path>, auth: Auth) -> anyhow::Result<Self> {
        let secret = app::secret()?;
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
        Ok(Self { state: state.map(Path::to_owned), authority })
    }

    /// Who asks it.
    pub(super) fn authority(&self) -> Arc<Authority> {
        Arc::clone(&self.authority)
    }

    /// The file that is to be watched.
    pub(super) fn file(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|state| state.join(access_key::FILE))
    }

    /// Reads the keys again. Without the file there are none; a file that is refused changes nothing.
    pub(super) fn look(&self) {
        let Some(state) = &self.state else { return };
        match access_key::load(state) {
            Ok(keys) => {
                if self.authority.set_keys(keys) {
                    tracing::info!("the access keys changed");
                }
            }
            Err(error) => tracing::error!(%error, "the access keys were refused; the ones before stay"),
        }
    }
}
