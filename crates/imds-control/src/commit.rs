//! Deciding and committing, again and again while others are faster.

use axum::http::StatusCode;
use imds_store::record::Batch;
use imds_store::store::Error as StoreError;
use imds_store::{Revision, Store};

use crate::query::Error;

/// How often something is decided anew because others changed what it was decided by.
const TRIES: u32 = 64;

/// Decides, and commits what was decided; what is told with it, and the commit that guests must have seen before it is.
/// That is the last one of all where nothing is to be changed: others may have made what was found.
pub(crate) fn decided<T, E: From<Error>>(
    store: &dyn Store,
    mut decide: impl FnMut() -> Result<(Batch, T), E>,
) -> Result<(T, Revision), E> {
    for _ in 0..TRIES {
        let (batch, told) = decide()?;
        let committed = if batch.is_empty() { store.revision() } else { store.commit(batch.writes()) };
        match committed {
            Ok(revision) => return Ok((told, revision)),
            Err(StoreError::Conflict { .. }) => {}
            Err(error @ (StoreError::Io(_) | StoreError::Damaged { .. })) => {
                return Err(Error::from(error).into());
            }
        }
    }
    let why = "Others changed the same thing again and again; try again";
    // Clients send a call again that gets this.
    let error = Error::new("RequestLimitExceeded", why);
    Err(Error { status: StatusCode::SERVICE_UNAVAILABLE, ..error }.into())
}
