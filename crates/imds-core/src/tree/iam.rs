//! `iam/`: the instance profile and its role's credentials (wire.md 3.3).

use super::{Entry, Value, Walk};
use crate::Instance;
use crate::json::{Json, object};

pub(super) const ENTRIES: &[Entry<Instance>] = &[
    Entry::leaf("info", "2012-01-12", info),
    Entry::keyed("security-credentials", "2012-01-12", roles, credentials),
];

fn info(instance: &Instance) -> Option<Value> {
    let role = instance.role.as_ref()?;
    Some(Value::text(object(&[
        ("Code", Json::Text("Success")),
        ("LastUpdated", Json::Text(&format!("{:.0}", instance.changed))),
        ("InstanceProfileArn", Json::Text(&role.instance_profile_arn)),
        ("InstanceProfileId", Json::Text(&role.instance_profile_id)),
    ])))
}

fn roles(instance: &Instance) -> Vec<String> {
    instance.role.iter().map(|role| role.name.clone()).collect()
}

fn credentials(instance: &Instance, name: &str, walk: Walk<'_>) -> Option<Value> {
    let role = instance.role.as_ref().filter(|role| role.name == name)?;
    let keys = &role.credentials;
    let (issued, ends) = keys.period(instance.changed, walk.now);
    walk.end(|| {
        Some(Value::text(object(&[
            ("Code", Json::Text("Success")),
            ("LastUpdated", Json::Text(&format!("{issued:.0}"))),
            ("Type", Json::Text("AWS-HMAC")),
            ("AccessKeyId", Json::Text(&keys.access_key_id)),
            ("SecretAccessKey", Json::Text(keys.secret_access_key.expose())),
            ("Token", Json::Text(keys.session_token.expose())),
            ("Expiration", Json::Text(&format!("{ends:.0}"))),
        ])))
    })
}
