//! Which service a call is for, in which region, and with whose key: the credential scope says so, else the version of
//! the API (docs/control-api.md).

use super::Params;
use super::sigv4::Credential;

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// EC2
    Ec2,
    /// STS
    Sts,
    /// IAM
    Iam,
    /// Elastic Beanstalk
    ElasticBeanstalk,
    /// EC2 Auto Scaling
    AutoScaling,
}

impl Service {
    /// Names in a credential scope, versions, namespaces.
    const ALL: [(Self, &'static str, &'static str, &'static str); 5] = [
        (Self::Ec2, "ec2", "2016-11-15", "http://ec2.amazonaws.com/doc/2016-11-15/"),
        (Self::Sts, "sts", "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/"),
        (Self::Iam, "iam", "2010-05-08", "https://iam.amazonaws.com/doc/2010-05-08/"),
        (
            Self::ElasticBeanstalk,
            "elasticbeanstalk",
            "2010-12-01",
            "http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/",
        ),
        (Self::AutoScaling, "autoscaling", "2011-01-01", "http://autoscaling.amazonaws.com/doc/2011-01-01/"),
    ];

    fn entry(self) -> (Self, &'static str, &'static str, &'static str) {
        Self::ALL.into_iter().find(|(service, ..)| *service == self).unwrap_or(Self::ALL[0])
    }

    /// The version of its API.
    pub(crate) fn version(self) -> &'static str {
        self.entry().2
    }

    /// The namespace of its answers.
    pub(crate) fn namespace(self) -> &'static str {
        self.entry().3
    }
}

/// Whom a call is for, and who makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The service; `None` for one that is not there.
    pub(crate) service: Option<Service>,
    /// The region.
    pub(crate) region: String,
    /// The access key that the request names.
    pub(crate) access_key: Option<String>,
}

/// Where a call is for that does not say so.
pub(crate) const REGION: &str = "us-east-1";

impl Scope {
    /// Reads the scope of a signature without verifying it: `Authorization`, or `X-Amz-Credential`, if one came. Else it
    /// goes by `Version`.
    pub(crate) fn of(authorization: Option<&str>, params: &Params) -> Self {
        let in_query = || params.get("X-Amz-Credential").and_then(credential);
        if let Some(scope) = authorization.and_then(signed).or_else(in_query) {
            return scope;
        }
        let version = params.get("Version");
        let by_version = |(_, _, known, _): &(Service, &str, &str, &str)| version == Some(*known);
        let service = Service::ALL.into_iter().find(by_version).map(|(service, ..)| service);
        // What names neither is taken for the service that this is about.
        let service = service.or_else(|| version.is_none_or(|v| v.starts_with("20")).then_some(Service::Ec2));
        Self { service, region: REGION.to_owned(), access_key: None }
    }

    /// That of a signature which is verified.
    pub(crate) fn verified(credential: Credential) -> Self {
        let Credential { access_key, region, service, .. } = credential;
        Self { service: named(&service), region, access_key: Some(access_key) }
    }
}

/// The service that scopes call by this name.
fn named(name: &str) -> Option<Service> {
    Service::ALL.into_iter().find(|(_, known, ..)| *known == name).map(|(service, ..)| service)
}

/// `AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/ec2/aws4_request, …`
fn signed(authorization: &str) -> Option<Scope> {
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256")?.split(',').map(str::trim);
    fields.into_iter().find_map(|field| field.strip_prefix("Credential=")).and_then(credential)
}

/// `AKID/20261124/us-east-1/ec2/aws4_request`, as it is read where it is verified.
fn credential(text: &str) -> Option<Scope> {
    let scope = Scope::verified(Credential::read(text).ok()?);
    // The key is nobody's that is known, and goes to the history.
    let key = |key: String| key.chars().filter(|c| !c.is_control()).take(128).collect();
    Some(Scope { access_key: scope.access_key.map(key), ..scope })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(authorization: Option<&str>, form: &str) -> (Option<Service>, String, Option<String>) {
        let scope = Scope::of(authorization, &Params::parse(form.as_bytes()).unwrap());
        (scope.service, scope.region, scope.access_key)
    }

    #[test]
    fn the_credential_scope_comes_before_the_version() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/sts/aws4_request, \
                      SignedHeaders=content-type;host;x-amz-date, Signature=00";
        assert_eq!(
            scope(Some(signed), "Version=2016-11-15"),
            (Some(Service::Sts), "eu-west-1".into(), Some("AKID".into()))
        );
        // A query string that is signed has it among its parameters.
        let in_query = "X-Amz-Credential=KEY%2F20261124%2Feu-west-2%2Fec2%2Faws4_request&Version=2011-06-15";
        let of_query = (Some(Service::Ec2), "eu-west-2".into(), Some("KEY".into()));
        assert_eq!(scope(None, in_query), of_query);
        assert_eq!(scope(Some(signed), in_query).0, Some(Service::Sts));
        let unknown = signed.replace("/sts/", "/s3/");
        assert_eq!(scope(Some(&unknown), "Version=2016-11-15").0, None);
        for (form, service) in [
            ("Version=2016-11-15", Some(Service::Ec2)),
            ("Version=2010-12-01", Some(Service::ElasticBeanstalk)),
            ("Version=2011-06-15", Some(Service::Sts)),
            ("Version=2010-05-08", Some(Service::Iam)),
            ("Version=2011-01-01", Some(Service::AutoScaling)),
            ("", Some(Service::Ec2)),
            ("Version=1999", None),
        ] {
            assert_eq!(scope(None, form), (service, "us-east-1".into(), None), "{form}");
        }
    }

    #[test]
    fn what_is_no_scope_is_none() {
        for bad in [
            "",
            "Basic x",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=",
            "AWS4-HMAC-SHA256 Credential=a/b/c/d",
            "AWS4-HMAC-SHA256 Credential=AKID/20261124/../ec2/aws4_request",
            "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/ec2/other",
            "AWS4-HMAC-SHA256 Credential=AKID/2026112/us-east-1/ec2/aws4_request",
            "AWS4-HMAC-SHA256 Credential=AKID/20261124/__/ec2/aws4_request",
            "AWS4-HMAC-SHA256 Credential=/20261124/us-east-1/ec2/aws4_request",
        ] {
            assert_eq!(signed(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_that_nobody_verified_is_short_and_can_be_shown() {
        let key = format!("a/b\u{7}{}", "x".repeat(200));
        let header = format!("AWS4-HMAC-SHA256 Credential={key}/20261124/us-east-1/ec2/aws4_request");
        let found = signed(&header).unwrap().access_key.unwrap();
        assert!(found.starts_with("a/bxx") && found.len() == 128, "{found}");
    }
}
