//! Managed policies: AWS's own are all taken to be there, whatever their name, and there are no others. What one permits is
//! not known, and not looked at.

use aws_lc_rs::digest::{SHA256, digest};
use imds_core::Timestamp;
use imds_core::id::unique;
use imds_store::record::{self, Role};

use super::{check, date};
use crate::call::Call;
use crate::query::{Error, Params, Xml};

/// When all of them are taken to have been made [assumed].
const MADE: Timestamp = Timestamp::constant(1_423_161_600, 0);

/// The only version of each.
pub(crate) const VERSION: &str = "v1";

/// A policy of AWS's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Managed<'a> {
    /// `arn:aws:iam::aws:policy/some/path/NAME`
    pub(crate) arn: &'a str,
    /// `/`, or `/some/path/`
    pub(crate) path: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
}

impl<'a> Managed<'a> {
    /// The policy with this ARN, if it has the form of one of AWS's.
    pub(crate) fn of(arn: &'a str) -> Option<Self> {
        let [partition, owner, resource] = parts(arn)?;
        let whole = resource.strip_prefix("policy").filter(|whole| whole.starts_with('/'))?;
        let (path, name) = whole.split_at(whole.rfind('/')? + 1);
        let is_name = |name: &str| (1..=128).contains(&name.len()) && name.chars().all(check::is_of_a_name);
        let is_path = path == "/" || path[1..path.len() - 1].split('/').all(is_name);
        let is_own = partition.starts_with("aws") && owner == "aws";
        (is_own && is_path && is_name(name)).then_some(Self { arn, path, name })
    }
}

/// Partition, account and resource of an ARN of IAM.
fn parts(arn: &str) -> Option<[&str; 3]> {
    match arn.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", partition, "iam", "", owner, resource] if !partition.is_empty() => {
            Some([partition, owner, resource])
        }
        _ => None,
    }
}

/// `PolicyArn`, if it is an ARN.
pub(crate) fn arn<'p>(params: &'p Params, parameter: &str) -> Result<&'p str, Error> {
    let arn = check::text(params, parameter, 20..=2_048)?;
    match parts(arn) {
        Some(_) if !arn.chars().any(char::is_control) => Ok(arn),
        Some(_) | None => Err(Error::new("InvalidInput", format!("ARN {arn} is not valid."))),
    }
}

/// The policy that `PolicyArn` names, to be attached.
pub(crate) fn attachable(params: &Params) -> Result<Managed<'_>, Error> {
    let arn = arn(params, "PolicyArn")?;
    let missing = || check::no_such_entity(format!("Policy {arn} does not exist or is not attachable."));
    Managed::of(arn).ok_or_else(missing)
}

/// The policy that `PolicyArn` names.
pub(crate) fn named(params: &Params) -> Result<Managed<'_>, Error> {
    let arn = arn(params, "PolicyArn")?;
    Managed::of(arn).ok_or_else(|| check::no_such_entity(format!("Policy {arn} was not found.")))
}

/// Every policy that is attached to a role, and to how many.
pub(crate) fn attached(call: &Call<'_>) -> Result<std::collections::BTreeMap<String, usize>, Error> {
    let mut counts = std::collections::BTreeMap::new();
    for (_, role) in record::list::<Role>(call.store, "")? {
        for arn in role.record.attached_policies {
            *counts.entry(arn).or_default() += 1;
        }
    }
    Ok(counts)
}

/// The members of a policy.
pub(crate) fn write(xml: &mut Xml, policy: &Managed<'_>, attachments: usize) {
    let hash = digest(&SHA256, policy.arn.as_bytes());
    xml.text("PolicyName", policy.name)
        .text("PolicyId", unique("ANPA", &hash.as_ref()[..17]))
        .text("Arn", policy.arn)
        .text("Path", policy.path)
        .text("DefaultVersionId", VERSION)
        .text("AttachmentCount", attachments)
        .text("PermissionsBoundaryUsageCount", 0)
        .text("IsAttachable", true)
        .text("CreateDate", date(MADE))
        .text("UpdateDate", date(MADE));
}

/// `<PolicyVersion>`, with a document that permits nothing that is known of [assumed].
pub(crate) fn write_version(xml: &mut Xml) {
    let document = super::document::encoded(r#"{"Version":"2012-10-17","Statement":[]}"#);
    xml.within("PolicyVersion", |xml| {
        xml.text("Document", document)
            .text("VersionId", VERSION)
            .text("IsDefaultVersion", true)
            .text("CreateDate", date(MADE));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awss_own_are_known_by_their_arns() {
        for (arn, path, name) in [
            ("arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier", "/", "AWSElasticBeanstalkWebTier"),
            ("arn:aws:iam::aws:policy/service-role/X", "/service-role/", "X"),
            ("arn:aws-cn:iam::aws:policy/a/b/X", "/a/b/", "X"),
        ] {
            assert_eq!(Managed::of(arn), Some(Managed { arn, path, name }));
        }
        for bad in [
            "arn:aws:iam::123456789012:policy/mine",
            "arn:aws:iam::aws:role/x",
            "arn:aws:iam::aws:policy",
            "arn:aws:iam::aws:policy/",
            "arn:aws:iam::aws:policyX/y",
            "arn:aws:iam::aws:policy//x",
            "arn:aws:iam::aws:policy/a b",
            "arn:x:iam::aws:policy/x",
            "arn:aws:s3::aws:policy/x",
            "",
        ] {
            assert_eq!(Managed::of(bad), None, "{bad}");
        }
        for (form, code) in [
            ("", "ValidationError"),
            ("PolicyArn=x", "ValidationError"),
            ("PolicyArn=xxxxxxxxxxxxxxxxxxxxxxx", "InvalidInput"),
            ("PolicyArn=arn:aws:iam::aws:policy/x%0A", "InvalidInput"),
            ("PolicyArn=arn:aws:iam::123456789012:policy/x", "NoSuchEntity"),
        ] {
            let params = Params::parse(form.as_bytes()).unwrap();
            assert_eq!(named(&params).unwrap_err().code, code, "{form}");
            assert_eq!(attachable(&params).unwrap_err().code, code, "{form}");
        }
    }
}
