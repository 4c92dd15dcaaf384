//! ARNs of applications, of their versions and templates, and of environments.

use imds_core::partition;

use crate::call::Call;
use crate::query::Error;

/// What has tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource<'a> {
    /// `application/NAME`
    Application(&'a str),
    /// `applicationversion/APPLICATION/LABEL`
    Version(&'a str, &'a str),
    /// `configurationtemplate/APPLICATION/NAME`
    Template(&'a str, &'a str),
    /// `environment/APPLICATION/NAME`
    Environment(&'a str, &'a str),
    /// `platform/NAME/VERSION`, one of AWS's own.
    Platform,
}

impl<'a> Resource<'a> {
    /// Reads an ARN of this region.
    ///
    /// # Errors
    /// When it is none, or that of something that has no tags.
    pub(crate) fn read(call: &Call<'_>, arn: &'a str) -> Result<Self, Error> {
        let parts: Vec<_> = arn.splitn(6, ':').collect();
        let ["arn", of, "elasticbeanstalk", region, account, resource] = parts[..] else {
            // The words are [assumed].
            return Err(Error::invalid_value(format!("The ARN '{arn}' is invalid.")));
        };
        let is_here = of == partition(region) && region == call.region;
        let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
        let both = name.split_once('/');
        if kind == "platform" {
            return Ok(Self::Platform);
        }
        if !is_here || account != call.account.as_str() {
            return Err(unknown(arn));
        }
        match (kind, both) {
            ("application", None) => Ok(Self::Application(name)),
            ("applicationversion", Some((application, label))) => Ok(Self::Version(application, label)),
            ("configurationtemplate", Some((application, name))) => Ok(Self::Template(application, name)),
            ("environment", Some((application, name))) => Ok(Self::Environment(application, name)),
            ("application" | "applicationversion" | "configurationtemplate" | "environment", _) => {
                Err(unknown(arn))
            }
            _ => Err(Error::new(
                "ResourceTypeNotSupportedException",
                format!("The resource type of '{arn}' is not supported."),
            )),
        }
    }
}

/// There is no such resource. The code is AWS's, the words are [assumed].
pub(crate) fn unknown(arn: &str) -> Error {
    Error::new("ResourceNotFoundException", format!("Resource not found for arn: {arn}"))
}

/// `arn:aws:elasticbeanstalk:us-east-1:123456789012:application/NAME`
pub(crate) fn of_application(call: &Call<'_>, name: &str) -> String {
    format!("{}application/{name}", beginning(call))
}

/// `arn:aws:elasticbeanstalk:us-east-1:123456789012:applicationversion/APPLICATION/LABEL`
pub(crate) fn of_version(call: &Call<'_>, application: &str, label: &str) -> String {
    format!("{}applicationversion/{application}/{label}", beginning(call))
}

fn beginning(call: &Call<'_>) -> String {
    format!("arn:{}:elasticbeanstalk:{}:{}:", partition(call.region), call.region, call.account)
}
