//! A role's keys as they are when nobody has renewed them: ended an hour ago.

use jiff::SignedDuration;

use crate::credentials::Grant;
use crate::tree::{Value, lookup};
use crate::{Instance, Timestamp};

/// How long ago they ended.
const ENDED: SignedDuration = SignedDuration::from_hours(1);
/// How long they had lived.
const LIVED: SignedDuration = SignedDuration::from_hours(6);

/// What is at `path`, with keys that ended an hour before `now`; `None` where no keys are.
#[must_use]
pub fn stale(instance: &Instance, path: &[u8], now: Timestamp) -> Option<Value> {
    memchr::memmem::find(path, b"/security-credentials")?;
    let mut aged = instance.clone();
    let Grant::Keys { credentials, .. } = &mut aged.role.as_mut()?.grant else { return None };
    let ended = now.checked_sub(ENDED).ok()?;
    credentials.expiration = Some(ended);
    credentials.issued = ended.checked_sub(LIVED).ok();
    let value = lookup(&aged, path, now)?;
    // The directory lists what it has, whenever that ended.
    (lookup(instance, path, now).as_ref() != Some(&value)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{everything, launch, noon};

    #[test]
    fn the_keys_are_the_same_and_have_ended() {
        let instance = everything();
        let path = b"/latest/meta-data/iam/security-credentials/web";
        let told = String::from_utf8(stale(&instance, path, noon()).unwrap().body.to_vec()).unwrap();
        let keys = instance.role.as_ref().unwrap().credentials().unwrap();
        for part in [
            "\"LastUpdated\" : \"2026-11-24T05:00:00Z\"",
            "\"Expiration\" : \"2026-11-24T11:00:00Z\"",
            &keys.access_key_id,
        ] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn there_is_nothing_stale_where_no_keys_are() {
        for path in [
            "/latest/meta-data/iam/security-credentials/",
            "/latest/meta-data/iam/security-credentials/other",
            "/latest/meta-data/iam/info",
            "/latest/meta-data/instance-id",
        ] {
            assert_eq!(stale(&everything(), path.as_bytes(), noon()), None, "{path}");
        }
        let path = b"/latest/meta-data/iam/security-credentials/web";
        assert_eq!(stale(&launch().instance(), path, noon()), None);
    }
}
