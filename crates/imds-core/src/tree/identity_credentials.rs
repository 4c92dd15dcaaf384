//! `identity-credentials/ec2/`: keys for EC2's own use, which every instance has (wire.md 3.1).
//!
//! AWS reserves them for itself and documents nothing that they open. Here they have EC2's form and follow from the
//! instance and the hour; nothing takes them, so that they are no secret [assumed].

use jiff::SignedDuration;

use super::{Entry, Found, Value, Walk};
use crate::json::{Json, object};
use crate::{Instance, Timestamp, derive, id};

pub(super) const ENTRIES: &[Entry<Instance>] = &[Entry::directory("ec2", "2018-05-23", EC2)];

const EC2: &[Entry<Instance>] = &[
    Entry::leaf("info", "2018-05-23", info),
    Entry::keyed("security-credentials", "2018-05-23", |_| vec![NAME.to_owned()], credentials),
];

/// The one name, of every instance.
const NAME: &str = "ec2-instance";
/// New ones come every hour and live for six, as a role's do that have no end of their own.
const EVERY_SECONDS: i64 = 3_600;
const LIFETIME: SignedDuration = SignedDuration::from_hours(6);

fn info(instance: &Instance) -> Option<Value> {
    Some(Value::text(object(&[
        ("Code", Json::Text("Success")),
        ("LastUpdated", Json::Text(&format!("{:.0}", instance.changed))),
        ("AccountId", Json::Text(instance.account_id.as_str())),
    ])))
}

fn credentials(instance: &Instance, name: &str, walk: Walk<'_>) -> Option<Found> {
    if name != NAME {
        return None;
    }
    walk.end(|| {
        let second = walk.now.as_second();
        let issued = Timestamp::from_second(second - second.rem_euclid(EVERY_SECONDS)).unwrap_or(walk.now);
        let ends = issued.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let of = |what: &str, digits| derive::hex(instance.id.as_str(), &format!("{what} {issued}"), digits);
        let token: String = (0..8).map(|part| of(&format!("token {part}"), 32)).collect();
        let secret = of("secret", 32) + &of("more", 8);
        Some(Value::text(object(&[
            ("Code", Json::Text("Success")),
            ("LastUpdated", Json::Text(&format!("{issued:.0}"))),
            ("Type", Json::Text("AWS-HMAC")),
            ("AccessKeyId", Json::Text(&id::unique("ASIA", &of("key", 16).into_bytes()))),
            ("SecretAccessKey", Json::Text(&secret)),
            ("Token", Json::Text(&token)),
            ("Expiration", Json::Text(&format!("{ends:.0}"))),
        ])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{launch, noon};
    use crate::tree::lookup;

    fn get(path: &str, at: Timestamp) -> Option<String> {
        let instance = launch().instance();
        let value =
            lookup(&instance, format!("/latest/meta-data/identity-credentials/{path}").as_bytes(), at);
        value.map(|value| String::from_utf8(value.body.to_vec()).unwrap())
    }

    #[test]
    fn every_instance_has_them_and_they_change_with_the_hour() {
        for (path, listing) in
            [("", "ec2/"), ("ec2/", "info\nsecurity-credentials/"), ("ec2/security-credentials/", NAME)]
        {
            assert_eq!(get(path, noon()).as_deref(), Some(listing), "{path}");
        }
        let keys = |minutes| {
            let at = noon() + SignedDuration::from_mins(minutes);
            let told = get("ec2/security-credentials/ec2-instance", at).unwrap();
            serde_json::from_str::<serde_json::Value>(&told).unwrap()
        };
        let now = keys(0);
        assert_eq!(
            (now["LastUpdated"].as_str(), now["Expiration"].as_str()),
            (Some("2026-11-24T12:00:00Z"), Some("2026-11-24T18:00:00Z"))
        );
        let length = |name: &str| now[name].as_str().unwrap().len();
        assert_eq!((length("AccessKeyId"), length("SecretAccessKey"), length("Token")), (20, 40, 256));
        assert_eq!(keys(59), now);
        for part in ["AccessKeyId", "SecretAccessKey", "Token", "LastUpdated", "Expiration"] {
            assert_ne!(keys(60)[part], now[part], "{part}");
        }
        assert_eq!(get("ec2/security-credentials/other", noon()), None);
        assert!(get("ec2/info", noon()).unwrap().contains("\"AccountId\" : \"123456789012\""));
    }
}
