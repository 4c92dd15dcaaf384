//! `iam/`: the instance profile and its role's credentials (wire.md 3.3), or why there are none. The codes and messages of
//! that are EC2's, and come with status 200.

use super::{Entry, Found, Value, Walk};
use crate::credentials::Grant;
use crate::json::{Json, object};
use crate::{Instance, Timestamp};

pub(super) const ENTRIES: &[Entry<Instance>] = &[
    Entry::leaf("info", "2012-01-12", info),
    Entry::keyed("security-credentials", "2012-01-12", roles, credentials),
];

/// How each message ends.
const SEE: &str = "Please see documentation at https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html\
                   #troubleshoot_iam-ec2_errors-info-doc.";

fn info(instance: &Instance) -> Option<Value> {
    let role = instance.role.as_ref()?;
    let (since, message) = match &role.grant {
        Grant::Keys { credentials, .. } => (credentials.issued.unwrap_or(instance.changed), None),
        Grant::Untrusted { since, .. } | Grant::Failed { since, .. } => (*since, None),
        Grant::Empty { since } => (*since, Some(format!("Instance Profile does not contain a role. {SEE}"))),
        Grant::Gone { since } => {
            let message = format!("Instance Profile does not exist. {SEE}");
            return Some(failure("InstanceProfileNotFound", &message, *since));
        }
    };
    let since = format!("{since:.0}");
    let mut members = vec![("Code", Json::Text("Success"))];
    members.extend(message.as_deref().map(|message| ("Message", Json::Text(message))));
    members.push(("LastUpdated", Json::Text(&since)));
    members.push(("InstanceProfileArn", Json::Text(&role.instance_profile_arn)));
    members.push(("InstanceProfileId", Json::Text(&role.instance_profile_id)));
    Some(Value::text(object(&members)))
}

fn roles(instance: &Instance) -> Vec<String> {
    instance.role.iter().filter_map(|role| role.name().map(str::to_owned)).collect()
}

fn credentials(instance: &Instance, name: &str, walk: Walk<'_>) -> Option<Found> {
    let role = instance.role.as_ref().filter(|role| role.name() == Some(name))?;
    walk.end(|| match &role.grant {
        Grant::Keys { credentials: keys, .. } => {
            let (issued, ends) = keys.period(instance.changed, walk.now);
            Some(Value::text(object(&[
                ("Code", Json::Text("Success")),
                ("LastUpdated", Json::Text(&format!("{issued:.0}"))),
                ("Type", Json::Text("AWS-HMAC")),
                ("AccessKeyId", Json::Text(&keys.access_key_id)),
                ("SecretAccessKey", Json::Text(keys.secret_access_key.expose())),
                ("Token", Json::Text(keys.session_token.expose())),
                ("Expiration", Json::Text(&format!("{ends:.0}"))),
            ])))
        }
        Grant::Untrusted { role, since } => {
            let message = format!("EC2 cannot assume the role {role}. {SEE}");
            Some(failure("AssumeRoleUnauthorizedAccess", &message, *since))
        }
        // EC2 has no word for it that is known; clients show whatever stands here [assumed].
        Grant::Failed { message, since, .. } => Some(failure("Failed", message, *since)),
        Grant::Empty { .. } | Grant::Gone { .. } => None,
    })
}

fn failure(code: &str, message: &str, since: Timestamp) -> Value {
    Value::text(object(&[
        ("Code", Json::Text(code)),
        ("Message", Json::Text(message)),
        ("LastUpdated", Json::Text(&format!("{since:.0}"))),
    ]))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use crate::Instance;
    use crate::credentials::Grant;
    use crate::testing::{launch, noon, role};
    use crate::tree::lookup;

    fn with(grant: Grant) -> Instance {
        let mut instance = launch().instance();
        instance.role = Some(crate::credentials::Role { grant, ..role() });
        instance
    }

    fn get(instance: &Instance, path: &str) -> Option<String> {
        let value = lookup(instance, format!("/latest/meta-data/iam/{path}").as_bytes(), noon());
        value.map(|value| String::from_utf8(value.body.to_vec()).unwrap())
    }

    #[test]
    fn info_tells_when_the_keys_were_issued() {
        let mut issued = role();
        if let Grant::Keys { credentials, .. } = &mut issued.grant {
            credentials.issued = Some(noon() - SignedDuration::from_secs(90));
            credentials.expiration = Some(noon() + SignedDuration::from_hours(6));
        }
        let mut instance = launch().instance();
        instance.role = Some(issued);
        for path in ["info", "security-credentials/web"] {
            let told = get(&instance, path).unwrap();
            assert!(told.contains("\"LastUpdated\" : \"2026-11-24T11:58:30Z\""), "{told}");
        }
    }

    #[test]
    fn without_keys_it_says_why() {
        let since = noon();
        let untrusted = with(Grant::Untrusted { role: "web".into(), since });
        let told = get(&untrusted, "info").unwrap();
        assert!(told.contains("\"Code\" : \"Success\"") && !told.contains("Message"), "{told}");
        assert_eq!(get(&untrusted, "security-credentials/").as_deref(), Some("web"));
        let told = get(&untrusted, "security-credentials/web").unwrap();
        let begin = "{\n  \"Code\" : \"AssumeRoleUnauthorizedAccess\",\n  \"Message\" : \"EC2 cannot assume the role web. ";
        assert!(told.starts_with(begin), "{told}");
        assert!(told.ends_with("\n  \"LastUpdated\" : \"2026-11-24T12:00:00Z\"\n}"), "{told}");
        let message = "no keys: the credential process ended with status 1".to_owned();
        let failed = with(Grant::Failed { role: "web".into(), message, since });
        assert_eq!(get(&failed, "security-credentials/").as_deref(), Some("web"));
        assert!(get(&failed, "info").unwrap().contains("\"Code\" : \"Success\""));
        assert_eq!(
            get(&failed, "security-credentials/web").as_deref(),
            Some(
                "{\n  \"Code\" : \"Failed\",\n  \"Message\" : \"no keys: the credential process ended with status 1\",\n  \
                 \"LastUpdated\" : \"2026-11-24T12:00:00Z\"\n}"
            )
        );
        for (grant, code, message, names_profile) in [
            (Grant::Empty { since }, "Success", "Instance Profile does not contain a role. ", true),
            (Grant::Gone { since }, "InstanceProfileNotFound", "Instance Profile does not exist. ", false),
        ] {
            let instance = with(grant);
            let told = get(&instance, "info").unwrap();
            let begin = format!("{{\n  \"Code\" : \"{code}\",\n  \"Message\" : \"{message}");
            assert!(told.starts_with(&begin), "{told}");
            assert_eq!(told.contains("instance-profile/web"), names_profile, "{told}");
            assert_eq!(get(&instance, "").as_deref(), Some("info"));
            for path in ["security-credentials", "security-credentials/", "security-credentials/web"] {
                assert_eq!(get(&instance, path), None, "{path}");
            }
        }
    }
}
