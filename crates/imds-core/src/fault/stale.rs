//! Keys as they are when nobody has renewed them: a role's have ended an hour ago or more, those for EC2's own use, which
//! come by the hour, within the hour before.

use jiff::SignedDuration;

use crate::credentials::Grant;
use crate::tree::{Value, lookup};
use crate::{Instance, Timestamp};

/// How long ago they ended.
const ENDED: SignedDuration = SignedDuration::from_hours(1);
/// How long they had lived.
const LIVED: SignedDuration = SignedDuration::from_hours(6);
/// How long temporary keys live at most (STS, `GetSessionToken`).
const LONGEST: SignedDuration = SignedDuration::from_hours(36);

/// What is at `path`, with keys that ended an hour before `now`, or earlier; `None` where no keys are.
#[must_use]
pub fn stale(instance: &Instance, path: &[u8], now: Timestamp) -> Option<Value> {
    let is_at = |name: &[u8]| memchr::memmem::find(path, name).is_some();
    if !is_at(b"/security-credentials") {
        return None;
    }
    let value = if is_at(b"/identity-credentials/") {
        // Nothing else below it has a time: it is what was there then.
        lookup(instance, path, now.checked_sub(ENDED + LIVED).ok()?)?
    } else {
        of_role(instance, path, now)?
    };
    // The directory lists what it has, whenever that ended.
    (lookup(instance, path, now).as_ref() != Some(&value)).then_some(value)
}

fn of_role(instance: &Instance, path: &[u8], now: Timestamp) -> Option<Value> {
    let mut aged = instance.clone();
    let Grant::Keys { credentials, .. } = &mut aged.role.as_mut()?.grant else { return None };
    // Keys from outside go by the machine's clock, behind which the service's may be: in the time of neither have they ended
    // later than before they came.
    let came = match credentials.issued {
        None => credentials.expiration.map(|end| end.checked_sub(LONGEST)).transpose().ok()?,
        issued => issued,
    };
    let ended = came.map_or(now, |came| came.min(now)).checked_sub(ENDED).ok()?;
    credentials.expiration = Some(ended);
    credentials.issued = ended.checked_sub(LIVED).ok();
    lookup(&aged, path, now)
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
    fn they_have_ended_by_the_clock_that_they_go_by() {
        let days = |days: i64| noon() + SignedDuration::from_hours(24 * days);
        let hours = |hours| noon() + SignedDuration::from_hours(hours);
        // The keys came at noon by their own clock, and the service's shows this.
        for (issued, expiration, now, ended) in [
            (Some(noon()), Some(hours(6)), days(30), "2026-11-24T11:00:00Z"),
            (Some(noon()), Some(hours(6)), hours(1), "2026-11-24T11:00:00Z"),
            (Some(noon()), Some(hours(6)), days(-1), "2026-11-23T11:00:00Z"),
            (None, Some(hours(36)), days(30), "2026-11-24T11:00:00Z"),
            (None, Some(days(9)), noon(), "2026-11-24T11:00:00Z"),
        ] {
            let mut instance = everything();
            let Grant::Keys { credentials, .. } = &mut instance.role.as_mut().unwrap().grant else {
                panic!()
            };
            (credentials.issued, credentials.expiration) = (issued, expiration);
            let told = stale(&instance, b"/latest/meta-data/iam/security-credentials/web", now).unwrap();
            let told: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
            assert_eq!(told["Expiration"], ended, "at {now}");
        }
    }

    #[test]
    fn those_for_ec2s_own_use_have_ended_too_on_every_instance() {
        for path in [
            "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
            "/latest//meta-data/identity-credentials//ec2/security-credentials/ec2-instance/",
        ] {
            for (minutes, ended) in [(0, "11:00:00Z"), (59, "11:00:00Z"), (60, "12:00:00Z")] {
                let now = noon() + SignedDuration::from_mins(minutes);
                let told = stale(&launch().instance(), path.as_bytes(), now).unwrap();
                let told: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
                assert_eq!(told["Expiration"], format!("2026-11-24T{ended}"), "{path} after {minutes}m");
                assert_eq!(told["Code"], "Success", "{path}");
            }
        }
    }

    #[test]
    fn there_is_nothing_stale_where_no_keys_are() {
        for path in [
            "/latest/meta-data/identity-credentials/ec2/security-credentials/",
            "/latest/meta-data/identity-credentials/ec2/info",
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
