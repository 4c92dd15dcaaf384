//! Instances whose profile means something: what a call of IAM or EC2 says of a role is what the instance reads.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use super::cli::{imds, said};
use super::{Api, Guest, kill, serve, text};
use crate::serve::{Files, Watched, until};

const A: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 9);
const B: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 10);
/// `{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`
const TO_EC2: &str = "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2\
                      .amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D";
/// `{"Statement":[]}`
const TO_NOBODY: &str = "%7B%22Statement%22%3A%5B%5D%7D";

impl Api {
    /// A call of IAM that must succeed.
    #[track_caller]
    pub(super) fn iam(&mut self, form: &str) -> String {
        self.post("iam", "2010-05-08", form).unwrap().well()
    }

    /// Makes a role that EC2 may assume, and a profile of the same name that has it.
    #[track_caller]
    pub(super) fn profile(&mut self, name: &str) {
        self.iam(&format!("Action=CreateRole&RoleName={name}&AssumeRolePolicyDocument={TO_EC2}"));
        self.iam(&format!("Action=CreateInstanceProfile&InstanceProfileName={name}"));
        self.iam(&format!("Action=AddRoleToInstanceProfile&InstanceProfileName={name}&RoleName={name}"));
    }

    /// Who the service says that keys are of.
    fn who(&mut self, keys: &Keys) -> String {
        let form = "Action=GetCallerIdentity&Version=2011-06-15";
        let answer = self.exchange(&format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Amz-Security-Token: \
             {}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={}/20261124/us-east-1/sts/aws4_request, SignedHeaders=host, \
             Signature=0\r\nContent-Length: {}\r\n\r\n{form}",
            keys.token,
            keys.id,
            form.len()
        ));
        text(&answer.unwrap().well(), "Arn").unwrap().to_owned()
    }
}

/// Keys that an instance was given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Keys {
    id: String,
    secret: String,
    token: String,
}

impl Guest {
    /// A document below `iam/`; `None` where there is none.
    fn iam(self, path: &str) -> Option<serde_json::Value> {
        let (status, told) = self.get(&format!("meta-data/iam/{path}"), None);
        (status == 200).then(|| serde_json::from_str(&told).unwrap())
    }

    #[track_caller]
    fn keys(self, role: &str) -> Keys {
        let told = self.iam(&format!("security-credentials/{role}")).expect("keys");
        assert_eq!(told["Code"], "Success", "{told}");
        let field = |name: &str| told[name].as_str().unwrap().to_owned();
        Keys { id: field("AccessKeyId"), secret: field("SecretAccessKey"), token: field("Token") }
    }

    /// What it is told of its profile, in a word: its role, a code that is none of success, or nothing.
    fn word(self) -> String {
        let Some(info) = self.iam("info") else {
            assert_eq!(self.get("meta-data/iam/", None).0, 404);
            return "nothing".to_owned();
        };
        let (status, role) = self.get("meta-data/iam/security-credentials/", None);
        match info["Code"].as_str().unwrap() {
            "Success" if status == 200 => {
                let told = self.iam(&format!("security-credentials/{role}")).unwrap();
                if told["Code"] == "Success" { role } else { told["Code"].as_str().unwrap().to_owned() }
            }
            "Success" => {
                assert!(
                    info["Message"]
                        .as_str()
                        .unwrap()
                        .starts_with("Instance Profile does not contain a role.")
                );
                "empty".to_owned()
            }
            code => code.to_owned(),
        }
    }
}

fn associate(api: &mut Api, instance: &str, profile: &str) -> String {
    let form =
        format!("Action=AssociateIamInstanceProfile&InstanceId={instance}&IamInstanceProfile.Name={profile}");
    text(&api.well(&form), "associationId").unwrap().to_owned()
}

#[test]
fn launched_with_a_profile_it_reads_keys_that_are_its_own() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    api.profile("web");
    let (a, b) = (
        api.launch(A, "&IamInstanceProfile.Name=web"),
        api.launch(B, "&IamInstanceProfile.Arn=arn:aws:iam::123456789012:instance-profile/web"),
    );
    let guest = Guest::at(&service, A);
    let info = guest.iam("info").unwrap();
    assert_eq!(info["InstanceProfileArn"], "arn:aws:iam::123456789012:instance-profile/web");
    let profile = api.iam("Action=GetInstanceProfile&InstanceProfileName=web");
    assert_eq!(info["InstanceProfileId"].as_str(), text(&profile, "InstanceProfileId"));
    assert_eq!(guest.get("meta-data/iam/security-credentials/", None), (200, "web".to_owned()));
    let told = guest.iam("security-credentials/web").unwrap();
    assert_eq!(told["LastUpdated"], info["LastUpdated"], "when the keys were issued");
    let time = |name: &str| told[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(time("Expiration").duration_since(time("LastUpdated")).as_hours(), 6);
    let keys = guest.keys("web");
    assert!(keys.id.starts_with("ASIA") && keys.secret.len() == 40, "{keys:?}");
    let other = Guest::at(&service, B).keys("web");
    assert_ne!(keys, other);
    // Both tell who they are at the door, which is the one that issued them.
    for (keys, id) in [(&keys, &a), (&other, &b)] {
        assert_eq!(api.who(keys), format!("arn:aws:sts::123456789012:assumed-role/web/{id}"));
    }
    let altered = Keys { token: keys.token.replacen('A', "B", 1), ..keys.clone() };
    assert!(!api.who(&altered).contains("assumed-role"), "what was altered is nobody's");
    assert_eq!(guest.keys("web"), keys, "as long as nothing changes they stay");
}

#[test]
fn whatever_changes_is_met_when_the_call_is_answered() {
    let service = serve(&[]);
    let mut api = Api::of(&service);
    api.profile("web");
    api.profile("db");
    let id = api.launch(A, "");
    let guest = Guest::at(&service, A);
    assert_eq!(guest.word(), "nothing");
    let association = associate(&mut api, &id, "web");
    assert_eq!(guest.word(), "web");
    for (form, expected) in [
        ("Action=RemoveRoleFromInstanceProfile&InstanceProfileName=web&RoleName=web", "empty"),
        ("Action=DeleteRole&RoleName=web", "empty"),
        ("Action=AddRoleToInstanceProfile&InstanceProfileName=web&RoleName=db", "db"),
        (
            &format!("Action=UpdateAssumeRolePolicy&RoleName=db&PolicyDocument={TO_NOBODY}"),
            "AssumeRoleUnauthorizedAccess",
        ),
        (&format!("Action=UpdateAssumeRolePolicy&RoleName=db&PolicyDocument={TO_EC2}"), "db"),
        ("Action=RemoveRoleFromInstanceProfile&InstanceProfileName=web&RoleName=db", "empty"),
        ("Action=DeleteInstanceProfile&InstanceProfileName=web", "InstanceProfileNotFound"),
        // It is another one, as its id tells.
        ("Action=CreateInstanceProfile&InstanceProfileName=web", "InstanceProfileNotFound"),
    ] {
        api.iam(form);
        assert_eq!(guest.word(), expected, "{form}");
    }
    let replace = "Action=ReplaceIamInstanceProfileAssociation&IamInstanceProfile.Name=db&AssociationId";
    let replaced = api.well(&format!("{replace}={association}"));
    assert_eq!(guest.word(), "db");
    let keys = guest.keys("db");
    for action in ["StopInstances", "StartInstances"] {
        api.send(action, &id);
    }
    assert_ne!(guest.keys("db"), keys, "a start is given its own");
    assert!(api.who(&keys).ends_with(&format!("/db/{id}")), "and the old ones are good until they end");
    let association = text(&replaced, "associationId").unwrap();
    api.well(&format!("Action=DisassociateIamInstanceProfile&AssociationId={association}"));
    assert_eq!(guest.word(), "nothing");
}

#[test]
fn a_role_of_the_file_gives_way_while_there_is_an_association() {
    let file = |role: &str| {
        format!(
            "[[instance]]\ninstance-id = \"i-0000000a\"\nlocal-ipv4 = \"{A}\"\n[instance.role]\nname = \"{role}\"\n\
             [instance.role.credentials]\nkind = \"static\"\naccess-key-id = \"ASIAFILE\"\nsecret-access-key-file = \"secret\"\n"
        )
    };
    let files = Files::new(&[("imds.toml", &file("file")), ("secret", "wJalr")]);
    let config = files.path("imds.toml");
    let service = serve(&["--config", config.to_str().unwrap()]);
    let mut api = Api::of(&service);
    api.profile("web");
    let guest = Guest::at(&service, A);
    assert_eq!(guest.word(), "file");
    let association = associate(&mut api, "i-0000000a", "web");
    assert_eq!(guest.word(), "web");
    // What the file says meanwhile is for later.
    fs::write(files.path("beside"), file("later")).unwrap();
    fs::rename(files.path("beside"), &config).unwrap();
    until("the file is read", || service.said().contains("the configuration changed").then_some(()));
    assert_eq!(guest.word(), "web");
    api.well(&format!("Action=DisassociateIamInstanceProfile&AssociationId={association}"));
    assert_eq!(guest.word(), "later");
}

#[test]
fn with_another_secret_every_instance_has_other_keys_at_once() {
    let files = Files::new(&[]);
    let folder = files.path("state");
    let service = serve(&["--state", folder.to_str().unwrap()]);
    let mut api = Api::of(&service);
    api.profile("web");
    let ids = [A, B].map(|address| api.launch(address, "&IamInstanceProfile.Name=web"));
    let guests = [A, B].map(|address| Guest::at(&service, address));
    let before = guests.map(|guest| guest.keys("web"));
    said(imds().args(["keys", "rotate", "--state"]).arg(&folder)).well();
    let after = [0, 1].map(|index| {
        until("there are other keys", || {
            Some(guests[index].keys("web")).filter(|keys| *keys != before[index])
        })
    });
    for (index, id) in ids.iter().enumerate() {
        assert_eq!(api.who(&before[index]), "arn:aws:iam::123456789012:root", "nobody's in particular");
        assert_eq!(api.who(&after[index]), format!("arn:aws:sts::123456789012:assumed-role/web/{id}"));
    }
    assert_eq!(guests.map(|guest| guest.keys("web")), after, "once");
}

/// Every file below a folder, as text.
fn all_of(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(all_of(&path));
        } else {
            texts.push(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
        }
    }
    texts
}

#[test]
fn keys_are_in_no_file_and_no_log_and_are_good_after_a_crash() {
    let files = Files::new(&[]);
    let folder = files.path("state");
    let start = || serve(&["--log", "text", "--state", folder.to_str().unwrap()]);
    let first: Watched = start();
    let mut api = Api::of(&first);
    api.profile("web");
    let id = api.launch(A, "&IamInstanceProfile.Name=web");
    let old = Guest::at(&first, A).keys("web");
    let assume = "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/web&RoleSessionName=me";
    let refused = api.post("sts", "2011-06-15", assume).unwrap();
    assert_eq!(refused.refusal(), (403, "AccessDenied"), "it is open to EC2 alone");
    api.iam("Action=UpdateAssumeRolePolicy&RoleName=web&PolicyDocument=%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22\
             %2C%22Principal%22%3A%22*%22%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D");
    let told = api.post("sts", "2011-06-15", assume).unwrap().well();
    let field = |name: &str| text(&told, name).unwrap().to_owned();
    let assumed =
        Keys { id: field("AccessKeyId"), secret: field("SecretAccessKey"), token: field("SessionToken") };
    let said = first.said();
    kill(first);

    let second = start();
    let mut api = Api::of(&second);
    let guest = Guest::at(&second, A);
    let new = guest.keys("web");
    assert_ne!(new, old);
    for keys in [&new, &old] {
        assert_eq!(api.who(keys), format!("arn:aws:sts::123456789012:assumed-role/web/{id}"));
    }
    assert_eq!(api.who(&assumed), "arn:aws:sts::123456789012:assumed-role/web/me");
    let mut texts = all_of(&folder);
    assert!(texts.iter().any(|text| text.contains("instance-profile/web")), "the store is among them");
    texts.extend([said, second.said()]);
    for keys in [&old, &new, &assumed] {
        for secret in [&keys.secret, &keys.token] {
            assert!(!texts.iter().any(|text| text.contains(secret.as_str())), "{}", keys.id);
        }
    }
}
