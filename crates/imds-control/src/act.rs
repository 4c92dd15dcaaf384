//! Performing an action, whoever asks for it: an AWS client at `/`, or a person in the console.

use imds_store::Revision;
use imds_store::record::Caller;

use crate::authz::Identity;
use crate::call::{ACCOUNT, Call, Handler};
use crate::commit;
use crate::door::Door;
use crate::query::{Error, Params, Xml};

/// On whose behalf, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behalf<'a> {
    /// The region.
    pub(crate) region: &'a str,
    /// Who asks, for the history.
    pub(crate) caller: &'a Caller,
    /// Who asks, for IAM.
    pub(crate) identity: &'a Identity,
    /// The id of the request.
    pub(crate) request_id: &'a str,
}

/// Asks something of the store as a call does.
pub(crate) fn ask<T>(
    door: &Door,
    behalf: &Behalf<'_>,
    question: impl FnOnce(&Call<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let account = ACCOUNT.parse().map_err(|_| Error::internal())?;
    let call = Call {
        store: &*door.store,
        region: behalf.region,
        account: &account,
        now: door.clock.now(),
        caller: behalf.caller,
        identity: behalf.identity,
        request_id: behalf.request_id,
        issuer: &door.authority.issuer(),
        environment_delay: door.environment_delay,
        vpc: door.vpc,
    };
    question(&call)
}

/// Decides with an action's handler and commits: what is answered, and the commit that guests must have seen before it is.
pub(crate) fn perform(
    door: &Door,
    behalf: &Behalf<'_>,
    handler: Handler,
    params: &Params,
    is_dry_run: bool,
) -> Result<(Xml, Revision), Error> {
    commit::decided(&*door.store, || {
        let outcome = ask(door, behalf, |call| handler(call, params))?;
        if is_dry_run { Err(Error::dry_run()) } else { Ok((outcome.batch, outcome.body)) }
    })
}
